//! Everything that a run delivers to.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::claim::Claim;
use super::command::{self, Command, Given};
use super::ours::Ours;
use super::probe::Prober;
use super::running::Running;
use super::{Receiver, ask_check};
use crate::context::{Clock, Env, Process, lock_holder};
use crate::error::{Error, Result};
use crate::rotation::{Deliver, Delivery, Target, WorkspaceRef};
use crate::targets::Targets;
use crate::token::Token;

/// One receiver of a run.
pub(super) struct Hook {
    pub(super) receiver: Receiver,
    name: String,
    /// The id and the workspace's UUID, of one that is remembered. One that was given for this run
    /// is every workspace's.
    pub(super) remembered: Option<(u32, String)>,
    /// Which file it is now, once that was asked.
    claim: RefCell<Option<Claim>>,
}

impl Hook {
    fn is_for(&self, workspace: &WorkspaceRef) -> bool {
        self.remembered.as_ref().is_none_or(|(_, id)| *id == workspace.id)
    }

    fn is_command(&self) -> bool {
        matches!(self.receiver, Receiver::Command(_))
    }
}

/// Everything that a new token is delivered to.
pub(crate) struct Hooks {
    /// Files first, then commands.
    pub(super) all: Vec<Hook>,
    pub(super) ours: Ours,
    pub(super) clock: Rc<dyn Clock>,
    /// Where this run finds commands.
    pub(super) path: OsString,
    /// The command that was started.
    running: Option<Started>,
    /// What the commands are told about our lock.
    lock_holder: Option<String>,
}

/// A command at work, and what its check is asked with.
struct Started {
    id: Option<u32>,
    running: Running,
    command: Command,
    given: Given,
}

impl Hooks {
    /// What was given for this run, in the order given.
    pub(crate) fn new(given: Vec<Receiver>, ours: Ours, clock: Rc<dyn Clock>, env: &Env) -> Self {
        let path = command::path(env).to_owned();
        let mut hooks =
            Self { all: Vec::new(), ours, clock, path, running: None, lock_holder: None };
        for receiver in given {
            hooks.add(receiver, None);
        }
        hooks
    }

    /// Adds what is remembered with the workspaces; what was given for this run too stays once.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`] for what this version cannot use.
    pub(crate) fn remember(&mut self, targets: &Targets) -> Result<()> {
        for target in targets.all() {
            let remembered = Some((target.id, target.workspace_id.clone()));
            self.add(Receiver::remembered(target)?, remembered);
        }
        Ok(())
    }

    fn add(&mut self, receiver: Receiver, remembered: Option<(u32, String)>) {
        let name = receiver.name();
        self.all.push(Hook { receiver, name, remembered, claim: RefCell::default() });
        self.all.sort_by_key(Hook::is_command); // stable
    }

    /// Whether several workspaces would be written over each other.
    pub(crate) fn mixes_workspaces(&self) -> bool {
        let mut own = self.all.iter().filter(|hook| hook.remembered.is_none());
        own.any(|hook| !hook.is_command() && hook.receiver.is_one_place())
    }

