//! The page on a command, from the definitions in `args`: `--help` lays it out for a terminal, `man`
//! in roff.

use std::fmt::Write;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind};

use super::{Flag, help};

const WIDTH: usize = 80;
/// Where the meanings of options stand.
const COLUMN: usize = 30;

/// What there is to say of a command.
pub(super) struct Page {
    /// How it is typed.
    pub(super) usage: String,
    /// What it does.
    pub(super) about: String,
    pub(super) sections: Vec<Section>,
}

/// A part of it under a heading.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
    /// Where the meanings stand.
    column: usize,
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
        let mut page = Self {
            usage: help::usage(path, node),
            about: help::plain(node.description),
            sections: Vec::new(),
        };
        page.add("Also", 2, help::aliases(path).into_iter().map(Line::Text));
        let line = |name| help::in_a_line(&[path, &[name]].concat()).to_owned();
        let commands = node.commands.iter();
        page.add("Commands", 18, commands.map(|c| Line::Entry(c.name.to_owned(), line(c.name))));
        let positionals = node.positionals.iter().filter(|positional| !positional.hidden);
        page.add("Arguments", COLUMN, positionals.map(|p| entry(p.name, p.description)));
        page.add("Options", COLUMN, help::own(node).map(option));
        page.add("Delivery", 2, help::delivery(node).into_iter().map(Line::Text));
        let examples = node.examples.iter();
        page.add("Examples", 2, examples.map(|example| Line::Typed((*example).to_owned())));
        let codes = node.error_codes.iter();
        page.add("Exit codes", 7, codes.map(|c| entry(&format!("{:>3}", c.code), c.description)));
        page
    }

    fn add(&mut self, title: &'static str, column: usize, lines: impl Iterator<Item = Line>) {
        let lines: Vec<Line> = lines.collect();
        if !lines.is_empty() {
            self.sections.push(Section { title, lines, column });
        }
    }

    /// As `--help` prints it, with what is to be said of the options of every command.
    pub(super) fn text(mut self, node: &CommandInfoWithArgs, globals: &[FlagInfo<'_>]) -> String {
        let is_group = !node.commands.is_empty();
        if !is_group {
            let names = Line::Text(of_every_command(node, globals));
            let title = "Options of every command (see ntcli --help)";
            let at = self.sections.iter().position(|section| section.title == "Examples");
            let section = Section { title, lines: vec![names], column: 2 };
            self.sections.insert(at.unwrap_or(self.sections.len()), section);
        }
        let mut out = format!("Usage: {}\n\n", self.usage);
        wrap(&mut out, "", 0, &self.about);
        for Section { title, lines, column } in &self.sections {
            let _ = writeln!(out, "\n{title}:");
            for line in lines {
                match line {
                    Line::Text(text) => wrap(&mut out, "", *column, text),
                    Line::Entry(word, meaning) => wrap(&mut out, word, *column, meaning),
                    Line::Typed(line) => {
                        let _ = writeln!(out, "  {line}");
                    }
                }
            }
        }
        let command = self.usage.split(" COMMAND").next().unwrap_or_default();
        out += &match (is_group, node.error_codes) {
            (true, _) => {
                format!(
                    "\nMore: {command} COMMAND --help; options of every command: ntcli --help\n"
                )
            }
            (_, []) => "\nExit codes: ntcli help exit-codes\n".to_owned(),
            _ => "  Those of every command: ntcli help exit-codes\n".to_owned(),
        };
        out
    }
}

fn entry(word: &str, meaning: &str) -> Line {
    Line::Entry(word.to_owned(), help::plain(meaning))
}

/// An option, its short form and its meaning.
pub(super) fn option(flag: Flag) -> Line {
    // argh has no short form for its own --help.
    let short = flag.short.or((flag.long == "--help").then_some('h'));
    let mut word = short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
    word.push_str(flag.long);
    if let FlagInfoKind::Option { arg_name } = flag.kind {
        let _ = write!(word, " {arg_name}");
    }
    entry(&word, flag.description)
}

/// The names alone: the front page explains them.
fn of_every_command(node: &CommandInfoWithArgs, globals: &[FlagInfo<'_>]) -> String {
    let name = |flag: &FlagInfo<'_>| match flag.kind {
        FlagInfoKind::Option { arg_name } => format!("{} {arg_name}", flag.long),
        FlagInfoKind::Switch => flag.long.to_owned(),
    };
    let names = globals.iter().filter(|flag| help::is_taken(node, flag)).map(name);
    names.collect::<Vec<_>>().join(", ")
}

/// `left`, then `text` wrapped between `column` and the right edge.
pub(super) fn wrap(out: &mut String, left: &str, column: usize, text: &str) {
    let mut line = String::new();
    if !left.is_empty() {
        line = format!("  {left}");
        if line.len() + 2 > column {
            let _ = writeln!(out, "{line}");
            line.clear();
        }
    }
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(out, "{line}");
            line.clear();
            empty = true;
        }
        if empty {
            line = format!("{line:column$}{word}");
        } else {
            line = format!("{line} {word}");
        }
        empty = false;
    }
    let _ = writeln!(out, "{line}");
}
