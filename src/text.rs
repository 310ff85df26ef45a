//! Text from outside, made safe for a terminal or a shell.

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
}
