//! Help, from the definitions in `args`; only the front page is laid out by hand.

use std::fmt::Write;

use argh::{CommandInfoWithArgs, FlagInfo, Optionality};

use super::args::{ALIASES, RUNS_A_PROGRAM};
use super::page::{self, Page};
use super::{Flag, command_tree};

const FRONT: &str = include_str!("front.txt");
/// For who types the name alone: it fits a terminal.
pub(super) const SHORT: &str = include_str!("short.txt");

/// What the exit codes mean for every command that does not say otherwise.
pub(crate) const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "done, or nothing was due"),
    ("1", "refused, or failed for a reason not listed here"),
    ("2", "wrong usage, or a file that cannot be used; nothing was sent"),
    ("4", "sign-in missing, expired or rejected"),
    ("5", "server unreachable, too busy or broken; nothing has changed"),
    ("6", "another ntcli holds the lock and did not finish in time"),
    ("7", "something could not be stored; the token in use still works"),
    ("8", "a token may still be live, or other work is pending; every later run tries again"),
    ("9", "refreshed and stored, but not delivered; the old token is kept live"),
    ("10", "outcome unknown: a token may have been created; the next run checks"),
    ("128+n", "ended by signal n (HUP, INT, TERM) at a safe point; the next run goes on"),
];

/// The commands whose exit codes are answers.
pub(super) const OWN_EXIT_CODES: &str = "token needs-refresh: 0 due, 1 not due, 255 an error. check: 0 ok, 1 warning,\n\
     2 critical, 3 unknown.\n";

/// What a command that receives a token is given.
const DELIVERY: &str = "A command has NTCLI_NEW_TOKEN, NTCLI_NEW_JTI, NTCLI_OLD_JTI, \
    NTCLI_EXPIRES_AT, NTCLI_WORKSPACE_NAME, NTCLI_WORKSPACE_ID and NTCLI_ATTEMPT (above 1: \
    repeated) in its environment.";

/// What is to be known of deliveries, if the command has any.
pub(super) fn delivery(node: &CommandInfoWithArgs) -> Option<String> {
    let has = |name| node.flags.iter().any(|flag| flag.long == name);
    // A target belongs to one workspace. argh doubles braces in the help of an option.
    let paths = "In PATH, {name} and {id} stand for the workspace's. ";
    let paths = if has("--token-file") { paths } else { "" };
    has("--exec").then(|| format!("{paths}{DELIVERY}"))
}

/// The command as typed.
pub(super) fn spelled(path: &[&str]) -> String {
    [&["ntcli"], path].concat().join(" ")
}

/// The help page of the command at `path`; of `ntcli` itself when it is empty.
pub(super) fn render(path: &[&str]) -> String {
    let root = command_tree();
    let mut node = &root;
    for name in path {
        if let Some(next) = node.commands.iter().find(|c| c.name == *name) {
            node = &next.command;
        }
    }
    if path.is_empty() { front_page() } else { Page::of(path, node).text(node, root.flags) }
}

/// How the command at `path` is typed.
pub(super) fn usage(path: &[&str], node: &CommandInfoWithArgs) -> String {
    let mut out = spelled(path);
    for positional in node.positionals.iter().filter(|positional| !positional.hidden) {
        let name = positional.name;
        let _ = match positional.optionality {
            Optionality::Required => write!(out, " {name}"),
            Optionality::Repeating => write!(out, " [{name}...]"),
            _ => write!(out, " [{name}]"),
        };
    }
    out.push_str(if node.commands.is_empty() { " [OPTIONS]" } else { " COMMAND" });
    if path == RUNS_A_PROGRAM {
        out.push_str(" -- COMMAND [ARGUMENTS]");
    }
    out
}

/// The environment variables and what they do, as the front page tells it.
pub(super) fn environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    let list = FRONT.split("\nEnvironment:\n").nth(1).unwrap_or_default();
    list.lines().filter_map(|line| {
        let (name, meaning) = line.trim_start().split_once("  ")?;
        Some((name, meaning.trim_start()))
    })
}

fn front_page() -> String {
    let mut out = FRONT.to_owned();
    out.push_str("\nExit codes:\n");
    exit_codes(&mut out);
    out.push_str(
        "\nMore: ntcli COMMAND --help; ntcli help json; ntcli help recovery; man ntcli.\n",
    );
    out
}

pub(super) fn exit_codes(out: &mut String) {
    for (code, meaning) in EXIT_CODES {
        page::wrap(out, &format!("{code:>2}"), 6, meaning);
    }
}

/// The options that the command defines itself.
pub(super) fn own(node: &CommandInfoWithArgs) -> impl Iterator<Item = Flag> {
    node.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help")
}

/// What the front page says of a command.
pub(super) fn in_a_line(path: &[&str]) -> &'static str {
    let name = format!("\n  {} ", path.join(" "));
    let rest = FRONT.split_once(&name).map_or("", |(_, rest)| rest);
    rest.lines().next().unwrap_or_default()
}

/// Whether the command takes that option of every command: a workspace is not for all of them.
pub(super) fn is_taken(node: &CommandInfoWithArgs, flag: &FlagInfo<'_>) -> bool {
    flag.long != "--workspace" || node.positionals.iter().any(|p| p.name == "WORKSPACE")
}

/// The first sentence of a description, without its full stop.
pub(crate) fn summary(description: &str) -> &str {
    let first = description.split(". ").next().unwrap_or(description);
    first.trim_end_matches('.')
}

/// Its other spellings, if any.
pub(super) fn aliases(path: &[&str]) -> Option<String> {
    let (name, group) = path.split_last()?;
    let in_group = group.last().copied().unwrap_or_default();
    let spellings: Vec<_> = ALIASES
        .iter()
        .filter(|a| a.0 == in_group && a.2 == *name)
        .map(|a| spelled(&[group, &[a.1]].concat()))
        .collect();
    (!spellings.is_empty()).then(|| spellings.join(", "))
}

/// Without the backticks by which doc comments mark some words for rustdoc.
pub(super) fn plain(text: &str) -> String {
    text.replace('`', "")
}
