//! A simulated config folder: what is on its disk, and what a power cut leaves of that.

use super::engine::Shared;
use super::targets::{REMEMBERED, target};
use super::{Fate, Loss, Needs, World};
use crate::error::{Error, Result};
use crate::rotation::{
    HistoryEvent, Pending, Record, Rotation, Store, Target, WorkspaceRef, journal_lines,
};
use crate::store::{WriteError, Written};
use crate::token::Token;

/// One folder. The config file is replaced durably and in one step; the others are appended to.
#[derive(Debug, Default)]
pub(in crate::rotation::tests) struct Machine {
    pub(in crate::rotation::tests) config: Vec<(String, Option<Token>)>,
    /// The journal file; `None` if there is none.
    pub(in crate::rotation::tests) journal: Option<Vec<u8>>,
    /// How much of it outlasts a power cut.
    pub(super) durable: usize,
    last_append: usize,
    /// Everything is durable and no empty line says so yet.
    pub(super) unmarked: bool,
    /// The ids of tokens that the history says were handed out, and whether that is durable.
    pub(super) history: Vec<(String, bool)>,
    pub(super) has_run: bool,
    pub(super) shared: Shared,
}

impl Machine {
    pub(super) fn cut_power(&mut self, loss: Loss) {
        let durable = self.durable;
        if let Some(journal) = &mut self.journal {
            let durable = durable.min(journal.len());
            let unsynced = &mut journal[durable..];
            match loss {
                Loss::Everything | Loss::Journal => journal.truncate(durable),
                Loss::History => {}
                Loss::Torn => {
                    let half = unsynced.len() / 2;
                    journal.truncate(durable + half);
                }
                Loss::Hole => {
                    let block = unsynced.len().min(64);
                    unsynced[..block].fill(0);
                }
            }
        }
        if matches!(loss, Loss::Everything | Loss::History) {
            self.history.retain(|(_, durable)| *durable);
        }
        self.unmarked = false;
        // What the power cut left is on the disk.
        self.durable = self.journal.as_ref().map_or(0, Vec::len);
    }

    fn set(&mut self, key: &str, token: Option<Token>) -> Option<Token> {
        if let Some((_, held)) = self.config.iter_mut().find(|(id, _)| id == key) {
            return std::mem::replace(held, token);
        }
        self.config.push((key.to_owned(), token));
        None
    }
}

fn io_error() -> Error {
    Error::write_file("write", "/sim".as_ref(), &std::io::Error::other("no"))
}

/// The folder of one machine, with its lock.
#[derive(Clone)]
pub(in crate::rotation::tests) struct Folder {
    pub(in crate::rotation::tests) world: World,
    pub(in crate::rotation::tests) machine: usize,
}

impl Folder {
    fn effect(&self, needs: Needs, change: impl FnOnce(&mut Machine)) -> Fate {
        self.world.effect(needs, |sim| change(&mut sim.machines[self.machine]))
    }

    fn replace(&self, change: impl FnOnce(&mut Machine)) -> Written<()> {
        match self.effect(Needs::Space, change) {
            Fate::Done => self.push_replaced(),
            Fate::Failed { done, .. } => Err(WriteError { is_unchanged: !done, error: io_error() }),
        }
    }

    fn tokens(&self) -> Vec<(String, Token)> {
        let sim = self.world.0.borrow();
        let config = sim.machines[self.machine].config.iter();
        config.filter_map(|(id, token)| Some((id.clone(), token.clone()?))).collect()
    }
}

impl Store for Folder {
    fn pending(&mut self) -> Result<Pending> {
        let mut sim = self.world.0.borrow_mut();
        let machine = &mut sim.machines[self.machine];
        let Some(journal) = &mut machine.journal else {
            return Ok(Pending::default());
        };
        let whole = journal.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        let (pending, counted) = Pending::read(&journal[..whole])
            .map_err(|place| Error::damaged_file("/sim".as_ref(), &place))?;
        journal.truncate(counted);
        machine.durable = machine.durable.min(counted);
        Ok(pending)
    }

    fn append(&mut self, records: &[Record], durable: bool) -> Written<()> {
        let lines = journal_lines(records).expect("a record has a form");
        let fate = self.effect(Needs::Space, |machine| {
            let journal = machine.journal.get_or_insert_default();
            machine.last_append = journal.len();
            if machine.unmarked && !journal.is_empty() {
                journal.push(b'\n');
            }
            journal.extend(lines);
            machine.unmarked = durable;
            if durable {
                machine.durable = journal.len();
            }
        });
        match fate {
            Fate::Done if durable => self.push_appended(),
            Fate::Done => {
                self.mark_behind();
                Ok(())
            }
            Fate::Failed { done, .. } => Err(WriteError { is_unchanged: !done, error: io_error() }),
        }
    }

    fn check_alone(&mut self) -> Result<()> {
        Ok(())
    }

