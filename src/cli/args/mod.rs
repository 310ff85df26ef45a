//! What may be typed, as argh structs. Help, the parser, completions and the manual page all read
//! these definitions.
//!
//! Doc comments on fields are the option's help line. Those on commands are the command's help: their
//! first sentence is the summary that lists show. An exit code stands where a command means
//! something else by it than `help` says of all. `--workspace` is defined once, and `check` makes the
//! positional `WORKSPACE` of it.

/// A command: what it does, its argument struct, its name, examples, what exit codes mean for it alone, and
/// its arguments. `WORKSPACE` is the one that it works on.
macro_rules! command {
    ($(#[$($about:tt)+])+ $args:ident $name:tt $examples:tt $([$($code:tt $meaning:tt),+])?
        { WORKSPACE $($others:tt)* }) => {
        command! {
            $(#[$($about)+])+ $args $name $examples $([$($code $meaning),+])? {
                /// name, UUID or full local id; otherwise `NTCLI_WORKSPACE` or the active one
                #[argh(positional, arg_name = "WORKSPACE")]
                pub workspace: Option<String>,
                $($others)*
            }
        }
    };
    ($(#[$($about:tt)+])+ $args:ident $name:tt [$($example:tt),+]
        $([$($code:tt $meaning:tt),+])? { $($fields:tt)* }) => {
        $(#[$($about)+])+
        #[derive(argh::FromArgs, argh::ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
        #[argh(subcommand, name = $name, $(example = $example,)+ $($(error_code($code, $meaning),)+)?)]
        pub(crate) struct $args { $($fields)* }

        impl $args {
            pub(super) fn chosen(&self) -> &dyn crate::cli::Run {
                self
            }
        }
    };
}

/// Any of these.
macro_rules! any_of {
    ($any:ident: $($command:ident($args:ident))+) => {
        /// What it may be.
        #[derive(argh::FromArgs, argh::ArgsInfo, Debug, Clone, PartialEq, Eq)]
        #[argh(subcommand)]
        #[allow(clippy::large_enum_variant)] // there is only one, and it is not copied
        pub(crate) enum $any {
            $(#[doc = "one of them"] $command($args),)+
        }

        impl $any {
            /// The command that was typed.
            pub(crate) fn chosen(&self) -> &dyn crate::cli::Run {
                match self {
                    $(Self::$command(args) => args.chosen(),)+
                }
            }
        }
    };
}

/// A group of commands: what it is for, its name, examples, and its commands.
macro_rules! group {
    ($(#[$($about:tt)+])+ $group:ident($commands:ident) $name:tt [$($example:tt),+]
        $($(#[$($does:tt)+])+ $command:ident($args:ident) $word:tt $examples:tt
            $([$($codes:tt)+])? { $($fields:tt)* })+) => {
        $(#[$($about)+])+
        #[derive(argh::FromArgs, argh::ArgsInfo, Debug, Clone, PartialEq, Eq)]
        #[argh(subcommand, name = $name, $(example = $example),+)]
        pub(crate) struct $group {
            /// what to do
            #[argh(subcommand)]
            pub command: $commands,
        }

        impl $group {
            pub(super) fn chosen(&self) -> &dyn crate::cli::Run {
                self.command.chosen()
            }
        }

        any_of! { $commands: $($command($args))+ }

        $(command! { $(#[$($does)+])+ $args $word $examples $([$($codes)+])? { $($fields)* } })+
    };
}

mod auth;
mod monitor;
mod renew;
mod settings;
mod setup;
mod target;
mod token;
mod workspace;

use std::str::FromStr;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use crate::time::parse_duration;

pub(crate) use auth::*;
pub(crate) use monitor::*;
pub(crate) use renew::*;
pub(crate) use settings::*;
pub(crate) use setup::*;
pub(crate) use target::*;
pub(crate) use token::*;
pub(crate) use workspace::*;

/// Aliases of commands: the group, the alias, the name. argh supports only aliases of one letter.
pub(crate) const ALIASES: &[(&str, &str, &str)] = &[
    ("", "ws", "workspace"),
    ("auth", "signup", "login"),
    ("token", "rotate", "refresh"),
    ("token", "renew", "refresh"),
    ("token", "ls", "list"),
    ("token", "rm", "revoke"),
    ("token", "delete", "revoke"),
    ("target", "ls", "list"),
    ("target", "rm", "remove"),
    ("workspace", "ls", "list"),
    ("workspace", "switch", "select"),
    ("workspace", "use", "select"),
    ("workspace", "rm", "delete"),
    ("workspace", "unset", "clear"),
    ("config", "clear", "reset"),
];

/// What only the existing client has, which shares the config file.
pub(super) const OF_THE_OTHER_CLIENT: [&str; 7] =
    ["server", "srv", "secrets", "mcp", "registry", "reg", "info"];

/// What takes something away: never guessed from a slip.
pub(super) const DESTRUCTIVE: &str =
    "delete remove reset revoke logout clear unset --force --forget --revoke-orphans";

/// The command after whose `--` another program stands with its arguments. argh would want them to
/// be UTF-8.
pub(super) const RUNS_A_PROGRAM: [&str; 2] = ["token", "exec"];

/// Rotates and manages workspace tokens.
///
/// Its options are those of every command; the parser takes them from anywhere.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq, Eq)]
pub(crate) struct Ntcli {
    /// print text (also called table) or JSON; --json for short
    #[argh(option, arg_name = "text|json", default = "Format::Text")]
    pub(crate) format: Format,
    /// trace HTTP to stderr, without secrets
    #[argh(switch)]
    pub(crate) debug: bool,
    /// print only what changed, in a line, and what went wrong
    #[argh(switch, short = 'q')]
    pub(crate) quiet: bool,
    /// the workspace, where a command takes one
    #[argh(option, short = 'w', arg_name = "WORKSPACE")]
    #[allow(dead_code)] // the parser makes a positional of it
    workspace: Option<String>,
    /// how long to wait for another ntcli to finish (default 60s)
    #[argh(option, arg_name = "DURATION", from_str_fn(wait))]
    pub(crate) lock_wait: Option<Duration>,
    /// print the version
    #[argh(switch, short = 'V')]
    #[allow(dead_code)] // declared for help and completion; the parser handles it
    version: bool,
    #[argh(subcommand)]
    pub(crate) command: Command,
}

any_of! {
    Command: Renew(Renew) Token(Token) Target(Target) Policy(Policy) Auth(Auth) Workspace(Workspace)
        Domain(Domain) Config(Config) Check(Check) Doctor(Doctor) Health(Health)
        Completions(Completions) Man(Man)
}

/// How the result is written to stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// Metrics in the text format; of `check` alone.
    Prometheus,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" | "table" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "prometheus" => Ok(Self::Prometheus),
            _ => Err("text (or table, which is the same), json or, for check, prometheus"),
        }
    }
}

/// A whole number from 1 up in digits alone: `u64::from_str` would let a plus sign through.
fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = text.parse().ok().filter(|&n| digits && n > 0)?;
    number.try_into().ok()
}

/// A variable that may hold a token. The error says what is accepted and never holds the value.
fn variable(name: &str) -> Result<String, String> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
    // A token there would keep the program from being found, or from starting.
    let in_the_way = name == "PATH" || name.starts_with("LD_");
    if plain && !name.is_empty() && !digit_first && !in_the_way {
        return Ok(name.to_owned());
    }
    Err("a name of letters, digits and _, no digit first (not PATH, not LD_...)".to_owned())
}

/// A TCP port to listen on. The error says what is accepted and never holds the value.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    number(text).ok_or_else(|| "a port number from 1 to 65535".to_owned())
}

/// A time in seconds, not none. The error says what is accepted and never holds the value.
fn seconds(text: &str) -> Result<u64, String> {
    parse_duration(text).ok_or_else(|| "seconds, or a duration such as 90s, 1h or 30d".to_owned())
}

/// How long to wait; `0` is not at all.
fn wait(text: &str) -> Result<Duration, String> {
    let seconds = if text == "0" { Ok(0) } else { seconds(text) };
    seconds.map(Duration::from_secs)
}

/// A time to wait, in milliseconds. The error says what is accepted and never holds the value.
pub(crate) fn millis(text: &str) -> Result<u64, String> {
    let duration = || parse_duration(text).and_then(|secs| secs.checked_mul(1000));
    let accepted = || "milliseconds from 1 up, or a duration such as 90s or 5m".to_owned();
    number(text).or_else(duration).ok_or_else(accepted)
}
