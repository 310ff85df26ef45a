//! Text that must not be shown: bearers, workspace tokens, refresh tokens, OAuth codes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret string. It has no `Display`, and its `Debug` is redacted; whoever
/// needs the text says so with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for a request header, the config file or an output that was asked for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it can stand in an `Authorization` header: visible ASCII only, and not empty.
    #[must_use]
    pub fn is_header_safe(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|b| b.is_ascii_graphic())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// How tokens begin, and how long they are at least: a JWT, whose first base64 is that of `{"`, and
/// an opaque one. A workspace may well be called `wst_prod`.
const TOKENS: [(&str, usize); 2] = [("eyJ", 3), ("wst_", 12)];

/// Replaces in `text` every one of `secrets` and everything that looks like a token.
///
/// For text that a server wrote: an error message may echo the bearer it was sent.
#[must_use]
pub fn redact(text: &str, secrets: &[&Secret]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().filter(|s| !s.0.is_empty()) {
        clean = clean.replace(&secret.0, "[redacted]");
    }
    while let Some((start, end)) = find_token(&clean) {
        clean.replace_range(start..end, "[redacted]");
    }
    clean
}

/// Where the first token is.
fn find_token(text: &str) -> Option<(usize, usize)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let found = TOKENS.iter().flat_map(|(beginning, shortest)| {
        text.match_indices(beginning).filter_map(move |(start, _)| {
            let length = text[start..].find(|c| !is_part(c));
            let length = length.unwrap_or(text.len() - start);
            (length >= *shortest).then_some((start, start + length))
        })
    });
    found.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hush")), "[redacted]");
    }

    #[test]
    fn redacts_known_secrets_and_jwts() {
        let bearer = Secret::new("opaque-bearer");
        let text = "bad opaque-bearer, or eyJhbGci.eyJzdWIi.c2ln!";
        assert_eq!(redact(text, &[&bearer]), "bad [redacted], or [redacted]!");
        let text = "wst_0123456789 and wst_prod, eyJhbGci.e30.x";
        assert_eq!(redact(text, &[]), "[redacted] and wst_prod, [redacted]");
    }

    #[test]
    fn only_visible_ascii_goes_into_a_header() {
        for bad in ["", "a\nb", "a b", "é", "a\u{0}"] {
            assert!(!Secret::new(bad).is_header_safe(), "{bad:?}");
        }
        assert!(Secret::new("wst_A-b.c~9").is_header_safe());
    }
}
