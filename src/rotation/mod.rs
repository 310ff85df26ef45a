//! The transaction: create, store, hand on, revoke, confirm; and picking up what an earlier run
//! left.
//!
//! A kill, a full disk or a lost answer at any point loses nothing and leaks nothing that the
//! next run does not find. What must hold at each step:
//!
//! * before a token is asked for, the journal says so;
//! * before anything else is done with a new token, the journal holds it;
//! * before the new token is handed on, the config file holds it;
//! * before the old token is revoked, whoever used it has the new one.

mod create;
pub mod journal;
mod ledger;
mod lost;
mod recover;
mod retire;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeSet;

use crate::context::Clock;
use crate::error::{Error, Failure, Result};
use crate::store::AppendError;
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, due};
use journal::{Pending, Record, WorkspaceRef};
pub use world::{ControlPlane, Event, HandOver, HistoryEvent, Listed, Listing, Promotion, Store};

/// After so many failures in a row that the next request would only meet again, no more are sent.
const GIVE_UP_AFTER: u32 = 3;

/// What a refresh was asked for.
#[derive(Debug, Clone, Copy)]
pub struct RefreshOptions {
    /// When the new token ends.
    pub expiry: Expiry,
    /// Whether to try the new token before it is stored.
    pub verify: bool,
    /// Whether to revoke orphans.
    pub revoke_orphans: bool,
    /// Refresh only what ends within so many seconds.
    pub due_within_s: Option<u64>,
    /// Leave the old token live for so many seconds.
    pub grace_s: Option<u64>,
}

/// What became of a workspace's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a new one.
    Refreshed(Refreshed),
    /// It lasts long enough.
    NotDue(Token),
}

/// A refresh that is done, or done but for the hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// The new token, which is stored.
    pub new: Token,
    /// The old one, if there was one.
    pub old: Option<Token>,
    /// What became of the old one.
    pub fate: OldFate,
    /// Whether the server takes the new token, or could not tell (`false`); `None`: it was not asked.
    pub verified: Option<bool>,
    /// Whether an earlier run had made the new token, and this one only handed it on.
    pub resumed: bool,
}

/// What became of the old token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldFate {
    /// There was none.
    None,
    /// It was revoked.
    Revoked(Timestamp),
    /// It is left live until then, by the server's clock.
    Grace(Timestamp),
    /// It could not be revoked.
    Live(String),
    /// It is kept live: the new one could not be handed on, for this reason.
    Kept(String),
}

/// A new token on its way from the server to the config file.
struct Made {
    place: WorkspaceRef,
    token: Token,
    old: Option<Token>,
    verified: Option<bool>,
}

/// How far a place has come.
enum Begun {
    Made(Made),
    Settled(Outcome),
}

/// One run that holds the lock.
pub struct Rotator<'a> {
    plane: &'a dyn ControlPlane,
    store: &'a mut dyn Store,
    clock: &'a dyn Clock,
    tell: &'a mut dyn FnMut(Event),
    hooks: Option<&'a mut dyn HandOver>,
    /// The grace of this run, for hand-overs that it resumes.
    grace_s: Option<u64>,
    ledger: Pending,
    /// Hand-overs that an earlier run owed and this one has tried, by workspace.
    resumed: Vec<(String, Refreshed)>,
    /// Whether the last append to the journal was the `created` of this workspace.
    retractable: Option<String>,
    /// Whether the server can be worked with; pending work is put off once it cannot.
    reachable: bool,
    /// How many requests in a row met what the next one would only meet again, and the last of it.
    in_vain: (u32, Option<Failure>),
    /// Whether this is work that an earlier run may have done, and noted, already.
    recovering: bool,
}

impl<'a> Rotator<'a> {
    /// Reads the journal. `tell` hears of every [`Event`].
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn new(
        plane: &'a dyn ControlPlane,
        store: &'a mut dyn Store,
        clock: &'a dyn Clock,
        tell: &'a mut dyn FnMut(Event),
    ) -> Result<Self> {
        let ledger = store.ledger()?;
        Ok(Self {
            plane,
            store,
            clock,
            tell,
            hooks: None,
            grace_s: None,
            ledger,
            resumed: Vec::new(),
            retractable: None,
            reachable: true,
            in_vain: (0, None),
            recovering: false,
        })
    }

    /// Hands every new token on before the old one is revoked.
    pub fn set_hooks(&mut self, hooks: &'a mut dyn HandOver) {
        self.hooks = Some(hooks);
    }

    /// What is still pending.
    #[must_use]
    pub fn ledger(&self) -> &Pending {
        &self.ledger
    }

