//! The config folder while its lock is held: config, journal and history as a rotation sees them.

pub mod history;

use std::time::Duration;

use crate::config::{Config, Paths};
use crate::context::{Clock, Console};
use crate::error::{Error, Result};
use crate::rotation::journal::{self, Pending, Record, Window, WorkspaceRef};
use crate::rotation::{HistoryEvent, Promotion, Store};
use crate::store::{self, AppendError, Lock, Log, ReplaceError};
use crate::token::Token;
use history::History;

/// How long a run waits for another one to finish, unless it is told.
pub const LOCK_WAIT: Duration = Duration::from_secs(60);
/// A journal longer than this is shortened when a run ends.
const LONG_JOURNAL: u64 = 64 << 10;

/// The config folder, locked.
pub struct State<'a> {
    paths: Paths,
    clock: &'a dyn Clock,
    console: &'a Console,
    config: Option<(store::Stamp, Config)>,
    journal: Option<Log>,
    history: History,
    lock: Lock,
}

impl<'a> State<'a> {
    /// Makes the folder if there is none, takes its lock, and clears away what a killed run left.
    ///
    /// # Errors
    /// [`Error::WriteFile`], [`Error::Locked`].
    pub fn lock(
        paths: &Paths,
        wait: Duration,
        clock: &'a dyn Clock,
        console: &'a Console,
    ) -> Result<(Self, bool)> {
        store::private_dir(&paths.dir)?;
        let mut waited = false;
        let lock = store::lock(&paths.lock, wait, clock, &mut || {
            waited = true;
            console.progress("Waiting for another ntcli to finish");
        })?;
        store::remove_leftover(&paths.config);
        store::remove_leftover(&paths.journal);
        store::remove_leftover(&paths.history);
        let state = Self {
            paths: paths.clone(),
            clock,
            console,
            config: None,
            journal: None,
            history: History::new(&paths.history),
            lock,
        };
        Ok((state, waited))
    }

    /// The config file as it is now.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn config(&mut self) -> Result<Config> {
        Ok(self.fresh()?.clone())
    }

    /// The config file as it is now, read again only when somebody else has replaced it.
    fn fresh(&mut self) -> Result<&Config> {
        let stamp = store::stamp(&self.paths.config);
        let config = self.take()?;
        Ok(&self.config.insert((stamp, config)).1)
    }

    /// The same, to be changed: it may be large, so nobody keeps a copy.
    fn take(&mut self) -> Result<Config> {
        let stamp = store::stamp(&self.paths.config);
        match self.config.take() {
            Some((seen, config)) if seen == stamp => Ok(config),
            _ => Config::load(&self.paths.config, self.console),
        }
    }

    /// Writes what was read with [`State::config`] and changed since.
    fn save(&mut self, mut config: Config) -> std::result::Result<(), ReplaceError> {
        self.config = None;
        config.save(self.clock)?;
        let stamp = store::stamp(&self.paths.config);
        self.config = Some((stamp, config));
        Ok(())
    }

    /// Reads the config file, changes it and writes it back.
    ///
    /// # Errors
    /// As [`Config::load`] and [`Config::save`], and what `change` fails with; the file is then
    /// as it was.
    pub fn update(&mut self, change: impl FnOnce(&mut Config) -> Result<()>) -> Result<Config> {
        let mut config = self.take()?;
        change(&mut config)?;
        self.save(config)?;
        self.config()
    }

    /// Takes records about work that has become void into the journal, if there is such work.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub fn strike(&mut self, records: &[Record]) -> Result<()> {
        let before = self.ledger()?;
        let mut ledger = before.clone();
        for record in records {
            ledger.apply(record.clone());
        }
        if ledger == before {
            return Ok(());
        }
        self.append(records, true)?;
        // A journal that cannot be removed now adds up to the same.
        let _ = self.close(&ledger);
        Ok(())
    }

    fn log(&mut self) -> Result<&mut Log> {
        if self.journal.is_none() {
            self.journal = Some(Log::open(&self.paths.journal)?.0);
        }
        self.journal.as_mut().ok_or(Error::Unfinished) // it was just put there
    }
}

