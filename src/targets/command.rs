//! The command that a new token is handed to.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::io::ioctl_fionbio;
use rustix::pipe::{PipeFlags, pipe_with};

use super::running::{Relay, Running};
use crate::context::{Clock, Env, LOCK_HOLDER, Process, without_session};
use crate::error::{Error, Result};
use crate::rotation::Delivery;
use crate::text::{printable, shell_word};

/// The command begins once it is told to, by a line that never comes if this run is killed before the
/// journal knows it. On the first line of the command, so that the shell counts its lines as they were given.
const GATE: &str = "read -r _ || exit; exec < /dev/null; ";
/// Prints where the shell finds its first argument.
const FIND: &str = "command -v -- \"$1\"";

/// What runs the commands of the user.
const SHELL: &str = "/bin/sh";
/// Where cron finds commands.
const PLAIN_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command for `/bin/sh`, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(super) text: String,
    /// Succeeds if the consumer holds the token.
    pub(super) check: Option<String>,
    pub(super) timeout: Duration,
}

impl Command {
    /// `None` for an empty one.
    pub(super) fn new(text: &str, check: Option<&str>, timeout: Duration) -> Option<Self> {
        let is_one = |text: &str| !(text.trim().is_empty() || text.contains('\0'));
        let all = is_one(text) && check.is_none_or(is_one);
        let check = check.map(str::to_owned);
        all.then(|| Self { text: text.to_owned(), check, timeout })
    }

    /// Finds out whether this run, or cron where it is new, finds the shell and what the command and its check
    /// start with; without running them: that would cost every refresh a process.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`]
    pub(super) fn probe(&self, path: &OsStr, is_new: bool) -> Result<()> {
        let cron = (OsStr::new(PLAIN_PATH), "ntcli target add --help");
        let (path, help) = if is_new { cron } else { (path, "ntcli target list") };
        let refuse = |reason: &str| Err(Error::cannot_deliver(reason, help));
        if !Path::new(SHELL).exists() {
            let reason = format!("a command needs {SHELL}, which is not here");
            let file = "deliver to a file instead: ntcli target add --help";
            return Err(Error::cannot_deliver(&reason, file));
        }
        for text in [Some(&self.text), self.check.as_ref()].into_iter().flatten() {
            if let Some(Err(said)) = is_new.then(|| shell(&["-n", "-c", text], None)) {
                return refuse(&format!("the shell does not understand the command: {said}"));
            }
            let Some(first) = first_word(text) else { continue };
            if first.contains('/') && !first.starts_with('/') {
                return refuse(&format!(
                    "'{first}' is relative, and the command runs in /: give the whole path"
                ));
            }
            let Err(reason) = find(first, path) else { continue };
            return refuse(&match shell(&["-c", FIND, "sh", first], None) {
                Ok(here) if is_new && here.starts_with('/') && here != first => {
                    format!(
                        "cron does not find '{first}' (its PATH is {PLAIN_PATH}): give its path, {here}"
                    )
                }
                _ => reason,
            });
        }
        Ok(())
    }

    /// Runs the command, then its check if there is one.
    pub(super) fn deliver(
        &self,
        given: &Given,
        clock: &dyn Clock,
        journal: &mut dyn FnMut(Process),
    ) -> std::result::Result<(), String> {
        let running = self.start("--exec", &self.text, given)?;
        running.process().into_iter().for_each(journal);
        running.finish(clock)?;
        self.start_check(given).map_or(Ok(()), |check| check?.finish(clock))
    }

    /// Starts the check, if there is one.
    pub(super) fn start_check(
        &self,
        given: &Given,
    ) -> Option<std::result::Result<Running, String>> {
        self.check.as_deref().map(|check| self.start("--check", check, given))
    }

