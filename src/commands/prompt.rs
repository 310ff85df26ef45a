//! Asks the user. Only at a terminal: without one, a command names the flag instead.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use crate::context::{Context, ready};
use crate::error::{Error, Result};
use crate::text::printable;

/// The longest answer.
const LONGEST_ANSWER: u64 = 4096;

/// Whether a user can read the question and answer it.
pub(super) fn possible(ctx: &Context) -> bool {
    (ctx.stdin_is_terminal)() && ctx.console.err_is_terminal()
}

/// One line from the terminal, which does not show it. The terminal is afterwards as it was, Ctrl-C
/// included; Ctrl-Z has to wait, since a shell that continues us would let it show what is typed.
///
/// # Errors
/// If the line cannot be read, or a signal asks for the end of the run.
pub(super) fn hidden(ctx: &Context, ask: &str) -> io::Result<String> {
    ctx.clock.watch_signals();
    let hiding = Hiding::start().ok();
    ctx.console.say(ask);
    // A read would begin again after a signal.
    if let Some(Hiding(terminal, _)) = &hiding {
        if !ready(&mut [PollFd::new(terminal, PollFlags::IN)], None) {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
    // A terminal gives a line at a time, also one that Ctrl-\\ has ended.
    String::from_utf8(what_is_there(ctx)?).map_err(io::Error::other)
}

fn what_is_there(ctx: &Context) -> io::Result<Vec<u8>> {
    let mut input = ctx.stdin.borrow_mut();
    let bytes = input.fill_buf()?.to_vec();
    input.consume(bytes.len());
    Ok(bytes)
}

/// The lines of input that are there by now, if any; `goes_on` becomes `false` at its end.
pub(super) fn lines_if_ready(ctx: &Context, goes_on: &mut bool) -> Option<String> {
    let stdin = io::stdin();
    if !*goes_on || !ready(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(Duration::ZERO)) {
        return None;
    }
    let lines = what_is_there(ctx).unwrap_or_default();
    *goes_on = !lines.is_empty();
    Some(String::from_utf8_lossy(&lines).into_owned())
}

/// The terminal of this process while it shows nothing of what is typed.
pub(super) struct Hiding(File, Termios);

impl Hiding {
    pub(super) fn start() -> io::Result<Self> {
        let terminal = File::open("/dev/tty")?;
        let was = tcgetattr(&terminal)?;
        let mut hidden = was.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.special_codes[SpecialCodeIndex::VSUSP] = 0; // none
        // Ctrl-\\ would end us before the terminal is as it was: now it ends the line.
        let quit = std::mem::replace(&mut hidden.special_codes[SpecialCodeIndex::VQUIT], 0);
        hidden.special_codes[SpecialCodeIndex::VEOL] = quit;
        tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self(terminal, was))
    }
}

impl Drop for Hiding {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.0, OptionalActions::Now, &self.1);
    }
}

/// Continues only if the user agrees to `what` would happen, by typing `word`; `forced` is the same
/// command without the question.
///
/// # Errors
/// [`Error::usage`] without a terminal, [`Error::declined`].
pub(super) fn consent(ctx: &Context, what: &str, word: &str, forced: &str) -> Result<()> {
    if !possible(ctx) {
        let needed = "There is no terminal to ask on, so --force is needed; nothing was done.";
        return Err(Error::usage(format!("{needed} {}", what.trim_end()), forced));
    }
    ctx.console.say(what);
    let shown = printable(word);
    let typed = answer(ctx, &format!("Type {shown} to go on:"))?;
    if typed == word || typed == shown { Ok(()) } else { Err(Error::declined()) }
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
