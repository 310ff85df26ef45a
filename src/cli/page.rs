//! The page on a command, from the definitions in `args`: as `help` shows it, and `man` in roff.

use argh::{CommandInfoWithArgs, FlagInfoKind, Optionality};

use super::args::{ALIASES, RUNS_A_PROGRAM};
use super::{Flag, help};

const WIDTH: usize = 80;
/// Where the meanings of words stand: at least and at most.
const COLUMN: [usize; 2] = [7, 30];

/// All that is to be said of the command at `path`.
pub(super) fn body(path: &[&str], node: &CommandInfoWithArgs) -> String {
    let mut out = String::new();
    wrap(&mut out, "", 0, node.description);
    let command =
        |name: &'static str| (name.to_owned(), help::in_a_line(&[path, &[name]].concat()));
    let positionals = node.positionals.iter().filter(|positional| !positional.hidden);
    section(&mut out, "Also", aliases(path).map(|other| (other, "")));
    section(&mut out, "Commands", node.commands.iter().map(|c| command(c.name)));
    section(&mut out, "Arguments", positionals.map(|p| (p.name.to_owned(), p.description)));
    section(&mut out, "Options", own_options(node).map(|flag| (option(flag), flag.description)));
    section(&mut out, "Examples", node.examples.iter().map(|line| ((*line).to_owned(), "")));
    let codes = node.error_codes.iter();
    section(&mut out, "Exit codes", codes.map(|c| (format!("{:>3}", c.code), c.description)));
    out
}

/// A heading and the words under it, with their meanings; one without a meaning is as it is typed.
fn section<'a>(out: &mut String, title: &str, entries: impl Iterator<Item = (String, &'a str)>) {
    let entries: Vec<_> = entries.collect();
    let Some(longest) = entries.iter().map(|(word, _)| word.len() + 4).max() else {
        return;
    };
    *out += &format!("\n{title}:\n");
    for (word, meaning) in entries {
        wrap(out, &word, longest.clamp(COLUMN[0], COLUMN[1]), meaning);
    }
}

/// `left`, then `text` wrapped between `column` and the right edge.
pub(super) fn wrap(out: &mut String, left: &str, column: usize, text: &str) {
    let mut line = if left.is_empty() { String::new() } else { format!("  {left}") };
    if text.is_empty() || line.len() + 2 > column && !left.is_empty() {
        *out += &format!("{line}\n");
        line.clear();
    }
    for word in plain(text).split_whitespace() {
        if line.len() > column && line.len() + 1 + word.len() > WIDTH {
            *out += &format!("{line}\n");
            line.clear();
        }
        let gap = if line.len() > column { " " } else { "" };
        line = format!("{line:column$}{gap}{word}");
    }
    if !line.is_empty() {
        *out += &format!("{line}\n");
    }
}

/// An option with its short form, as lists show it.
fn option(flag: Flag) -> String {
    let short = flag.short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
    short + &with_value(flag)
}

/// The option as it is typed.
pub(super) fn with_value(flag: Flag) -> String {
    match flag.kind {
        FlagInfoKind::Option { arg_name } => format!("{} {arg_name}", flag.long),
        FlagInfoKind::Switch => flag.long.to_owned(),
    }
}

/// The options that the command defines itself.
pub(super) fn own_options(node: &CommandInfoWithArgs) -> impl Iterator<Item = Flag> {
    node.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help")
}

/// Whether the command takes that option of every command: a workspace is not for all of them.
pub(super) fn is_taken(node: &CommandInfoWithArgs, flag: Flag) -> bool {
    flag.long != "--workspace" || node.positionals.iter().any(|p| p.name == "WORKSPACE")
}

/// The command as typed.
pub(super) fn spelled(path: &[&str]) -> String {
    [&["ntcli"], path].concat().join(" ")
}

/// How the command at `path` is typed.
pub(super) fn usage(path: &[&str], node: &CommandInfoWithArgs) -> String {
    let mut out = spelled(path);
    for positional in node.positionals.iter().filter(|positional| !positional.hidden) {
        let name = positional.name;
        out += &match positional.optionality {
            Optionality::Required => format!(" {name}"),
            Optionality::Repeating => format!(" [{name}...]"),
            _ => format!(" [{name}]"),
        };
    }
    out += if node.commands.is_empty() { " [OPTIONS]" } else { " COMMAND" };
    if path == RUNS_A_PROGRAM { out + " -- COMMAND [ARGUMENTS]" } else { out }
}

/// Its other spellings.
fn aliases(path: &[&str]) -> impl Iterator<Item = String> {
    let (name, group) = path.split_last().unwrap_or((&"", &[]));
    let in_group = group.last().copied().unwrap_or_default();
    let same = ALIASES.iter().filter(move |a| a.0 == in_group && a.2 == *name);
    same.map(move |a| spelled(&[group, &[a.1]].concat()))
}

/// Without the backticks by which doc comments mark some words for rustdoc.
pub(super) fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// The first sentence of a description, without its full stop.
pub(super) fn summary(description: &str) -> &str {
    let first = description.split(". ").next().unwrap_or(description);
    first.trim_end_matches('.')
}
