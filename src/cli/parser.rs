//! Parses the arguments by the definitions in `args`: finds the command, splits options, and
//! remembers the first error. The result has one normalized form that argh accepts.

use std::ffi::OsString;
use std::iter::Peekable;
use std::vec::IntoIter;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

use super::args::{ALIASES, Format, OF_THE_OTHER_CLIENT, RUNS_A_PROGRAM};

use super::help::TOPICS;
use super::{Flag, command_tree, page, suggest};

type Args = Peekable<IntoIter<String>>;

/// An option that was given.
pub(super) struct GivenOption {
    pub(super) flag: Flag,
    pub(super) value: Option<String>,
}

/// The parsed arguments.
#[derive(Default)]
pub(super) struct Scan {
    /// The command reached, by the names of its definitions.
    pub(super) path: Vec<&'static str>,
    /// The definition of the command reached.
    pub(super) node: CommandInfoWithArgs,
    /// The options in the order given.
    pub(super) options: Vec<GivenOption>,
    /// The other arguments in the order given.
    pub(super) positionals: Vec<String>,
    /// What follows `--` where that is a program: as the system gave it.
    pub(super) program: Vec<OsString>,
    /// Whether help is asked for.
    pub(super) help: bool,
    /// The topic about which help is asked for.
    pub(super) topic: Option<&'static str>,
    /// Whether the version is asked for.
    pub(super) version: bool,
    /// Whether a command was named that does not exist.
    pub(super) unknown_command: bool,
    /// The first error.
    pub(super) problem: Option<String>,
    /// The command that was meant, in full.
    pub(super) meant: Option<String>,
    /// The option that the last argument is and whose value is missing.
    pub(super) wanting: Option<Flag>,
    pub(super) globals: &'static [FlagInfo<'static>],
}

/// Parses the arguments. Continues after an error: `--format json` and `--help` may follow.
pub(super) fn scan(mut args: Vec<OsString>) -> Scan {
    let root = command_tree();
    let mut scan = Scan { globals: root.flags, node: root, ..Scan::default() };
    let dashes = args.iter().position(|arg| arg == "--");
    let rest = dashes.map(|at| args.split_off(at));
    let mut args = scan.texts(args).into_iter().peekable();
    while let Some(arg) = args.next() {
        if arg.len() > 1 && arg.starts_with('-') {
            scan.option(&arg, &mut args);
        } else {
            scan.word(arg);
        }
    }
    if let Some(rest) = rest {
        scan.after_dashes(rest.into_iter().skip(1).collect());
    }
    scan
}

impl Scan {
    /// How to report a failure: as JSON for any `--format json`, even beside a second `--format`.
    pub(super) fn format(&self) -> Format {
        if self.asks_for("json") { Format::Json } else { Format::Text }
    }

    pub(super) fn asks_for(&self, format: &str) -> bool {
        let mut given = self.options.iter().filter(|given| given.flag.long == "--format");
        given.any(|given| given.value.as_deref() == Some(format))
    }

    /// Whether the option of that long name was given.
    pub(super) fn has(&self, long: &str) -> bool {
        self.options.iter().any(|given| given.flag.long == long)
    }

    /// Whether the command defines that option itself.
    pub(super) fn is_own(&self, long: &str) -> bool {
        self.node.flags.iter().any(|flag| flag.long == long && long != "--help")
    }

    /// The normalized form: options of every command, the command, its options, `--`, positionals.
    pub(super) fn argv(&self) -> Vec<&str> {
        let typed = |own: bool| {
            let given = self.options.iter().filter(move |g| self.is_own(g.flag.long) == own);
            given.flat_map(|given| [given.flag.long].into_iter().chain(given.value.as_deref()))
        };
        let command = typed(false).chain(self.path.iter().copied()).chain(typed(true));
        command.chain(["--"]).chain(self.positionals.iter().map(String::as_str)).collect()
    }

    fn wrong(&mut self, message: String) {
        self.problem.get_or_insert(message);
    }

    fn texts(&mut self, args: Vec<OsString>) -> Vec<String> {
        let text = |raw: OsString| {
            raw.into_string().unwrap_or_else(|raw| {
                self.wrong("An argument is not valid UTF-8".to_owned());
                raw.to_string_lossy().into_owned()
            })
        };
        args.into_iter().map(text).collect()
    }

    fn word(&mut self, arg: String) {
        if arg == "help" {
            self.help = true;
        } else if arg == "version" && self.path.is_empty() {
            self.version = true;
        } else if let Some(topic) = self.topic_of(&arg) {
            self.topic = Some(topic);
        } else if self.unknown_command || self.node.commands.is_empty() {
            self.positionals.push(arg);
        } else {
            self.enter(&arg);
        }
    }

