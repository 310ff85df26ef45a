//! The small pages that the browser shows.

use super::request::Stray;

/// A circle for the browser's tab; one that is in the page is not asked for elsewhere.
const ICON: &str = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8' fill='none' \
                    stroke='white'><circle cx='4' cy='4' r='4' stroke='none' ";
/// What makes it a tick or a cross.
const TICK: &str = "fill='seagreen'/><path d='M2 4l1.5 1.5L6 3'/></svg>";
const CROSS: &str = "fill='firebrick'/><path d='M2.5 2.5l3 3m0-3l-3 3'/></svg>";
const STYLE: &str = ":root{color-scheme:light dark}\
                     body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1rem;\
                     overflow-wrap:anywhere}code{display:inline-block;font-size:1rem;background:#8883;padding:.2em .4em}";

/// The answer to a stray request.
pub(super) fn for_stray(stray: Stray) -> Vec<u8> {
    let (status, text) = match stray {
        Stray::Malformed => ("400 Bad Request", "This is not the end of a sign-in."),
        Stray::Elsewhere => ("404 Not Found", "This address only receives the end of a sign-in."),
        Stray::WrongMethod => (
            "405 Method Not Allowed",
            "Only a browser that comes back from a sign-in may ask here.",
        ),
        Stray::WrongState => {
            ("400 Bad Request", "This belongs to a sign-in other than the one that is waiting.")
        }
        Stray::TooLong => ("431 Request Header Fields Too Large", "This request is too long."),
    };
    let next = "Return to the terminal and open the address that ntcli printed last.";
    page(status, "Not signed in", text, next)
}

/// The end of the sign-in: who signed in, or why no one, and the command that helps.
pub(super) fn for_end(outcome: Result<Option<&str>, (&str, Option<&str>)>) -> Vec<u8> {
    match outcome {
        Ok(who) => {
            let who = who.map(|who| format!(" as {who}")).unwrap_or_default();
            let next = "Return to the terminal; you can close this page.";
            page("200 OK", "Signed in", &format!("You are signed in{who}."), next)
        }
        Err((why, command)) => {
            let run = command.map(|run| format!(" and run <code>{}</code>", escape(run)));
            let next = format!("Return to the terminal{}", run.as_deref().unwrap_or("."));
            page("400 Bad Request", "Not signed in", why, &next)
        }
    }
}

/// A complete response; `next` is HTML. The page may load nothing, and the code in its address is not
/// passed on.
fn page(status: &str, title: &str, text: &str, next: &str) -> Vec<u8> {
    let text = escape(text);
    let sign = if status.starts_with("200") { TICK } else { CROSS };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title} · ntcli</title>\n\
         <link rel=\"icon\" href=\"{ICON}{sign}\"><style>{STYLE}</style>\n\
         <h1>{title}</h1>\n<p>{text}</p>\n<p>{next}</p></html>\n"
    );
    let allow = if status.starts_with("405") { "Allow: GET\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n{allow}\r\n{html}",
        html.len()
    )
    .into_bytes()
}

/// Escapes text for a page.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: Vec<u8>) -> String {
        String::from_utf8(page).unwrap()
    }

    #[test]
    fn every_page_says_what_to_do_next() {
        let done = text(for_end(Ok(Some("ada@example.com"))));
        assert!(done.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(done.contains("<p>You are signed in as ada@example.com.</p>"), "{done}");
        assert!(done.contains("<p>Return to the terminal; you can close this page.</p>"), "{done}");
        assert!(text(for_end(Ok(None))).contains("<p>You are signed in.</p>"));
        let failed = text(for_end(Err(("No <luck>", Some("ntcli auth login")))));
        assert!(failed.contains("<p>No &lt;luck&gt;</p>"), "{failed}");
        assert!(
            failed.contains("<p>Return to the terminal and run <code>ntcli auth login</code></p>")
        );
        assert!(text(for_end(Err(("No", None)))).contains("<p>Return to the terminal.</p>"));
        assert!(done.contains("seagreen") && !failed.contains("seagreen"), "{failed}");
        let stray = text(for_stray(Stray::WrongState));
        assert!(stray.contains("open the address that ntcli printed last"), "{stray}");
    }

    /// No script and nothing from elsewhere, not even an icon; as light or dark and as wide as the browser.
    #[test]
    fn a_page_stands_alone() {
        for page in [for_end(Ok(None)), for_end(Err(("x", None))), for_stray(Stray::Elsewhere)] {
            let page = text(page);
            for part in [
                "<meta name=\"viewport\" content=\"width=device-width\">",
                "color-scheme:light dark",
                "<link rel=\"icon\" href=\"data:image/svg+xml,",
                "Content-Security-Policy: default-src 'none'; ",
                " · ntcli</title>",
            ] {
                assert!(page.contains(part), "{part}: {page}");
            }
            assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("url("));
            let linked = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!linked.contains("://"), "{page}");
        }
    }

    #[test]
    fn text_from_outside_is_only_shown() {
        let page = text(for_end(Err(("<script>alert('x')&\"</script>", None))));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;&lt;/script&gt;"));
        assert!(!page.contains("<script"));
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
