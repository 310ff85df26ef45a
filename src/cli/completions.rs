//! What a shell may offer, from the definitions in `args`: its script asks the program each time.

use std::ffi::OsString;

use argh::{FlagInfoKind, Optionality};

use super::args::{ALIASES, RUNS_A_PROGRAM};
use super::parser::{self, Scan};

use super::help::TOPICS;
use super::{Flag, page};

/// The completion script of a shell; `None` for what it asks.
pub(crate) fn script(shell: &str) -> Option<&'static str> {
    match shell {
        "bash" => Some(include_str!("completions/bash.txt")),
        "zsh" => Some(include_str!("completions/zsh.txt")),
        "fish" => Some(include_str!("completions/fish.txt")),
        _ => None,
    }
}

/// What may stand in place of the last word.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    /// Each word, and what it is.
    pub(crate) words: Vec<(String, String)>,
    /// What an argument there is called: this machine may know names of that kind.
    pub(crate) takes: &'static str,
    /// Whether it may be a file; the shell knows those.
    pub(crate) files: bool,
    /// How the word begins, as far as it is what is completed.
    pub(crate) typed: String,
    /// What the shell wants before each word.
    pub(crate) before: String,
}

impl Offer {
    fn word(&mut self, word: &str, what: &str) {
        self.words.push((word.to_owned(), page::plain(what)));
    }

    /// What an argument of that name takes.
    fn value(&mut self, name: &'static str, what: &str) {
        // A name such as `text|json` lists its values; another is a placeholder.
        let lists = name.contains('|') && name.bytes().all(|b| b == b'|' || b.is_ascii_lowercase());
        for choice in name.split('|').filter(|_| lists) {
            self.word(choice, what);
        }
        self.files = name == "PATH" || (name == "NAME=PATH" && self.typed.contains('='));
        self.takes = name;
    }

    fn commands(&mut self, scan: &Scan) {
        let group = scan.path.last().copied().unwrap_or_default();
        for sub in &scan.node.commands {
            self.word(sub.name, page::summary(sub.command.description));
            let alias = ALIASES.iter().find(|a| a.0 == group && a.2 == sub.name);
            if let Some((_, alias, name)) = alias {
                self.word(alias, &format!("the same as {name}"));
            }
        }
        if group.is_empty() && scan.help {
            self.words.extend(TOPICS.map(|topic| (topic.to_owned(), "a topic".to_owned())));
        } else if group.is_empty() {
            self.word("help", "help on a command or a topic");
        }
    }

    fn value_of(&mut self, flag: Flag) {
        if let FlagInfoKind::Option { arg_name } = flag.kind {
            self.value(arg_name, flag.description);
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
        offer.value_of(flag);
    } else if let Some((name, value)) = attached {
        value.clone_into(&mut offer.typed);
        offer.before = if is_split { String::new() } else { format!("{name}=") };
        if let Some(flag) = options_of(&scan).find(|flag| flag.long == name) {
            offer.value_of(flag);
        }
    } else if current.starts_with('-') && !no_options {
        let again = |flag: &Flag| flag.optionality == Optionality::Repeating;
        for flag in options_of(&scan).filter(|flag| again(flag) || !scan.has(flag.long)) {
            offer.word(flag.long, flag.description);
        }
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

/// The options that the command takes, its own and those of every command.
fn options_of(scan: &Scan) -> impl Iterator<Item = Flag> {
    let of_all = scan.globals.iter();
    let of_all = of_all.filter(|flag| page::is_taken(&scan.node, flag) && !scan.is_own(flag.long));
    page::own_options(&scan.node).chain(of_all)
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
