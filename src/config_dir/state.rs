//! The state of this folder in an engine that several machines share, by `NTCLI_STATE_COMMAND`.
//!
//! `COMMAND pull` fetches it, `COMMAND push` replaces what was pulled, unless somebody else has replaced it
//! since: that comparison, and no lock, is what makes the state safe.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::ConfigDir;
use crate::config::{Notice, Paths};
use crate::context::{SystemClock, lock_holder, uninterrupted};
use crate::error::{Error, Result};
use crate::store::{self, Lock, OwnFile};
use crate::targets::{Relay, Running, user_shell};

/// How long the command may take.
const LIMIT: Duration = Duration::from_secs(60);
/// With which it ends if somebody else has pushed since.
const CHANGED: i32 = 3;
/// Tells which config file the engine has; gone while it may not have what a run has written.
const KNOWN: &str = ".state.known";
/// Where the engine's state is looked at without replacing that of the folder.
const LOOK: &str = ".state.look";

/// The engine's copy of a folder.
pub(super) struct State {
    command: String,
    paths: Paths,
    holder: Option<String>,
    limit: Duration,
    /// Whether the folder holds what was not pushed, as far as its writers told.
    is_behind: bool,
    /// Whether a push failed of which nobody knows whether it pushed: what is there may be ours.
    is_unsure: bool,
    /// The config file that the engine has: others write there too.
    known: Option<String>,
    known_at: OwnFile,
}

impl State {
    /// `None` without `NTCLI_STATE_COMMAND`.
    pub(super) fn of(paths: &Paths) -> Option<Self> {
        let (command, paths) = (paths.state_command.clone()?, paths.clone());
        let holder = lock_holder(&paths.lock);
        let [known_at] = OwnFile::in_folder(&paths.dir, [KNOWN]);
        let known = store::read(&known_at).ok().flatten();
        let known = known.and_then(|known| String::from_utf8(known.bytes).ok());
        let (is_behind, is_unsure) = (false, false);
        Some(Self { command, paths, holder, limit: LIMIT, is_behind, is_unsure, known, known_at })
    }

    fn is_behind(&self) -> bool {
        self.is_behind || self.known != self.seen()
    }

    fn seen(&self) -> Option<String> {
        let found = fs::metadata(&*self.paths.config).ok()?;
        Some(format!("{} {}.{}", found.ino(), found.mtime(), found.mtime_nsec()))
    }

    fn note_known(&mut self, seen: Option<String>) {
        self.known = seen;
        if let (Some(known), Ok(place)) = (&self.known, self.known_at.place()) {
            let _ = store::replace_unsynced(&place, known.as_bytes(), store::PRIVATE);
        }
    }

    /// Replaces what the folder holds by what the engine has, if that is something else.
    ///
    /// # Errors
    /// [`Error::state_not_pulled`].
    pub(super) fn pull(&mut self, lock: &Lock) -> Result<()> {
        let _ = fs::remove_dir_all(self.paths.dir.join(LOOK)); // a killed run left its tokens there
        let before = self.seen();
        let pulled = self.run("pull", &self.paths.dir, lock);
        pulled.map_err(|(_, reason)| Error::state_not_pulled(&reason))?;
        let seen = self.seen();
        if seen != before {
            self.note_known(seen);
        }
        Ok(())
    }

    /// Replaces what the engine has.
    ///
    /// # Errors
    /// [`Error::state_changed`]: the command says that somebody has replaced it, who may be itself, if it was
    /// carried out twice. [`Error::state_not_pushed`]: nobody knows.
    pub(super) fn push(&mut self, lock: &Lock) -> Result<()> {
        let seen = self.seen();
        match self.run("push", &self.paths.dir, lock) {
            Ok(()) => {
                (self.is_behind, self.is_unsure) = (false, false);
                self.note_known(seen);
                Ok(())
            }
            Err((Some(CHANGED), _)) if !self.is_unsure => Err(Error::state_changed()),
            Err((_, reason)) => {
                self.is_unsure = true;
                let _ = fs::remove_file(&*self.known_at);
                Err(Error::state_not_pushed(&reason))
            }
        }
    }

