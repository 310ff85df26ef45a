//! The command that a new token is handed to.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::io::ioctl_fionbio;
use rustix::pipe::{PipeFlags, pipe_with};

use super::running::Running;
use crate::context::{LOCK_HOLDER, SESSION_VARIABLES};
use crate::error::{Error, Result};
use crate::rotation::Delivery;
use crate::text::{printable, shell_word};

const SHELL: &str = "/bin/sh";

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
    /// user of the machine can read. Of our descriptors it gets none.
    pub(super) fn start(
        &self,
        delivery: &Delivery,
        lock_holder: Option<&str>,
    ) -> std::result::Result<Running, String> {
        let Delivery { workspace, new, old, attempt } = delivery;
        let name = format!("--exec {}", shell_word(&printable(&self.text)));
        let expires_at = new.expiry.at().map_or_else(String::new, |t| t.to_string());
        let old_jti = old.and_then(|old| old.jti.as_deref());
        let failed = |e: io::Error| format!("{name} could not be started: {e}");
        let (output, to_us) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
        // Only our end: a command that finds its output full waits.
        ioctl_fionbio(&output, true).map_err(|e| failed(e.into()))?;
        let mut command = std::process::Command::new(SHELL);
        for variable in SESSION_VARIABLES {
            command.env_remove(variable);
        }
        command.envs(lock_holder.map(|holder| (LOCK_HOLDER, holder)));
        let child = command
            .arg("-c")
            .arg(&self.text)
            .env("NTCLI_NEW_TOKEN", new.access_token.expose())
            .env("NTCLI_NEW_JTI", plain(new.jti.as_deref().unwrap_or_default()))
            .env("NTCLI_OLD_JTI", plain(old_jti.unwrap_or_default()))
            .env("NTCLI_EXPIRES_AT", expires_at)
            .env("NTCLI_WORKSPACE_NAME", plain(&workspace.name))
            .env("NTCLI_WORKSPACE_ID", plain(&workspace.id))
            .env("NTCLI_ATTEMPT", attempt.to_string())
            .stdin(Stdio::null())
            .stdout(to_us.try_clone().map_err(failed)?)
            .stderr(to_us)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let secrets = [Some(*new), *old].into_iter().flatten();
        let secrets = secrets.map(|token| token.access_token.clone());
        Ok(Running::new(child, output.into(), secrets.collect(), name, self.timeout))
    }
}

/// Without what ends a variable: a name that a server chose keeps no command from its token.
fn plain(text: &str) -> String {
    text.replace('\0', "")
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
