//! Classifies a request to the callback server: the answer of the sign-in service, or a stray.

use percent_encoding::percent_decode;

use super::Answer;
use crate::secret::Secret;
use crate::text::shortened;

/// The only valid path.
const PATH: &str = "/callback";
/// The longest reason that is repeated, in characters.
const LONGEST_REASON: usize = 300;

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Visit {
    /// The service has answered: with the code to redeem, or with a no, which may be the user's.
    Answer(Answer),
    /// Not for us; it is answered and ignored.
    Stray(Stray),
}

/// Why a request is not the expected answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stray {
    /// Not an HTTP request, or a malformed one.
    Malformed,
    /// Another path.
    Elsewhere,
    /// A method other than GET.
    WrongMethod,
    /// The state is not that of this sign-in: an old tab, or an attack.
    WrongState,
    /// Too many bytes before the end of the head.
    TooLong,
}

/// The method and the target of a request line; `None` if it is not a request line.
pub(super) fn request_line(head: &[u8]) -> Option<(&str, &str)> {
    let line = head.split(|b| *b == b'\n').next()?;
    let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok()?;
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let fits = words.next().is_none()
        && !method.is_empty()
        && target.starts_with('/')
        && version.starts_with("HTTP/1.")
        && line.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    fits.then_some((method, target))
}

/// Classifies a complete head. Only a request with the right `state` can be an answer.
pub(super) fn judge(head: &[u8], state: &str) -> Visit {
    let Some((method, target)) = request_line(head) else {
        return Visit::Stray(Stray::Malformed);
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path != PATH {
        return Visit::Stray(Stray::Elsewhere);
    }
    if method != "GET" {
        return Visit::Stray(Stray::WrongMethod);
    }
    answer(query, state).unwrap_or_else(Visit::Stray)
}

/// Classifies an address that was pasted.
pub(super) fn pasted(line: &str, state: &str) -> Visit {
    let target = line.find(PATH).map(|at| line[at..].trim_end());
    let head = target.map(|target| format!("GET {target} HTTP/1.1"));
    head.map_or(Visit::Stray(Stray::Elsewhere), |head| judge(head.as_bytes(), state))
}

fn answer(query: &str, state: &str) -> Result<Visit, Stray> {
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
        if place.replace(decode(value).ok_or(Stray::Malformed)?).is_some() {
            return Err(Stray::Malformed);
        }
    }
    if given.as_deref() != Some(state) {
        return Err(Stray::WrongState);
    }
    match (error, code) {
        (Some(error), _) => Ok(Visit::Answer(Err(reason(&error, description)))),
        (None, Some(code)) if !code.is_empty() => Ok(Visit::Answer(Ok(Secret::new(code)))),
        _ => Err(Stray::Malformed),
    }
}

fn reason(error: &str, description: Option<String>) -> String {
    let text = match description.filter(|d| !d.is_empty()) {
        Some(description) => format!("{description} ({error})"),
        None => error.to_owned(),
    };
    shortened(&text, LONGEST_REASON).into_owned()
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

    fn visit(target: &str) -> Visit {
        judge(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(), "s-1")
    }

    #[test]
    fn request_lines() {
        for (head, parsed) in [
            ("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", Some(("GET", "/a?b"))),
            ("POST / HTTP/1.0\n\n", Some(("POST", "/"))),
            ("GET  / HTTP/1.1\r\n\r\n", None),
            ("GET / HTTP/1.1 x\r\n\r\n", None),
            ("GET / HTTP/2\r\n\r\n", None),
            ("GET http://x/ HTTP/1.1\r\n\r\n", None),
            ("GET /\u{1b}[2J HTTP/1.1\r\n\r\n", None),
            ("GET /é HTTP/1.1\r\n\r\n", None),
            ("GET /", None),
            ("\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(request_line(head.as_bytes()), parsed, "{head:?}");
        }
        assert_eq!(request_line(b"\x16\x03\x01\x02\x00\x01\xff"), None);
    }

    #[test]
    fn the_right_answer() {
        let code = |text: &str| Visit::Answer(Ok(Secret::new(text)));
        assert_eq!(visit("/callback?code=c&state=s-1"), code("c"));
        assert_eq!(visit("/callback?iss=x&state=s-1&code=a%2Fb+c"), code("a/b c"));
        let denied = |text: &str| Visit::Answer(Err(text.to_owned()));
        assert_eq!(visit("/callback?error=access_denied&state=s-1"), denied("access_denied"));
        assert_eq!(
            visit("/callback?error=e&error_description=no%20way&code=c&state=s-1"),
            denied("no way (e)")
        );
    }

    #[test]
    fn strays() {
        for (target, stray) in [
            ("/", Stray::Elsewhere),
            ("/favicon.ico", Stray::Elsewhere),
            ("/callback/?code=c&state=s-1", Stray::Elsewhere),
            ("/CALLBACK?code=c&state=s-1", Stray::Elsewhere),
            ("/callback", Stray::WrongState),
            ("/callback?code=c", Stray::WrongState),
            ("/callback?code=c&state=", Stray::WrongState),
            ("/callback?code=c&state=s-2", Stray::WrongState),
            ("/callback?code=c&state=s-11", Stray::WrongState),
            ("/callback?error=access_denied", Stray::WrongState),
            ("/callback?state=s-1", Stray::Malformed),
            ("/callback?code=&state=s-1", Stray::Malformed),
            ("/callback?code=a&code=b&state=s-1", Stray::Malformed),
            ("/callback?code=c&state=s-2&state=s-1", Stray::Malformed),
            ("/callback?code=%ff&state=s-1", Stray::Malformed),
        ] {
            assert_eq!(visit(target), Visit::Stray(stray), "{target}");
        }
        let post = judge(b"POST /callback?code=c&state=s-1 HTTP/1.1\r\n\r\n", "s-1");
        assert_eq!(post, Visit::Stray(Stray::WrongMethod));
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
            let trusted = !matches!(visit, Visit::Stray(_));
            let knows = head.windows(3).any(|part| part == b"s-1" || part.contains(&b'%'));
            assert!(!trusted || knows, "an answer without the state is trusted");
            match visit {
                Visit::Answer(Ok(code)) => assert!(!code.expose().is_empty()),
                Visit::Answer(Err(reason)) => assert!(reason.chars().count() <= LONGEST_REASON),
                Visit::Stray(_) => {}
            }
            // The same with a state that was never issued.
            assert!(matches!(judge(head, "never-sent"), Visit::Stray(_)));
        });
    }

    #[test]
    fn a_reason_has_an_end() {
        let Visit::Answer(Err(text)) =
            visit(&format!("/callback?state=s-1&error={}", "e".repeat(9000)))
        else {
            panic!("not denied");
        };
        assert_eq!(text.chars().count(), LONGEST_REASON);
    }
}
