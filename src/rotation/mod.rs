//! The transaction: create, store, deliver, revoke, confirm; and finishing what an earlier run left.
//!
//! A kill, a power cut, a full disk or a lost answer at any point loses nothing and leaks nothing
//! that the next run does not find. A claim is made only from evidence that proves it. What holds
//! at each step:
//!
//! * before a token is requested, the journal says so;
//! * before anything else is done with a new token, the journal holds it;
//! * before the new token is delivered, the config file holds it;
//! * before the old token is revoked, everything that used it has the new one;
//! * what is not proven stays in the journal, is named, and is tried again;
//! * the work of one server is never done at another.
//!
//! Start reading at [`refresh`], which is the story from top to bottom.

mod breaker;
mod by_hand;
mod deliver;
mod issue;
mod journal;
mod judge;
mod moment;
mod orphans;
mod pending;
mod plan;
mod ports;
mod refresh;
mod replay;
mod request;
mod retire;
mod revoke;
mod rollback;
#[cfg(test)]
mod tests;
mod workspace_ref;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::context::Clock;
use crate::error::{Error, Result};
use crate::store::Written;
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

use breaker::Breaker;
pub(crate) use by_hand::{ByHand, LoggedOut, forget, forget_workspaces};
pub(crate) use deliver::{Tried, deliver_current};
pub(crate) use issue::CreatedWorkspace;
#[cfg(test)]
pub(crate) use journal::PendingRevocation;
pub(crate) use journal::Reason;
pub(crate) use journal::{Origin, Orphan, Record, lines as journal_lines};
pub(crate) use moment::Moment;
pub(crate) use pending::{Pending, Rotation, Stage};
#[cfg(test)]
pub(crate) use pending::{PendingCreate, Purpose};
pub(crate) use plan::{Certainty, Outlook, Planned, Step, WhyDeliver, plan, with_followers};
pub(crate) use ports::{
    Acceptance, Answer, ControlPlane, Deliver, Delivery, Event, HistoryEvent, ListedToken,
    NewWorkspace, Store, Target, TokenList,
};
pub(crate) use workspace_ref::WorkspaceRef;

/// The options of a refresh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // switches are bools
pub(crate) struct RefreshOptions {
    pub(crate) expiry: Expiry,
    /// Ask for slightly less, a lifetime by which a lost token is recognised.
    pub(crate) unique_lifetime: bool,
    /// Store the new token without trying it.
    pub(crate) no_verify: bool,
    /// How long the server may take to accept it, if not as long as usual.
    pub(crate) verify_wait: Option<Duration>,
    pub(crate) revoke_orphans: bool,
    /// Revoke old tokens although the new ones lack a right.
    pub(crate) accept_scope: bool,
    /// Refresh only what expires within this many seconds.
    pub(crate) due_within_s: Option<u64>,
    /// Keep the old token live for this many seconds.
    pub(crate) grace_s: Option<u64>,
}

/// The outcome for a workspace's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Refreshed(Refreshed),
    /// It lasts long enough.
    NotDue(Token),
}

/// A refresh that is done, or done except for the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refreshed {
    /// The new token, which is stored.
    pub(crate) new: Token,
    pub(crate) old: Option<Token>,
    pub(crate) fate: OldFate,
    /// Whether the server accepts the new token (`false`: it could not tell); `None` if not asked.
    pub(crate) verified: Option<bool>,
    /// Whether an earlier run had made the new token, and this one only delivered it.
    pub(crate) resumed: bool,
}

/// What happened to the old token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OldFate {
    /// There was none.
    None,
    Revoked(Timestamp),
    /// Kept live until then, by the server's clock; `token rollback` goes back to it.
    Grace(Timestamp),
    /// Could not be revoked, for this reason.
    Live(String),
    /// Kept live: the new one lacks a right, and the user has not accepted that.
    LosesScope,
    /// Kept live: the new one could not be delivered, for this reason.
    Kept(String),
}

/// One run that holds the lock.
pub(crate) struct Rotator<'a> {
    control_plane: &'a dyn ControlPlane,
    store: &'a mut dyn Store,
    clock: &'a dyn Clock,
    on_event: &'a mut dyn FnMut(Event),
    targets: Option<&'a mut dyn Deliver>,
    /// The workspaces that this run is about, by their ids: in which order they were named, and what is wanted.
    wishes: BTreeMap<String, (usize, WorkspaceRef, RefreshOptions)>,
    pending: Pending,
    breaker: Breaker,
    /// What this run does about each workspace, by its id.
    turns: BTreeMap<String, refresh::Turn>,
    /// Whether an earlier run may have done, and recorded, this work already.
    recovering: bool,
    /// The tokens that this run has tried to revoke.
    tried: Vec<String>,
    /// The tokens that are to be revoked at once: the journal has their refresh.
    unwritten: Vec<(WorkspaceRef, String)>,
    /// The workspace whose `created` was the last append to the journal.
    retractable: Option<WorkspaceRef>,
    /// The lists read in this run by their workspaces' ids, none older than the last create or revocation.
    lists: BTreeMap<String, Rc<TokenList>>,
    /// When this run began with what was pending.
    began: Moment,
}

