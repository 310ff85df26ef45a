//! The page on a command, from the definitions in `args`: `help` lays it out for a terminal, `man` in
//! roff.

use argh::{CommandInfoWithArgs, FlagInfoKind, Optionality};

use super::args::{ALIASES, RUNS_A_PROGRAM};
use super::{Flag, help};

/// What a command that receives a token is given.
const DELIVERY: &str = "A command has NTCLI_NEW_TOKEN, NTCLI_NEW_JTI, NTCLI_OLD_JTI, \
    NTCLI_EXPIRES_AT, NTCLI_WORKSPACE_NAME, NTCLI_WORKSPACE_ID and NTCLI_ATTEMPT (above 1: \
    repeated) in its environment.";

/// What there is to say of a command.
pub(super) struct Page {
    /// How it is typed.
    pub(super) usage: String,
    /// What it does.
    pub(super) about: String,
    /// Its parts, each under a heading.
    pub(super) sections: Vec<(&'static str, Vec<Line>)>,
}

/// A line, or what becomes several of them.
pub(super) enum Line {
    /// A paragraph.
    Text(String),
    /// A word and its meaning.
    Entry(String, String),
    /// As it may be pasted.
    Typed(String),
}

impl Page {
    /// The page on the command at `path`.
    pub(super) fn of(path: &[&str], node: &CommandInfoWithArgs) -> Self {
        let command = |name: &str| entry(name, help::in_a_line(&[path, &[name]].concat()));
        let positionals = node.positionals.iter().filter(|positional| !positional.hidden);
        let example = |line: &&str| Line::Typed((*line).to_owned());
        let code =
            |code: &argh::ErrorCodeInfo| entry(&format!("{:>3}", code.code), code.description);
        let mut sections = vec![
            ("Also", aliases(path).map(Line::Text).into_iter().collect()),
            ("Commands", node.commands.iter().map(|c| command(c.name)).collect()),
            ("Arguments", positionals.map(|p| entry(p.name, p.description)).collect()),
            ("Options", own_options(node).map(option).collect()),
            ("Delivery", delivery(node).map(Line::Text).into_iter().collect()),
            ("Examples", node.examples.iter().map(example).collect()),
            ("Exit codes", node.error_codes.iter().map(code).collect::<Vec<_>>()),
        ];
        sections.retain(|(_, lines)| !lines.is_empty());
        Self { usage: usage(path, node), about: plain(node.description), sections }
    }
}

fn entry(word: &str, meaning: &str) -> Line {
    Line::Entry(word.to_owned(), plain(meaning))
}

/// An option, its short form and its meaning.
pub(super) fn option(flag: Flag) -> Line {
    // argh has no short form for its own --help.
    let short = flag.short.or((flag.long == "--help").then_some('h'));
    let short = short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
    entry(&(short + &with_value(flag)), flag.description)
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
fn usage(path: &[&str], node: &CommandInfoWithArgs) -> String {
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

/// What is to be known of deliveries, if the command has any.
fn delivery(node: &CommandInfoWithArgs) -> Option<String> {
    let has = |name| node.flags.iter().any(|flag| flag.long == name);
    // A target belongs to one workspace. argh doubles braces in the help of an option.
    let paths = "In PATH, {name} and {id} stand for the workspace's. ";
    let paths = if has("--token-file") { paths } else { "" };
    has("--exec").then(|| format!("{paths}{DELIVERY}"))
}

/// Its other spellings, if any.
fn aliases(path: &[&str]) -> Option<String> {
    let (name, group) = path.split_last()?;
    let in_group = group.last().copied().unwrap_or_default();
    let same = ALIASES.iter().filter(|a| a.0 == in_group && a.2 == *name);
    let spellings: Vec<_> = same.map(|a| spelled(&[group, &[a.1]].concat())).collect();
    (!spellings.is_empty()).then(|| spellings.join(", "))
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
