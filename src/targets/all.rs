//! Everything that a run delivers to.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::Destination;
use super::claim::{Claim, Claims};
use super::command::{self, Given};
use super::files::TokenFile;
use super::ours::Ours;
use crate::context::{Clock, Env, Process, lock_holder};
use crate::error::{Error, Result};
use crate::rotation::{self, Deliver, Delivery, WorkspaceRef};
use crate::targets::{SavedTarget, SavedTargets};
use crate::token::Token;

/// A target of one workspace.
pub(super) struct Target {
    pub(super) destination: Destination,
    name: String,
    pub(super) id: u32,
    /// It never got a token, and is remembered by this run.
    pub(super) is_new: Cell<bool>,
    /// Its check said no, since this run last delivered to it: an engine that is down keeps each waiting.
    is_absent: Cell<bool>,
}

impl Target {
    fn is_command(&self) -> bool {
        matches!(self.destination, Destination::Command(_))
    }

    /// Names a target that is known by its id, before a reason.
    fn label(&self) -> String {
        if self.is_new.get() { String::new() } else { format!("target {}: ", self.id) }
    }
}

/// Everything that a new token is delivered to.
pub(crate) struct Targets {
    /// By the UUIDs of the workspaces; files first, then commands.
    all: BTreeMap<String, Vec<Target>>,
    claims: OnceCell<RefCell<Claims>>,
    pub(super) ours: Ours,
    pub(super) clock: Rc<dyn Clock>,
    /// Where this run finds commands.
    pub(super) path: OsString,
    /// What the commands are told about our lock.
    lock_holder: Option<String>,
}

impl Targets {
    /// Of all that is remembered; those of `new` never got a token.
    ///
    /// # Errors
    /// [`Error::useless_target`].
    pub(crate) fn of_saved(
        targets: &SavedTargets,
        new: &[SavedTarget],
        ours: Ours,
        clock: Rc<dyn Clock>,
        env: &Env,
    ) -> Result<Self> {
        let mut all = BTreeMap::<String, Vec<Target>>::new();
        // A command comes after every file.
        for is_command in [false, true] {
            for target in targets.all().iter().filter(|t| t.is_command() == is_command) {
                let (destination, id) = (Destination::remembered(target)?, target.id);
                let is_new = Cell::new(new.iter().any(|new| new.id == id));
                let (name, is_absent) = (target.name.clone(), Cell::default());
                let entry = Target { destination, name, id, is_new, is_absent };
                all.entry(target.workspace_id.clone()).or_default().push(entry);
            }
        }
        let (path, claims) = (command::path(env).to_owned(), OnceCell::new());
        Ok(Self { all, claims, ours, clock, path, lock_holder: None })
    }

    /// What would be written where, for all workspaces.
    pub(super) fn claims(&self) -> &RefCell<Claims> {
        self.claims.get_or_init(|| {
            let mut claims = Claims::default();
            for (workspace, consumers) in &self.all {
                for entry in consumers {
                    if let Destination::File(file) = &entry.destination {
                        claims.set(entry.id, workspace, file.claim());
                    }
                }
            }
            RefCell::new(claims)
        })
    }

    /// Waits for the command of a run that was killed, if it runs still: no other runs beside it.
    ///
    /// # Errors
    /// [`Error::locked`] if it does not end in time.
    pub(crate) fn wait_for(
        &mut self,
        earlier: Option<Process>,
        wait: Duration,
        lock: &Path,
    ) -> Result<()> {
        if self.has_commands() {
            self.lock_holder = lock_holder(lock);
        }
        match earlier {
            Some(process) if !process.has_ended_within(wait, &*self.clock) => {
                Err(Error::locked(lock, wait))
            }
            _ => Ok(()),
        }
    }

    /// Those of a workspace.
    pub(super) fn of(&self, workspace: &WorkspaceRef) -> impl Iterator<Item = &Target> {
        self.all.get(&workspace.id).into_iter().flatten()
    }

    /// Removes what killed runs left beside the files of a workspace.
    pub(crate) fn tidy(&self, workspace: &WorkspaceRef) {
        let files = self.of(workspace).filter_map(|entry| entry.destination.as_file());
        files.for_each(TokenFile::tidy);
    }

