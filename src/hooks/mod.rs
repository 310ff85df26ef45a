//! Delivers a new token to files and to a command.

mod env_file;
mod files;

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use crate::context::Clock;
use crate::error::{Error, Result, exit};
use crate::rotation::{Deliver, WorkspaceRef};
use crate::token::Token;
use files::{Claim, TokenFile};

/// How long a command that was told to end may take for it.
const GRACE: Duration = Duration::from_secs(5);
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Everybody a new token is handed to, in their order.
pub(crate) struct Hooks {
    files: Vec<TokenFile>,
    command: Option<String>,
    timeout: Duration,
    clock: Rc<dyn Clock>,
    /// The input of the command.
    lock: Option<File>,
}

/// Finds out, workspace by workspace, whether every file could be written.
pub(crate) struct Prober<'a> {
    hooks: &'a Hooks,
    own: &'a [&'a Path],
    claims: Vec<Claim>,
}

impl Hooks {
    /// From `--token-file`, `--exec` and `--exec-timeout`; `None` if there is no target.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file or a command that cannot be meant.
    pub(crate) fn new(
        files: &[String],
        command: Option<&str>,
        timeout: Duration,
        clock: Rc<dyn Clock>,
    ) -> Result<Option<Self>> {
        if files.is_empty() && command.is_none() {
            return Ok(None);
        }
        if command.is_some_and(|command| command.trim().is_empty()) {
            return Err(Error::Usage {
                message: "--exec takes a command, and this one is empty".to_owned(),
                hint: "ntcli token refresh --help".to_owned(),
                exit_code: exit::USAGE,
            });
        }
        let files = files.iter().map(|text| TokenFile::parse(text)).collect::<Result<_>>()?;
        let command = command.map(str::to_owned);
        Ok(Some(Self { files, command, timeout, clock, lock: None }))
    }

    /// Whether several workspaces would be written over each other.
    pub(crate) fn mixes_workspaces(&self) -> bool {
        !self.files.iter().all(TokenFile::names_workspace)
    }

    /// What is needed to find out, before there is a new token, whether it could be handed on.
    /// `own` are the files of the config folder, which are refused as targets.
    pub(crate) fn prober<'a>(&'a self, own: &'a [&'a Path]) -> Prober<'a> {
        Prober { hooks: self, own, claims: Vec::new() }
    }

    /// Gives the command the open lock file as its input. Should we be killed while it runs, no
    /// other run starts one beside it.
    pub(crate) fn hold(&mut self, lock: File) {
        self.lock = Some(lock);
    }
}

impl Prober<'_> {
    /// Finds out whether the token of one more workspace could be handed on.
    ///
    /// # Errors
    /// [`Error::CannotHandOn`], [`Error::Locked`].
    pub(crate) fn probe(&mut self, place: &WorkspaceRef) -> Result<()> {
        let Hooks { files, clock, .. } = self.hooks;
        let claims = &mut self.claims;
        files.iter().try_for_each(|file| file.probe(place, self.own, claims, &**clock))
    }
}

impl Deliver for Hooks {
    fn deliver(
        &mut self,
        place: &WorkspaceRef,
        new: &Token,
        old: Option<&Token>,
    ) -> std::result::Result<(), String> {
        for file in &self.files {
            file.write(place, new, &*self.clock)?;
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
        let input = match &self.lock {
            Some(lock) => lock.try_clone().map(Stdio::from),
            None => Ok(Stdio::null()),
        };
        let input = input.map_err(|e| format!("the --exec command could not be started: {e}"))?;
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .env("NTCLI_NEW_TOKEN", new.access_token.expose())
            .env("NTCLI_NEW_JTI", new.jti.as_deref().unwrap_or_default())
            .env("NTCLI_OLD_JTI", old_jti.unwrap_or_default())
            .env("NTCLI_EXPIRES_AT", expires_at)
            .env("NTCLI_WORKSPACE_NAME", &place.name)
            .env("NTCLI_WORKSPACE_ID", &place.id)
            // Sessions are not for it.
            .env_remove("NTCLI_TOKEN")
            .env_remove("NTCLI_SESSION_TOKEN")
            .stdin(input)
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
                Err(format!("the --exec command did not end within {secs} s and was killed"))
            }
            Err(error) => {
                self.end(&mut child);
                Err(format!("the --exec command could not be waited for, and was killed: {error}"))
            }
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

    /// Ends the command and its children: asks first, then kills what is left of them.
    fn end(&self, child: &mut Child) {
        signal(child, "TERM");
        let mut waited = Duration::ZERO;
        while waited < GRACE {
            let _ = child.try_wait(); // or it would count as alive
            if !signal(child, "0") {
                return;
            }
            self.clock.sleep(LOOK_EVERY);
            waited += LOOK_EVERY;
        }
        signal(child, "KILL");
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Signals the command's process group; whether there is anybody left in it. The shell does it:
/// the standard library can only kill.
fn signal(child: &Child, name: &str) -> bool {
    let sent = Command::new("/bin/sh")
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
