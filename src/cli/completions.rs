//! Completions for shells, from the definitions in `args`.

use std::fmt::Write;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind};

use super::args::{ALIASES, Shell};
use super::topics::TOPICS;
use super::{command_tree, help};

type Flag = &'static FlagInfo<'static>;

/// The completion script of a shell.
pub(crate) fn script(shell: Shell) -> String {
    let root = command_tree();
    let mut parts = Parts {
        shell,
        globals: root.flags,
        walk: String::new(),
        words: String::new(),
        values: String::new(),
    };
    parts.place("", &root);
    for (group, alias, name) in ALIASES {
        let group = if group.is_empty() { "" } else { &format!(" {group}") };
        parts.step(&format!("{group} {alias}"), &format!("{group} {name}"));
    }
    let mut flags = Vec::new();
    all_flags(&root, &mut flags);
    for flag in flags {
        parts.value(flag);
    }
    let template = match shell {
        Shell::Bash => include_str!("completions/bash.txt"),
        Shell::Zsh => include_str!("completions/zsh.txt"),
        Shell::Fish => include_str!("completions/fish.txt"),
    };
    template
        .replace("@WALK@\n", &parts.walk)
        .replace("@VALUES@\n", &parts.values)
        .replace("@WORDS@\n", &parts.words)
}

fn all_flags(node: &CommandInfoWithArgs, flags: &mut Vec<Flag>) {
    for flag in node.flags.iter().filter(|flag| !flag.hidden) {
        if !flags.iter().any(|known| known.long == flag.long) {
            flags.push(flag);
        }
    }
    for sub in &node.commands {
        all_flags(&sub.command, flags);
    }
}

/// The values for the gaps in the templates.
struct Parts {
    shell: Shell,
    globals: &'static [FlagInfo<'static>],
    /// Transitions between positions: a position is the words of a command, each preceded by a
    /// space.
    walk: String,
    /// What can follow at each position.
    words: String,
    /// What follows an option that takes a value. In fish this is part of the option.
    values: String,
}

impl Parts {
    fn place(&mut self, at: &str, node: &CommandInfoWithArgs) {
        let mut found = Vec::new();
        for sub in &node.commands {
            let summary = help::summary(sub.command.description);
            found.push((sub.name, summary.replace('`', "")));
            let group = at.trim_start();
            let mut aliases = ALIASES.iter().filter(|a| a.0 == group && a.2 == sub.name);
            found.extend(aliases.next().map(|a| (a.1, format!("the same as {}", sub.name))));
        }
        for positional in node.positionals {
            let choices = choices(positional.name);
            found.extend(choices.map(|choice| (choice, positional.description.to_owned())));
        }
        let names = node.positionals.iter().find_map(|positional| known(positional.name));
        let own: Vec<Flag> = help::own(node).filter(|_| !at.is_empty()).collect();
        if at.is_empty() {
            let topics = TOPICS.iter().map(|topic| (topic.name, "a topic".to_owned()));
            let known = topics.chain(found.iter().cloned());
            self.list(" help", &known.collect::<Vec<_>>(), &[], None);
            self.step(" help", " help");
            found.push(("help", "help on a command or a topic".to_owned()));
        }
        self.list(at, &found, &own, names);
        for sub in &node.commands {
            let below = format!("{at} {}", sub.name);
            self.step(&below, &below);
            self.place(&below, &sub.command);
        }
    }

    fn step(&mut self, words: &str, to: &str) {
        let _ = match self.shell {
            Shell::Fish => {
                writeln!(self.walk, "            case '{words}'\n                set at '{to}'")
            }
            _ => writeln!(self.walk, "        '{words}') at='{to}' ;;"),
        };
    }