    /// Whether there is nothing to deliver to.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of them is a command.
    pub(crate) fn has_commands(&self) -> bool {
        self.all.values().flatten().any(Target::is_command)
    }

    /// Why remembered targets of a workspace could not get the token: they hold up nobody else. `tokens`
    /// are those that a file may hold now.
    pub(crate) fn probe(&self, workspace: &WorkspaceRef, tokens: &[&Token]) -> Vec<Error> {
        let remembered = self.of(workspace).filter(|entry| !entry.is_new.get());
        let probe = |entry: &Target| {
            let probed = self.probe_one(entry, workspace, tokens);
            probed.err().map(|error| error.of_target(entry.id))
        };
        remembered.filter_map(probe).collect()
    }

    /// Finds out whether every new target of a workspace could get the token.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`]
    pub(crate) fn probe_new(&self, workspace: &WorkspaceRef, tokens: &[&Token]) -> Result<()> {
        let mut new = self.of(workspace).filter(|entry| entry.is_new.get());
        new.try_for_each(|entry| self.probe_one(entry, workspace, tokens))
    }

    fn probe_one(&self, entry: &Target, workspace: &WorkspaceRef, tokens: &[&Token]) -> Result<()> {
        match &entry.destination {
            Destination::File(file) => {
                let is_other = |id: u32, _: &str| id != entry.id;
                let is_taken = |claim: &Claim| self.claims().borrow().collide(claim, &is_other);
                file.probe(workspace, tokens, &self.ours, &is_taken, &*self.clock)
            }
            Destination::Command(command) if entry.is_new.get() => command.probe(),
            Destination::Command(command) => command.probe_run(&self.path),
        }
    }

    fn write(
        &self,
        id: u32,
        file: &TokenFile,
        delivery: &Delivery,
    ) -> std::result::Result<(), String> {
        let is_anothers = |claim: &Claim| {
            let is_other = |_, theirs: &str| theirs != delivery.workspace.id;
            self.claims().borrow().collide(claim, &is_other)
        };
        let written = file.write(delivery, &self.ours, &is_anothers, &*self.clock);
        // It may have another inode now.
        self.claims().borrow_mut().set(id, &delivery.workspace.id, file.claim());
        written
    }
}

impl Deliver for Targets {
    fn targets(&self, workspace: &WorkspaceRef) -> Vec<rotation::Target> {
        let target = |entry: &Target| rotation::Target {
            name: entry.name.clone(),
            is_command: entry.is_command(),
        };
        self.of(workspace).map(target).collect()
    }

    fn lacking(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<String> {
        let lacks = |entry: &&Target| {
            if entry.is_new.get() || entry.is_absent.get() {
                return true;
            }
            let holder = self.lock_holder.as_deref();
            let held = entry.destination.looked_at(workspace, token, holder, &*self.clock);
            let lacks = !matches!(held, Ok(None | Some(true)));
            entry.is_absent.set(lacks && entry.is_command());
            lacks
        };
        self.of(workspace).filter(lacks).map(|entry| entry.name.clone()).collect()
    }

    fn deliver(
        &mut self,
        target: &rotation::Target,
        delivery: &Delivery,
        journal: &mut dyn FnMut(Process),
    ) -> std::result::Result<(), String> {
        if let Some(signal) = self.clock.interrupted() {
            return Err(format!("signal {signal} has ended the run"));
        }
        let Some(entry) = self.of(delivery.workspace).find(|entry| entry.name == target.name)
        else {
            return Err(format!("{} is not known", target.name));
        };
        entry.is_absent.set(false);
        let delivered = match &entry.destination {
            Destination::File(file) => self.write(entry.id, file, delivery),
            Destination::Command(command) => {
                let lock_holder = self.lock_holder.as_deref();
                let given = Given { delivery, lock_holder, quiet: false };
                command.deliver(&given, &*self.clock, journal)
            }
        };
        delivered.map_err(|reason| entry.label() + &reason)?;
        entry.is_new.set(false);
        Ok(())
    }
}
