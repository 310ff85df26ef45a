//! Help on a terminal: the page of a command, the front page, and topics.

use super::page::{self, is_taken, with_value};
use super::parser::Scan;

/// The page on the program, whose lists are read from it where they are needed elsewhere.
const FRONT: &str = include_str!("pages/front.txt");
/// For who types the name alone: it fits a terminal.
pub(super) const SHORT: &str = include_str!("pages/short.txt");

/// Help on what concerns every command: `ntcli help TOPIC`.
pub(super) const TOPICS: [&str; 4] = ["environment", "exit-codes", "json", "recovery"];
pub(super) const JSON: &str = include_str!("pages/json.txt");
pub(super) const RECOVERY: &str = include_str!("pages/recovery.txt");

pub(super) fn topic(name: &str) -> String {
    match name {
        "json" => JSON.to_owned(),
        "recovery" => RECOVERY.to_owned(),
        "environment" => format!("ENVIRONMENT\n\n{}\n", part("Environment")),
        _ => format!("EXIT CODES\n\n{}\n", part("Exit codes")),
    }
}

/// What the front page lists under that heading.
pub(super) fn part(heading: &str) -> &'static str {
    between(&format!("\n{heading}:\n"), "\n\n")
}

/// What the front page has between these two.
pub(super) fn between(start: &str, end: &str) -> &'static str {
    let (_, rest) = FRONT.split_once(start).unwrap_or_default();
    rest.split_once(end).map_or(rest, |(part, _)| part)
}

/// What the front page says of a command.
pub(super) fn in_a_line(path: &[&str]) -> &'static str {
    between(&format!("\n  {} ", path.join(" ")), "\n").trim_start()
}

/// The help page of the command that was reached.
pub(super) fn render(Scan { path, node, globals, .. }: &Scan) -> String {
    if path.is_empty() {
        return FRONT.to_owned();
    }
    let mut out = format!("Usage: {}\n\n{}", page::usage(path, node), page::body(path, node));
    if !node.commands.is_empty() {
        let command = page::spelled(path);
        return out
            + &format!(
                "\nMore: {command} COMMAND --help; options of every command: ntcli --help\n"
            );
    }
    out += match node.error_codes {
        [] => "\nExit codes: ntcli help exit-codes\n",
        _ => "  Those of every command: ntcli help exit-codes\n",
    };
    out += "\nOptions of every command (see ntcli --help):\n";
    let names = globals.iter().filter(|flag| is_taken(node, flag)).map(with_value);
    page::wrap(&mut out, "", 2, &names.collect::<Vec<_>>().join(", "));
    out
}
