//! The manual: a page on the program, and one on each command or group of commands. What help shows is
//! here in roff's man macros.

use argh::CommandInfoWithArgs;

use super::page::{self, summary};
use super::{command_tree, help};

const DESCRIPTION: &str = include_str!("pages/description.txt");
const FILES: &str = include_str!("pages/files.txt");
/// Where a line begins at least that goes on with the meaning of a word.
const MEANING: usize = 7;

/// The page of that name: `ntcli`, or `ntcli-` and a command.
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
    out += &roff(DESCRIPTION);
    for (title, part) in [
        ("COMMANDS", help::between("[OPTIONS]\n\n", "\nOptions of")),
        ("OPTIONS OF EVERY COMMAND", help::part("Options of every command")),
        ("EXIT STATUS", help::part("Exit codes")),
        ("ENVIRONMENT", help::part("Environment")),
    ] {
        out += &(section(title) + &roff(part));
    }
    out.extend([help::JSON, help::RECOVERY, FILES].map(roff));
    out += &section("SEE ALSO");
    for group in &root.commands {
        out += &format!(".BR ntcli\\-{} (1),\n", plain(group.name));
    }
    out + ".BR crontab (5),\n.BR systemd.timer (5)\n"
}

/// The page on a command, or on a group of them.
fn page_of(name: &str, node: &CommandInfoWithArgs) -> String {
    let command = |path: &[&str], node: &CommandInfoWithArgs| {
        format!(".SS \"{}\"\n{}", plain(&page::usage(path, node)), roff(&page::body(path, node)))
    };
    let is_group = !node.commands.is_empty();
    let synopsis = if is_group { "\\fICOMMAND\\fR " } else { "" };
    let synopsis = format!("{synopsis}[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]");
    let mut out = begun(&format!("ntcli-{name}"), &synopsis, node.description);
    out += &section("DESCRIPTION");
    if is_group {
        out += &format!("{}\n{}", plain(&page::plain(node.description)), section("COMMANDS"));
        out.extend(node.commands.iter().map(|sub| command(&[name, sub.name], &sub.command)));
    } else {
        out += &command(&[name], node);
    }
    out += &section("SEE ALSO");
    out + "Options of every command, exit codes, variables and files:\n.BR ntcli (1)\n"
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

/// A text as help lays it out: headings, words with their meanings, lines to type, and paragraphs.
fn roff(text: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let (mut out, mut before, mut is_typed) = (String::new(), "", false);
    let mut lines = text.trim_end().lines().peekable();
    while let Some(line) = lines.next() {
        let goes_on = lines.peek().is_some_and(|next| depth(next) >= MEANING);
        let words = plain(line.trim_start());
        let was_typed = is_typed;
        let (word, meaning) = words.split_once("  ").unwrap_or((&words, ""));
        is_typed = (1..MEANING).contains(&depth(line)) && meaning.is_empty() && !goes_on;
        out += &match depth(line) {
            0 if line.is_empty() => String::new(),
            0 if !line.contains(char::is_lowercase) => section(line),
            0 if before.is_empty() && !out.is_empty() => format!(".PP\n{words}\n"),
            0 | MEANING.. => format!("{words}\n"),
            _ if is_typed && was_typed => format!(".br\n{words}\n"),
            _ if is_typed => format!(".PP\n{words}\n"),
            _ => format!(".TP\n.B {word}\n{}\n", meaning.trim_start()),
        };
        before = line;
    }
    // A paragraph begins with its section, and a meaning on the next line.
    out.replace("\"\n.PP\n", "\"\n").replace("\n\n", "\n")
}

/// Text that roff shows as it is.
fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
