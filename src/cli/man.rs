//! The manual: a page on the program, and one on each command or group of commands.

use argh::CommandInfoWithArgs;

use super::page::{self, Line, Page, summary};
use super::{command_tree, help};

const DESCRIPTION: &str = include_str!("pages/description.txt");
const FILES: &str = include_str!("pages/files.txt");

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
    out += &prose(DESCRIPTION);
    out += &section("COMMANDS");
    for group in &root.commands {
        let subs = group.command.commands.iter().map(|sub| vec![group.name, sub.name]);
        let own = group.command.commands.is_empty().then(|| vec![group.name]);
        for path in subs.chain(own) {
            out += &entry(&path.join(" "), help::in_a_line(&path));
        }
    }
    out += &section("OPTIONS OF EVERY COMMAND");
    out.extend(root.flags.iter().map(|flag| line(&page::option(flag))));
    for (title, heading) in [("EXIT STATUS", "Exit codes"), ("ENVIRONMENT", "Environment")] {
        out += &section(title);
        out.extend(help::listed(heading).map(|(word, meaning)| entry(word, meaning)));
    }
    out.extend([help::JSON, help::RECOVERY, FILES].map(prose));
    out += &section("SEE ALSO");
    for group in &root.commands {
        out += &format!(".BR ntcli\\-{} (1),\n", plain(group.name));
    }
    out + ".BR crontab (5),\n.BR systemd.timer (5)\n"
}

/// The page on a command, or on a group of them.
fn page_of(name: &str, node: &CommandInfoWithArgs) -> String {
    let page = Page::of(&[name], node);
    let synopsis = if node.commands.is_empty() { "" } else { "\\fICOMMAND\\fR " };
    let synopsis = format!("{synopsis}[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]");
    let mut out = begun(&format!("ntcli-{name}"), &synopsis, node.description);
    out += &section("DESCRIPTION");
    out += &if node.commands.is_empty() {
        command(&page)
    } else {
        format!("{}\n{}", plain(&page.about), section("COMMANDS"))
    };
    let commands = node.commands.iter();
    out.extend(commands.map(|sub| command(&Page::of(&[name, sub.name], &sub.command))));
    out += &section("SEE ALSO");
    out + "Options of every command, exit codes, variables and files:\n.BR ntcli (1)\n"
}

/// All that is to be said of one command.
fn command(page: &Page) -> String {
    let mut out = format!(".SS \"{}\"\n{}\n", plain(&page.usage), plain(&page.about));
    for (title, lines) in &page.sections {
        if *title != "Options" && *title != "Arguments" {
            out += &format!(".PP\n{title}:\n");
        }
        out.extend(lines.iter().map(line));
    }
    out
}

/// The head of a page: its name, what it is about, and how the command is typed.
fn begun(name: &str, synopsis: &str, description: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let title = plain(&name.to_uppercase());
    let summary = summary(description);
    let summary = format!("{}{}", summary[..1].to_lowercase(), &summary[1..]);
    format!(
        ".TH {title} 1 \"\" \"ntcli {version}\" \"User Commands\"\n.nh\n{}{} \\- {}\n{}.B {}\n{synopsis}\n",
        section("NAME"),
        plain(name),
        plain(&page::plain(&summary)),
        section("SYNOPSIS"),
        plain(&name.replacen('-', " ", 1)),
    )
}

fn section(title: &str) -> String {
    format!(".SH \"{title}\"\n")
}

/// Paragraphs under headings in capitals; what is indented is typed, or a table.
fn prose(text: &str) -> String {
    let paragraph = |text: &str| match text {
        title if !title.contains(char::is_lowercase) => section(title),
        lines if lines.contains("\n  ") || lines.starts_with("  ") => typed(lines),
        words => format!(".PP\n{}\n", plain(words)),
    };
    let text: String = text.trim_end().split("\n\n").map(paragraph).collect();
    // A paragraph begins with its section.
    text.replace("\"\n.PP\n", "\"\n")
}

fn line(line: &Line) -> String {
    match line {
        Line::Text(text) => format!("{}\n", plain(text)),
        Line::Entry(word, meaning) => entry(word.trim(), meaning),
        Line::Typed(line) => typed(line),
    }
}

fn entry(left: &str, text: &str) -> String {
    format!(".TP\n.B {}\n{}\n", plain(left), plain(text))
}

fn typed(lines: &str) -> String {
    format!(".PP\n.nf\n{}\n.fi\n", plain(lines))
}

/// Text that roff shows as it is.
fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
