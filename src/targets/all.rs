//! Everything that a run delivers to.

use std::cell::{Cell, LazyCell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::Destination;
use super::claim::Layout;
use super::command::{self, Given};
use super::files::TokenFile;
use crate::context::{Clock, Env, Process, lock_holder};
use crate::error::{Error, Result};
use crate::rotation::{self, Deliver, Delivery, WorkspaceRef};
use crate::store::{FileId, OwnFile};
use crate::targets::{SavedTarget, SavedTargets};
use crate::token::{Token, mark_of};

/// The UUIDs of workspaces, with what tokens are known by that were theirs before.
type Earlier = BTreeSet<(String, String)>;

/// A target of one workspace.
pub(super) struct Target {
    pub(super) destination: Destination,
    /// As the rotation sees it.
    seen: rotation::Target,
    pub(super) id: u32,
    /// It never got a token, and is remembered by this run.
    pub(super) is_new: Cell<bool>,
    /// Its check said no, since this run last delivered to it: an engine that is down keeps each waiting.
    is_absent: Cell<bool>,
}

impl Target {
    /// Names a target that is known by its id, before a reason.
    fn label(&self) -> String {
        if self.is_new.get() { String::new() } else { format!("target {}: ", self.id) }
    }
}

/// Everything that a new token is delivered to.
pub(crate) struct Targets {
    /// By the UUIDs of the workspaces; files first, then commands.
    all: BTreeMap<String, Vec<Target>>,
    /// Where in `all` the files are that are known by these: to compare each with all others would take the
    /// square of their number.
    files: OnceCell<BTreeMap<FileId, Vec<(String, usize)>>>,
    /// What is being written over a file that is not replaced; those beside it are no targets.
    pub(super) unfinished: OwnFile,
    /// Tokens that may be replaced: asked for once, if a file holds what is neither the new nor the old one.
    earlier: LazyCell<Earlier, Box<dyn FnOnce() -> Earlier>>,
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
        unfinished: &OwnFile,
        earlier: impl FnOnce() -> Earlier + 'static,
        clock: Rc<dyn Clock>,
        env: &Env,
    ) -> Result<Self> {
        let mut all = BTreeMap::<String, Vec<Target>>::new();
        // A command comes after every file.
        for is_command in [false, true] {
            for target in targets.all().iter().filter(|t| t.is_command() == is_command) {
                let (destination, id) = (Destination::remembered(target)?, target.id);
                let is_new = Cell::new(new.iter().any(|new| new.id == id));
                let (seen, is_absent) = (target.to_deliver(), Cell::default());
                let entry = Target { destination, seen, id, is_new, is_absent };
                all.entry(target.workspace_id.clone()).or_default().push(entry);
            }
        }
        let (path, unfinished) = (command::path(env), unfinished.clone());
        let earlier: Box<dyn FnOnce() -> Earlier> = Box::new(earlier);
        let (files, earlier, lock_holder) = (OnceCell::new(), LazyCell::new(earlier), None);
        Ok(Self { all, files, unfinished, earlier, clock, path, lock_holder })
    }

    /// Whether another target, by its id and its workspace, would write over what is put into a file.
    pub(super) fn is_taken(
        &self,
        ids: &[FileId],
        layout: &Layout,
        is_other: &dyn Fn(u32, &str) -> bool,
    ) -> bool {
        let files = self.files.get_or_init(|| {
            let mut files = BTreeMap::<FileId, Vec<(String, usize)>>::new();
            for (workspace, targets) in &self.all {
                for (n, target) in targets.iter().enumerate() {
                    for id in target.destination.as_file().map_or(Vec::new(), TokenFile::ids) {
                        files.entry(id).or_default().push((workspace.clone(), n));
                    }
                }
            }
            files
        });
        let places = ids.iter().filter_map(|id| files.get(id)).flatten();
        let mut others = places.filter_map(|(workspace, n)| {
            let other = self.all.get(workspace)?.get(*n)?;
            other.destination.as_file().filter(|_| is_other(other.id, workspace))
        });
        // What was found under an inode has another one since it was replaced.
        others.any(|file| {
            file.layout.collides(layout) && file.ids().iter().any(|id| ids.contains(id))
        })
    }

    /// Whether the text is a token that was the workspace's before.
    pub(super) fn is_earlier(&self, workspace: &WorkspaceRef, text: &str) -> bool {
        self.earlier.contains(&(workspace.id.clone(), mark_of(text)))
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

    /// Whether one of them is a command.
    pub(crate) fn has_commands(&self) -> bool {
        self.all.values().flatten().any(|entry| entry.seen.is_command)
    }

    /// Why remembered targets of a workspace could not get the token that replaces this one: they hold up nobody
    /// else.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`] for a new one.
    pub(crate) fn probe(
        &self,
        workspace: &WorkspaceRef,
        token: Option<&Token>,
    ) -> Result<Vec<Error>> {
        let mut lost = Vec::new();
        for entry in self.of(workspace) {
            let probed = match &entry.destination {
                Destination::File(file) => {
                    let text = token.filter(|_| file.layout == Layout::Replace);
                    let text = text.map_or("probe", |token| token.access_token.expose());
                    self.put(entry, file, workspace, text, token.as_slice(), true)
                }
                Destination::Command(command) => command.probe(&self.path, entry.is_new.get()),
            };
            match probed {
                Err(error) if entry.is_new.get() => return Err(error),
                Err(error) => lost.push(error.of_target(entry.id)),
                Ok(()) => {}
            }
        }
        Ok(lost)
    }
}

impl Deliver for Targets {
    fn targets(&self, workspace: &WorkspaceRef) -> Vec<rotation::Target> {
        self.of(workspace).map(|entry| entry.seen.clone()).collect()
    }

    fn lacking(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<String> {
        let lacks = |entry: &&Target| {
            if entry.is_new.get() || entry.is_absent.get() {
                return true;
            }
            let holder = self.lock_holder.as_deref();
            let held = entry.destination.looked_at(workspace, token, holder, &*self.clock);
            let lacks = !matches!(held, Ok(None | Some(true)));
            entry.is_absent.set(lacks && entry.seen.is_command);
            lacks
        };
        self.of(workspace).filter(lacks).map(|entry| entry.seen.name.clone()).collect()
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
        let Some(entry) = self.of(delivery.workspace).find(|entry| entry.seen.name == target.name)
        else {
            return Err(format!("{} is not known", target.name));
        };
        entry.is_absent.set(false);
        let delivered = match &entry.destination {
            Destination::File(file) => {
                let Delivery { workspace, new, old, .. } = *delivery;
                let held: Vec<&Token> = old.into_iter().chain([new]).collect();
                let put = self.put(entry, file, workspace, new.access_token.expose(), &held, false);
                put.map_err(|error| error.reason().to_owned())
            }
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