    /// Starts a command with the token in its environment, never in its arguments, which every user of the
    /// machine can read. Of our descriptors it gets none.
    pub(super) fn start(
        &self,
        option: &str,
        text: &str,
        given: &Given,
    ) -> std::result::Result<Running, String> {
        let Given { delivery: Delivery { workspace, new, old, attempt }, lock_holder, quiet } =
            given;
        let name = format!("{option} {}", shell_word(&printable(text)));
        let expires_at = new.expiry.at().map_or_else(String::new, |t| t.to_string());
        let old_jti = old.as_ref().and_then(|old| old.jti.as_deref());
        let failed = |e: io::Error| format!("{name} could not be started: {e}");
        let (output, to_us) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
        // Only our end: a command that finds its output full waits.
        ioctl_fionbio(&output, true).map_err(|e| failed(e.into()))?;
        let child = user_shell(&[GATE, text].concat(), *lock_holder)
            .current_dir("/")
            .env("NTCLI_NEW_TOKEN", new.access_token.expose())
            .env("NTCLI_NEW_JTI", plain(new.jti.as_deref().unwrap_or_default()))
            .env("NTCLI_OLD_JTI", plain(old_jti.unwrap_or_default()))
            .env("NTCLI_EXPIRES_AT", expires_at)
            .env("NTCLI_WORKSPACE_NAME", plain(&workspace.name))
            .env("NTCLI_WORKSPACE_ID", plain(&workspace.id))
            .env("NTCLI_ATTEMPT", attempt.to_string())
            .stdin(Stdio::piped())
            .stdout(to_us.try_clone().map_err(failed)?)
            .stderr(to_us)
            .spawn()
            .map_err(failed)?;
        let secrets = [Some(*new), *old].into_iter().flatten();
        let secrets = secrets.map(|token| token.access_token.clone()).collect();
        Ok(Running::new(
            child,
            Some(output.into()),
            Relay::new(secrets, *quiet),
            name,
            self.timeout,
        ))
    }
}

/// What a command is given.
pub(super) struct Given<'a> {
    pub(super) delivery: &'a Delivery<'a>,
    /// What it is told about our lock.
    pub(super) lock_holder: Option<&'a str>,
    /// Nobody reads what it prints.
    pub(super) quiet: bool,
}

/// Where a run finds commands.
pub(super) fn path(env: &Env) -> OsString {
    env.os("PATH").unwrap_or_else(|| PLAIN_PATH.into())
}

/// The word that names what is started, where that can be told without a shell.
fn first_word(text: &str) -> Option<&str> {
    let first = text.split_whitespace().next()?;
    first.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./+".contains(&b)).then_some(first)
}

/// Finds a program as the shell does. One that is not in the `PATH` may be a word of the shell itself.
///
/// # Errors
/// Why it cannot be started.
fn find(word: &str, path: &OsStr) -> std::result::Result<(), String> {
    if word.contains('/') {
        return find_file(Path::new(word));
    }
    let mut folders = std::env::split_paths(path);
    if folders.any(|folder| is_executable(&folder.join(word)))
        || shell(&["-c", FIND, "sh", word], Some(path)).is_ok()
    {
        return Ok(());
    }
    Err(format!("there is no command '{word}'"))
}

fn find_file(file: &Path) -> std::result::Result<(), String> {
    let shown = printable(&file.display().to_string());
    if !is_executable(file) {
        return Err(format!("{shown} is no program that can be executed"));
    }
    let mut head = [0; 256];
    let read = File::open(file).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    let line = head[..read].split(|b| *b == b'\n').next().unwrap_or_default();
    let interpreter = line.strip_prefix(b"#!").map(<[u8]>::trim_ascii_start);
    let interpreter = interpreter.and_then(|line| line.split(u8::is_ascii_whitespace).next());
    match interpreter.map(|path| Path::new(OsStr::from_bytes(path))) {
        Some(path) if !path.exists() => Err(format!(
            "{shown} needs {}, which is not here",
            printable(&path.display().to_string())
        )),
        _ => Ok(()),
    }
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
}

/// Without what ends a variable: a name that a server chose keeps no command from its token.
fn plain(text: &str) -> String {
    text.replace('\0', "")
}

/// A shell for a command of the user's, in a group of its own: with the environment of the run, but without
/// its session, and told which lock its parent holds.
pub(crate) fn user_shell(text: &str, lock_holder: Option<&str>) -> std::process::Command {
    let mut command = std::process::Command::new(SHELL);
    without_session(&mut command);
    command.envs(lock_holder.map(|holder| (LOCK_HOLDER, holder)));
    command.args(["-c", text]).process_group(0);
    command
}

/// Runs the shell quietly; returns what it prints.
///
/// # Errors
/// What it said, in a line.
fn shell(args: &[&str], path: Option<&OsStr>) -> std::result::Result<String, String> {
    let mut command = std::process::Command::new(SHELL);
    command.args(args).stdin(Stdio::null()).envs(path.map(|path| ("PATH", path)));
    let text = |bytes: &[u8]| printable(String::from_utf8_lossy(bytes).trim());
    match command.output() {
        Ok(output) if output.status.success() => Ok(text(&output.stdout)),
        Ok(output) => Err(text(&output.stderr)),
        Err(error) => Err(error.to_string()),
    }
}
