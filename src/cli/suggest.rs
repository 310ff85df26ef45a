//! Which of the user's words may be repeated in messages, and which known word is similar.

use crate::secret::redact;

/// Stands for what may be a secret.
pub(super) const NOT_SHOWN: &str = "an argument that is not shown here";

/// The argument in quotes, or `None` if it may be a secret: only a short text that looks like a
/// word or an option name is shown. Keys and tokens mix digits and cases; words do not.
pub(super) fn shown(arg: &str) -> Option<String> {
    let body = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'));
    let wordlike = arg.len() <= 32 && body.unwrap_or(arg).split(['-', '_']).all(is_word);
    let harmless = wordlike && redact(arg, &[]) == arg;
    harmless.then(|| format!("'{arg}'"))
}

/// Letters of one case (the first may be a capital), then perhaps a few digits.
fn is_word(part: &str) -> bool {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let tail = letters.get(1..).unwrap_or_default();
    let one_case = tail.bytes().all(|b| b.is_ascii_lowercase())
        || letters.bytes().all(|b| b.is_ascii_uppercase());
    let alphabetic = letters.bytes().all(|b| b.is_ascii_alphabetic());
    !part.is_empty() && alphabetic && one_case && part.len() - letters.len() <= 4
}

/// The known word that `word` is most likely a typo of.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= candidate.len() / 3)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// How many letters must be inserted, removed or replaced, or neighbours swapped, to turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1];
        for j in 0..b.len() {
            let changed = row[j] + usize::from(a[i] != b[j]);
            let mut least = changed.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_are_shown() {
        for word in
            ["tokn", "--expire", "-x", "PROD", "Prod", "us-east-1", "jti_old123", "0", "yaml"]
        {
            assert_eq!(shown(word), Some(format!("'{word}'")), "{word}");
        }
        for secret in [
            "",
            "-",
            "--",
            "eyJhbGciOiJIUzI1NiJ9",
            "Xk9mQ2pLz7",
            "a8f3k2",
            "key1234567890",
            "a b",
            "--a=b",
            "é",
            "a\nb",
            "\u{1b}[31m",
            "hunter2!",
            "abcdefghijklmnopqrstuvwxyzabcdefg",
            "wst_abcdefghij",
        ] {
            assert_eq!(shown(secret), None, "{secret}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("tokn", "token", 1),
            ("same", "same", 0),
            ("tokne", "token", 1),
            ("lgoin", "login", 1),
            ("ab", "ba", 1),
            ("abc", "cab", 2),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_word_wins_and_a_far_one_is_none() {
        let known = || ["token", "auth", "workspace"].into_iter();
        assert_eq!(nearest("tokne", known()).as_deref(), Some("token"));
        assert_eq!(nearest("tokens", known()).as_deref(), Some("token"));
        assert_eq!(nearest("workspcae", known()).as_deref(), Some("workspace"));
        assert_eq!(nearest("zzz", known()), None);
    }
}
