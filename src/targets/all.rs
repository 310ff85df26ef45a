//! Everything that a run delivers to.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::Destination;
use super::claim::{Claim, Claims};
use super::command::{self, Command, Given};
use super::files::TokenFile;
use super::ours::Ours;
use super::running::Running;
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
    pub(super) is_new: bool,
}

impl Target {
    fn is_command(&self) -> bool {
        matches!(self.destination, Destination::Command(_))
    }

    /// Names a target that is known by its id, before a reason.
    fn label(&self) -> String {
        if self.is_new { String::new() } else { format!("target {}: ", self.id) }
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
    /// The command that was started.
    running: Option<Started>,
    /// What the commands are told about our lock.
    lock_holder: Option<String>,
    /// Whose check said no, since this run last delivered to them: an engine that is down keeps each waiting.
    absent: RefCell<BTreeSet<u32>>,
}

/// A command at work, and what its check is asked with.
struct Started {
    id: u32,
    label: String,
    running: Running,
    command: Command,
    given: Given,
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
                let is_new = new.iter().any(|new| new.id == id);
                let entry = Target { destination, name: target.name.clone(), id, is_new };
                all.entry(target.workspace_id.clone()).or_default().push(entry);
            }
        }
        let (path, claims) = (command::path(env).to_owned(), OnceCell::new());
        Ok(Self {
            all,
            claims,
            ours,
            clock,
            path,
            running: None,
            lock_holder: None,
            absent: RefCell::default(),
        })
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

    /// A target has got a token.
    fn has_arrived(&mut self, workspace: &WorkspaceRef, id: u32) {
        let those = self.all.get_mut(&workspace.id).into_iter().flatten();
        those.filter(|entry| entry.id == id).for_each(|entry| entry.is_new = false);
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
            if entry.is_new || self.absent.borrow().contains(&entry.id) {
                return true;
            }
            let holder = self.lock_holder.clone();
            let held = entry.destination.looked_at(workspace, token, holder, &*self.clock);
            let lacks = !matches!(held, Ok(None | Some(true)));
            if lacks && entry.is_command() {
                self.absent.borrow_mut().insert(entry.id);
            }
            lacks
        };
        self.of(workspace).filter(lacks).map(|entry| entry.name.clone()).collect()
    }

    fn start(
        &mut self,
        target: &rotation::Target,
        delivery: &Delivery,
    ) -> std::result::Result<Option<Process>, String> {
        if let Some(signal) = self.clock.interrupted() {
            return Err(format!("signal {signal} has ended the run"));
        }
        let Some(entry) = self.of(delivery.workspace).find(|entry| entry.name == target.name)
        else {
            return Err(format!("{} is not known", target.name));
        };
        let Delivery { workspace, new, old, attempt } = delivery;
        let (id, label) = (entry.id, entry.label());
        self.absent.borrow_mut().remove(&id);
        let command = match &entry.destination {
            Destination::File(file) => {
                let is_anothers = |claim: &Claim| {
                    let is_other = |_, theirs: &str| theirs != workspace.id;
                    self.claims().borrow().collide(claim, &is_other)
                };
                let bounds = (&self.ours, &is_anothers as &dyn Fn(&Claim) -> bool);
                let written = file.write(workspace, new, *old, bounds, &*self.clock);
                // It may have another inode now.
                self.claims().borrow_mut().set(id, &workspace.id, file.claim());
                written.map_err(|reason| label + &reason)?;
                self.has_arrived(workspace, id);
                return Ok(None);
            }
            Destination::Command(command) => command.clone(),
        };
        let given = Given {
            workspace: (*workspace).clone(),
            new: (*new).clone(),
            old: old.cloned(),
            attempt: *attempt,
            lock_holder: self.lock_holder.clone(),
            quiet: false,
        };
        let running = command.start(&given).map_err(|reason| format!("{label}{reason}"))?;
        let process = running.process();
        self.running = Some(Started { id, label, running, command, given });
        Ok(process)
    }

    fn finish(&mut self) -> std::result::Result<(), String> {
        let Some(Started { id, label, running, command, given }) = self.running.take() else {
            return Ok(());
        };
        let ended = running.finish(&*self.clock).and_then(|()| match command.start_check(&given) {
            Some(check) => check?.finish(&*self.clock),
            None => Ok(()),
        });
        ended.map_err(|reason| label + &reason)?;
        self.has_arrived(&given.workspace, id);
        Ok(())
    }
}
