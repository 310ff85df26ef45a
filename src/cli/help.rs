//! Help on a terminal: the page of a command, the front page, and topics.

use super::command_tree;
use super::page::{Line, Page, is_taken, with_value};

/// The page on the program, whose lists are read from it where they are needed elsewhere.
const FRONT: &str = include_str!("pages/front.txt");
/// For who types the name alone: it fits a terminal.
pub(super) const SHORT: &str = include_str!("pages/short.txt");

const WIDTH: usize = 80;
/// Where the meanings of words stand at most.
const COLUMN: usize = 30;

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

/// What stands under that heading of the front page.
fn part(heading: &str) -> &'static str {
    let (_, rest) = FRONT.split_once(&format!("\n{heading}:\n")).unwrap_or_default();
    rest.split_inclusive("\n\n").next().unwrap_or_default().trim_end_matches("\n\n")
}

/// The words under that heading of the front page, with their meanings.
pub(super) fn listed(heading: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let entries = part(heading).lines().filter_map(|line| line.trim_start().split_once("  "));
    entries.map(|(word, meaning)| (word, meaning.trim_start()))
}

/// What the front page says of a command.
pub(super) fn in_a_line(path: &[&str]) -> &'static str {
    let name = format!("\n  {} ", path.join(" "));
    let rest = FRONT.split_once(&name).map_or("", |(_, rest)| rest);
    rest.lines().next().unwrap_or_default().trim_start()
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
    if path.is_empty() {
        return FRONT.to_owned();
    }
    let page = Page::of(path, node);
    let mut out = format!("Usage: {}\n\n", page.usage);
    wrap(&mut out, "", 0, &page.about);
    for (title, lines) in &page.sections {
        out += &format!("\n{title}:\n");
        let longest = lines.iter().map(|line| match line {
            Line::Entry(word, _) => word.len() + 4,
            _ => 2,
        });
        let column = longest.max().unwrap_or_default().min(COLUMN);
        for line in lines {
            match line {
                Line::Text(text) => wrap(&mut out, "", column, text),
                Line::Entry(word, meaning) => wrap(&mut out, word, column, meaning),
                Line::Typed(line) => out += &format!("  {line}\n"),
            }
        }
    }
    let command = page.usage.split(" COMMAND").next().unwrap_or_default();
    if !node.commands.is_empty() {
        let more =
            format!("\nMore: {command} COMMAND --help; options of every command: ntcli --help\n");
        return out + &more;
    }
    out += match node.error_codes {
        [] => "\nExit codes: ntcli help exit-codes\n",
        _ => "  Those of every command: ntcli help exit-codes\n",
    };
    out += "\nOptions of every command (see ntcli --help):\n";
    let names = root.flags.iter().filter(|flag| is_taken(node, flag)).map(with_value);
    wrap(&mut out, "", 2, &names.collect::<Vec<_>>().join(", "));
    out
}

/// `left`, then `text` wrapped between `column` and the right edge.
fn wrap(out: &mut String, left: &str, column: usize, text: &str) {
    let mut line = if left.is_empty() { String::new() } else { format!("  {left}") };
    if line.len() + 2 > column && !left.is_empty() {
        *out += &format!("{line}\n");
        line.clear();
    }
    line = format!("{line:column$}");
    for word in text.split_whitespace() {
        if line.len() > column && line.len() + 1 + word.len() > WIDTH {
            *out += &format!("{line}\n");
            line = " ".repeat(column);
        }
        let gap = if line.len() > column { " " } else { "" };
        line += &format!("{gap}{word}");
    }
    *out += &format!("{line}\n");
}