/// What the journal says, without the lock: for telling, not for acting.
///
/// # Errors
/// [`Error::ReadFile`], [`Error::DamagedFile`].
pub fn peek_ledger(paths: &Paths) -> Result<Pending> {
    let (_, lines) = Log::open(&paths.journal)?;
    read_ledger(paths, &lines)
}

fn read_ledger(paths: &Paths, lines: &[u8]) -> Result<Pending> {
    Pending::read(lines).map_err(|place| Error::DamagedFile {
        path: paths.journal.clone(),
        place,
    })
}

impl Store for State<'_> {
    fn ledger(&mut self) -> Result<Pending> {
        let (log, lines) = Log::open(&self.paths.journal)?;
        self.journal = Some(log);
        read_ledger(&self.paths, &lines)
    }

    fn append(
        &mut self,
        records: &[Record],
        durable: bool,
    ) -> std::result::Result<(), AppendError> {
        let untouched = |error| AppendError {
            taken_back: true,
            error,
        };
        let lines = journal::lines(records).map_err(untouched)?;
        self.log().map_err(untouched)?.append(&lines, durable)
    }

    fn retract(&mut self) -> Result<()> {
        self.log()?.retract()
    }

    fn close(&mut self, ledger: &Pending) -> Result<()> {
        let log = self.log()?;
        if ledger.is_empty() {
            return log.remove();
        }
        if log.len() > LONG_JOURNAL {
            let lines = journal::lines(&ledger.records())?;
            if (lines.len() as u64) < log.len() / 2 {
                return log.rewrite(&lines);
            }
        }
        Ok(())
    }

    fn current(&mut self, key: &str) -> Result<Option<Token>> {
        Ok(self.fresh()?.workspace(key).and_then(|w| w.token))
    }

    fn promote(
        &mut self,
        promotions: &[Promotion],
    ) -> std::result::Result<Vec<bool>, ReplaceError> {
        let mut config = self.take().map_err(|error| ReplaceError {
            in_place: false,
            error,
        })?;
        let mut stored = Vec::with_capacity(promotions.len());
        for Promotion { place, old, new } in promotions {
            let current = config.workspace(&place.key).and_then(|w| w.token);
            let ours = current.is_none_or(|current| {
                current.access_token == new.access_token
                    || old.is_some_and(|old| old.access_token == current.access_token)
            });
            if ours {
                let held = config.tokens_of(&place.id);
                let twins = held.filter(|(key, token)| {
                    *key != place.key
                        && old.is_some_and(|old| old.access_token == token.access_token)
                });
                let twins: Vec<String> = twins.map(|(key, _)| key.to_owned()).collect();
                for key in twins.iter().chain([&place.key]) {
                    config.set_token(key, &place.name, new);
                }
            }
            stored.push(ours);
        }
        if stored.contains(&true) {
            self.save(config)?;
        }
        Ok(stored)
    }

    fn probe(&mut self) -> Result<()> {
        store::probe_replace(&self.paths.config)
    }

    fn late(&mut self) -> Vec<Window> {
        // Nobody depends on it: what cannot be read is as good as nothing.
        Pending::read(&self.lock.message()).map_or_else(|_| Vec::new(), |ledger| ledger.windows)
    }

    fn set_late(&mut self, late: &[Window]) -> Result<()> {
        let ledger = Pending {
            windows: late.to_vec(),
            ..Pending::default()
        };
        self.lock.leave(&journal::lines(&ledger.records())?)
    }

    fn knows(&mut self, workspace: &str, jti: &str) -> bool {
        let config = self.fresh().ok();
        let tokens = config.map(|config| config.tokens_of(workspace));
        tokens.is_some_and(|mut tokens| tokens.any(|(_, t)| t.jti.as_deref() == Some(jti)))
            || self.history.handed_out(jti)
    }

    fn note(&mut self, place: &WorkspaceRef, deed: &HistoryEvent) {
        let line = history::line(self.clock.now(), place, deed);
        if let Err(error) = self.history.note(&line) {
            let error = error.in_one_line();
            self.console
                .warn(&format!("{error}; the history misses a line"));
        }
    }

    fn note_once(&mut self, place: &WorkspaceRef, deed: &HistoryEvent) {
        let line = history::line(self.clock.now(), place, deed);
        if !self.history.has(&line) {
            self.note(place, deed);
        }
    }
}
