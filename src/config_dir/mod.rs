//! The config folder while its lock is held: config, journal and history as a rotation sees them.

mod change;
pub(crate) mod history;
pub(crate) mod last_run;
pub(crate) mod past;
mod state;

use std::time::Duration;

use crate::config::{Config, Notice, Paths, close_folder};
use crate::context::{Clock, is_held_for_us};
use crate::error::{Error, Kind, Result};
use crate::rotation::{
    HistoryEvent, Pending, Record, Rotation, Store, Target, WorkspaceRef, journal_lines,
};
use crate::store::{self, Lock, Log, WriteError, Written};
use crate::targets::SavedTargets;
use crate::token::Token;
use change::store_in;
use past::History;
use state::State;

/// How long a run waits for another one to finish, by default.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(60);

/// The config folder, locked.
pub(crate) struct ConfigDir<'a> {
    paths: Paths,
    clock: &'a dyn Clock,
    on_notice: Box<dyn Fn(Notice) + 'a>,
    config: Option<Config>,
    journal: Option<Log>,
    history: History,
    targets: Option<SavedTargets>,
    /// What keeps this folder's state for several machines, if anything does.
    state: Option<State>,
    lock: Lock,
}

impl<'a> ConfigDir<'a> {
    /// Creates the folder if necessary, takes its lock, and removes what a killed run left.
    ///
    /// # Errors
    /// [`Error::write_file`], [`Error::locked`].
    pub(crate) fn lock(
        paths: &Paths,
        wait: Duration,
        clock: &'a dyn Clock,
        on_notice: Box<dyn Fn(Notice) + 'a>,
    ) -> Result<(Self, bool)> {
        clock.watch_signals();
        close_folder(&paths.lock, &on_notice);
        store::check_folder(&paths.lock)?;
        store::private_folder(&paths.lock)?;
        let mut waited = false;
        let holder = paths.lock_holder.as_deref();
        let is_parent = holder.is_some_and(|holder| is_held_for_us(holder, &paths.lock));
        let wait = if is_parent { Duration::ZERO } else { wait };
        let lock = store::lock(&paths.lock, wait, clock, &mut || {
            waited = true;
            if !is_parent {
                on_notice(Notice::Waiting);
            }
        });
        let lock = lock.map_err(|error| match error.kind() {
            Kind::Locked if is_parent => Error::locked_by_parent(&paths.lock),
            _ => error,
        })?;
        let mut state = State::of(paths);
        if let Some(state) = &mut state {
            state.pull(&lock)?;
        }
        store::finish_overwriting(&paths.unfinished)
            .unwrap_or_else(|e| on_notice(Notice::Unfinished { reason: e.to_string() }));
        let dir = Self {
            paths: paths.clone(),
            clock,
            on_notice,
            config: None,
            journal: None,
            history: History::new(&paths.history),
            targets: None,
            state,
            lock,
        };
        Ok((dir, waited))
    }

    /// Spares a second look at a config file that has not changed since `config` was read.
    pub(crate) fn expect(&mut self, config: Config) {
        self.config = Some(config);
    }

    /// The config file as it is now.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn config(&mut self) -> Result<Config> {
        Ok(self.fresh()?.clone())
    }

    /// What must get the tokens.
    ///
    /// # Errors
    /// As [`SavedTargets::load`].
    pub(crate) fn targets(&mut self) -> Result<&mut SavedTargets> {
        let targets = match self.targets.take() {
            Some(targets) => targets,
            None => SavedTargets::load(&self.paths.targets)?,
        };
        Ok(self.targets.insert(targets))
    }

    /// Changes what must get the tokens.
    ///
    /// # Errors
    /// As [`SavedTargets::load`]; [`Error::write_file`]: all is as it was.
    pub(crate) fn change_targets<T>(
        &mut self,
        change: impl FnOnce(&mut SavedTargets) -> T,
    ) -> Result<T> {
        let path = self.paths.targets.clone();
        let changed = self.targets()?.change(&path, change)?;
        self.push_change()?;
        Ok(changed)
    }

    /// The keys under which the config file has a token of the workspace.
    fn keys_holding(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<Vec<String>> {
        let held = self.fresh()?.tokens_of(&workspace.id);
        let held = held.filter(|(_, token)| token.jti.as_deref() == Some(jti));
        Ok(held.map(|(key, _)| key.to_owned()).collect())
    }

    fn log(&mut self) -> Result<&mut Log> {
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None => Log::open(&self.paths.journal)?.0,
        };
        Ok(self.journal.insert(journal))
    }
}

/// What the journal says, read without the lock: for reports only.
///
/// # Errors
/// [`Error::read_file`], [`Error::damaged_file`].
pub(crate) fn peek_pending(paths: &Paths) -> Result<Pending> {
    let (_, lines) = Log::open(&paths.journal)?;
    Ok(read_pending(paths, &lines)?.0)
}

