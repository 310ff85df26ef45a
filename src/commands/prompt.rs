//! Asks the user. Only at a terminal: without one, a command names the flag instead.

use std::io::{self, BufRead, Read};
use std::process::{Child, Command, Stdio};

use crate::context::Context;
use crate::error::{Error, ManageError, Result, exit};

/// The longest answer.
const LONGEST_ANSWER: u64 = 4096;

/// What is about to be done, and how the user confirms it.
pub(super) struct Question<'a> {
    /// What would happen, in whole sentences.
    pub(super) what: String,
    pub(super) ask: String,
    /// The answers that mean yes.
    pub(super) yes: &'a [&'a str],
    /// The same command without the question.
    pub(super) forced: String,
}

/// Whether a user can read the question and answer it.
pub(super) fn possible(ctx: &Context) -> bool {
    ctx.stdin_is_terminal && ctx.console.err_is_terminal()
}

/// A shell beside us, which the terminal sends Ctrl-C to as well: the standard library catches no signal.
/// It ends when its input does, so at the latest with us.
fn shell_beside(script: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::null());
    shell
}

/// Says at Ctrl-C what becomes of the work, until the result is dropped.
pub(super) fn tell_if_interrupted(ctx: &Context) -> Option<Child> {
    let words = "Interrupted; the next run finishes or undoes what was begun: ntcli token refresh";
    let script = format!("trap 'printf \"\\n{words}\\n\" >&2; exit' INT; read x");
    if ctx.console.err_is_terminal() { shell_beside(&script).spawn().ok() } else { None }
}

/// One line from the terminal, which does not show it. It shows what is typed again afterwards, Ctrl-C
/// included.
///
/// # Errors
/// If the line cannot be read.
pub(super) fn hidden(ctx: &Context, ask: &str, longest: u64) -> io::Result<String> {
    let script = "trap 'stty echo < /dev/tty' EXIT; trap exit INT TERM HUP; stty -echo < /dev/tty; echo; read x";
    let hiding = shell_beside(script).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let hiding = hiding.ok().map(|mut shell| {
        // It is hidden now, or cannot be.
        let _ = shell.stdout.take().map(|mut out| out.read(&mut [0]));
        shell
    });
    ctx.console.say(ask);
    let mut line = String::new();
    let read = (&mut *ctx.stdin.borrow_mut()).take(longest).read_line(&mut line);
    // Waiting closes its input, which ends it.
    let _ = hiding.map(|mut shell| shell.wait());
    read.map(|_| line)
}

/// Continues only if the user agrees.
///
/// # Errors
/// [`Error::Usage`] without a terminal, [`ManageError::Declined`].
pub(super) fn consent(ctx: &Context, question: &Question) -> Result<()> {
    if !possible(ctx) {
        return Err(Error::Usage {
            message: format!(
                "There is no terminal to ask on, so --force is needed; nothing was done. {}",
                question.what.trim_end()
            ),
            hint: question.forced.clone(),
            exit_code: exit::USAGE,
        });
    }
    ctx.console.say(&question.what);
    let answer = answer(ctx, &question.ask)?;
    if question.yes.contains(&answer.as_str()) { Ok(()) } else { Err(ManageError::Declined.into()) }
}

/// One line from the terminal, trimmed.
///
/// # Errors
/// [`ManageError::Declined`] at the end of input.
pub(super) fn answer(ctx: &Context, ask: &str) -> Result<String> {
    ctx.console.ask(ask);
    let mut line = String::new();
    let read = (&mut *ctx.stdin.borrow_mut()).take(LONGEST_ANSWER).read_line(&mut line);
    match read {
        Ok(0) | Err(_) => {
            ctx.console.say("");
            Err(ManageError::Declined.into())
        }
        Ok(_) => Ok(line.trim().to_owned()),
    }
}
