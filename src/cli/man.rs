//! The manual: a page on the program, and one on each command or group of commands.

use std::fmt::Write;

use argh::CommandInfoWithArgs;

use super::page::{self, Line, Page};
use super::topics::{self, Topic};
use super::{command_tree, help};

const DESCRIPTION: &str = "A refresh requests a new token, verifies it, stores it, delivers it to \
    every target, and only then revokes the old one. If it is interrupted anywhere, the next run \
    finishes it.";

/// A first use, in order.
const EXAMPLES: &str = "ntcli auth login
ntcli workspace select prod
ntcli token create > /dev/null
ntcli target add --env API_TOKEN=/etc/app.env
ntcli policy --expires-in 120d
ntcli renew";

const FILES: [(&str, &str); 6] = [
    ("config.json", "session, workspaces and tokens; shared with the other client"),
    ("rotation.journal", "pending work; exists only while there is any"),
    ("targets.json", "what must get which workspace's token"),
    ("history.jsonl", "what was done, and when; no tokens"),
    ("last-run.json", "how the last refresh ended, for monitoring"),
    ("ntcli.lock", "empty, and never removed"),
];

/// The page of that name: `ntcli`, or `ntcli-` and a command, in roff's man macros.
pub(crate) fn page(name: &str) -> Option<String> {
    let root = command_tree();
    if name == "ntcli" {
        return Some(main_page(&root));
    }
    let name = name.strip_prefix("ntcli-").unwrap_or(name);
    let group = root.commands.iter().find(|sub| sub.name == name)?;
    Some(page_of(group.name, &group.command))
}

fn main_page(root: &CommandInfoWithArgs) -> String {
    let mut out = begun("ntcli", "[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]", root.description);
    section(&mut out, "DESCRIPTION");
    let _ = writeln!(out, "{}", plain(DESCRIPTION));
    section(&mut out, "EXAMPLES");
    typed(&mut out, EXAMPLES);
    section(&mut out, "COMMANDS");
    for group in &root.commands {
        let subs = group.command.commands.iter().map(|sub| vec![group.name, sub.name]);
        let own = group.command.commands.is_empty().then(|| vec![group.name]);
        for path in subs.chain(own) {
            entry(&mut out, &path.join(" "), help::in_a_line(&path));
        }
    }
    section(&mut out, "OPTIONS OF EVERY COMMAND");
    root.flags.iter().map(page::option).for_each(|option| line(&mut out, &option));
    section(&mut out, "EXIT STATUS");
    for (code, meaning) in help::EXIT_CODES {
        entry(&mut out, code, meaning);
    }
    section(&mut out, "ENVIRONMENT");
    for (name, meaning) in help::environment() {
        entry(&mut out, name, meaning);
    }
    for (title, text) in topics::TOPICS.iter().filter_map(Topic::prose) {
        section(&mut out, title);
        for paragraph in text.trim_end().split("\n\n") {
            if paragraph.contains("\n  ") || paragraph.starts_with("  ") {
                typed(&mut out, paragraph);
            } else {
                let _ = writeln!(out, ".PP\n{}", plain(paragraph));
            }
        }
    }
    section(&mut out, "FILES");
    for (name, holds) in FILES {
        entry(&mut out, &format!("~/.ntcli/{name}"), holds);
    }
    section(&mut out, "SEE ALSO");
    for group in &root.commands {
        let _ = writeln!(out, ".BR ntcli\\-{} (1),", plain(group.name));
    }
    out.push_str(".BR crontab (5),\n.BR systemd.timer (5)\n");
    // A paragraph begins with the section.
    out.replace("\"\n.PP\n", "\"\n")
}

/// The page on a command, or on a group of them.
fn page_of(name: &str, node: &CommandInfoWithArgs) -> String {
    let page = Page::of(&[name], node);
    let synopsis = if node.commands.is_empty() { "" } else { "\\fICOMMAND\\fR " };
    let synopsis = format!("{synopsis}[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]");
    let mut out = begun(&format!("ntcli-{name}"), &synopsis, node.description);
    section(&mut out, "DESCRIPTION");
    if node.commands.is_empty() {
        command(&mut out, &page);
    } else {
        let _ = writeln!(out, "{}", plain(&page.about));
        section(&mut out, "COMMANDS");
    }
    for sub in &node.commands {
        command(&mut out, &Page::of(&[name, sub.name], &sub.command));
    }
    section(&mut out, "SEE ALSO");
    out.push_str("Options of every command, exit codes, variables and files:\n.BR ntcli (1)\n");
    out
}

/// All that is to be said of one command.
fn command(out: &mut String, page: &Page) {
    let _ = writeln!(out, ".SS \"{}\"\n{}", plain(&page.usage), plain(&page.about));
    for section in &page.sections {
        if section.title != "Options" && section.title != "Arguments" {
            let _ = writeln!(out, ".PP\n{}:", section.title);
        }
        section.lines.iter().for_each(|each| line(out, each));
    }
}

/// The head of a page: its name, what it is about, and how the command is typed.
fn begun(name: &str, synopsis: &str, description: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let title = plain(&name.to_uppercase());
    let mut out = format!(".TH {title} 1 \"\" \"ntcli {version}\" \"User Commands\"\n.nh\n");
    section(&mut out, "NAME");
    let summary = help::summary(description);
    let summary = format!("{}{}", summary[..1].to_lowercase(), &summary[1..]);
    let _ = writeln!(out, "{} \\- {}", plain(name), plain(&help::plain(&summary)));
    section(&mut out, "SYNOPSIS");
    let command = name.replacen('-', " ", 1);
    let _ = writeln!(out, ".B {}\n{synopsis}", plain(&command));
    out
}

fn section(out: &mut String, title: &str) {
    let _ = writeln!(out, ".SH \"{title}\"");
}

fn line(out: &mut String, line: &Line) {
    match line {
        Line::Text(text) => {
            let _ = writeln!(out, "{}", plain(text));
        }
        Line::Entry(word, meaning) => entry(out, word.trim(), meaning),
        Line::Typed(line) => typed(out, line),
    }
}

fn entry(out: &mut String, left: &str, text: &str) {
    let _ = writeln!(out, ".TP\n.B {}\n{}", plain(left), plain(text));
}

fn typed(out: &mut String, lines: &str) {
    let _ = writeln!(out, ".PP\n.nf\n{}\n.fi", plain(lines));
}

/// Text that roff shows as it is.
fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
