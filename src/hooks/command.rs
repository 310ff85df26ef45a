//! The command that a new token is handed to.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use crate::context::{Clock, SESSION_VARIABLES};
use crate::error::{Error, Result};
use crate::rotation::Delivery;
use crate::text::{printable, shell_word};

/// How long a command that was told to end may take for it.
const GRACE: Duration = Duration::from_secs(5);
const SHELL: &str = "/bin/sh";
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A command for `/bin/sh`, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(super) text: String,
    pub(super) timeout: Duration,
}

impl Command {
    /// `None` for an empty one.
    pub(super) fn new(text: &str, timeout: Duration) -> Option<Self> {
        let is_one = !(text.trim().is_empty() || text.contains('\0'));
        is_one.then(|| Self { text: text.to_owned(), timeout })
    }

    /// Finds out whether the shell understands it and knows its first word.
    pub(super) fn probe(&self) -> std::result::Result<(), String> {
        let words = shell(&["-n", "-c", &self.text]);
        words.map_err(|said| format!("the shell does not understand the command: {said}"))?;
        let first = self.text.split_whitespace().next().unwrap_or_default();
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./+".contains(&b);
        if first.bytes().all(is_plain) {
            let found = shell(&["-c", "command -v -- \"$1\"", "sh", first]);
            found.map_err(|_| format!("there is no command '{first}'"))?;
        }
        Ok(())
    }

    /// Runs the command with the token in its environment, never in its arguments, which every
    /// user of the machine can read.
    pub(super) fn run(
        &self,
        delivery: &Delivery,
        lock: Option<&File>,
        clock: &dyn Clock,
    ) -> std::result::Result<(), String> {
        let Delivery { workspace, new, old, attempt } = delivery;
        let name = format!("--exec {}", shell_word(&printable(&self.text)));
        let expires_at = new.expiry.at().map_or_else(String::new, |t| t.to_string());
        let old_jti = old.and_then(|old| old.jti.as_deref());
        // Should we be killed while it runs, no other run starts one beside it.
        let input = match lock {
            Some(lock) => lock.try_clone().map(Stdio::from),
            None => Ok(Stdio::null()),
        };
        let input = input.map_err(|e| format!("{name} could not be started: {e}"))?;
        let mut command = std::process::Command::new(SHELL);
        for variable in SESSION_VARIABLES {
            command.env_remove(variable);
        }
        let mut child = command
            .arg("-c")
            .arg(&self.text)
            .env("NTCLI_NEW_TOKEN", new.access_token.expose())
            .env("NTCLI_NEW_JTI", new.jti.as_deref().unwrap_or_default())
            .env("NTCLI_OLD_JTI", old_jti.unwrap_or_default())
            .env("NTCLI_EXPIRES_AT", expires_at)
            .env("NTCLI_WORKSPACE_NAME", &workspace.name)
            .env("NTCLI_WORKSPACE_ID", &workspace.id)
            .env("NTCLI_ATTEMPT", attempt.to_string())
            .stdin(input)
            // Its output goes straight to our stderr: no pipe that a child of its could keep open.
            .stdout(io::stderr())
            .process_group(0)
            .spawn()
            .map_err(|e| format!("{name} could not be started: {e}"))?;
        match wait(&mut child, self.timeout, clock) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(format!("{name} {}", ending(status))),
            Ok(None) => {
                end(&mut child, clock);
                let secs = self.timeout.as_secs();
                Err(format!("{name} did not end within {secs} s and was killed"))
            }
            Err(error) => {
                end(&mut child, clock);
                Err(format!("{name} could not be waited for, and was killed: {error}"))
            }
        }
    }
}

/// Finds out whether there is a shell, without running it: that would cost every refresh a process.
pub(super) fn probe_shell() -> Result<()> {
    if Path::new(SHELL).exists() {
        return Ok(());
    }
    Err(Error::cannot_deliver(
        &format!("a command needs {SHELL}, which is not here"),
        "deliver to a file instead: ntcli target add --help",
    ))
}

/// Runs the shell quietly.
///
/// # Errors
/// What it said, in a line.
fn shell(args: &[&str]) -> std::result::Result<(), String> {
    let output = std::process::Command::new(SHELL).args(args).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(printable(String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(error.to_string()),
    }
}

/// Waits for the end of the command itself, not of what it left in the background.
fn wait(child: &mut Child, limit: Duration, clock: &dyn Clock) -> io::Result<Option<ExitStatus>> {
    let mut waited = Duration::ZERO;
    let mut pause = FIRST_LOOK;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if waited >= limit {
            return Ok(None);
        }
        clock.sleep(pause);
        waited += pause;
        pause = (pause * 2).min(LOOK_EVERY);
    }
}

/// Ends the command and its children: asks first, then kills what is left of them.
fn end(child: &mut Child, clock: &dyn Clock) {
    signal(child, "TERM");
    let mut waited = Duration::ZERO;
    while waited < GRACE {
        let _ = child.try_wait(); // or it would count as alive
        if !signal(child, "0") {
            return;
        }
        clock.sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
    signal(child, "KILL");
    let _ = child.kill();
    let _ = child.wait();
}

/// Signals the command's process group; answers whether any process is left in it. The shell does it:
/// the standard library can only kill.
fn signal(child: &Child, name: &str) -> bool {
    let sent = std::process::Command::new(SHELL)
        .arg("-c")
        .arg(format!("kill -{name} -{}", child.id()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    sent.is_ok_and(|status| status.success())
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(127), _) => "ended with 127: command not found".to_owned(),
        (Some(126), _) => "ended with 126: it cannot be executed".to_owned(),
        (Some(code), _) => format!("ended with {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}