    /// Whether work could not be done although it was due, by the server's clock.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        let skew_s = self.plane.skew_s().unwrap_or(0);
        self.ledger.is_overdue(self.clock.now().plus_secs(skew_s))
    }

    /// Refreshes the token of every place and tells `each`, as soon as it is known and by its
    /// number, what became of it. What earlier runs left is finished first.
    ///
    /// The new tokens of all workspaces are stored in one step, before the first old one is revoked.
    pub fn refresh(
        &mut self,
        places: &[WorkspaceRef],
        order: &RefreshOptions,
        each: &mut dyn FnMut(usize, Result<Outcome>),
    ) {
        self.grace_s = order.grace_s;
        self.recover(places, order.revoke_orphans);
        for round in rounds(places) {
            let mut made = Vec::new();
            for n in round {
                match self.begin(&places[n], order) {
                    Ok(Begun::Made(new)) => made.push((n, new)),
                    Ok(Begun::Settled(outcome)) => each(n, Ok(outcome)),
                    Err(error) => each(n, Err(error)),
                }
            }
            let stored = self.store_all(made, each);
            self.in_vain.0 = 0; // the server may be back by now
            for (n, made) in stored {
                let refreshed = self.finish(made, order);
                each(n, Ok(Outcome::Refreshed(refreshed)));
            }
        }
        self.close();
    }

    /// Has a new token, in the journal and verified, unless there is no need of one.
    fn begin(&mut self, place: &WorkspaceRef, order: &RefreshOptions) -> Result<Begun> {
        if let Some(at) = self.resumed.iter().position(|(id, _)| *id == place.id) {
            let (_, refreshed) = self.resumed.swap_remove(at);
            return Ok(Begun::Settled(Outcome::Refreshed(refreshed)));
        }
        if let Some(open) = self.ledger.rotation(&place.id) {
            let old = open.old.as_ref().and_then(|old| old.jti.clone());
            return Err(if open.waits_for_hooks() {
                Error::HandOverOwed { old }
            } else {
                Error::Unfinished
            });
        }
        let old = self.store.current(&place.key)?.ok_or(Error::NoToken)?;
        let within = order.due_within_s;
        if within.is_some_and(|within| !due(&old, within, self.clock.now()).is_due()) {
            return Ok(Begun::Settled(Outcome::NotDue(old)));
        }
        self.make(place, old, order).map(Begun::Made)
    }

    /// Writes records that must be there before the next step.
    fn record(&mut self, records: &[Record]) -> std::result::Result<(), AppendError> {
        self.store.append(records, true)?;
        self.retractable = None;
        for record in records {
            self.ledger.apply(record.clone());
        }
        Ok(())
    }

    /// Writes a record of a step that may be done twice: whether it lasts does not matter.
    fn settle(&mut self, record: Record) {
        if self
            .store
            .append(std::slice::from_ref(&record), false)
            .is_ok()
        {
            self.retractable = None;
        }
        self.ledger.apply(record);
    }

    /// Sends a request, unless the ones before have shown that it would be in vain.
    fn send<T>(
        &mut self,
        request: impl FnOnce(&dyn ControlPlane) -> std::result::Result<T, Failure>,
    ) -> std::result::Result<T, Failure> {
        if let (GIVE_UP_AFTER.., Some(last)) = &self.in_vain {
            return Err(not_tried(last));
        }
        let outcome = request(self.plane);
        match &outcome {
            Err(failure) if recurs(failure) || is_cut_off(failure) => {
                self.in_vain = (self.in_vain.0 + 1, Some(failure.clone()));
            }
            _ => self.in_vain.0 = 0,
        }
        outcome
    }

    /// Keeps a line of history, once where an earlier run may have done so.
    fn note(&mut self, place: &WorkspaceRef, deed: &HistoryEvent) {
        if self.recovering {
            self.store.note_once(place, deed);
        } else {
            self.store.note(place, deed);
        }
    }

    /// Ends the run. A journal that cannot be removed now says what the next run may do again.
    fn close(&mut self) {
        let _ = self.store.close(&self.ledger);
    }
}

/// The numbers of the places, so that no round has two of one workspace: the config file may hold it
/// under two keys, and the journal knows it by its id.
fn rounds(places: &[WorkspaceRef]) -> Vec<Vec<usize>> {
    let mut rounds = Vec::new();
    let mut left: Vec<usize> = (0..places.len()).collect();
    while !left.is_empty() {
        let mut seen = BTreeSet::new();
        let round;
        (round, left) = left
            .into_iter()
            .partition(|n| seen.insert(places[*n].id.as_str()));
        rounds.push(round);
    }
    rounds
}

/// Whether the next request would only meet the same: nobody answers, or everybody is turned away.
fn recurs(failure: &Failure) -> bool {
    match failure {
        Failure::NotSent { .. } => true,
        Failure::Unknown { in_flight, .. } => *in_flight,
        Failure::Rejected { status, .. } => matches!(status, 401 | 429 | 503),
    }
}

/// Whether something in between answers, or cuts the connection: once may be chance.
fn is_cut_off(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Unknown {
            status: None | Some(429 | 502..=504),
            ..
        }
    )
}

/// What to say of a request that is not sent because those before it failed like `last`.
fn not_tried(last: &Failure) -> Failure {
    let after = |what: &str| format!("not tried, after {GIVE_UP_AFTER} failures in a row: {what}");
    match last {
        Failure::Rejected {
            status,
            kind,
            message,
            retry_after,
        } => Failure::Rejected {
            status: *status,
            kind: kind.clone(),
            message: after(message),
            retry_after: *retry_after,
        },
        Failure::NotSent {
            reason,
            our_setting,
        } => Failure::NotSent {
            reason: after(reason),
            our_setting: *our_setting,
        },
        Failure::Unknown { reason, .. } => Failure::NotSent {
            reason: after(reason),
            our_setting: false,
        },
    }
}
