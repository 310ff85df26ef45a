//! Text that must not be shown: bearers, workspace tokens, refresh tokens, OAuth codes.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A secret string. It has no `Display`, and its `Debug` is redacted; code that needs the text
/// calls [`Secret::expose`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

    /// What a text may hold of it that has no form by which it could be told: itself, the signature of a
    /// JWT, and its base64 wherever it begins in what is encoded.
    pub(crate) fn forms(self) -> Vec<Self> {
        let signature = self.0.splitn(3, '.').nth(2).map(str::to_owned);
        let encoded = [(0, 0), (1, 2), (2, 3)].map(|(before, letters)| {
            let bytes = [&[0; 2][..before], self.0.as_bytes()].concat();
            // Letters at its ends that are in part those of what is around it are left out.
            let text = URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() / 3 * 3]);
            text.get(letters..).unwrap_or_default().to_owned()
        });
        let others = signature.into_iter().chain(encoded);
        let others: Vec<Self> = others.filter(|form| form.len() >= SHORTEST).map(Self).collect();
        [vec![self], others].concat()
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
/// opaque one, also in other letters. A workspace may well be called `wst_prod`.
const TOKENS: [(&str, usize); 5] =
    [("eyJ", 3), ("wst_", 12), ("EYJ", 20), ("WST_", 12), ("eyj", 40)];

/// A shorter text is no part of a secret.
const SHORTEST: usize = 16;

/// Replaces in `text` every one of `secrets` and everything that looks like a token, in whatever
/// letters, percent-encoded or not. What is percent-encoded beside that is decoded too.
///
/// For text that a server wrote: an error message may echo the bearer it was sent. Takes time
/// proportional to the length of any text.
pub(crate) fn redact(text: &str, secrets: &[&Secret]) -> String {
    let plain = decoded(text);
    let lower = plain.to_ascii_lowercase();
    let mut found: Vec<Range<usize>> = Vec::new();
    for secret in secrets.iter().filter(|s| !s.0.is_empty()) {
        // One that looks percent-encoded itself may stand there as it is.
        for secret in [secret.0.to_ascii_lowercase(), decoded(&secret.0).to_ascii_lowercase()] {
            found.extend(lower.match_indices(&secret).map(|(at, _)| at..at + secret.len()));
        }
    }
    let mut start = 0;
    // A word, and the one character that ends it.
    for piece in plain.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        found.extend(token_in(word).map(|at| start + at..start + word.len()));
        start += piece.len();
    }
    if found.is_empty() {
        return text.to_owned();
    }
    // Of those that begin together, the longest counts.
    found.sort_unstable_by_key(|range| (range.start, Reverse(range.end)));
    let (mut shown, mut end) = (String::with_capacity(text.len()), 0);
    for range in found {
        if range.start >= end {
            shown.extend([&plain[end..range.start], "[redacted]"]);
        }
        end = end.max(range.end);
    }
    shown + &plain[end..]
}

/// The text with its percent-encoded visible ASCII decoded.
fn decoded(text: &str) -> Cow<'_, str> {
    let Some((start, encoded)) = text.split_once('%') else {
        return text.into();
    };
    let mut plain = start.to_owned();
    for part in encoded.split('%') {
        let digits = part.get(..2).filter(|digits| !digits.contains('+'));
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii_graphic) {
            Some(code) => plain.extend([&char::from(code).to_string(), &part[2..]]),
            None => plain.extend(["%", part]),
        }
    }
    plain.into()
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
    use base64::prelude::BASE64_STANDARD;

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
    fn a_signature_alone_and_base64() {
        let token = Secret::new("eyJhbGci.eyJqdGkiOiJqdGlfMSJ9.c2lnbmF0dXJlLWFuZC1tb3Jl");
        let forms = token.clone().forms();
        let forms: Vec<&Secret> = forms.iter().collect();
        assert_eq!(redact("x c2lnbmF0dXJlLWFuZC1tb3Jl", &forms), "x [redacted]");
        for before in ["", "a", "ab", "user:", "{\"token\":\""] {
            let text = BASE64_STANDARD.encode(format!("{before}{}\n", token.expose()));
            let clean = redact(&text, &forms);
            let (start, end) = clean.split_once("[redacted]").expect(&clean);
            assert!(start.len() <= before.len() * 4 / 3 + 3 && end.len() <= 4, "{clean}");
        }
        assert_eq!(Secret::new("").forms(), [Secret::new("")]);
        assert_eq!(Secret::new("short").forms().len(), 1);
    }

    #[test]
    fn in_other_letters_and_percent_encoded() {
        let known = Secret::new("Opaque-Bearer/1%41");
        for (text, clean) in [
            ("x OPAQUE-bearer/1%41 y", "x [redacted] y"),
            ("x Opaque%2DBearer%2f1%2541%41 y", "x [redacted]A y"),
            ("x %4Fpaque%2DBearer%2f1A y", "x [redacted] y"),
            ("é%65yJhbGci%2EeyJzdWIi%2ec2ln%20é", "é[redacted]%20é"),
            ("EYJHBGCIOIJIUZI1NIJ9.EYJ.C2LN", "[redacted]"),
            ("KEYJAR, keyjson, 100%, %e9, %zz, %+1, %", "KEYJAR, keyjson, 100%, %e9, %zz, %+1, %"),
        ] {
            assert_eq!(redact(text, &[&known]), clean);
        }
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