    fn check_latest(&mut self) -> Result<()> {
        self.push_change()
    }

    fn is_elsewhere(&mut self, jti: &str) -> bool {
        self.is_in_engine(jti)
    }

    fn retract(&mut self) -> Result<()> {
        let fate = self.effect(Needs::Disk, |machine| {
            let length = machine.last_append;
            if let Some(journal) = &mut machine.journal {
                journal.truncate(length);
            }
            machine.durable = length;
            machine.unmarked = true;
        });
        match fate {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err(io_error()),
        }
    }

    fn close(&mut self, pending: &Pending) -> Result<()> {
        let lines = (!pending.is_empty())
            .then(|| journal_lines(&pending.records()).expect("records have a form"));
        if lines.is_some() && pending.records().len() == pending.applied {
            self.push_or_tell();
            return Ok(());
        }
        let needs = lines.as_ref().map_or(Needs::Disk, |_| Needs::Space);
        let fate = self.effect(needs, |machine| {
            machine.durable = lines.as_ref().map_or(0, Vec::len);
            machine.unmarked = lines.is_some();
            machine.journal = lines;
        });
        self.mark_behind();
        self.push_or_tell();
        match fate {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err(io_error()),
        }
    }

    fn current(&mut self, workspace: &WorkspaceRef) -> Result<Option<Token>> {
        let tokens = self.tokens().into_iter();
        Ok(tokens.filter(|(id, _)| *id == workspace.key).map(|(_, t)| t).next())
    }

    fn promote(&mut self, ready: &[Rotation]) -> Written<Vec<bool>> {
        let tokens = self.tokens();
        let ours = |r: &Rotation| {
            let current = tokens.iter().find(|(id, _)| *id == r.workspace.key);
            current.is_none_or(|(_, c)| *c == r.token || r.old.as_ref() == Some(c))
        };
        let stored: Vec<bool> = ready.iter().map(ours).collect();
        let machine = self.machine;
        let fate = self.world.effect(Needs::Space, |sim| {
            for (Rotation { workspace, token, .. }, _) in
                ready.iter().zip(&stored).filter(|(_, stored)| **stored)
            {
                let new = token.clone();
                let old = sim.machines[machine].set(&workspace.key, Some(new.clone()));
                let is_rollback = sim.replaced.iter().any(|(token, _)| *token == new);
                sim.replaced.retain(|(token, _)| *token != new);
                if let Some(old) = old.filter(|old| *old != new && !is_rollback) {
                    sim.replaced.push((old, sim.now));
                }
            }
        });
        match fate {
            Fate::Done => self.push_replaced().map(|()| stored),
            Fate::Failed { done, .. } => Err(WriteError { is_unchanged: !done, error: io_error() }),
        }
    }

    fn put_workspace(&mut self, workspace: &WorkspaceRef, _: bool) -> Result<()> {
        self.replace(|machine| {
            machine.set(&workspace.key, None);
        })?;
        Ok(())
    }

    fn clear_token(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<bool> {
        let held = self.holds(workspace, jti)?;
        if held {
            self.replace(|machine| {
                machine.set(&workspace.key, None);
            })?;
        }
        Ok(held)
    }

    fn remove_workspace(&mut self, workspace: &WorkspaceRef) -> Result<()> {
        self.replace(|machine| machine.config.retain(|(id, _)| *id != workspace.key))?;
        Ok(())
    }

    fn key_of(&mut self, _: &str) -> Option<String> {
        None
    }

    fn probe(&mut self) -> Result<()> {
        match self.effect(Needs::Space, |_| {}) {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err(io_error()),
        }
    }

    fn holds(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<bool> {
        let mut tokens = self.tokens().into_iter();
        Ok(tokens.any(|(id, t)| id == workspace.key && t.jti.as_deref() == Some(jti)))
    }

    fn successors_of(&mut self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn has_history_of(&mut self, jti: &str) -> bool {
        let sim = self.world.0.borrow();
        sim.machines[self.machine].history.iter().any(|(known, _)| known == jti)
    }

    fn maker_of(&self, _: &str) -> Option<String> {
        None
    }

    fn displaced_by(&self, _: &WorkspaceRef, _: &Token) -> Option<String> {
        None
    }

    fn targets_of(&mut self, _: &WorkspaceRef) -> Result<Vec<Target>> {
        let kind = self.world.0.borrow().kind;
        let has_some = (self.machine == 0 || kind.shared) && kind.targets;
        Ok(REMEMBERED.iter().filter(|_| has_some).map(|name| target(name)).collect())
    }

    fn note(&mut self, _: &WorkspaceRef, event: &HistoryEvent, _: bool) {
        let durable = event.must_last();
        if let HistoryEvent::HandedOut(Token { jti: Some(jti), .. }) = event {
            let _ = self.effect(Needs::Space, |m| m.history.push((jti.clone(), durable)));
        }
        self.mark_behind();
    }
}
