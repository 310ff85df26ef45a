//! A refresh, from top to bottom.

use std::collections::BTreeSet;

use super::breaker::Call;
use super::journal::Record;
use super::ports::{Event, Promotion};
use super::{Outcome, RefreshOptions, Refreshed, Rotator, WorkspaceRef};
use crate::error::{Error, Failure, NewTokenFate, Result};
use crate::store::AppendError;
use crate::time::Timestamp;
use crate::token::{Token, due};

pub(super) const CREATE: &str = "create a token";

/// A new token on its way from the server to the config file.
struct NewToken {
    workspace: WorkspaceRef,
    token: Token,
    old: Option<Token>,
    verified: Option<bool>,
}

/// How far a workspace has come.
enum Step {
    New(NewToken),
    Finished(Outcome),
}

/// What a token is requested for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Refresh,
    HandOut,
}

impl Rotator<'_> {
    /// Refreshes the token of every workspace and tells `each`, as soon as it is known and by its
    /// number, what became of it.
    ///
    /// The new tokens of all workspaces are stored in one step, before the first old one is revoked.
    pub(crate) fn refresh(
        &mut self,
        workspaces: &[WorkspaceRef],
        options: &RefreshOptions,
        each: &mut dyn FnMut(usize, Result<Outcome>),
    ) {
        self.options = *options;
        self.breaker.give_up_after = options.max_failures;
        self.recover(workspaces);
        let mut left: Vec<usize> = (0..workspaces.len()).collect();
        let mut canary = options.canary;
        while !left.is_empty() {
            let round = next_round(workspaces, &mut left, canary);
            let mut went_well = true;
            self.refresh_round(workspaces, round, &mut |n, outcome| {
                went_well &= outcome.as_ref().is_ok_and(Outcome::is_complete);
                // One that is not due shows nothing: the next one is the first to go.
                canary &= matches!(outcome, Ok(Outcome::NotDue(_))) || !went_well;
                each(n, outcome);
            });
            if canary && !went_well {
                left.drain(..).for_each(|n| each(n, Err(Error::CanaryFailed)));
            }
        }
        self.close();
    }

    /// Refreshes the tokens of these workspaces, of which none is there twice.
    fn refresh_round(
        &mut self,
        workspaces: &[WorkspaceRef],
        round: Vec<usize>,
        each: &mut dyn FnMut(usize, Result<Outcome>),
    ) {
        let mut new = Vec::new();
        for n in round {
            match self.new_token(&workspaces[n]) {
                Ok(Step::New(token)) => new.push((n, token)),
                Ok(Step::Finished(outcome)) => each(n, Ok(outcome)),
                Err(error) => each(n, Err(self.late(error))),
            }
        }
        for (n, token) in self.promote(new, each) {
            let refreshed = self.deliver_and_revoke(token);
            each(n, Ok(Outcome::Refreshed(refreshed)));
        }
    }

    /// Gets a new token, in the journal and verified, unless none is needed.
    fn new_token(&mut self, workspace: &WorkspaceRef) -> Result<Step> {
        if let Some(at) = self.resumed.iter().position(|(w, _)| w.is(workspace)) {
            let refreshed = self.resumed.swap_remove(at).1?;
            return Ok(Step::Finished(Outcome::Refreshed(refreshed)));
        }
        self.refuse_if_unfinished(workspace)?;
        let old = self.store.current(workspace)?.ok_or(Error::NoToken)?;
        let within_s = self.options.due_within_s;
        if within_s.is_some_and(|within_s| !due(&old, within_s, self.clock.now()).is_due()) {
            return Ok(Step::Finished(Outcome::NotDue(old)));
        }
        let (at, token) = self.request(workspace, Purpose::Refresh)?;
        if token.is_same(&old) {
            self.append_relaxed(workspace.closed(at));
            return Err(self.failed(workspace, Error::SameToken));
        }
        self.keep(workspace, at, &token, Some(&old), Purpose::Refresh)?;
        let verified = self.verify_new(workspace, &token, &old)?;
        Ok(Step::New(NewToken { workspace: workspace.clone(), token, old: Some(old), verified }))
    }

    /// No other token is requested while an earlier refresh is unfinished.
    pub(super) fn refuse_if_unfinished(&mut self, workspace: &WorkspaceRef) -> Result<()> {
        let Some(open) = self.pending.rotation(workspace).cloned() else {
            return Ok(());
        };
        let old = open.old.as_ref().and_then(|old| old.jti.clone());
        Err(if self.awaits_delivery(&open) {
            Error::DeliveryPending { old, own: open.deliver }
        } else if open.unconfirmed {
            Error::Unconfirmed { jti: open.token.jti.clone() }
        } else if open.promoted {
            Error::OldTokenLive {
                jti: old,
                reason: "an earlier run could not revoke it".to_owned(),
            }
        } else {
            Error::Unfinished
        })
    }

    /// Requests a token, after the journal says so. A request that may have been carried out is not
    /// repeated before the token has been looked for.
    pub(super) fn request(
        &mut self,
        workspace: &WorkspaceRef,
        purpose: Purpose,
    ) -> Result<(Timestamp, Token)> {
        if let Some(refusal) = self.breaker.refusal(Call::Create) {
            return Err(Error::call(CREATE, refusal));
        }
        self.reach(Call::Create).map_err(|failure| Error::call(CREATE, failure))?;
        // What cannot be written is found out before anything is requested.
        self.store.probe()?;
        let mut attempt = 1;
        let mut at = self.open_request(workspace, purpose)?;
        let (failure, found) = loop {
            let what = format!("Requesting a new token for {}", workspace.name);
            (self.on_event)(Event::Progress(what));
            self.forget_list(workspace);
            let failure = match self.control_plane.create(&workspace.id, self.options.expiry) {
                Ok(token) => {
                    self.breaker.went_through(Call::Create);
                    return Ok((at, token));
                }
                Err(failure) => failure,
            };
            match &failure {
                Failure::Unknown { in_flight: true, .. } => {}
                Failure::Unknown { .. } => {
                    self.append_relaxed(workspace.ended(at, self.clock.now()));
                }
                _ => {
                    self.append_relaxed(workspace.closed(at));
                    break (failure, None);
                }
            }
            let found = self.search_after_create(workspace);
            let again = is_busy(&failure)
                && found.as_ref().is_ok_and(Vec::is_empty)
                && self.control_plane.back_off(failure.retry_after(), attempt);
            // An attempt that cannot be written down is not made.
            match again.then(|| self.open_request(workspace, purpose)) {
                Some(Ok(opened)) => at = opened,
                _ => break (failure, Some(found.unwrap_or_default())),
            }
            attempt += 1;
        };
        self.breaker.failed(Call::Create, &failure);
        match found {
            // The warning tells of those that another machine may hold.
            Some(mut found) => {
                found.retain(|jti| self.pending.is_certain_orphan(workspace, jti));
                Err(self.failed(workspace, Error::CreateUnknown { failure, found }))
            }
            None => Err(Error::call(CREATE, failure)),
        }
    }

    fn open_request(&mut self, workspace: &WorkspaceRef, purpose: Purpose) -> Result<Timestamp> {
        let at = self.request_time();
        let longest_s = self.control_plane.longest_create().as_secs().cast_signed();
        self.append_durable(&[Record::Creating {
            workspace: workspace.clone(),
            at,
            until: at.plus_secs(longest_s),
            boot: self.clock.boot_time(),
            expiry: Some(self.options.expiry),
            to_hand_out: purpose == Purpose::HandOut,
        }])?;
        Ok(at)
    }

    /// Now, and no moment that names another request of this journal.
    pub(super) fn request_time(&self) -> Timestamp {
        let mut at = self.clock.now();
        while self.pending.creates.iter().any(|create| create.at == at) {
            at = Timestamp::from_millis(at.millis() + 1);
        }
        at
    }

    /// Puts the new token into the journal: from here it cannot be lost.
    pub(super) fn keep(
        &mut self,
        workspace: &WorkspaceRef,
        at: Timestamp,
        token: &Token,
        old: Option<&Token>,
        purpose: Purpose,
    ) -> Result<()> {
        let is_refresh = purpose == Purpose::Refresh;
        let created = Record::Created {
            workspace: workspace.clone(),
            at,
            token: token.clone(),
            old: old.cloned(),
            deliver: is_refresh && self.has_own_targets(),
            grace_s: self.options.grace_s,
            keep_old: !is_refresh,
            rollback: false,
        };
        match self.append_durable(&[created]) {
            Ok(()) => {
                self.retractable = Some(workspace.clone());
                Ok(())
            }
            Err(failed) => Err(self.not_kept(workspace, at, token, &failed)),
        }
    }

    /// The journal could not take the new token. It is revoked again, unless the journal may hold
    /// it after all: then the next run would store a dead token.
    pub(super) fn not_kept(
        &mut self,
        workspace: &WorkspaceRef,
        at: Timestamp,
        token: &Token,
        failed: &AppendError,
    ) -> Error {
        let fate = match &token.jti {
            _ if !failed.taken_back => NewTokenFate::Kept,
            // If it stays live, the journal still has the request, by which the next run finds it.
            None => NewTokenFate::Live,
            Some(jti) => match self.revoke(workspace, jti, true) {
                Ok(_) => {
                    self.append_relaxed(workspace.closed(at));
                    NewTokenFate::Revoked
                }
                Err(_) => NewTokenFate::Live,
            },
        };
        self.not_stored(workspace, token, fate, &failed.error)
    }

    /// Stores all new tokens in one durable step; answers those that are stored.
    fn promote(
        &mut self,
        new: Vec<(usize, NewToken)>,
        each: &mut dyn FnMut(usize, Result<Outcome>),
    ) -> Vec<(usize, NewToken)> {
        let promotions: Vec<Promotion> = new.iter().map(|(_, new)| new.promotion()).collect();
        if promotions.is_empty() {
            return new;
        }
        let mut outcome = self.store.promote(&promotions).map(Vec::into_iter);
        let mut stored = Vec::with_capacity(new.len());
        for (n, new) in new {
            let (workspace, token) = (&new.workspace, &new.token);
            let error = match outcome.as_mut().map(Iterator::next) {
                Ok(Some(true)) => {
                    self.note_refreshed(workspace, token, new.old.as_ref());
                    // Needs no fsync: the config file says the same.
                    self.append_relaxed(workspace.promoted());
                    stored.push((n, new));
                    continue;
                }
                Ok(_) => {
                    self.discard_new(workspace, token);
                    self.failed(workspace, Error::Overtaken)
                }
                Err(failed) => {
                    // In place but perhaps not durable: the next run makes sure.
                    let fate = if failed.in_place {
                        NewTokenFate::Kept
                    } else {
                        self.discard_new(workspace, token)
                    };
                    self.not_stored(workspace, token, fate, &failed.error)
                }
            };
            each(n, Err(error));
        }
        stored
    }

    /// The new token is stored: delivers it, then revokes the old one.
    fn deliver_and_revoke(&mut self, new: NewToken) -> Refreshed {
        let NewToken { workspace, token, old, verified } = new;
        let fate =
            self.deliver_then_revoke_old(&workspace, &token, old.as_ref(), self.options.grace_s);
        Refreshed { new: token, old, fate, verified, resumed: false }
    }
}

impl NewToken {
    fn promotion(&self) -> Promotion<'_> {
        Promotion { workspace: &self.workspace, old: self.old.as_ref(), new: &self.token }
    }
}

/// Whether the server, or a gateway, asks to try again later.
fn is_busy(failure: &Failure) -> bool {
    matches!(failure.status(), Some(429 | 503))
}

/// Takes the next workspaces out of those that are left: one as a canary, else as many as there are
/// with none twice. The config file may hold one under two keys, and the journal knows it by its id.
fn next_round(workspaces: &[WorkspaceRef], left: &mut Vec<usize>, canary: bool) -> Vec<usize> {
    if canary {
        return vec![left.remove(0)];
    }
    let mut seen = BTreeSet::new();
    let round;
    (round, *left) = left.drain(..).partition(|n| seen.insert(workspaces[*n].id.as_str()));
    round
}
