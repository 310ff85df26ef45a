//! Asking for a new token: the request, the search for its answer, and the token in the journal.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::breaker::Call;
use super::journal::Record;
use super::moment::signed;
use super::pending::{PendingCreate, Purpose, Rotation};
use super::ports::Event;
use super::{Rotator, WorkspaceRef};
use crate::error::{Error, Failure, NewTokenFate, Result};
use crate::store::WriteError;
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

pub(super) const CREATE: &str = "create a token";

/// By how many seconds at most a lifetime is shortened to be told from others.
const MOST_LESS_S: u64 = 600;
/// How far a listed lifetime may be from the one that was asked for: its ends are rounded.
pub(super) const LIFETIME_SLACK_S: u64 = 1;

impl Rotator<'_> {
    /// Requests a token, after the journal says so. A request that may have been carried out is not
    /// repeated before the token has been looked for.
    pub(super) fn request(
        &mut self,
        workspace: &WorkspaceRef,
        purpose: Purpose,
        old: Option<&Token>,
    ) -> Result<(Timestamp, Token)> {
        if let Some(refusal) = self.breaker.refusal(Call::Create) {
            return Err(Error::token_call(CREATE, refusal));
        }
        let scope = old.filter(|_| purpose == Purpose::Refresh).map_or(&[][..], |old| &old.scope);
        // What cannot be written is found out before anything is requested.
        self.store.probe()?;
        let mut attempt = 1;
        let (mut at, mut expiry) = self.open_request(workspace, purpose)?;
        let (failure, found) = loop {
            let what = format!("Requesting a new token for {}", workspace.name);
            (self.on_event)(Event::Progress(what));
            self.lists.remove(&workspace.id);
            let failure = match self.control_plane.create(&workspace.id, expiry, scope) {
                Ok(token) => {
                    self.breaker.went_through(Call::Create);
                    if old.is_some_and(|old| old.is_same(&token)) {
                        self.append_relaxed(&[Record::Closed(workspace.request(at))]);
                        return Err(self.failed(workspace, Error::same_token()));
                    }
                    return Ok((at, token));
                }
                Err(failure) => failure,
            };
            match &failure {
                Failure::Unknown { in_flight: true, .. } => {}
                Failure::Unknown { .. } => {
                    self.append_relaxed(&[workspace.ended(at, self.clock.now())]);
                }
                _ => {
                    self.append_relaxed(&[Record::Closed(workspace.request(at))]);
                    break (failure, BTreeSet::new());
                }
            }
            let found = self.search(workspace);
            if let Ok(found) = &found {
                self.visit_orphans(|orphan| found.contains(&orphan.jti));
            }
            // The server, or a gateway, asks to try again later.
            let again = matches!(failure.status(), Some(429 | 503))
                && found.as_ref().is_ok_and(BTreeSet::is_empty)
                && self.control_plane.back_off(failure.retry_after(), attempt);
            // An attempt that cannot be written down is not made.
            match again.then(|| self.open_request(workspace, purpose)) {
                Some(Ok(opened)) => (at, expiry) = opened,
                _ => break (failure, found.unwrap_or_default()),
            }
            attempt += 1;
        };
        self.breaker.failed(Call::Create, &failure);
        if !matches!(failure, Failure::Unknown { .. }) {
            return Err(Error::token_call(CREATE, failure));
        }
        // The warning tells of those that another machine may hold.
        let is_certain = |jti: &String| self.pending.is_certain_orphan(workspace, jti);
        let found: Vec<String> = found.into_iter().filter(is_certain).collect();
        Err(self.failed(workspace, Error::create_unknown(&failure, &found)))
    }

    /// Writes down that a token is requested; when, and what lifetime is asked for.
    fn open_request(
        &mut self,
        workspace: &WorkspaceRef,
        purpose: Purpose,
    ) -> Result<(Timestamp, Expiry)> {
        let options = self.options_for(workspace);
        let unique = options.unique_lifetime.then(|| self.unique_lifetime(options.expiry));
        let unique = unique.flatten();
        let expiry = unique.unwrap_or(options.expiry);
        let create = PendingCreate {
            expiry: Some(expiry),
            to_hand_out: purpose == Purpose::HandOut,
            unique: unique.is_some(),
            ..self.new_request(workspace)
        };
        let at = create.at;
        self.append_durable(&[Record::Creating(create)])?;
        if let Err(error) = self.store.check_alone() {
            self.append_relaxed(&[Record::Closed(workspace.request(at))]); // nothing is sent
            return Err(error);
        }
        Ok((at, expiry))
    }

    /// A request that is about to be sent.
    pub(super) fn new_request(&self, workspace: &WorkspaceRef) -> PendingCreate {
        let at = self.request_time();
        let until = at.plus_secs(signed(self.control_plane.longest_create().as_secs()));
        PendingCreate::new(workspace.clone(), at, until, self.clock.boot_time())
    }

    /// A lifetime by which the token of a lost request is recognised: up to ten minutes, and one in a
    /// hundred, less than what is wanted, and none that another open request is near.
    fn unique_lifetime(&self, wanted: Expiry) -> Option<Expiry> {
        let Expiry::In(wanted_s) = wanted else {
            return None;
        };
        // Not so near that it could be taken for what others ask for.
        let least = 2 * LIFETIME_SLACK_S + 1;
        let choices = (wanted_s / 100).min(MOST_LESS_S).saturating_sub(least);
        let is_free = |secs: &u64| {
            self.pending.creates.iter().all(|create| match create.expiry {
                Some(Expiry::In(asked_s)) => asked_s.abs_diff(*secs) > 2 * LIFETIME_SLACK_S,
                _ => true,
            })
        };
        // Other machines begin at the same moment: its keys are random.
        let first = RandomState::new().build_hasher().finish();
        let mut all = (0..choices).map(|n| wanted_s - least - first.wrapping_add(n) % choices);
        all.find(is_free).map(Expiry::In)
    }

    /// Now, and no moment that names another request of this journal.
    pub(super) fn request_time(&self) -> Timestamp {
        let mut at = self.clock.now();
        while self.pending.creates.iter().any(|create| create.at == at) {
            at = Timestamp::from_millis(at.millis() + 1);
        }
        at
    }

    /// Puts the new token into the journal.
    pub(super) fn keep(
        &mut self,
        workspace: &WorkspaceRef,
        at: Timestamp,
        token: &Token,
        old: Option<&Token>,
        purpose: Purpose,
    ) -> Result<()> {
        let grace_s = self.options_for(workspace).grace_s;
        let created = Rotation::new(workspace, at, token.clone(), old.cloned(), purpose);
        let kept = self.append_durable(&[Record::Created(Rotation { grace_s, ..created })]);
        kept.map_err(|failed| self.not_kept(workspace, at, token, &failed))?;
        self.retractable = Some(workspace.clone());
        Ok(())
    }

    /// The journal could not take the new token. It is revoked again, unless the journal may hold
    /// it after all: then the next run would store a dead token.
    pub(super) fn not_kept(
        &mut self,
        workspace: &WorkspaceRef,
        at: Timestamp,
        token: &Token,
        failed: &WriteError,
    ) -> Error {
        let fate = match &token.jti {
            _ if !failed.is_unchanged => NewTokenFate::Kept,
            // If it stays live, the journal still has the request, by which the next run finds it.
            None => NewTokenFate::Live,
            Some(jti) if self.store.is_elsewhere(jti) => NewTokenFate::Kept,
            Some(jti) => self.revoke_new(workspace, jti),
        };
        if fate == NewTokenFate::Revoked {
            self.append_relaxed(&[Record::Closed(workspace.request(at))]);
        }
        self.failed(workspace, Error::store_token(token.jti.as_deref(), fate, &failed.error))
    }
}
