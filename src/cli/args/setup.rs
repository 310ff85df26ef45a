//! `ntcli completions` and `ntcli man`

use std::str::FromStr;

use argh::{ArgsInfo, FromArgs};

/// Print the completions of a shell. `make install` puts them where the shells
/// look; otherwise have the shell read them when it starts.
#[derive(FromArgs, ArgsInfo, Debug, Clone, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "completions",
    example = "ntcli completions bash",
    error_code(0, ""),
    error_code(1, ""),
    error_code(2, "")
)]
pub(crate) struct Completions {
    /// the shell
    #[argh(positional, arg_name = "bash|zsh|fish")]
    pub shell: Shell,
}

/// Print the manual page.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "man",
    example = "ntcli man",
    error_code(0, ""),
    error_code(1, ""),
    error_code(2, "")
)]
pub(crate) struct Man {}

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl FromStr for Shell {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            _ => Err("bash, zsh or fish"),
        }
    }
}