impl<'a> Rotator<'a> {
    /// Reads the journal. `on_event` hears of every [`Event`].
    pub(crate) fn new(
        control_plane: &'a dyn ControlPlane,
        store: &'a mut dyn Store,
        clock: &'a dyn Clock,
        on_event: &'a mut dyn FnMut(Event),
    ) -> Result<Self> {
        let pending = store.pending()?;
        Ok(Self {
            control_plane,
            store,
            clock,
            on_event,
            targets: None,
            wishes: BTreeMap::new(),
            pending,
            breaker: Breaker::default(),
            turns: BTreeMap::new(),
            recovering: false,
            tried: Vec::new(),
            unwritten: Vec::new(),
            retractable: None,
            lists: BTreeMap::new(),
            began: Moment { ours: clock.now(), boot: clock.boot_time(), skew_s: None },
        })
    }

    /// Delivers every new token before the old one is revoked. Without targets, a run leaves a
    /// refresh alone that still has some to deliver to.
    pub(crate) fn deliver_to(&mut self, targets: &'a mut dyn Deliver) {
        self.targets = Some(targets);
    }

    fn is_ours(&self, workspace: &WorkspaceRef) -> bool {
        workspace.is_on(self.control_plane.server())
    }

    fn moment(&self) -> Moment {
        Moment {
            ours: self.clock.now(),
            boot: self.clock.boot_time(),
            skew_s: self.control_plane.skew_s(),
        }
    }

    /// What to say of due work that could not be done, if there is any. Orphans wait for the user,
    /// deliveries for a run with targets, and tokens in the restored config file stay.
    pub(crate) fn overdue(&mut self) -> Option<Error> {
        // What has come due since is the next run's.
        let now = Moment { skew_s: self.control_plane.skew_s(), ..self.began.clone() };
        let mut due = self.pending.due(&now);
        due.rotations.retain(|r| !self.awaits_delivery(r));
        due.revocations.retain(|p| {
            p.reason.is_by_hand() || !self.store.holds(&p.workspace, &p.jti).unwrap_or(false)
        });
        if !due.has_work() {
            return None;
        }
        if let Some(pending) = due.revocations.iter().find(|p| p.reason == Reason::LosesScope) {
            return Some(Error::loses_scope(&pending.workspace.name));
        }
        let elsewhere = self.pending.other_server(self.control_plane.server());
        Some(Error::work_pending(Vec::new(), None, elsewhere))
    }

    /// Writes records that must be on the disk before the next step.
    fn append_durable(&mut self, records: &[Record]) -> Written<()> {
        self.store.append(records, true)?;
        self.retractable = None;
        self.pending.apply_all(records.iter().cloned());
        Ok(())
    }

    /// Writes records of steps that may be repeated: they need not be durable.
    fn append_relaxed(&mut self, records: &[Record]) {
        if self.store.append(records, false).is_ok() {
            self.retractable = None;
        }
        self.pending.apply_all(records.iter().cloned());
    }

    /// Adds a line to the history, once if an earlier run may have done so.
    fn note(&mut self, workspace: &WorkspaceRef, event: &HistoryEvent) {
        self.store.note(workspace, event, self.recovering);
    }

    /// Records that a refresh failed after the server had been asked for a token.
    fn failed(&mut self, workspace: &WorkspaceRef, error: Error) -> Error {
        let reason = error.in_one_line();
        self.note(workspace, &HistoryEvent::Failed { reason });
        error
    }

    /// An unusable file is the user's to fix, exit 2, only if nothing was sent.
    fn late(&self, error: Error) -> Error {
        if self.breaker.has_sent { error.after_sending() } else { error }
    }

    /// Does the pending work, then `work`, and ends the run.
    fn run<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.recover();
        let done = work(self);
        self.close();
        done.map_err(|error| self.late(error))
    }

    /// Ends the run. A journal that cannot be removed now only says what the next run may repeat.
    fn close(&mut self) {
        let _ = self.store.close(&self.pending);
    }
}
