//! Which of the user's words may be repeated in messages, and which known word is similar.

use argh::SubCommandInfo;

use super::args::DESTRUCTIVE;
use super::command_tree;
use super::page;
use crate::secret::redact;
use crate::text::nearest;

/// The argument in quotes, unless it may be a secret: only a short text that looks like a word or an
/// option name is shown. Keys and tokens mix digits and cases; words do not.
pub(super) fn shown(arg: &str) -> String {
    let body = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'));
    let wordlike = arg.len() <= 32 && body.unwrap_or(arg).split(['-', '_']).all(is_word);
    let harmless = wordlike && redact(arg, &[]) == arg;
    if harmless { format!("'{arg}'") } else { "(not shown here)".to_owned() }
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

/// The word that a slip may have meant, unless that takes something away.
pub(super) fn harmless<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).filter(|near| DESTRUCTIVE.split(' ').all(|word| word != near))
}

/// The full command for a word that only one group has, such as `refresh`, or a slip in it.
pub(super) fn elsewhere(word: &str) -> Option<String> {
    let of_group = |group: &SubCommandInfo| {
        let near = harmless(word, group.command.commands.iter().map(|command| command.name))?;
        Some(page::spelled(&[group.name, &near]))
    };
    let found: Vec<String> = command_tree().commands.iter().filter_map(of_group).collect();
    found.first().filter(|_| found.len() == 1).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_are_shown() {
        for word in
            ["tokn", "--expire", "-x", "PROD", "Prod", "us-east-1", "jti_old123", "0", "yaml"]
        {
            assert_eq!(shown(word), format!("'{word}'"));
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
            assert_eq!(shown(secret), "(not shown here)", "{secret}");
        }
    }
}
