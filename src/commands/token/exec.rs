//! `ntcli token exec`: another program with the current token in its environment.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::print::usable;
use crate::cli::TokenExec;
use crate::commands::prelude::*;
use crate::context::without_session;

/// Becomes the program: no process is left beside it, so signals, the terminal and the exit code are
/// its own. Nothing of ours is open in it: the standard library closes every file it opened, and
/// gives SIGPIPE, which it ignores, its usual meaning again.
pub(crate) fn run(app: &App, args: &TokenExec) -> Result<Report> {
    let (_, token) = usable(app, args.workspace.as_deref())?;
    let mut words = args.program.iter();
    let name = words.next().cloned().unwrap_or_default();
    let source = without_session(&mut Command::new(&name))
        .args(words)
        .env(args.env.as_deref().unwrap_or("NTCLI_WORKSPACE_TOKEN"), token.access_token.expose())
        .exec();
    Err(Error::not_run(&name.to_string_lossy(), &source))
}