    /// What may stand there: commands and values, options, and names that this machine knows.
    fn list(&mut self, at: &str, found: &[(&str, String)], own: &[Flag], names: Option<&str>) {
        if self.shell == Shell::Fish {
            let here = format!("complete -c ntcli -n \"__ntcli_at '{at}'\"");
            for (word, what) in found {
                let _ = writeln!(self.words, "{here} -a {word} -d {}", quoted(what));
            }
            for flag in own {
                let _ = writeln!(self.words, "{here} {}", fish_flag(flag));
            }
            if let Some(names) = names {
                let _ = writeln!(self.words, "{here} -a '({})'", ask(names));
            }
            // Options of every command are listed once.
            for flag in self.globals.iter().filter(|_| at.is_empty()) {
                let _ = writeln!(self.words, "complete -c ntcli {}", fish_flag(flag));
            }
            return;
        }
        let flags = own.iter().copied().chain(self.globals);
        let flags = flags.map(|flag| (flag.long, flag.description.replace('`', "")));
        let all = found.iter().cloned().chain(flags);
        let all: Vec<String> = match self.shell {
            Shell::Zsh => all
                .map(|(word, what)| quoted(&format!("{word}:{}", what.replace(':', "\\:"))))
                .collect(),
            _ => all.map(|(word, _)| word.to_owned()).collect(),
        };
        let all = all.join(" ");
        let names = names.map(|names| format!("names={names} ")).unwrap_or_default();
        let _ = match self.shell {
            Shell::Zsh => writeln!(self.words, "    '{at}') {names}found=({all}) ;;"),
            _ => writeln!(self.words, "    '{at}') {names}words='{all}' ;;"),
        };
    }

    fn value(&mut self, flag: Flag) {
        let FlagInfoKind::Option { arg_name } = flag.kind else {
            return;
        };
        let short = flag.short.map_or(String::new(), |c| format!(" | -{c}"));
        let choices: Vec<_> = choices(arg_name).collect();
        let choices = choices.join(" ");
        let reply = match (self.shell, arg_name) {
            (Shell::Bash, "PATH") => {
                "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); compopt -o filenames 2> /dev/null; "
                    .to_owned()
            }
            (Shell::Zsh, "PATH") => "_files; ".to_owned(),
            (Shell::Zsh, "WORKSPACE") => {
                format!("compadd -- ${{(f)\"$({})\"}}; ", ask("workspaces"))
            }
            (_, "WORKSPACE") => format!(
                "mapfile -t COMPREPLY < <(compgen -W \"$({})\" -- \"$cur\"); ",
                ask("workspaces")
            ),
            (_, _) if choices.is_empty() => String::new(),
            (Shell::Zsh, _) => format!("compadd {choices}; "),
            _ => format!("mapfile -t COMPREPLY < <(compgen -W '{choices}' -- \"$cur\"); "),
        };
        let _ = writeln!(self.values, "    {}{short}) {reply}return ;;", flag.long);
    }
}

/// An option in the syntax of fish's `complete`.
fn fish_flag(flag: Flag) -> String {
    let mut text = format!("-l {}", flag.long.trim_start_matches('-'));
    if let Some(short) = help::short(flag) {
        let _ = write!(text, " -s {short}");
    }
    if let FlagInfoKind::Option { arg_name } = flag.kind {
        let choices: Vec<_> = choices(arg_name).collect();
        text += match arg_name {
            "PATH" => " -r -F",
            _ => " -x",
        };
        if arg_name == "WORKSPACE" {
            let _ = write!(text, " -a '({})'", ask("workspaces"));
        }
        if !choices.is_empty() {
            let _ = write!(text, " -a '{}'", choices.join(" "));
        }
    }
    text + " -d " + &quoted(&flag.description.replace('`', ""))
}

/// The kind of names that can stand for an argument, as [`super::args::Print`] has them.
fn known(argument: &str) -> Option<&'static str> {
    match argument {
        "WORKSPACE" | "NAME" => Some("workspaces"),
        "ID" => Some("targets"),
        _ if argument.starts_with("JTI") => Some("tokens"),
        _ => None,
    }
}

/// The command that prints the names of that kind, a line each.
fn ask(names: &str) -> String {
    format!("ntcli completions {names} 2> /dev/null")
}

/// The values listed in a name such as `text|json`; empty if the name is only a placeholder.
fn choices(name: &str) -> impl Iterator<Item = &str> {
    let all_told =
        name.contains('|') && !name.contains(|c: char| c != '|' && !c.is_ascii_lowercase());
    name.split('|').filter(move |_| all_told)
}

/// Single-quoted, for any of the shells.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
