//! Tokens on their way out: those that were replaced, and new ones that are given up. The journal has
//! their revocation before it is done.

use super::journal::{PendingRevocation, Reason, Record};
use super::moment::Moment;
use super::pending::{Purpose, Rotation};
use super::{RefreshOptions, Rotator, WorkspaceRef};
use crate::error::NewTokenFate;
use crate::token::Token;

impl Rotator<'_> {
    /// A workspace at the server that made a token: another one can neither revoke it nor tell of it.
    pub(super) fn at_maker(&self, workspace: &WorkspaceRef, jti: &str) -> WorkspaceRef {
        let server = self.store.maker_of(jti).unwrap_or_else(|| workspace.server.clone());
        WorkspaceRef { server, ..workspace.clone() }
    }

    /// The record that a token is to be revoked.
    pub(super) fn to_revoke(&self, workspace: &WorkspaceRef, jti: &str, reason: Reason) -> Record {
        let (workspace, now) = (self.at_maker(workspace, jti), self.moment());
        Record::PendingRevocation(PendingRevocation::new(&workspace, jti, reason, &now))
    }

    /// What is written down of a token that is replaced.
    pub(super) fn left_by(&self, rotation: &Rotation) -> Vec<Record> {
        match &rotation.old {
            Some(old) if rotation.to_unknown => self.superseded(&rotation.workspace, old),
            _ => {
                let revocation = self.revocation_of(rotation);
                revocation.map(Record::PendingRevocation).into_iter().collect()
            }
        }
    }

    /// The revocation of what a token replaced, where it can be done.
    pub(super) fn revocation_of(&self, rotation: &Rotation) -> Option<PendingRevocation> {
        let options = self.options_for(&rotation.workspace);
        let pending = rotation.revocation(&options, &self.moment())?;
        let workspace = self.at_maker(&pending.workspace, &pending.jti);
        Some(PendingRevocation { workspace, ..pending })
    }

    /// Gives up a new token: revokes it, after the journal no longer promises to store it.
    pub(super) fn discard_new(&mut self, workspace: &WorkspaceRef, token: &Token) -> NewTokenFate {
        if self.pending.rotation(workspace).is_some_and(|r| r.purpose == Purpose::Rollback) {
            self.undo_rollback(workspace);
            return NewTokenFate::Kept;
        }
        let Some(jti) = token.jti.clone() else {
            self.append_relaxed(&[Record::Done(workspace.about())]);
            return NewTokenFate::Live;
        };
        // Where locks do nothing, another run may have stored it.
        if self.store.holds(workspace, &jti).unwrap_or(true) {
            return NewTokenFate::Kept;
        }
        let retractable = self.retractable.take().is_some_and(|w| w.is(workspace));
        let pending = self.to_revoke(workspace, &jti, Reason::NotNeeded);
        let records = [pending, Record::Done(workspace.about())];
        if let Err(failed) = self.append_durable(&records) {
            // A full disk takes no new record, but allows one to be removed. Of a state that another machine
            // has replaced, that one may have stored the token.
            let retractable =
                failed.is_unchanged && retractable && self.store.check_latest().is_ok();
            if !(retractable && self.store.retract().is_ok()) {
                return NewTokenFate::Kept;
            }
            self.pending.apply_all(records);
        }
        self.revoke_new(workspace, &jti)
    }

    /// Revokes a token that was just made and is not needed.
    pub(super) fn revoke_new(&mut self, workspace: &WorkspaceRef, jti: &str) -> NewTokenFate {
        self.tried.push(jti.to_owned());
        if self.revoke(workspace, jti, true).is_err() {
            return NewTokenFate::Live;
        }
        self.gone(workspace, jti);
        NewTokenFate::Revoked
    }
}

impl Rotation {
    /// The revocation of what a token replaced, if it has an id of its own.
    pub(super) fn revocation(
        &self,
        options: &RefreshOptions,
        now: &Moment,
    ) -> Option<PendingRevocation> {
        let Self { workspace, token: new, old, purpose, grace_s, .. } = self;
        let is_replaced = *purpose != Purpose::HandOut && !self.to_unknown;
        let old = old.as_ref().filter(|old| is_replaced && old.jti != new.jti)?;
        let is_less = *purpose == Purpose::Refresh && !new.lost_scope(old).is_empty();
        let reason = if is_less { Reason::LosesScope } else { Reason::Replaced };
        let grace_s = options.grace_s.or(*grace_s).filter(|_| *purpose == Purpose::Refresh);
        let pending = PendingRevocation::of_old(workspace, old, grace_s, now)?;
        Some(PendingRevocation { reason, successor: new.jti.clone(), ..pending })
    }
}

impl PendingRevocation {
    /// That of a token which is replaced now, if it has an id.
    pub(super) fn of_old(
        workspace: &WorkspaceRef,
        old: &Token,
        grace_s: Option<u64>,
        now: &Moment,
    ) -> Option<Self> {
        let pending = Self::new(workspace, old.jti.as_ref()?, Reason::Replaced, now);
        let (grace_s, not_before) = now.grace(old, grace_s).unzip();
        let token = not_before.map(|_| old.clone());
        Some(Self { not_before, grace_s, token, ..pending })
    }
}
