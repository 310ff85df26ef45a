//! Text as part of a URL or a form.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encodes `text` as one segment of a path.
///
/// A text with dot segments (`..`, `../x`) is encoded twice: servers and proxies decode `%2E`
/// before they resolve dots, and `DELETE …/tokens/..` must never become `DELETE …`. The result is a
/// name that no server has. An empty text stays empty: the caller refuses it.
pub(crate) fn encode_segment(text: &str) -> String {
    let encoded = utf8_percent_encode(text, RESERVED).to_string();
    let climbs = text.split(['/', '\\']).any(|part| matches!(part, "." | ".."));
    if climbs { encoded.replace('%', "%25").replace('.', "%252E") } else { encoded }
}

/// Encodes names and values as `application/x-www-form-urlencoded` (also good as a query).
pub(crate) fn encode_form(fields: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, RESERVED);
    fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_one_segment() {
        for (text, encoded) in [
            ("jti_1-a.b~c", "jti_1-a.b~c"),
            ("a/b?c#d e", "a%2Fb%3Fc%23d%20e"),
            ("é%", "%C3%A9%25"),
            (".", "%252E"),
            ("..", "%252E%252E"),
            ("../x", "%252E%252E%252Fx"),
            ("x\\..", "x%255C%252E%252E"),
            ("a..b", "a..b"),
            ("...", "..."),
        ] {
            assert_eq!(encode_segment(text), encoded, "{text}");
        }
    }

    #[test]
    fn forms() {
        let form = encode_form(&[("x", "1+1"), ("code", "a&b=c d")]);
        assert_eq!(form, "x=1%2B1&code=a%26b%3Dc%20d");
    }
}
