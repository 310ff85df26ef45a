//! Tokens on their way out: those that were replaced, and new ones that are given up. The journal has
//! their revocation before it is done.

use super::journal::{PendingRevocation, Reason, Record};
use super::pending::{Purpose, Rotation};
use super::ports::HistoryEvent;
use super::{OldFate, Rotator, WorkspaceRef};
use crate::error::{Failure, NewTokenFate};
use crate::token::Token;

impl Rotator<'_> {
    /// The old token is to be revoked, now or later; what became of it already.
    pub(super) fn schedule(&mut self, rotation: &Rotation) -> OldFate {
        let Rotation { workspace, token: new, old, purpose, .. } = rotation;
        let Some(old) = old.as_ref().filter(|_| *purpose != Purpose::HandOut) else {
            self.keeps_live(workspace, old.as_ref());
            self.append_relaxed(Record::Done(workspace.about()));
            return OldFate::None;
        };
        let Some(pending) = self.revocation_of(rotation) else {
            self.append_relaxed(Record::Done(workspace.about()));
            let what = if old.jti.is_none() || old.jti != new.jti {
                "it has no id by which it could be revoked"
            } else {
                "the server gave the new token the same id"
            };
            return OldFate::Live(what.to_owned());
        };
        let (jti, until) = (pending.jti.clone(), pending.not_before);
        self.tried.retain(|tried| *tried != jti); // it may have been current again meanwhile
        let elsewhere = (!self.is_ours(&pending.workspace))
            .then(|| Failure::of_another_server(&pending.workspace.server).to_string());
        let records = [Record::PendingRevocation(pending), Record::Done(workspace.about())];
        if let Some(reason) = elsewhere {
            let _ = self.append_durable(&records); // the refresh in the journal means the same
            return OldFate::Live(reason);
        }
        let Some(until) = until else {
            // The journal still has the refresh, which means the same; see `write_left`.
            self.unwritten.push((workspace.clone(), jti));
            self.pending.apply_all(records);
            return OldFate::None;
        };
        self.note(workspace, &HistoryEvent::Grace { jti, until });
        let _ = self.append_durable(&records); // the refresh in the journal means the same
        OldFate::Grace(until)
    }

    /// The revocation of what a token replaced, if it has an id of its own.
    pub(super) fn revocation_of(&self, rotation: &Rotation) -> Option<PendingRevocation> {
        let Rotation { workspace, token: new, old, purpose, grace_s, .. } = rotation;
        let old = old.as_ref().filter(|old| *purpose != Purpose::HandOut && old.jti != new.jti)?;
        let jti = old.jti.as_ref()?;
        let grace_s = self.options_for(workspace).grace_s.or(*grace_s);
        let grace_s = grace_s.filter(|_| *purpose == Purpose::Refresh);
        let (grace_s, until) = self.moment().grace(old, grace_s).unzip();
        let is_less = *purpose == Purpose::Refresh && !new.lost_scope(old).is_empty();
        Some(PendingRevocation {
            reason: if is_less { Reason::LosesScope } else { Reason::Replaced },
            successor: new.jti.clone(),
            not_before: until,
            grace_s,
            token: until.map(|_| old.clone()),
            ..self.pending_revocation(workspace, jti)
        })
    }

    pub(super) fn pending_revocation(
        &self,
        workspace: &WorkspaceRef,
        jti: &str,
    ) -> PendingRevocation {
        // Another server can neither revoke it nor tell of it.
        let server = self.store.maker_of(jti).unwrap_or_else(|| workspace.server.clone());
        PendingRevocation {
            workspace: WorkspaceRef { server, ..workspace.clone() },
            jti: jti.to_owned(),
            not_before: None,
            grace_s: None,
            successor: None,
            since: Some(self.clock.now()),
            boot: self.clock.boot_time(),
            reason: Reason::Replaced,
            token: None,
            own_targets: false,
        }
    }

    /// Gives up a new token: revokes it, after the journal no longer promises to store it.
    pub(super) fn discard_new(&mut self, workspace: &WorkspaceRef, token: &Token) -> NewTokenFate {
        if self.pending.rotation(workspace).is_some_and(|r| r.purpose == Purpose::Rollback) {
            self.call_off_rollback(workspace);
            return NewTokenFate::Kept;
        }
        let Some(jti) = token.jti.clone() else {
            self.append_relaxed(Record::Done(workspace.about()));
            return NewTokenFate::Live;
        };
        // Where locks do nothing, another run may have stored it.
        if self.store.holds(workspace, &jti).unwrap_or(true) {
            return NewTokenFate::Kept;
        }
        let retractable = self.retractable.take().is_some_and(|w| w.is(workspace));
        let pending = PendingRevocation {
            reason: Reason::NotNeeded,
            ..self.pending_revocation(workspace, &jti)
        };
        let records = [Record::PendingRevocation(pending), Record::Done(workspace.about())];
        if let Err(failed) = self.append_durable(&records) {
            // A full disk takes no new record, but allows one to be removed.
            if !(failed.taken_back && retractable && self.store.retract().is_ok()) {
                return NewTokenFate::Kept;
            }
            self.pending.apply_all(records);
        }
        self.tried.push(jti.clone());
        match self.revoke(workspace, &jti, true) {
            Ok(_) => {
                self.gone(workspace, &jti);
                NewTokenFate::Revoked
            }
            Err(_) => NewTokenFate::Live,
        }
    }
}
