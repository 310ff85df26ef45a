//! Which of the user's words may be repeated in messages, and which known word is similar.

use super::args::{DESTRUCTIVE, HABITS};
use super::{command_tree, help};
use crate::secret::redact;
use crate::text::nearest;

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

/// The word that a slip may have meant, unless that takes something away.
pub(super) fn harmless<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).filter(|near| !DESTRUCTIVE.contains(&near.as_str()))
}

/// What is meant by a word of another program.
pub(super) fn habit(group: &str, word: &str) -> Option<String> {
    let found = HABITS.iter().find(|habit| habit.0 == group && habit.1 == word);
    found.map(|habit| habit.2.to_owned())
}

/// The full command for a word that only one group has, such as `refresh`.
/// Without a group a slip counts too.
pub(super) fn elsewhere(word: &str, group: &str) -> Option<String> {
    let tree = command_tree();
    let all = tree
        .commands
        .iter()
        .flat_map(|group| group.command.commands.iter().map(|command| (group.name, command.name)));
    let all: Vec<(&str, &str)> = all.collect();
    let near = || harmless(word, all.iter().map(|(_, name)| *name));
    let meant = if group.is_empty() { near()? } else { word.to_owned() };
    if DESTRUCTIVE.contains(&meant.as_str()) {
        return None;
    }
    let mut found = all.into_iter().filter(|(_, name)| *name == meant);
    let (group, name) = found.next().filter(|_| found.next().is_none())?;
    Some(help::spelled(&[group, name]))
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
}
