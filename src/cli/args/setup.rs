//! `ntcli completions` and `ntcli man`

use std::str::FromStr;

use argh::{ArgsInfo, FromArgs};

/// Print the completions of a shell. `make install` puts them where the shells
/// look. Otherwise take a line from below: once for fish, in `~/.bashrc`, or in
/// `~/.zshrc` after `compinit`. They complete the names of workspaces and the
/// numbers of targets too, from the local files.
#[derive(FromArgs, ArgsInfo, Debug, Clone, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "completions",
    example = "ntcli completions fish > ~/.config/fish/completions/ntcli.fish",
    example = "source <(ntcli completions bash)",
    example = "source <(ntcli completions zsh)"
)]
pub(crate) struct Completions {
    /// the shell
    #[argh(positional, arg_name = "bash|zsh|fish")]
    pub print: Print,
    /// what was typed so far
    #[argh(positional, arg_name = "WORD", hidden_help)]
    pub words: Vec<String>,
}

/// What `completions` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Print {
    /// The script of GNU bash.
    Bash,
    Zsh,
    Fish,
    /// What that script offers for the last word, a line each: `words -- WORD...`.
    Words,
}

/// Names that a shell can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Workspaces,
    Targets,
}

impl FromStr for Print {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "words" => Ok(Self::Words),
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            _ => Err("bash, zsh or fish"),
        }
    }
}

/// Print a page of the manual: ntcli, or ntcli-token as the one on a command.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(subcommand, name = "man", example = "ntcli man", example = "ntcli man ntcli-token")]
pub(crate) struct Man {
    /// its name; otherwise ntcli
    #[argh(positional, arg_name = "PAGE")]
    pub page: Option<String>,
}