    /// The topic of that name, where one may stand.
    fn topic_of(&self, word: &str) -> Option<&'static str> {
        let found = TOPICS.into_iter().find(|topic| *topic == word);
        found.filter(|_| self.help && self.path.is_empty())
    }

    fn enter(&mut self, word: &str) {
        let group = self.path.last().copied().unwrap_or_default();
        let alias = ALIASES.iter().find(|a| a.0 == group && a.1 == word);
        let name = alias.map_or(word, |a| a.2);
        if let Some(found) = self.node.commands.iter().find(|c| c.name == name) {
            self.path.push(found.name);
            let command = found.command.clone();
            // To take the tree of all commands apart costs more than to keep it: a run has one.
            std::mem::forget(std::mem::replace(&mut self.node, command));
            return;
        }
        self.unknown_command = true;
        if group.is_empty() && OF_THE_OTHER_CLIENT.contains(&word) {
            self.meant = Some(format!("npx @nimbletools/ntcli {word}"));
            let of_it = format!("'{word}' stays with the other client, which shares this config");
            return self.wrong(of_it);
        }
        if word.is_empty() {
            return self.wrong("The command is empty".to_owned());
        }
        let aliases = ALIASES.iter().filter(|a| a.0 == group).map(|a| a.1);
        let topics = TOPICS.into_iter().filter(|_| self.help && group.is_empty());
        let names = self.node.commands.iter().map(|c| c.name).chain(aliases).chain(topics);
        let near = suggest::harmless(word, names).or_else(|| suggest::elsewhere(word));
        self.meant = near.as_ref().map(|near| match self.topic_of(near) {
            Some(topic) => format!("ntcli help {topic}"),
            None if near.starts_with("ntcli ") => near.clone(),
            // Options may follow that a corrected command would not have: --dry-run.
            None => format!("{} {near} --help", page::spelled(&self.path)),
        });
        self.unknown(&format!("command {}", suggest::shown(word)), near.as_deref());
    }

    fn unknown(&mut self, what: &str, near: Option<&str>) {
        let meant = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        self.wrong(format!("Unknown {what}{meant}"));
    }

    /// An argument after `--` is not an option, help or a command.
    fn after_dashes(&mut self, args: Vec<OsString>) {
        if self.path == RUNS_A_PROGRAM {
            self.program = args;
            return;
        }
        let texts = self.texts(args);
        self.positionals.extend(texts);
        if !self.positionals.is_empty() && !self.node.commands.is_empty() {
            self.wrong("The command must come before '--'".to_owned());
        }
    }

    fn option(&mut self, arg: &str, args: &mut Args) {
        let arg = match arg {
            // The existing client says more with it, and nothing here.
            "--verbose" | "-v" => return,
            "--json" => "--format=json",
            "--no-expiry" if self.flags().any(|f| f.long == "--expires-in") => "--expires-in=never",
            arg => arg,
        };
        let Some((flag, attached)) = self.split(arg) else {
            let Some((one, rest)) = self.letters(arg) else {
                return self.unknown_option(arg);
            };
            self.option(&one, args);
            return self.option(&rest, args);
        };
        let value = match (&flag.kind, attached) {
            (FlagInfoKind::Switch, Some(_)) => {
                return self.wrong(format!("{} takes no value", flag.long));
            }
            (FlagInfoKind::Option { arg_name }, None) => {
                self.wanting = args.peek().is_none().then_some(flag);
                let Some(value) = args.next_if(|next| !self.is_option(next)) else {
                    return self.wrong(format!("{} needs a value: {arg_name}", flag.long));
                };
                Some(value)
            }
            (_, attached) => attached.map(str::to_owned),
        };
        match flag.long {
            "--help" => self.help = true,
            "--version" => self.version = true,
            long => {
                let before = self.options.iter().find(|given| given.flag.long == long);
                let before = before.filter(|_| flag.optionality != Optionality::Repeating);
                match before.map(|before| before.value == value) {
                    Some(true) => return,
                    Some(false) => self.wrong(format!("{long} is given more than once")),
                    None => {}
                }
                self.options.push(GivenOption { flag, value });
            }
        }
    }

    /// The option that `arg` names and the value attached to it: `--name=v`, `-nv`, `-n=v`.
    fn split<'a>(&self, arg: &'a str) -> Option<(Flag, Option<&'a str>)> {
        if arg.starts_with("--") {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (arg, None),
            };
            return self.flags().find(|f| f.long == name).map(|f| (f, value));
        }
        let mut rest = arg.strip_prefix('-')?.chars();
        let letter = rest.next()?;
        // argh has no short form for its own --help.
        let flag = self
            .flags()
            .find(|f| f.short == Some(letter) || (letter == 'h' && f.long == "--help"))?;
        let rest = rest.as_str();
        match (rest.is_empty(), rest.strip_prefix('='), &flag.kind) {
            (true, ..) => Some((flag, None)),
            (false, Some(value), _) => Some((flag, Some(value))),
            (false, None, FlagInfoKind::Option { .. }) => Some((flag, Some(rest))),
            (false, None, FlagInfoKind::Switch) => None,
        }
    }

    /// `-fv` is `-f -v` if the first letter is an option here that takes no value.
    fn letters(&self, arg: &str) -> Option<(String, String)> {
        let (one, rest) = arg.split_at_checked(2)?;
        let is_switch = matches!(self.split(one)?.0.kind, FlagInfoKind::Switch);
        (is_switch && !rest.starts_with('-')).then(|| (one.to_owned(), format!("-{rest}")))
    }

    /// Whether `arg`, in the position of a value, is clearly an option of this command instead.
    /// `-wprod` is not clear: it may be a value that begins with a dash.
    fn is_option(&self, arg: &str) -> bool {
        let name = arg.split_once('=').map_or(arg, |(name, _)| name);
        let plain = name.starts_with("--") || name.chars().count() == 2;
        plain && arg.starts_with('-') && self.split(name).is_some()
    }

    fn flags(&self) -> impl Iterator<Item = Flag> {
        self.node.flags.iter().chain(self.globals).filter(|flag| !flag.hidden)
    }

    fn unknown_option(&mut self, arg: &str) {
        let name = arg.split_once('=').map_or(arg, |(name, _)| name);
        let near = suggest::harmless(name, self.flags().map(|f| f.long));
        let (shown, command) = (suggest::shown(name), page::spelled(&self.path));
        self.unknown(&format!("option {shown} of '{command}'"), near.as_deref());
    }
}
