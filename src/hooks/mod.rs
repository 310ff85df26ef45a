//! Handing a new token to whoever uses it: into files, and to a command.

mod files;

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use crate::context::Clock;
use crate::error::Result;
use crate::rotation::HandOver;
use crate::rotation::journal::WorkspaceRef;
use crate::token::Token;
use files::TokenFile;

/// How long a command that was told to end may take for it.
const GRACE: Duration = Duration::from_secs(5);
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Everybody a new token is handed to, in their order.
pub struct Hooks {
    files: Vec<TokenFile>,
    command: Option<String>,
    timeout: Duration,
    clock: Rc<dyn Clock>,
}

impl Hooks {
    /// From `--token-file`, `--exec` and `--exec-timeout`; `None` when there is nobody.
    ///
    /// # Errors
    /// [`InvalidValue`](crate::error::Error::InvalidValue) for a file that cannot be meant.
    pub fn new(
        files: &[String],
        command: Option<&str>,
        timeout: Duration,
        clock: Rc<dyn Clock>,
    ) -> Result<Option<Self>> {
        if files.is_empty() && command.is_none() {
            return Ok(None);
        }
        let files = files
            .iter()
            .map(|text| TokenFile::parse(text))
            .collect::<Result<_>>()?;
        let command = command.map(str::to_owned);
        Ok(Some(Self {
            files,
            command,
            timeout,
            clock,
        }))
    }

    /// Whether several workspaces would be written over each other.
    #[must_use]
    pub fn mixes_workspaces(&self) -> bool {
        !self.files.iter().all(TokenFile::names_workspace)
    }

    /// Finds out whether every file could be written.
    ///
    /// # Errors
    /// In words, as the hand-over itself.
    pub fn probe(&self, place: &WorkspaceRef) -> std::result::Result<(), String> {
        self.files.iter().try_for_each(|file| file.probe(place))
    }
}

impl HandOver for Hooks {
    fn hand_over(
        &mut self,
        place: &WorkspaceRef,
        new: &Token,
        old: Option<&Token>,
    ) -> std::result::Result<(), String> {
        for file in &self.files {
            file.write(place, new)?;
        }
        match &self.command {
            None => Ok(()),
            Some(command) => self.exec(command, place, new, old),
        }
    }
}

impl Hooks {
    /// Runs the command with the token in its environment, never in its arguments, which every
    /// user of the machine can read.
    fn exec(
        &self,
        command: &str,
        place: &WorkspaceRef,
        new: &Token,
        old: Option<&Token>,
    ) -> std::result::Result<(), String> {
        let expires_at = new.expiry.at().map_or_else(String::new, |t| t.to_string());
        let old_jti = old.and_then(|old| old.jti.as_deref());
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .env("NTCLI_NEW_TOKEN", new.access_token.expose())
            .env("NTCLI_NEW_JTI", new.jti.as_deref().unwrap_or_default())
            .env("NTCLI_OLD_JTI", old_jti.unwrap_or_default())
            .env("NTCLI_EXPIRES_AT", expires_at)
            .env("NTCLI_WORKSPACE_NAME", &place.name)
            .env("NTCLI_WORKSPACE_ID", &place.id)
            .stdin(Stdio::null())
            // Its output goes straight to our stderr: no pipe that a child of its could keep open.
            .stdout(io::stderr())
            .process_group(0)
            .spawn()
            .map_err(|e| format!("the --exec command could not be started: {e}"))?;
        match self.wait(&mut child, self.timeout) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(format!("the --exec command {}", ending(status))),
            Ok(None) => {
                self.end(&mut child);
                let secs = self.timeout.as_secs();
                Err(format!(
                    "the --exec command did not end within {secs} s and was killed"
                ))
            }
            Err(error) => Err(format!(
                "the --exec command could not be waited for: {error}"
            )),
        }
    }

    /// Waits for the end of the command itself, not of what it left in the background.
    fn wait(&self, child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let mut waited = Duration::ZERO;
        let mut pause = FIRST_LOOK;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if waited >= limit {
                return Ok(None);
            }
            self.clock.sleep(pause);
            waited += pause;
            pause = (pause * 2).min(LOOK_EVERY);
        }
    }

    /// Ends the command and its children: asks first, then kills.
    fn end(&self, child: &mut Child) {
        signal(child, "TERM");
        if !matches!(self.wait(child, GRACE), Ok(Some(_))) {
            signal(child, "KILL");
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Signals the command's process group. The shell does it: the standard library can only kill.
fn signal(child: &Child, name: &str) {
    let _ = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("kill -{name} -{}", child.id()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
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
