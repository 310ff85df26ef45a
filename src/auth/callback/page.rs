//! The small pages that the browser shows.

/// The answer to a stray request.
pub(super) fn for_stray() -> String {
    let next = "Return to the terminal and open the address that ntcli printed last.";
    page(false, "This is not the end of the sign-in that is waiting.", next)
}

/// The end of the sign-in: who signed in, or why no one, and the command that helps.
pub(super) fn for_end(outcome: Result<Option<&str>, (&str, Option<&str>)>) -> String {
    match outcome {
        Ok(who) => {
            let who = who.map(|who| format!(" as {who}")).unwrap_or_default();
            let next = "Return to the terminal; you can close this page.";
            page(true, &format!("You are signed in{who}."), next)
        }
        Err((why, command)) => {
            let run = command.map(|run| format!(" and run <code>{}</code>", escape(run)));
            let next = format!("Return to the terminal{}", run.as_deref().unwrap_or("."));
            page(false, why, &next)
        }
    }
}

/// A complete response; `next` is HTML. The page may load nothing, not even an icon, and the code in its
/// address is not passed on.
fn page(is_good: bool, text: &str, next: &str) -> String {
    let (status, title) =
        if is_good { ("200 OK", "Signed in") } else { ("400 Bad Request", "Not signed in") };
    let html = format!(include_str!("page.html"), title = title, text = escape(text), next = next);
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n\r\n{html}",
        html.len()
    )
}

/// Escapes text for a page.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_what_to_do_next() {
        let done = for_end(Ok(Some("ada@example.com")));
        assert!(done.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(done.contains("<p>You are signed in as ada@example.com.</p>"), "{done}");
        assert!(done.contains("<p>Return to the terminal; you can close this page.</p>"), "{done}");
        assert!(for_end(Ok(None)).contains("<p>You are signed in.</p>"));
        let failed = for_end(Err(("No <luck>", Some("ntcli auth login"))));
        assert!(failed.contains("<p>No &lt;luck&gt;</p>"), "{failed}");
        assert!(
            failed.contains("<p>Return to the terminal and run <code>ntcli auth login</code></p>")
        );
        assert!(for_end(Err(("No", None))).contains("<p>Return to the terminal.</p>"));
        assert!(for_stray().contains("open the address that ntcli printed last"));
    }

    /// No script and nothing from elsewhere, not even an icon; as light or dark and as wide as the browser.
    #[test]
    fn a_page_stands_alone() {
        for page in [for_end(Ok(None)), for_end(Err(("x", None))), for_stray()] {
            for part in [
                "<meta name=\"viewport\" content=\"width=device-width\">",
                "color-scheme:light dark",
                "<link rel=\"icon\" href=\"data:,\">",
                "Content-Security-Policy: default-src 'none'; ",
                " · ntcli</title>",
            ] {
                assert!(page.contains(part), "{part}: {page}");
            }
            assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("url("));
            assert!(!page.contains("://"), "{page}");
        }
    }

    #[test]
    fn text_from_outside_is_only_shown() {
        let page = for_end(Err(("<script>alert('x')&\"</script>", None)));
        assert!(page.contains("&lt;script&gt;alert('x')&amp;\"&lt;/script&gt;"));
        assert!(!page.contains("<script"));
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
