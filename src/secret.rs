//! Text that must not be shown: bearers, workspace tokens, refresh tokens, OAuth codes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret string. It has no `Display`, and its `Debug` is redacted; code that needs the text
/// calls [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// Wraps a text as a secret.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for a request header, the config file or an output that the user asked for.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it can stand in an `Authorization` header: visible ASCII only, and not empty.
    pub(crate) fn is_header_safe(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|b| b.is_ascii_graphic())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The prefixes and minimum lengths of tokens: a JWT, whose first base64 is that of `{"`, and an
/// opaque one. A workspace may well be called `wst_prod`.
const TOKENS: [(&str, usize); 2] = [("eyJ", 3), ("wst_", 12)];

/// Replaces in `text` every one of `secrets` and everything that looks like a token.
///
/// For text that a server wrote: an error message may echo the bearer it was sent. Takes time
/// proportional to the length of any text.
pub(crate) fn redact(text: &str, secrets: &[&Secret]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().filter(|s| !s.0.is_empty()) {
        clean = clean.replace(&secret.0, "[redacted]");
    }
    let mut shown = String::with_capacity(clean.len());
    // A word, and the one character that ends it.
    for piece in clean.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        match token_in(word) {
            Some(start) => shown.extend([&word[..start], "[redacted]"]),
            None => shown.push_str(word),
        }
        shown.push_str(&piece[word.len()..]);
    }
    shown
}

/// Whether a token may contain it.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Where a token begins in a word; it goes to the word's end.
fn token_in(word: &str) -> Option<usize> {
    let starts = TOKENS.iter().filter_map(|(beginning, shortest)| {
        let start = word.find(beginning)?;
        (word.len() - start >= *shortest).then_some(start)
    });
    starts.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz;

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

    /// The specification: the first token of the text is replaced, until there is none.
    fn by_the_rule(text: &str) -> String {
        let mut text = text.to_owned();
        loop {
            let found = text.char_indices().find_map(|(start, _)| {
                let rest = &text[start..];
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let is_token = |(begins, shortest): &(&str, usize)| {
                    rest.starts_with(begins) && end >= *shortest
                };
                TOKENS.iter().any(is_token).then_some(start..start + end)
            });
            match found {
                Some(token) => text.replace_range(token, "[redacted]"),
                None => return text,
            }
        }
    }

    #[test]
    fn redacts_by_the_rule() {
        let pieces = [
            "eyJ",
            "ey",
            "J",
            "wst_",
            "wst",
            "_",
            "0123456789",
            "a",
            ".",
            "-",
            " ",
            "é",
            "\n",
            "[redacted]",
        ];
        fuzz::rounds(5_000, |random| {
            let text: String = (0..random.below(12)).map(|_| *random.pick(&pieces)).collect();
            assert_eq!(redact(&text, &[]), by_the_rule(&text), "{text:?}");
        });
    }

    /// If every prefix were checked again from each position, this would take hours.
    #[test]
    fn a_megabyte_of_beginnings() {
        for (piece, redacted) in
            [("eyJ", 1), ("eyJ ", 1 << 18), ("wst_", 1), ("wst_ ", 0), ("wst_prod/", 0)]
        {
            let text = piece.repeat((1 << 20) / piece.len().next_power_of_two());
            let found = redact(&text, &[]).matches("[redacted]").count();
            assert_eq!(found, redacted, "{piece:?}");
        }
    }

    #[test]
    fn only_visible_ascii_goes_into_a_header() {
        for bad in ["", "a\nb", "a b", "é", "a\u{0}"] {
            assert!(!Secret::new(bad).is_header_safe(), "{bad:?}");
        }
        assert!(Secret::new("wst_A-b.c~9").is_header_safe());
    }
}
