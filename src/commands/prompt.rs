//! Asks the user. Only at a terminal: without one, a command names the flag instead.

use std::io::{self, BufRead, Read};
use std::process::{Child, Command, Stdio};

use crate::context::{Context, SESSION_VARIABLES};
use crate::error::{Error, Result};

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
pub(super) struct Beside(Child);

impl Beside {
    fn start(script: &str, stdout: Stdio, stderr: Stdio) -> Option<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]).stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        for variable in SESSION_VARIABLES {
            shell.env_remove(variable);
        }
        shell.spawn().ok().map(Self)
    }
}

impl Drop for Beside {
    /// It has nothing left to do, and could be stopped: Ctrl-Z stops both, and `kill -CONT` continues one.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says at Ctrl-C what becomes of the work, until the result is dropped.
pub(super) fn tell_if_interrupted(ctx: &Context) -> Option<Beside> {
    let words = "Interrupted; the next run finishes or undoes what was begun: ntcli token refresh";
    let script = format!("trap 'printf \"\\n{words}\\n\" >&2; exit' INT; read x");
    let at_terminal = ctx.console.err_is_terminal();
    at_terminal.then(|| Beside::start(&script, Stdio::null(), Stdio::inherit())).flatten()
}

/// One line from the terminal, which does not show it. It is afterwards as it was, Ctrl-C included;
/// Ctrl-Z has to wait, since a shell that continues us would let it show what is typed.
///
/// # Errors
/// If the line cannot be read.
pub(super) fn hidden(ctx: &Context, ask: &str, longest: u64) -> io::Result<String> {
    let script = "exec 3< /dev/tty; was=$(stty -g <&3); trap 'stty \"$was\" <&3' EXIT; \
                  trap exit INT QUIT TERM HUP; stty -echo susp undef <&3; echo; read x";
    let mut hiding = Beside::start(script, Stdio::piped(), Stdio::null());
    // Once it says so, the line is hidden, or cannot be.
    let said = hiding.as_mut().and_then(|shell| shell.0.stdout.take());
    let _ = said.map(|mut said| said.read(&mut [0]));
    ctx.console.say(ask);
    let mut line = String::new();
    let read = (&mut *ctx.stdin.borrow_mut()).take(longest).read_line(&mut line);
    // Waiting closes its input; it puts the terminal back first.
    let _ = hiding.map(|mut shell| shell.0.wait());
    read.map(|_| line)
}

/// Continues only if the user agrees.
///
/// # Errors
/// [`Error::usage`] without a terminal, [`Error::declined`].
pub(super) fn consent(ctx: &Context, question: &Question) -> Result<()> {
    if !possible(ctx) {
        return Err(Error::usage(
            format!(
                "There is no terminal to ask on, so --force is needed; nothing was done. {}",
                question.what.trim_end()
            ),
            question.forced.clone(),
        ));
    }
    ctx.console.say(&question.what);
    let answer = answer(ctx, &question.ask)?;
    if question.yes.contains(&answer.as_str()) { Ok(()) } else { Err(Error::declined()) }
}

/// One line from the terminal, trimmed.
///
/// # Errors
/// [`Error::declined`] at the end of input.
pub(super) fn answer(ctx: &Context, ask: &str) -> Result<String> {
    ctx.console.ask(ask);
    let mut line = String::new();
    let read = (&mut *ctx.stdin.borrow_mut()).take(LONGEST_ANSWER).read_line(&mut line);
    match read {
        Ok(0) | Err(_) => {
            ctx.console.say("");
            Err(Error::declined())
        }
        Ok(_) => Ok(line.trim().to_owned()),
    }
}
