//! The manual page, from the definitions in `args`.

use std::fmt::Write;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind};

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
ntcli target deliver
ntcli token refresh --expires-in 120d";

/// The page in roff's man macros.
pub(crate) fn page() -> String {
    let root = command_tree();
    let mut out = format!(
        ".TH NTCLI 1 \"\" \"ntcli {}\" \"User Commands\"\n.nh\n",
        env!("CARGO_PKG_VERSION")
    );
    let mut about = root.description.splitn(2, ". ");
    section(&mut out, "NAME");
    let name = about.next().unwrap_or_default();
    let name = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
    let _ = writeln!(out, "ntcli \\- {}", plain(name.trim_end_matches('.')));
    section(&mut out, "SYNOPSIS");
    out.push_str(".B ntcli\n.I COMMAND\n[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n");
    section(&mut out, "DESCRIPTION");
    let _ = writeln!(out, "{DESCRIPTION}");
    section(&mut out, "EXAMPLES");
    let _ = writeln!(out, ".nf\n{}\n.fi", plain(EXAMPLES));
    section(&mut out, "COMMANDS");
    for group in &root.commands {
        commands(&mut out, &[group.name], &group.command);
    }
    section(&mut out, "OPTIONS OF EVERY COMMAND");
    options(&mut out, root.flags.iter());
    section(&mut out, "EXIT STATUS");
    for (code, meaning) in help::EXIT_CODES {
        entry(&mut out, &code.to_string(), meaning);
    }
    section(&mut out, "ENVIRONMENT");
    for (name, meaning) in help::environment() {
        entry(&mut out, name, meaning);
    }
    for (title, text) in topics::TOPICS.iter().filter_map(Topic::prose) {
        section(&mut out, title);
        for paragraph in text.trim_end().split("\n\n") {
            let is_laid_out = paragraph.contains("\n  ") || paragraph.starts_with("  ");
            let (begin, end) = if is_laid_out { (".PP\n.nf\n", ".fi\n") } else { (".PP\n", "") };
            let _ = writeln!(out, "{begin}{}", plain(paragraph));
            out.push_str(end);
        }
    }
    section(&mut out, "FILES");
    for (name, holds) in [
        ("config.json", "session, workspaces and tokens; shared with the other client"),
        ("rotation.journal", "pending work; exists only while there is any"),
        ("targets.json", "what must get which workspace's token"),
        ("history.jsonl", "what was done, and when; no tokens"),
        ("last-run.json", "how the last refresh ended, for monitoring"),
        ("ntcli.lock", "empty, and never removed"),
    ] {
        entry(&mut out, &format!("~/.ntcli/{name}"), holds);
    }
    section(&mut out, "SEE ALSO");
    out.push_str("crontab(5), systemd.timer(5), curl(1)\n");
    out
}

fn commands(out: &mut String, path: &[&str], node: &CommandInfoWithArgs) {
    if node.commands.is_empty() {
        let _ = writeln!(out, ".SS \"{}\"", plain(&help::usage(path, node)));
        let _ = writeln!(out, "{}", plain(node.description));
        if let Some(aliases) = help::aliases(path) {
            let _ = writeln!(out, ".PP\nAlso: {}", plain(&aliases));
        }
        for positional in node.positionals.iter().filter(|positional| !positional.hidden) {
            entry(out, positional.name, positional.description);
        }
        options(out, help::own(node));
        if let Some(text) = help::delivery(node) {
            let _ = writeln!(out, ".PP\n{}", plain(&text));
        }
        for code in node.error_codes.iter().filter(|code| !code.description.is_empty()) {
            entry(out, &format!("exit {}", code.code), code.description);
        }
        if !node.examples.is_empty() {
            out.push_str(".PP\nExamples:\n");
        }
        for example in node.examples {
            let _ = writeln!(out, ".PP\n.nf\n{}\n.fi", plain(example));
        }
    }
    for sub in &node.commands {
        commands(out, &[path, &[sub.name]].concat(), &sub.command);
    }
}

fn section(out: &mut String, title: &str) {
    let _ = writeln!(out, ".SH \"{title}\"");
}

fn options<'a>(out: &mut String, flags: impl Iterator<Item = &'a FlagInfo<'a>>) {
    for flag in flags {
        let mut left = help::short(flag).map_or(String::new(), |c| format!("-{c}, "));
        left.push_str(flag.long);
        if let FlagInfoKind::Option { arg_name } = flag.kind {
            let _ = write!(left, " {arg_name}");
        }
        entry(out, &left, flag.description);
    }
}

fn entry(out: &mut String, left: &str, text: &str) {
    let _ = writeln!(out, ".TP\n.B {}\n{}", plain(left), plain(text));
}

/// Text that roff shows as it is. Backticks are rustdoc's.
fn plain(text: &str) -> String {
    let text = text.replace('`', "").replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