fn read_pending(paths: &Paths, lines: &[u8]) -> Result<(Pending, usize)> {
    Pending::read(lines).map_err(|place| Error::damaged_file(&paths.journal, &place))
}

impl Store for ConfigDir<'_> {
    fn pending(&mut self) -> Result<Pending> {
        let (mut log, lines) = Log::open(&self.paths.journal)?;
        let (pending, counted) = read_pending(&self.paths, &lines)?;
        log.cut_to(counted as u64);
        self.journal = Some(log);
        Ok(pending)
    }

    fn append(&mut self, records: &[Record], durable: bool) -> Written<()> {
        let lines = journal_lines(records).map_err(WriteError::before)?;
        self.log().map_err(WriteError::before)?.append(&lines, durable)?;
        self.mark_behind();
        if !durable {
            return Ok(());
        }
        self.push().map_err(|error| {
            // What the engine certainly does not know must not stand here either.
            let is_unchanged = matches!(error.kind(), Kind::StateChanged) && self.retract().is_ok();
            WriteError { is_unchanged, error }
        })
    }

    fn check_alone(&mut self) -> Result<()> {
        self.log()?.check_alone()
    }

    fn check_latest(&mut self) -> Result<()> {
        self.push_change()
    }

    fn is_elsewhere(&mut self, jti: &str) -> bool {
        self.state.as_ref().is_some_and(|state| state.has(jti, &self.lock))
    }

    fn retract(&mut self) -> Result<()> {
        self.log()?.retract()
    }

    fn close(&mut self, pending: &Pending) -> Result<()> {
        let log = self.log()?;
        let was_long = log.len();
        let closed = close_journal(log, pending);
        if self.log()?.len() != was_long {
            self.mark_behind();
        }
        self.push_or_tell();
        closed
    }

    fn current(&mut self, workspace: &WorkspaceRef) -> Result<Option<Token>> {
        let config = self.fresh()?;
        Ok(config.workspace(&workspace.key).and_then(|w| w.token))
    }

    fn promote(&mut self, ready: &[Rotation]) -> Written<Vec<bool>> {
        self.change(|config| ready.iter().map(|rotation| store_in(config, rotation)).collect())
    }

    fn put_workspace(&mut self, workspace: &WorkspaceRef, select: bool) -> Result<()> {
        self.update(|config| {
            config.put_workspace(&workspace.key, &workspace.name);
            if select {
                config.set_active(Some(&workspace.key));
            }
        })?;
        Ok(())
    }

    fn clear_token(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<bool> {
        let keys = self.keys_holding(workspace, jti)?;
        if keys.is_empty() {
            return Ok(false);
        }
        self.update(|config| {
            for key in &keys {
                config.clear_token(key);
            }
        })?;
        Ok(true)
    }

    fn remove_workspace(&mut self, workspace: &WorkspaceRef) -> Result<()> {
        if self.fresh()?.workspace_by_id(&workspace.id).is_none() {
            return Ok(());
        }
        self.update(|config| config.remove_workspace(&workspace.id))?;
        self.change_targets(|targets| targets.remove_workspace(&workspace.id))
    }

    fn key_of(&mut self, id: &str) -> Option<String> {
        Some(self.fresh().ok()?.workspace_by_id(id)?.key)
    }

    fn probe(&mut self) -> Result<()> {
        store::probe_replace(&self.paths.config, 0)
    }

    fn holds(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<bool> {
        Ok(!self.keys_holding(workspace, jti)?.is_empty())
    }

    fn successors_of(&mut self, jti: &str) -> Vec<String> {
        self.history.past().successors_of(jti)
    }

    fn has_history_of(&mut self, jti: &str) -> bool {
        self.history.past().handed_out(jti)
    }

    fn maker_of(&self, jti: &str) -> Option<String> {
        self.history.maker_of(jti)
    }

    fn displaced_by(&self, workspace: &WorkspaceRef, current: &Token) -> Option<String> {
        if self.history.was_made_here(&current.mark()) {
            return None;
        }
        self.history.past().last_made(workspace)
    }

    fn targets_of(&mut self, workspace: &WorkspaceRef) -> Result<Vec<Target>> {
        Ok(self.targets()?.to_deliver(&workspace.id))
    }

    fn note(&mut self, workspace: &WorkspaceRef, event: &HistoryEvent, once: bool) {
        let line = history::line(self.clock.now(), workspace, event);
        if once && self.history.past().has(&line) {
            return;
        }
        self.mark_behind();
        if let Err(error) = self.history.note(&line, event.must_last()) {
            let reason = error.in_one_line();
            (self.on_notice)(Notice::HistoryLineLost { reason });
        }
    }
}

fn close_journal(log: &mut Log, pending: &Pending) -> Result<()> {
    if pending.is_empty() {
        return log.remove();
    }
    let records = pending.records();
    if records.len() < pending.applied { log.rewrite(&journal_lines(&records)?) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
