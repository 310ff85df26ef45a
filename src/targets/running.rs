//! A command that was started: its end, and what it prints.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::context::{Clock, Process, handle, ready};
use crate::secret::{Secret, redact};

/// How long a command that was told to end may take for it.
const GRACE: Duration = Duration::from_secs(5);
/// How often is looked at what no descriptor tells of.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much is read at a time, and how often before anything else is looked at.
const PIECE: usize = 16 << 10;
const MOST_PIECES: usize = 64;
/// What is shorter holds no secret: much output need not be looked at closely.
const SHORTEST_SECRET: usize = 6;
/// The longest line that is shown as a whole.
const LONGEST_LINE: usize = 64 << 10;

/// A command at work.
pub(crate) struct Running {
    child: Child,
    /// Readable once it has ended.
    handle: Option<OwnedFd>,
    /// What it prints, until nobody can print there any more.
    output: Option<File>,
    relay: Relay,
    name: String,
    timeout: Duration,
}

impl Running {
    /// `output` does not block.
    pub(crate) fn new(
        child: Child,
        output: Option<File>,
        relay: Relay,
        name: String,
        timeout: Duration,
    ) -> Self {
        let handle = handle(child.id());
        Self { child, handle, output, relay, name, timeout }
    }

    pub(super) fn process(&self) -> Option<Process> {
        Process::of(self.child.id())
    }

    /// Lets the command begin, and waits for its success.
    pub(super) fn finish(mut self, clock: &dyn Clock) -> Result<(), String> {
        let status = self.wait(clock)?;
        if status.success() { Ok(()) } else { Err(format!("{} {}", self.name, ending(status))) }
    }

    /// Lets the command begin, and waits for the end of it itself, not of what it left in the background. It
    /// goes on when a signal ends this run: the journal knows it.
    ///
    /// # Errors
    /// It took too long and was killed, or is not waited for.
    pub(crate) fn wait(&mut self, clock: &dyn Clock) -> Result<ExitStatus, String> {
        if let Some(mut gate) = self.child.stdin.take() {
            let _ = gate.write_all(b"\n"); // one that has ended meanwhile says why
        }
        let since = Instant::now();
        let status = loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                break status;
            }
            let left = self.timeout.saturating_sub(since.elapsed());
            if left.is_zero() {
                self.end(clock);
                let (name, secs) = (&self.name, self.timeout.as_secs());
                return Err(format!("{name} did not end within {secs} s and was killed"));
            }
            if clock.interrupted().is_some() {
                return Err(format!("{} goes on, and was not waited for", self.name));
            }
            let fds =
                [self.handle.as_ref().map(AsFd::as_fd), self.output.as_ref().map(AsFd::as_fd)];
            let fds = fds.into_iter().flatten();
            let mut fds: Vec<_> =
                fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
            let limit = if self.handle.is_some() { left } else { left.min(LOOK_EVERY) };
            ready(&mut fds, Some(limit));
            self.relay();
        };
        self.relay();
        self.relay.end();
        Ok(status)
    }

    /// Shows what it has printed so far.
    fn relay(&mut self) {
        let mut piece = [0; PIECE];
        for _ in 0..MOST_PIECES {
            let Some(output) = &mut self.output else { return };
            match output.read(&mut piece) {
                Ok(0) => self.output = None,
                Ok(n) => self.relay.take(&piece[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Ends the command and its children: asks first, then kills what is left of them.
    fn end(&mut self, clock: &dyn Clock) {
        let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            return;
        };
        let _ = kill_process_group(group, Signal::TERM);
        let since = Instant::now();
        while since.elapsed() < GRACE && clock.interrupted().is_none() {
            self.relay();
            let _ = self.child.try_wait(); // or it would count as alive
            if test_kill_process_group(group).is_err() {
                return self.relay.end();
            }
            ready(&mut [], Some(LOOK_EVERY));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        self.relay();
        self.relay.end();
    }
}

/// What a command prints, on its way to our stderr. The token that it was given is masked.
#[derive(Default)]
pub(crate) struct Relay {
    secrets: Vec<Secret>,
    quiet: bool,
    /// What has not been shown yet.
    line: Vec<u8>,
}

impl Relay {
    pub(super) fn new(secrets: Vec<Secret>, quiet: bool) -> Self {
        let secrets = secrets.into_iter().flat_map(Secret::forms).collect();
        Self { secrets, quiet, line: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.quiet {
            return;
        }
        let end = bytes.iter().rposition(|b| *b == b'\n').map(|end| self.line.len() + end + 1);
        self.line.extend_from_slice(bytes);
        if let Some(end) = end {
            let rest = self.line.split_off(end);
            self.end();
            self.line = rest;
        } else if self.line.len() > LONGEST_LINE {
            // A token may have come in part.
            let mut masked = self.masked().into_owned();
            let longest = self.secrets.iter().map(|secret| secret.expose().len()).max();
            self.line = masked.split_off(masked.len().saturating_sub(longest.unwrap_or(0)));
            show(&masked);
        }
    }

    /// Shows what is left.
    fn end(&mut self) {
        if !self.line.is_empty() {
            show(&self.masked());
            self.line.clear();
        }
    }

    fn masked(&self) -> Cow<'_, [u8]> {
        let mut words = self.line.split(|byte| !byte.is_ascii_graphic());
        if !words.any(|word| word.len() >= SHORTEST_SECRET) {
            return Cow::Borrowed(&self.line);
        }
        let text = String::from_utf8_lossy(&self.line);
        let masked = redact(&text, &self.secrets.iter().collect::<Vec<_>>());
        if masked == text { Cow::Borrowed(&self.line) } else { masked.into_bytes().into() }
    }
}

fn show(bytes: &[u8]) {
    let _ = io::stderr().write_all(bytes);
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(127) => "ended with 127: command not found".to_owned(),
        Some(126) => "ended with 126: it cannot be executed".to_owned(),
        Some(code) => format!("ended with {code}"),
        None => format!("was killed by signal {}", status.signal().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::{Command, Given};
    use super::*;
    use crate::context::SystemClock;
    use crate::rotation::{Delivery, WorkspaceRef};
    use crate::token::{Token, TokenExpiry};

    /// What is killed between the start and the journal leaves no command that nobody knows of.
    #[test]
    fn a_command_begins_when_it_is_told_to() {
        let text = |text: &str| text.to_owned();
        let (key, id, name, server) = (text("k"), text("u-1"), text("prod"), String::new());
        let workspace = &WorkspaceRef { key, id, name, server };
        let (secret, kind) = (Secret::new("wst_1"), text("Bearer"));
        let new = &Token::new(secret, None, TokenExpiry::Never, kind, Vec::new());
        let delivery = &Delivery { workspace, new, old: None, attempt: 1 };
        let given = Given { delivery, lock_holder: None, quiet: true };
        let mark = std::env::temp_dir().join(format!("ntcli-begun-{}", std::process::id()));
        let command = format!("touch '{}'", mark.display());
        let command = Command::new(&command, None, Duration::from_secs(60)).unwrap();
        let mut running = command.start("--exec", &command.text, &given).unwrap();
        assert!(running.process().is_some());
        drop(running.child.stdin.take()); // as a kill of this process does
        assert!(!running.child.wait().unwrap().success());
        assert!(!mark.exists());
        command.start("--exec", &command.text, &given).unwrap().finish(&SystemClock).unwrap();
        std::fs::remove_file(&mark).unwrap();
    }
}
