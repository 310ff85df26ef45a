//! Whether a token is to be stored: what the config file and the server say of it.

use std::time::Duration;

use super::breaker::Call;
use super::journal::{Orphan, Record};
use super::pending::{Purpose, Stage};
use super::ports::{Acceptance, Event, HistoryEvent};
use super::{Rotation, Rotator, WorkspaceRef};
use crate::error::{Error, Failure, NewTokenFate};
use crate::token::Token;

/// Time enough for the news of a token to reach most servers.
const USUAL_WAIT: Duration = Duration::from_millis(2_500);
/// The first and the longest pause between two checks.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the server says of a new token.
#[derive(Debug)]
pub(super) enum Verdict {
    Accepted,
    /// It accepts the old token and not the new one.
    Denied,
    /// It denies the new token, and does not answer about the old one.
    Unsure,
    /// It accepts neither, or its answer cannot be understood.
    CannotTell,
    /// No answer.
    NoAnswer(Failure),
}

impl Rotator<'_> {
    /// Whether a token is to be stored now: neither the config file nor the server is against it.
    pub(super) fn may_store(&mut self, rotation: &Rotation) -> bool {
        let Rotation { workspace, token, old, purpose, .. } = rotation;
        let is_new = !self.recovering;
        let Ok(current) = self.store.current(workspace) else {
            return is_new; // an unusable config file fails the command by itself
        };
        let is_current =
            |token: &Token| current.as_ref().is_some_and(|c| c.access_token == token.access_token);
        if is_current(token) {
            // Once more: what is in place may not be durable.
            return !rotation.is_stored();
        }
        if !old.as_ref().is_some_and(is_current) && (rotation.is_stored() || current.is_some()) {
            // Another program stored another token since. A stored one may still be in use.
            if !rotation.is_stored() {
                self.give_up(rotation);
            }
            return false;
        }
        if is_new && (self.options_for(workspace).no_verify || *purpose != Purpose::Refresh) {
            return true;
        }
        self.is_accepted(rotation)
    }

    /// Whether the server is not against storing a token. What it says of one that it denied for the first
    /// time, the next run asks again.
    fn is_accepted(&mut self, rotation: &Rotation) -> bool {
        let Rotation { workspace, token, old, purpose, stage, .. } = rotation;
        let (is_new, jti) = (!self.recovering, token.jti.clone());
        let verdict = match (self.verify(workspace, token, old.as_ref()), stage) {
            // The run that made it may have revoked it, of two machines with one state.
            (Verdict::CannotTell | Verdict::NoAnswer(_), Stage::Kept) if !is_new => {
                self.by_list(workspace, token)
            }
            // This server can tell: only its list speaks for a token that it once denied.
            (Verdict::CannotTell, Stage::Denied) => match self.by_list(workspace, token) {
                Verdict::Accepted => Verdict::CannotTell, // listed is not verified
                verdict => verdict,
            },
            (verdict, _) => verdict,
        };
        match (verdict, stage) {
            // The config file was restored: the server decides which of the two is current now.
            (Verdict::Denied, Stage::Stored | Stage::Denied) => {
                let revoked = self.give_up(rotation) == NewTokenFate::Revoked;
                // Another token would most likely be denied too.
                if *stage == Stage::Denied && *purpose != Purpose::Rollback {
                    let error = Error::new_token_rejected(jti.as_deref(), revoked);
                    self.turn(workspace).outcome = Some(Err(error));
                }
                false
            }
            (Verdict::NoAnswer(_) | Verdict::Unsure, Stage::Stored | Stage::Denied) => false,
            (Verdict::NoAnswer(failure), Stage::Kept) if !is_new => {
                let error = Error::token_call("verify the new token", failure);
                self.turn(workspace).outcome = Some(Err(error));
                false
            }
            (Verdict::Denied | Verdict::Unsure, Stage::Kept) => {
                self.append_relaxed(&[Record::Unconfirmed(workspace.about())]);
                if is_new {
                    let error = self.failed(workspace, Error::unconfirmed(jti.as_deref()));
                    self.turn(workspace).outcome = Some(Err(error));
                }
                false
            }
            (verdict, _) => {
                // It completes the refresh, whichever run began it, if the server once denied it.
                if is_new || *stage == Stage::Denied {
                    self.turn(workspace).verified = Some(matches!(verdict, Verdict::Accepted));
                }
                true
            }
        }
    }

    /// A refresh as it is to be continued. The config file may hold another token by now, of another
    /// program or from a copy: if the server takes it, that one is delivered in place of ours, which
    /// stays named.
    pub(super) fn with_current(&mut self, rotation: Rotation) -> Option<Rotation> {
        let workspace = rotation.workspace.clone();
        let current = self.store.current(&workspace).ok()?;
        let is_current = |token: &Token| current.as_ref().is_some_and(|c| c.is_same(token));
        if is_current(&rotation.token) {
            return Some(rotation);
        }
        let awaits_delivery = self.awaits_delivery(&rotation);
        if rotation.old.as_ref().is_some_and(is_current) {
            // A restored file, and the server did not say which of the two counts.
            return (!awaits_delivery).then_some(rotation);
        }
        let mut records = self.superseded(&workspace, &rotation.token);
        if !awaits_delivery {
            self.append_durable(&records).ok()?;
            return Some(rotation);
        }
        // It may come from an old copy and be dead.
        let verdict = current.as_ref().map_or(Verdict::Denied, |current| {
            match self.verify(&workspace, current, Some(&rotation.token)) {
                Verdict::CannotTell => self.by_list(&workspace, current),
                verdict => verdict,
            }
        });
        match (current, verdict) {
            (_, Verdict::NoAnswer(_) | Verdict::Unsure) => return None,
            (Some(current), Verdict::Accepted) => {
                let purpose = match rotation.purpose {
                    Purpose::Rollback => Purpose::Refresh,
                    purpose => purpose,
                };
                let (at, old) = (self.request_time(), rotation.old);
                let new = Rotation::new(&workspace, at, current, old, purpose);
                let Rotation { to_unknown, grace_s, .. } = rotation;
                records.push(Record::Created(Rotation { to_unknown, grace_s, ..new }));
                records.push(Record::Promoted(workspace.about()));
            }
            _ => {
                let old = rotation.old.as_ref();
                records.extend(old.into_iter().flat_map(|old| self.superseded(&workspace, old)));
                records.push(Record::Done(workspace.about()));
            }
        }
        self.append_durable(&records).ok()?;
        self.pending.rotation(&workspace).cloned()
    }

    /// Names a token that was current and is not any more, unless it is to be revoked anyway.
    pub(super) fn superseded(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<Record> {
        let is_pending = |jti: &String| self.pending.revocations.iter().any(|p| p.jti == *jti);
        let jti = token.jti.clone().filter(|jti| !is_pending(jti));
        jti.map(|jti| Record::Orphan(Orphan::superseded(workspace, jti))).into_iter().collect()
    }

    /// Where the server denies every token, only its list speaks for one.
    pub(super) fn by_list(&mut self, workspace: &WorkspaceRef, token: &Token) -> Verdict {
        match self.list(workspace) {
            Err(failure) => Verdict::NoAnswer(failure),
            Ok(list) if token.jti.as_ref().is_some_and(|jti| list.has(jti)) => Verdict::Accepted,
            Ok(list) if !list.whole => Verdict::CannotTell,
            Ok(_) => Verdict::Denied,
        }
    }

    /// A token is not needed: it is revoked.
    pub(super) fn give_up(&mut self, rotation: &Rotation) -> NewTokenFate {
        let Rotation { workspace, token, purpose, .. } = rotation;
        let fate = self.discard_new(workspace, token);
        if !self.recovering {
            let error = self.failed(workspace, Error::overtaken());
            self.turn(workspace).outcome = Some(Err(error));
        } else if *purpose != Purpose::Rollback {
            let jti = token.jti_for_people();
            let reason =
                format!("an interrupted refresh was undone: its token ({jti}) is not needed");
            self.note(workspace, &HistoryEvent::Failed { reason });
            let (workspace, jti) = (workspace.clone(), token.jti.clone());
            (self.on_event)(Event::Discarded { workspace, jti });
        }
        fate
    }

    /// Tries the new token. If it is denied, the news of it may not have reached every part of the
    /// server, so it is tried again for a while; then the old token shows whether this server ever
    /// says yes.
    pub(super) fn verify(
        &mut self,
        workspace: &WorkspaceRef,
        new: &Token,
        old: Option<&Token>,
    ) -> Verdict {
        let mut left = self.options_for(workspace).verify_wait.unwrap_or(USUAL_WAIT);
        let mut pause = FIRST_PAUSE;
        loop {
            match self.send(Call::Check, |server| server.check(&new.access_token)) {
                Ok(Acceptance::Accepted) => return Verdict::Accepted,
                Ok(Acceptance::Denied) => {}
                Ok(Acceptance::Unclear) => return Verdict::CannotTell,
                Err(failure) => return Verdict::NoAnswer(failure),
            }
            if left.is_zero() {
                break;
            }
            let step = pause.min(left);
            self.clock.sleep(step);
            left -= step;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let Some(old) = old else {
            return Verdict::CannotTell;
        };
        match self.send(Call::Check, |server| server.check(&old.access_token)) {
            Ok(Acceptance::Accepted) => Verdict::Denied,
            Ok(Acceptance::Denied) => Verdict::CannotTell,
            Ok(Acceptance::Unclear) | Err(_) => Verdict::Unsure,
        }
    }
}
