//! Turns the command line into a command or a usage error. The only user of argh.
//!
//! The parser splits the arguments by the definitions in `args`, `check` holds the rules between
//! them, and argh fills the structs from a normalized form. argh's own messages never reach the
//! user: they repeat the input, which may be a secret.

mod args;
mod check;
mod completions;
mod help;
mod man;
mod page;
mod parser;
mod suggest;

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use argh::{ArgsInfo, CommandInfoWithArgs, EarlyExit, FlagInfo, FromArgs};

use crate::context::Context;
use crate::error::{self, exit};
use crate::output::Report;

pub(crate) use args::*;
pub(crate) use completions::{offer, script};
pub(crate) use man::page as man_page;
use parser::Scan;

/// The definition of an option.
type Flag = &'static FlagInfo<'static>;

/// A command: its argument struct says what is meant, and knows how to do it.
pub(crate) trait Run {
    /// Does it.
    ///
    /// # Errors
    /// Where nothing came of it; a partial success is a report with a problem.
    fn run(&self, ctx: &Context) -> error::Result<Report>;

    /// Tells monitoring how the run ended, once its result is out. `succeeded` holds the UUIDs of the
    /// workspaces with which nothing is left to do.
    fn record(&self, _ctx: &Context, _succeeded: &[String], _exit_code: u8) {}
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // one per run
pub(crate) enum Parsed {
    /// Run a command; with the exit code if its result cannot be printed.
    Run(Ntcli, u8),
    /// Help or the version, ending in a newline: for stdout, exit 0.
    Show(String),
}

/// Arguments that are not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    /// What is wrong; never holds what may be a secret.
    pub message: String,
    /// A command that can be pasted and helps.
    pub hint: String,
    /// JSON if any argument asks for it, even if the rest is invalid.
    pub format: Format,
    /// 2, but 255 or 3 for commands whose callers read that as an answer.
    pub exit_code: u8,
}

/// Reads the arguments, without the program's own name.
///
/// # Errors
/// If the usage is wrong.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Parsed, UsageError> {
    let mut scan = parser::scan(args);
    if let Some(topic) = scan.topic.filter(|_| !scan.unknown_command) {
        return Ok(Parsed::Show(help::topic(topic)));
    }
    // Help would hide a mistyped command, so an unknown command is reported first.
    if !scan.unknown_command && scan.help {
        return Ok(Parsed::Show(help::render(&scan)));
    }
    if !scan.unknown_command && scan.version {
        let version = env!("CARGO_PKG_VERSION");
        return Ok(Parsed::Show(match scan.format() {
            Format::Json => format!("{{\n  \"version\": \"{version}\"\n}}\n"),
            _ => format!("ntcli {version}\n"),
        }));
    }
    if scan.problem.is_none() && scan.path.is_empty() && scan.options.is_empty() {
        return Ok(Parsed::Show(help::SHORT.to_owned()));
    }
    if scan.problem.is_none() && !scan.node.commands.is_empty() {
        return Ok(Parsed::Show(help::render(&scan)));
    }
    let ntcli = command(&mut scan).map_err(|message| {
        let of_help = || format!("{} --help", page::spelled(&scan.path));
        let hint = scan.meant.take().unwrap_or_else(of_help);
        let exit_code = own_error_exit(&scan).unwrap_or(exit::USAGE);
        UsageError { message, hint, format: scan.format(), exit_code }
    })?;
    Ok(Parsed::Run(ntcli, own_error_exit(&scan).unwrap_or(exit::FAILED)))
}

fn command(scan: &mut Scan) -> Result<Ntcli, String> {
    if let Some(problem) = scan.problem.take() {
        return Err(problem);
    }
    check::positionals(scan)?;
    check::options(scan)?;
    check::one_workspace(scan)?;
    let argv = scan.argv();
    let mut ntcli = Ntcli::from_args(&["ntcli"], &argv).map_err(|exit| reworded(&exit, scan))?;
    match &mut ntcli.command {
        Command::Token(Token { command: TokenCommand::Exec(exec) }) => {
            exec.program = std::mem::take(&mut scan.program);
        }
        Command::Check(check) => check.prometheus = ntcli.format == Format::Prometheus,
        _ => {}
    }
    Ok(ntcli)
}

/// The code of the command for errors, if others would look like one of its answers.
fn own_error_exit(scan: &Scan) -> Option<u8> {
    let mut codes = scan.node.error_codes.iter().filter_map(|e| u8::try_from(e.code).ok());
    codes.find(|code| [exit::ANSWER_UNKNOWN, exit::PLUGIN_UNKNOWN].contains(code))
}

/// An argh error without the user's input. After the parser only values that do not parse are left;
/// their reason is the accepted form, as `args` describes it.
fn reworded(exit: &EarlyExit, scan: &Scan) -> String {
    let reason = || {
        let (what, value) =
            exit.output.strip_prefix("Error parsing ")?.split_once(" with value '")?;
        // The last one ends the value, whatever that holds.
        let (_, accepted) = value.rsplit_once("': ")?;
        let command = page::spelled(&scan.path);
        let option = what.strip_prefix("option '").map(|name| name.trim_end_matches('\''));
        Some(format!("{} takes {}", option.unwrap_or(&command), accepted.trim_end()))
    };
    reason().unwrap_or_else(|| "The arguments are not understood".to_owned())
}

/// Every command with its options, positionals, examples and exit codes, as defined in `args`.
pub(crate) fn command_tree() -> CommandInfoWithArgs {
    Ntcli::get_args_info()
}
