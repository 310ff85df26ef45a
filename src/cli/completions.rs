//! What a shell may offer, from the definitions in `args`: its script asks the program each time.

use std::ffi::OsString;

use argh::{CommandInfoWithArgs, FlagInfoKind, Optionality};

use super::args::{ALIASES, Names, RUNS_A_PROGRAM, Shell};
use super::parser::{self, Scan};
use super::topics::TOPICS;
use super::{Flag, help};

/// The completion script of a shell.
pub(crate) fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("completions/bash.txt"),
        Shell::Zsh => include_str!("completions/zsh.txt"),
        Shell::Fish => include_str!("completions/fish.txt"),
    }
}

/// What may stand in place of the last word.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    /// Each word, and what it is.
    pub(crate) words: Vec<(String, String)>,
    /// The names that this machine knows and that may stand there too.
    pub(crate) names: Option<Names>,
    /// Whether it may be a file; the shell knows those.
    pub(crate) files: bool,
    /// How the word begins, as far as it is what is completed.
    pub(crate) typed: String,
    /// What the shell wants before each word.
    pub(crate) before: String,
}

impl Offer {
    fn word(&mut self, word: &str, what: &str) {
        self.words.push((word.to_owned(), help::plain(what)));
    }

    /// What an argument of that name takes.
    fn value(&mut self, name: &str, what: &str) {
        // A name such as `text|json` lists its values; another is a placeholder.
        let lists = name.contains('|') && name.bytes().all(|b| b == b'|' || b.is_ascii_lowercase());
        for choice in name.split('|').filter(|_| lists) {
            self.word(choice, what);
        }
        self.files = name == "PATH" || (name == "NAME=PATH" && self.typed.contains('='));
        self.names = match name {
            "WORKSPACE" | "NAME" => Some(Names::Workspaces),
            "ID" => Some(Names::Targets),
            "JTI" => Some(Names::Tokens),
            _ => None,
        };
    }

    fn commands(&mut self, scan: &Scan) {
        let group = scan.path.last().copied().unwrap_or_default();
        for sub in &scan.node.commands {
            self.word(sub.name, help::summary(sub.command.description));
            let alias = ALIASES.iter().find(|a| a.0 == group && a.2 == sub.name);
            if let Some((_, alias, name)) = alias {
                self.word(alias, &format!("the same as {name}"));
            }
        }
        if group.is_empty() && scan.help {
            for topic in &TOPICS {
                self.word(topic.name, "a topic");
            }
        } else if group.is_empty() {
            self.word("help", "help on a command or a topic");
        }
    }

    fn options(&mut self, scan: &Scan) {
        for flag in options_of(&scan.node, scan.globals) {
            if flag.optionality == Optionality::Repeating || !scan.has(flag.long) {
                self.word(flag.long, flag.description);
            }
        }
    }
}

/// What may stand in place of the last of these words.
pub(crate) fn offer(words: Vec<String>) -> Offer {
    let (mut words, is_split) = joined(words);
    let current = words.pop().unwrap_or_default();
    let no_options = words.iter().any(|word| word == "--");
    let scan = parser::scan(words.into_iter().map(OsString::from).collect());
    let attached = current.split_once('=').filter(|_| current.starts_with('-') && !no_options);
    let mut offer = Offer { typed: current.clone(), ..Offer::default() };
    if no_options && scan.path == RUNS_A_PROGRAM {
        offer.files = true;
    } else if let Some(flag) = scan.wanting {
        of_option(&mut offer, flag);
    } else if let Some((name, value)) = attached {
        value.clone_into(&mut offer.typed);
        offer.before = if is_split { String::new() } else { format!("{name}=") };
        let mut options = options_of(&scan.node, scan.globals);
        if let Some(flag) = options.find(|flag| flag.long == name) {
            of_option(&mut offer, flag);
        }
    } else if current.starts_with('-') && !no_options {
        offer.options(&scan);
    } else if !scan.node.commands.is_empty() {
        offer.commands(&scan);
    } else {
        let positionals = scan.node.positionals;
        let last = positionals.last().filter(|last| last.optionality == Optionality::Repeating);
        if let Some(positional) = positionals.get(scan.positionals.len()).or(last) {
            offer.value(positional.name, positional.description);
        }
    }
    let typed = &offer.typed;
    offer.words.retain(|(word, _)| word.starts_with(typed));
    offer
}

fn of_option(offer: &mut Offer, flag: Flag) {
    if let FlagInfoKind::Option { arg_name } = flag.kind {
        offer.value(arg_name, flag.description);
    }
}

fn options_of(
    node: &CommandInfoWithArgs,
    globals: &'static [argh::FlagInfo<'static>],
) -> impl Iterator<Item = Flag> {
    let is_own = |long| node.flags.iter().any(|flag| flag.long == long && long != "--help");
    let is_taken = move |flag: &Flag| help::is_taken(node, flag) && !is_own(flag.long);
    help::own(node).chain(globals.iter().filter(is_taken))
}

/// The words as they were typed, and whether the last one was taken apart: bash does that at `=`
/// and `:`.
fn joined(words: Vec<String>) -> (Vec<String>, bool) {
    let (mut joined, mut is_split, mut after) = (Vec::<String>::new(), false, false);
    for word in words {
        let between = word == "=" || word == ":";
        is_split = between || after;
        match joined.last_mut().filter(|_| is_split) {
            Some(last) => *last += &word,
            None => joined.push(word),
        }
        after = between;
    }
    (joined, is_split)
}
