//! A refresh, from top to bottom. What an earlier run has begun goes the same way: see
//! [`Rotator::carry_on`].

use std::collections::BTreeMap;

use super::journal::Record;
use super::pending::{Purpose, Rotation, Stage};
use super::plan::with_followers;
use super::ports::{Event, HistoryEvent};
use super::{OldFate, Outcome, RefreshOptions, Refreshed, Rotator, WorkspaceRef};
use crate::error::{Error, Failure, NewTokenFate, Result};
use crate::time::Timestamp;
use crate::token::{Due, Token, due};

/// What this run does about one workspace.
#[derive(Default)]
pub(super) struct Turn {
    /// Its token was brought as far as possible: a run tries nothing twice.
    pub(super) is_over: bool,
    /// Whether the server accepts the new token; `None` if it was not asked.
    pub(super) verified: Option<bool>,
    pub(super) outcome: Option<Result<Outcome>>,
}

impl Rotator<'_> {
    /// Refreshes the token of every workspace by its own options, none of them twice.
    /// [`Rotator::outcome_of`] tells what became of it.
    ///
    /// The new tokens of all workspaces are stored in one step, before the first old one is revoked.
    pub(crate) fn refresh(&mut self, wishes: &[(WorkspaceRef, RefreshOptions)]) {
        for (workspace, options) in wishes {
            self.wish(workspace, options);
        }
        self.recover();
        for (workspace, _) in wishes {
            let begun = self.begin(workspace).map_err(|error| self.late(error));
            self.turn(workspace).outcome = begun.transpose();
        }
        self.carry_on();
        self.close();
    }

    /// Does the pending work of every workspace of this server, as far as possible now: mostly there is
    /// none. The rest stays in the journal; every outcome is reported.
    pub(super) fn recover(&mut self) {
        self.recovering = true;
        self.name_other_servers();
        self.search_creates();
        self.carry_on();
        self.find_displaced();
        self.visit_orphans(|_| true);
        self.recovering = false;
    }

    fn name_other_servers(&mut self) {
        let elsewhere = self.pending.workspaces().filter(|w| !self.is_ours(w));
        let named: BTreeMap<String, WorkspaceRef> =
            elsewhere.map(|w| (w.id.clone(), w.clone())).collect();
        for workspace in named.into_values() {
            (self.on_event)(Event::OtherServer { workspace });
        }
    }

    /// Requests a new token, unless none is needed, or this run has finished what an earlier one began.
    fn begin(&mut self, workspace: &WorkspaceRef) -> Result<Option<Outcome>> {
        let (options, now) = (self.options_for(workspace), self.clock.now());
        // A target that cannot be served does not stop what is due.
        match self.turn(workspace).outcome.take() {
            Some(Ok(Outcome::Refreshed(Refreshed { fate: OldFate::Kept(_), new, .. })))
                if must_be_followed(&new, &options, now) => {}
            Some(outcome) => return outcome.map(Some),
            None => {}
        }
        let old = self.store.current(workspace)?.ok_or_else(Error::no_token)?;
        let open = self.pending.rotation(workspace).cloned();
        let is_undelivered =
            open.is_some_and(|open| open.token.is_same(&old) && self.awaits_delivery(&open));
        if !(is_undelivered && must_be_followed(&old, &options, now)) {
            self.refuse_if_unfinished(workspace)?;
        }
        if why_refresh(&old, &options, now).is_none() {
            let is_begun = self.deliver_again(workspace, &old)?;
            return Ok((!is_begun).then_some(Outcome::NotDue(old)));
        }
        self.make(workspace, Some(&old), Purpose::Refresh)?;
        Ok(None)
    }

    /// A new token, in the journal: from here it cannot be lost.
    pub(super) fn make(
        &mut self,
        workspace: &WorkspaceRef,
        old: Option<&Token>,
        purpose: Purpose,
    ) -> Result<Token> {
        let (at, mut token) = self.request(workspace, purpose, old)?;
        // An opaque token proves no id: by one that is another token's, that one would be revoked.
        let is_opaque = !token.access_token.expose().contains('.');
        token.jti = token.jti.filter(|jti| {
            let is_of_another =
                is_opaque && (self.pending.knows(workspace, jti) || self.store.has_history_of(jti));
            !is_of_another
        });
        self.keep(workspace, at, &token, old, purpose)?;
        *self.turn(workspace) = Turn::default();
        Ok(token)
    }

    /// Brings every token that is on its way as far as possible, step by step: into the config file,
    /// to its targets; then revokes what it replaces. Each step asks the journal what is left to do, so
    /// it makes no difference which run began it.
    pub(super) fn carry_on(&mut self) {
        let mut ready = self.on_their_way();
        ready.retain(|rotation| self.may_store(rotation));
        self.store_all(ready);
        for rotation in self.on_their_way() {
            let workspace = rotation.workspace.clone();
            let has_failed = matches!(self.turn(&workspace).outcome, Some(Err(_)));
            let ready = rotation.is_stored() && !has_failed;
            let mut rotation = ready.then_some(rotation);
            if self.recovering {
                rotation = rotation.and_then(|rotation| self.with_current(rotation));
            }
            if let Some(rotation) = rotation.filter(|r| self.is_served(r)) {
                self.finish(rotation);
            }
            self.turn(&workspace).is_over = true;
        }
        self.revoke_due();
    }

    /// Stores tokens in one durable step; storing one twice makes it durable.
    fn store_all(&mut self, ready: Vec<Rotation>) {
        if ready.is_empty() {
            return;
        }
        match self.store.promote(&ready) {
            Ok(stored) => {
                // Taken one by one: what is told of thousands is in memory too.
                for (rotation, stored) in ready.into_iter().zip(stored) {
                    if stored {
                        self.stored(&rotation);
                    } else {
                        self.give_up(&rotation);
                    }
                }
            }
            Err(failed) => {
                for rotation in ready {
                    let (workspace, token) = (&rotation.workspace, &rotation.token);
                    if self.recovering {
                        let reason = failed.error.to_string();
                        (self.on_event)(Event::Unsettled { workspace: workspace.clone(), reason });
                        continue;
                    }
                    // In place but perhaps not durable: the next run makes sure.
                    let fate = if failed.is_unchanged {
                        self.discard_new(workspace, token)
                    } else {
                        NewTokenFate::Kept
                    };
                    let error = Error::store_token(token.jti.as_deref(), fate, &failed.error);
                    self.turn(workspace).outcome = Some(Err(self.failed(workspace, error)));
                }
            }
        }
    }

    fn stored(&mut self, rotation: &Rotation) {
        let Rotation { workspace, token, .. } = rotation;
        let (new, old, recovered) = (token.clone(), rotation.old.clone(), self.recovering);
        let event = match rotation.purpose {
            Purpose::Refresh => HistoryEvent::Refreshed { new, old, recovered },
            Purpose::HandOut => HistoryEvent::HandedOut(new),
            Purpose::Rollback => HistoryEvent::RolledBack { to: new, from: old },
        };
        self.note(workspace, &event);
        // What an undelivered token had replaced may be in use until this one is delivered.
        let left = rotation.before.as_ref().map(|before| self.left_by(before));
        let mut records = left.unwrap_or_default();
        // Needs no fsync: the config file says the same.
        records.push(Record::Promoted(workspace.about()));
        self.append_relaxed(&records);
        if self.recovering {
            let (workspace, jti) = (workspace.clone(), token.jti.clone());
            (self.on_event)(Event::Finished { workspace, jti });
        }
    }

    /// Every target has the token: what it replaces is to be revoked, now or later.
    fn finish(&mut self, rotation: Rotation) {
        let fate = self.schedule(&rotation);
        let (recovering, turn) = (self.recovering, self.turn(&rotation.workspace));
        // One that was only left to be revoked is told of by an event; a refresh may follow.
        if !recovering || turn.verified == Some(true) || turn.outcome.is_some() {
            self.came_to(rotation, fate);
        }
    }

    /// The old token is to be revoked, now or later; what became of it already.
    fn schedule(&mut self, rotation: &Rotation) -> OldFate {
        let Rotation { workspace, old, purpose, to_unknown, .. } = rotation;
        let done = Record::Done(workspace.about());
        let Some(pending) = self.revocation_of(rotation) else {
            let is_kept = *purpose == Purpose::HandOut || *to_unknown;
            // Named before the journal drops it.
            let jti = old.as_ref().and_then(|old| old.jti.clone());
            if let Some(jti) = jti.filter(|_| is_kept && !to_unknown) {
                (self.on_event)(Event::KeptLive { workspace: workspace.clone(), jti });
            }
            let named = self.left_by(rotation).into_iter();
            self.append_relaxed(&named.chain([done]).collect::<Vec<_>>());
            return if is_kept || old.is_none() {
                OldFate::None
            } else {
                OldFate::Live("it has no id of its own by which to revoke it".to_owned())
            };
        };
        let (jti, until) = (pending.jti.clone(), pending.not_before);
        self.tried.retain(|tried| *tried != jti); // it may have been current again meanwhile
        if !self.is_ours(&pending.workspace) {
            let reason = Failure::of_another_server(&pending.workspace.server).to_string();
            self.append_relaxed(&[Record::PendingRevocation(pending), done]);
            return OldFate::Live(reason);
        }
        let records = [Record::PendingRevocation(pending), done];
        let Some(until) = until else {
            // Until it is revoked, the journal has the refresh: should an older config file come back, that
            // says which of the two replaces the other. See `write_left`.
            self.unwritten.push((workspace.clone(), jti));
            self.pending.apply_all(records);
            return OldFate::None;
        };
        // Needs no fsync: the refresh in the journal means the same.
        self.append_relaxed(&records);
        self.note(workspace, &HistoryEvent::Grace { jti, until });
        OldFate::Grace(until)
    }

    pub(super) fn came_to(&mut self, rotation: Rotation, fate: OldFate) {
        let (recovering, turn) = (self.recovering, self.turn(&rotation.workspace));
        // Without an old token the current one was delivered once more.
        let is_again = rotation.purpose == Purpose::Refresh && rotation.old.is_none();
        let (verified, resumed) =
            (turn.verified, (recovering || is_again) && turn.verified.is_none());
        let Rotation { token: new, old, .. } = rotation;
        let refreshed = Refreshed { new, old, fate, verified, resumed };
        turn.outcome = Some(Ok(Outcome::Refreshed(refreshed)));
    }

    /// What came of it, told once.
    pub(crate) fn outcome_of(&mut self, workspace: &WorkspaceRef) -> Result<Outcome> {
        self.turn(workspace).outcome.take().unwrap_or(Err(Error::unfinished()))
    }

    /// No other token is requested while an earlier refresh is unfinished.
    pub(super) fn refuse_if_unfinished(&mut self, workspace: &WorkspaceRef) -> Result<()> {
        let Some(open) = self.pending.rotation(workspace).cloned() else {
            return Ok(());
        };
        Err(match open.stage {
            Stage::Kept => Error::unfinished(),
            Stage::Denied => Error::unconfirmed(open.token.jti.as_deref()),
            Stage::Stored if self.awaits_delivery(&open) => Error::delivery_pending(),
            Stage::Stored => {
                let old = open.old.and_then(|old| old.jti);
                Error::old_token_live(old.as_deref(), "an earlier run could not revoke it")
            }
        })
    }

    /// Puts a delivery of the current token into the journal, if a target has lost it; what has it is
    /// written there as delivered to.
    fn deliver_again(&mut self, workspace: &WorkspaceRef, current: &Token) -> Result<bool> {
        let lacking = self.lacking(workspace, current);
        if lacking.is_empty() {
            return Ok(false);
        }
        let all = self.targets.as_ref().map_or(Vec::new(), |to| to.targets(workspace));
        let again = with_followers(&all, &lacking);
        let (at, token) = (self.request_time(), current.clone());
        let delivery = Rotation::new(workspace, at, token, None, Purpose::Refresh);
        let mut records = vec![Record::Created(delivery), Record::Promoted(workspace.about())];
        let has_it = all.iter().filter(|target| !again.contains(&target.name));
        records.extend(has_it.map(|target| workspace.delivered_to(&target.name)));
        // Nothing tells whether they had it before.
        records.push(workspace.delivering(1, None));
        self.append_durable(&records)?;
        *self.turn(workspace) = Turn::default();
        Ok(true)
    }

    /// The tokens that have still to be brought further in this run.
    fn on_their_way(&self) -> Vec<Rotation> {
        let is_over = |id: &String| self.turns.get(id).is_some_and(|turn| turn.is_over);
        let all = self.pending.rotations.iter().filter(|r| self.is_ours(&r.workspace));
        all.filter(|r| !is_over(&r.workspace.id)).cloned().collect()
    }

    /// What this run does about a workspace of this server.
    pub(super) fn turn(&mut self, workspace: &WorkspaceRef) -> &mut Turn {
        self.turns.entry(workspace.id.clone()).or_default()
    }

    /// This run is about that workspace too: its targets are served.
    pub(super) fn wish(&mut self, workspace: &WorkspaceRef, options: &RefreshOptions) {
        let wish = (self.wishes.len(), workspace.clone(), *options);
        self.wishes.insert(workspace.id.clone(), wish);
    }

    /// What is wanted of a workspace, or usual for one that is only finished.
    pub(super) fn options_for(&self, workspace: &WorkspaceRef) -> RefreshOptions {
        self.wishes.get(&workspace.id).map(|(.., options)| *options).unwrap_or_default()
    }
}

/// Why a new token would be requested; `None` if the current one lasts long enough.
pub(super) fn why_refresh(token: &Token, options: &RefreshOptions, now: Timestamp) -> Option<Due> {
    let due = options.due_within_s.map_or(Due::Asked, |within_s| due(token, within_s, now));
    due.is_due().then_some(due)
}

/// Whether an undelivered token is itself so near its end that another one must follow. A run by hand
/// is about what is current: that it was asked for is no reason to leave the targets behind.
pub(super) fn must_be_followed(token: &Token, options: &RefreshOptions, now: Timestamp) -> bool {
    due(token, options.due_within_s.unwrap_or(0), now).is_due()
}
