//! Text from outside, made safe for a terminal or a shell.

use std::collections::BTreeSet;

/// Escapes what a terminal would interpret, breaks a line or hides text; one printable line
/// remains.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if acts_on_terminal(c) {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// A set of texts. To collect one would sort it first, by code of its own for each type: half of what a
/// set takes in the program.
pub(crate) fn set_of<T: Ord>(texts: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    texts.for_each(|text| {
        set.insert(text);
    });
    set
}

/// Several lines, each made [`printable`].
pub(crate) fn tame(lines: &str) -> String {
    let lines: Vec<String> = lines.split('\n').map(printable).collect();
    lines.join("\n")
}

/// The text, or as much of it as fits, with an ellipsis.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Control characters, line separators, characters without width, and bidirectional marks, which
/// reorder what a person reads.
pub(crate) fn acts_on_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A word that a shell takes literally, quoted only if necessary.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// `1 line`, `2 lines`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = match what {
        _ if count == 1 => "",
        what if what.ends_with('s') => "es",
        _ => "s",
    };
    format!("{count} {what}{plural}")
}

/// The known word that `word` most likely means: a slip in it, or its beginning.
pub(crate) fn nearest<'a>(word: &str, mut known: impl Iterator<Item = &'a str>) -> Option<String> {
    let is_meant = |candidate: &&str| {
        is_slip(word, candidate) || (word.len() > 3 && candidate.starts_with(word))
    };
    known.find(|candidate| candidate.len() > 2 && is_meant(candidate)).map(str::to_owned)
}

/// Whether a letter too many, too few or wrong, or two that are swapped, turn one into the other.
fn is_slip(a: &str, b: &str) -> bool {
    let start = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a.as_bytes()[start..], &b.as_bytes()[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&a[..a.len() - end], &b[..b.len() - end]) {
        ([first, second], [one, other]) => first == other && second == one,
        (a, b) => a.len() <= 1 && b.len() <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(printable("a\nb\u{1b}[1m"), r"a\nb\u{1b}[1m");
        for c in "\u{61c}\u{200b}\u{200d}\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}\u{85}".chars() {
            assert_eq!(printable(&c.to_string()), c.escape_default().to_string());
        }
        assert_eq!(printable("é 日本 ✓"), "é 日本 ✓");
    }

    #[test]
    fn words_for_a_shell() {
        assert_eq!(shell_word("ws-a/b.c"), "ws-a/b.c");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }

    #[test]
    fn slips() {
        for (a, b, expected) in [
            ("tokn", "token", true),
            ("tokens", "token", true),
            ("taken", "token", true),
            ("same", "same", true),
            ("tokne", "token", true),
            ("lgoin", "login", true),
            ("ab", "ba", true),
            ("", "ab", false),
            ("abc", "cab", false),
            ("abcd", "badc", false),
            ("kitten", "sitting", false),
        ] {
            assert_eq!(is_slip(a, b), expected, "{a} {b}");
            assert_eq!(is_slip(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn the_nearest_word_wins_and_a_far_one_is_none() {
        let known = || ["token", "auth", "workspace"].into_iter();
        assert_eq!(nearest("tokne", known()).as_deref(), Some("token"));
        assert_eq!(nearest("tokens", known()).as_deref(), Some("token"));
        assert_eq!(nearest("workspcae", known()).as_deref(), Some("workspace"));
        assert_eq!(nearest("work", known()).as_deref(), Some("workspace"));
        assert_eq!(nearest("wor", known()), None);
        assert_eq!(nearest("zzz", known()), None);
    }
}
