//! What a request to the callback server brings: the answer of the sign-in service, or nothing.

use percent_encoding::percent_decode;

use super::Answer;
use crate::http::with_extra;
use crate::secret::Secret;
use crate::text::shortened;

/// The only valid path, with what begins its query.
const PATH: &str = "/callback?";
/// The longest reason that is repeated, in characters.
const LONGEST_REASON: usize = 300;

/// What a complete head brings; `None` is a stray: an old tab, an attack, or no answer at all. Only a
/// request with the right `state` can be one.
pub(super) fn judge(head: &[u8], state: &str) -> Option<Answer> {
    let line = std::str::from_utf8(head.split(|b| *b == b'\n').next()?).ok()?;
    let (query, version) = line.strip_prefix("GET ")?.strip_prefix(PATH)?.split_once(' ')?;
    answer(query, state).filter(|_| matches!(version.trim_end(), "HTTP/1.0" | "HTTP/1.1"))
}

/// The same for an address that was pasted.
pub(super) fn pasted(line: &str, state: &str) -> Option<Answer> {
    answer(line.split_once(PATH)?.1.trim_end(), state)
}

fn answer(query: &str, state: &str) -> Option<Answer> {
    let (mut code, mut given, mut error, mut description) = (None, None, None, None);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = match name {
            "code" => &mut code,
            "state" => &mut given,
            "error" => &mut error,
            "error_description" => &mut description,
            _ => continue,
        };
        // A parameter that occurs twice is ambiguous.
        if place.replace(decode(value)?).is_some() {
            return None;
        }
    }
    if given.as_deref() != Some(state) {
        return None;
    }
    match (error, code) {
        (Some(error), _) => {
            let description = description.filter(|text| !text.is_empty());
            Some(Err(shortened(&with_extra(description.as_deref(), error), LONGEST_REASON)))
        }
        (None, code) => code.filter(|code| !code.is_empty()).map(|code| Ok(Secret::new(code))),
    }
}

/// A query value: `+` is a space. Returns `None` if it is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(target: &str) -> Option<Answer> {
        judge(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(), "s-1")
    }

    #[test]
    fn request_lines() {
        let target = "/callback?code=c&state=s-1";
        for (head, is_one) in [
            (format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"), true),
            (format!("GET {target} HTTP/1.0\n\n"), true),
            (format!("GET  {target} HTTP/1.1\r\n\r\n"), false),
            (format!("GET {target} HTTP/1.1 x\r\n\r\n"), false),
            (format!("GET {target} HTTP/2\r\n\r\n"), false),
            (format!("GET http://x{target} HTTP/1.1\r\n\r\n"), false),
            (format!("GET {target}"), false),
            (format!("\r\nGET {target} HTTP/1.1\r\n\r\n"), false),
            ("\r\n\r\n".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(judge(head.as_bytes(), "s-1").is_some(), is_one, "{head:?}");
        }
        assert_eq!(judge(b"\x16\x03\x01\x02\x00\x01\xff", "s-1"), None);
    }

    #[test]
    fn the_right_answer() {
        let code = |text: &str| Some(Ok(Secret::new(text)));
        assert_eq!(visit("/callback?code=c&state=s-1"), code("c"));
        assert_eq!(visit("/callback?iss=x&state=s-1&code=a%2Fb+c"), code("a/b c"));
        let denied = |text: &str| Some(Err(text.to_owned()));
        assert_eq!(visit("/callback?error=access_denied&state=s-1"), denied("access_denied"));
        assert_eq!(
            visit("/callback?error=e&error_description=no%20way&code=c&state=s-1"),
            denied("no way (e)")
        );
    }

    #[test]
    fn strays() {
        for target in [
            "/",
            "/favicon.ico",
            "/callback/?code=c&state=s-1",
            "/CALLBACK?code=c&state=s-1",
            "/callback",
            "/callback?code=c",
            "/callback?code=c&state=",
            "/callback?code=c&state=s-2",
            "/callback?code=c&state=s-11",
            "/callback?error=access_denied",
            "/callback?state=s-1",
            "/callback?code=&state=s-1",
            "/callback?code=a&code=b&state=s-1",
            "/callback?code=c&state=s-2&state=s-1",
            "/callback?code=%ff&state=s-1",
        ] {
            assert_eq!(visit(target), None, "{target}");
        }
        let post = judge(b"POST /callback?code=c&state=s-1 HTTP/1.1\r\n\r\n", "s-1");
        assert_eq!(post, None);
    }

    #[test]
    fn fuzz_requests() {
        let seeds: [&[u8]; 4] = [
            b"GET /callback?code=abc%2Fdef+g&state=s-1 HTTP/1.1\r\nHost: localhost:41247\r\n\r\n",
            b"GET /callback?error=access_denied&error_description=no%20way&state=s-1 HTTP/1.1\r\n\r\n",
            b"POST /callback HTTP/1.0\n\n",
            b"\x16\x03\x01\x02\x00",
        ];
        crate::fuzz::bytes(&seeds, |head| {
            let visit = judge(head, "s-1");
            let trusted = visit.is_some();
            let knows = head.windows(3).any(|part| part == b"s-1" || part.contains(&b'%'));
            assert!(!trusted || knows, "an answer without the state is trusted");
            match visit {
                Some(Ok(code)) => assert!(!code.expose().is_empty()),
                Some(Err(reason)) => assert!(reason.chars().count() <= LONGEST_REASON),
                None => {}
            }
            // The same with a state that was never issued.
            assert_eq!(judge(head, "never-sent"), None);
        });
    }

    #[test]
    fn a_reason_has_an_end() {
        let Some(Err(text)) = visit(&format!("/callback?state=s-1&error={}", "e".repeat(9000)))
        else {
            panic!("not denied");
        };
        assert_eq!(text.chars().count(), LONGEST_REASON);
    }
}