    /// Whether the engine's journal or config names a token, or nobody knows.
    pub(super) fn has(&self, jti: &str, lock: &Lock) -> bool {
        let (beside, jti) = (self.paths.dir.join(LOOK), serde_json::json!(jti).to_string());
        let is_pulled =
            fs::create_dir_all(&beside).is_ok() && self.run("pull", &beside, lock).is_ok();
        let names_it =
            |file: &Path| match fs::read(beside.join(file.file_name().unwrap_or_default())) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).contains(&jti),
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            };
        let Paths { config, journal, .. } = &self.paths;
        let has = !is_pulled || names_it(config) || names_it(journal);
        let _ = fs::remove_dir_all(&beside);
        has
    }

    /// Runs the command; where that fails, with the code it ended with, if it did, and why.
    fn run(
        &self,
        verb: &str,
        dir: &Path,
        lock: &Lock,
    ) -> std::result::Result<(), (Option<i32>, String)> {
        let start = || {
            user_shell(&format!("{} {verb}", self.command), self.holder.as_deref())
                .env("NTCLI_CONFIG_DIR", dir)
                // A command that outlives a killed run keeps the next one waiting.
                .stdin(lock.for_child()?)
                .stdout(io::stderr().as_fd().try_clone_to_owned()?)
                .spawn()
        };
        let child = start().map_err(|error| (None, error.to_string()))?;
        let name = format!("its {verb}");
        let mut running = Running::new(child, None, Relay::default(), name, self.limit);
        // Half a step helps nobody.
        let status = uninterrupted(|| running.wait(&SystemClock)).map_err(|why| (None, why))?;
        if status.success() { Ok(()) } else { Err((status.code(), status.to_string())) }
    }
}

impl ConfigDir<'_> {
    /// Says that a file of this folder was written, and has the engine take it over.
    ///
    /// # Errors
    /// [`Error::state_changed`], [`Error::state_not_pushed`].
    pub(crate) fn push_change(&mut self) -> Result<()> {
        self.mark_behind();
        self.push()
    }

    /// The same at the end of the work, when no step depends on it any more.
    pub(crate) fn push_or_tell(&mut self) {
        if let Err(error) = self.push() {
            (self.on_notice)(Notice::StateBehind { reason: error.in_one_line() });
        }
    }

    pub(super) fn mark_behind(&mut self) {
        if let Some(state) = &mut self.state {
            state.is_behind = true;
        }
    }

    pub(super) fn push(&mut self) -> Result<()> {
        match &mut self.state {
            Some(state) if state.is_behind() => state.push(&self.lock),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Env;
    use crate::store;

    /// Nothing of it works on when the run goes on without it.
    #[test]
    fn a_command_that_hangs_is_ended_with_what_it_started() {
        let dir = std::env::temp_dir().join(format!("ntcli-state-{}", std::process::id()));
        let (mark, env) = (dir.join("late"), [("NTCLI_CONFIG_DIR".into(), dir.clone().into())]);
        let command = format!("(sleep 1; touch '{}') & sleep 60;", mark.display());
        let paths = Paths { state_command: Some(command), ..Paths::find(&Env::new(env)).unwrap() };
        store::private_folder(&paths.lock).unwrap();
        let lock = store::lock(&paths.lock, Duration::ZERO, &SystemClock, &mut || {}).unwrap();
        let mut state = State::of(&paths).unwrap();
        state.limit = Duration::from_millis(200);
        let error = state.push(&lock).unwrap_err();
        assert!(error.to_string().contains("its push did not end within"), "{error}");
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!mark.exists());
        fs::remove_dir_all(dir).unwrap();
    }
}