    /// What is needed to find out, before there is a new token, whether it could be delivered.
    pub(crate) fn prober(&self) -> Prober<'_> {
        Prober { hooks: self, claims: Vec::new(), lost: Vec::new() }
    }

    /// Whether the token of another workspace is written there, by whatever name.
    pub(super) fn is_anothers(&self, workspace: &WorkspaceRef, claim: &Claim) -> bool {
        let others = self.all.iter().filter(|hook| !hook.is_for(workspace));
        others.into_iter().any(|other| {
            let Receiver::File(file) = &other.receiver else { return false };
            let mut known = other.claim.borrow_mut();
            *known = known.take().or_else(|| file.claim(workspace));
            known.as_ref().is_some_and(|other| claim.collides(other))
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

    /// Those of a workspace. What was given for this run too is not repeated.
    pub(super) fn of(&self, workspace: &WorkspaceRef) -> impl Iterator<Item = &Hook> {
        let own = || self.all.iter().filter(|hook| hook.remembered.is_none());
        let those = self.all.iter().filter(|hook| hook.is_for(workspace));
        those
            .filter(move |hook| hook.remembered.is_none() || own().all(|own| own.name != hook.name))
    }

    /// Removes what killed runs left beside the files of a workspace.
    pub(crate) fn tidy(&self, workspace: &WorkspaceRef) {
        self.of(workspace).for_each(|hook| hook.receiver.tidy(workspace));
    }

    /// Whether there is nothing to deliver to.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of them is a command.
    pub(crate) fn has_commands(&self) -> bool {
        self.all.iter().any(Hook::is_command)
    }

    /// What is done for a workspace, for people, with the name and the id of what is remembered.
    pub(crate) fn plan(&self, workspace: &WorkspaceRef) -> Vec<(Option<u32>, &str, String)> {
        let id = |hook: &Hook| hook.remembered.as_ref().map(|(id, _)| *id);
        self.of(workspace).map(|hook| (id(hook), &*hook.name, hook.receiver.does())).collect()
    }
}

impl Deliver for Hooks {
    fn targets(&self, workspace: &WorkspaceRef) -> Vec<Target> {
        let target =
            |hook: &Hook| Target { name: hook.name.clone(), is_command: hook.is_command() };
        self.of(workspace).map(target).collect()
    }

    fn has_own(&self) -> bool {
        self.all.iter().any(|hook| hook.remembered.is_none())
    }

    fn lacking(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<String> {
        let lacks = |hook: &&Hook| {
            let held = match &hook.receiver {
                Receiver::File(file) => file.holds(workspace, token).map(Some),
                Receiver::Command(command) => {
                    let holder = self.lock_holder.clone();
                    ask_check(command, workspace, token, holder, &*self.clock)
                }
            };
            !matches!(held, Ok(None | Some(true)))
        };
        self.of(workspace).filter(lacks).map(|hook| hook.name.clone()).collect()
    }

    fn start(
        &mut self,
        target: &Target,
        delivery: &Delivery,
    ) -> std::result::Result<Option<Process>, String> {
        if let Some(signal) = self.clock.interrupted() {
            return Err(format!("signal {signal} has ended the run"));
        }
        let Some(hook) = self.of(delivery.workspace).find(|hook| hook.name == target.name) else {
            return Err(format!("{} is not known", target.name));
        };
        let Delivery { workspace, new, old, attempt } = delivery;
        let id = hook.remembered.as_ref().map(|(id, _)| *id);
        let command = match &hook.receiver {
            Receiver::File(file) => {
                let is_anothers = |claim: &Claim| self.is_anothers(workspace, claim);
                let written =
                    file.write(workspace, new, *old, (&self.ours, &is_anothers), &*self.clock);
                hook.claim.take();
                return written.map(|()| None).map_err(|reason| of_target(id, &reason));
            }
            Receiver::Command(command) => command.clone(),
        };
        let given = Given {
            workspace: (*workspace).clone(),
            new: (*new).clone(),
            old: old.cloned(),
            attempt: *attempt,
            lock_holder: self.lock_holder.clone(),
            quiet: false,
        };
        let running = command.start(&given).map_err(|reason| of_target(id, &reason))?;
        let process = running.process();
        self.running = Some(Started { id, running, command, given });
        Ok(process)
    }

    fn finish(&mut self) -> std::result::Result<(), String> {
        let Some(Started { id, running, command, given }) = self.running.take() else {
            return Ok(());
        };
        let ended = running.finish(&*self.clock).and_then(|()| match command.start_check(&given) {
            Some(check) => check?.finish(&*self.clock),
            None => Ok(()),
        });
        ended.map_err(|reason| of_target(id, &reason))
    }
}

fn of_target(id: Option<u32>, reason: &str) -> String {
    id.map_or_else(|| reason.to_owned(), |id| format!("target {id}: {reason}"))
}
