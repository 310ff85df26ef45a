//! The small pages that the browser shows.

use super::request::Stray;

/// The answer to a stray request.
pub(super) fn for_stray(stray: Stray) -> Vec<u8> {
    let (status, text) = match stray {
        Stray::Malformed => ("400 Bad Request", "This is not the answer of a sign-in."),
        Stray::Elsewhere => ("404 Not Found", "There is nothing here but the end of a sign-in."),
        Stray::WrongMethod => {
            ("405 Method Not Allowed", "Only a browser coming back is expected here.")
        }
        Stray::WrongState => (
            "400 Bad Request",
            "This answer does not belong to the sign-in that is going on. \
             Use the address that ntcli printed last.",
        ),
        Stray::TooLong => ("431 Request Header Fields Too Large", "This request is too long."),
    };
    page(status, "Not signed in", text)
}

/// The end of the sign-in: it worked, or why not.
pub(super) fn for_end(outcome: Result<&str, &str>) -> Vec<u8> {
    match outcome {
        Ok(text) => page("200 OK", "Signed in", text),
        Err(why) => page("400 Bad Request", "Not signed in", why),
    }
}

/// A complete response. The page may load nothing, and the code in its address is not passed on.
fn page(status: &str, title: &str, text: &str) -> Vec<u8> {
    let (title, text) = (escape(title), escape(text));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>ntcli: {title}</title>\n\
         <style>body{{font:1.1em/1.5 sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}}</style>\n\
         <h1>{title}</h1>\n<p>{text}</p></html>\n"
    );
    let allow = if status.starts_with("405") { "Allow: GET\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n{allow}\r\n{html}",
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

    #[test]
    fn text_from_outside_is_only_shown() {
        let page = String::from_utf8(for_end(Err("<script>alert('x')&\"</script>"))).unwrap();
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;&lt;/script&gt;"));
        assert!(!page.contains("<script"));
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
