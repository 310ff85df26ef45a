//! Every revocation: after a refresh, of a token that is not needed, by hand, on logout, with a
//! workspace. A token is called revoked only if a 2xx of the API or a list without it proves that;
//! otherwise the revocation stays pending, and every later run tries again.

use super::breaker::Call;
use super::journal::{Orphan, PendingRevocation, Reason, Record};
use super::pending::Purpose;
use super::ports::{Event, HistoryEvent, TokenList};
use super::{Answer, OldFate, Outcome, Refreshed, Rotator, WorkspaceRef};
use crate::error::{Error, Failure, Result};
use crate::time::Timestamp;

const REVOKE: &str = "revoke the token";

/// A revocation that is proven.
pub(super) struct Revoked {
    pub(super) at: Timestamp,
    /// The server knew the token no more.
    pub(super) was_gone: bool,
}

impl Rotator<'_> {
    /// Revokes a token, with proof. A new token may not have reached the part of the server that
    /// lists, so for it only the server's answer counts.
    pub(super) fn revoke(
        &mut self,
        workspace: &WorkspaceRef,
        jti: &str,
        is_new: bool,
    ) -> Answer<Revoked> {
        if !self.is_ours(workspace) {
            return Err(Failure::of_another_server(&workspace.server));
        }
        self.lists.remove(&workspace.id);
        let failure = match self.send(Call::Revoke, |server| server.revoke(&workspace.id, jti)) {
            Ok(at) => {
                let at = at.unwrap_or_else(|| self.clock.now());
                return Ok(Revoked { at, was_gone: false });
            }
            Err(failure) => failure,
        };
        let was_gone = matches!(failure, Failure::Rejected { status: 404 | 410, .. });
        if is_new || !(was_gone || matches!(failure, Failure::Unknown { .. })) {
            return Err(failure);
        }
        match self.list(workspace) {
            Ok(list) if self.is_proof(workspace, jti, &list) => {
                Ok(Revoked { at: self.clock.now(), was_gone })
            }
            _ => Err(failure),
        }
    }

    /// Whether a list without a token proves that it is gone. A list that also lacks the current
    /// token is incomplete, or not of this workspace.
    pub(super) fn is_proof(
        &mut self,
        workspace: &WorkspaceRef,
        jti: &str,
        list: &TokenList,
    ) -> bool {
        let current = self.store.current(workspace).ok().flatten().and_then(|t| t.jti);
        list.lacks(jti) && current.is_none_or(|current| current == jti || list.has(&current))
    }

    /// The old token was already gone: perhaps the config file was restored after a refresh. The
    /// token of that refresh is live, and nothing else names it.
    fn name_successors(&mut self, pending: &PendingRevocation) {
        let workspace = &pending.workspace;
        let Ok(list) = self.list(workspace) else {
            return;
        };
        let mut found = self.store.successors_of(&pending.jti);
        let ours = pending.successor.as_ref();
        found.retain(|jti| ours != Some(jti) && list.has(jti));
        for jti in found {
            let orphan = Orphan::superseded(workspace, jti);
            let _ = self.append_durable(&[Record::Orphan(orphan.clone())]); // it is named anyway
            (self.on_event)(Event::Orphan { orphan, revoked: false });
        }
    }

    /// Does every revocation that is due, each once in a run, and tells what became of the token: with its
    /// refresh, if that is of this run.
    pub(super) fn revoke_due(&mut self) {
        for pending in self.pending.revocations.clone() {
            let is_last_step = self.refreshed_from(&pending).is_some();
            let is_meant = is_last_step || self.is_ours(&pending.workspace);
            if !is_meant || self.tried.contains(&pending.jti) {
                continue;
            }
            self.tried.push(pending.jti.clone());
            let Some(fate) = self.revoke_if_due(&pending, is_last_step) else { continue };
            if let Some(refreshed) = self.refreshed_from(&pending) {
                refreshed.fate = fate;
                continue;
            }
            let PendingRevocation { workspace, jti, .. } = pending;
            let reason = match fate {
                OldFate::LosesScope => {
                    "the token that replaced it lacks a right that it has".to_owned()
                }
                OldFate::Live(reason) | OldFate::Kept(reason) => reason,
                _ => {
                    (self.on_event)(Event::Revoked { workspace, jti });
                    continue;
                }
            };
            (self.on_event)(Event::StillLive { workspace, jti, reason });
        }
        self.write_left();
    }

    /// Writes down what should have been revoked at once and was not. The journal would mean the same
    /// without it, but only until another refresh of the workspace.
    fn write_left(&mut self) {
        for (workspace, jti) in std::mem::take(&mut self.unwritten) {
            let mut left = self.pending.revocations.iter();
            let left = left.find(|p| p.jti == jti && p.workspace.id == workspace.id).cloned();
            if let Some(left) = left {
                let done = Record::Done(workspace.about());
                let _ = self.append_durable(&[Record::PendingRevocation(left), done]);
            }
        }
    }

    /// The refresh of this run that replaces a token.
    pub(super) fn refreshed_from(&mut self, pending: &PendingRevocation) -> Option<&mut Refreshed> {
        let outcome = &mut self.turn(&pending.workspace).outcome;
        let Some(Ok(Outcome::Refreshed(refreshed))) = outcome else { return None };
        let old = refreshed.old.as_ref().and_then(|old| old.jti.as_ref());
        (old == Some(&pending.jti)).then_some(refreshed)
    }

    /// What becomes of a token whose time has come; `None` if there is nothing to say of it. As the last
    /// step of a refresh it is told in any case.
    fn revoke_if_due(
        &mut self,
        pending: &PendingRevocation,
        is_last_step: bool,
    ) -> Option<OldFate> {
        let PendingRevocation { workspace, jti, reason, .. } = pending;
        let by_hand = reason.is_by_hand();
        let open = self.pending.rotation(workspace);
        let rollback = open.filter(|open| open.purpose == Purpose::Rollback);
        let is_rolling_back = rollback.is_some_and(|r| r.token.jti.as_ref() == Some(jti));
        let held = if by_hand { Ok(false) } else { self.store.holds(workspace, jti) };
        match held {
            Ok(true) if is_last_step => {
                return Some(OldFate::Live("the config file holds it again".to_owned()));
            }
            Ok(true) => {
                self.tell_restored(pending);
                return None;
            }
            _ if is_rolling_back || !self.is_due(pending) => return None,
            _ => {}
        }
        let cannot_look = self.cannot_look(pending);
        if pending.token.is_some() && !cannot_look {
            // The grace is over: the text of the token is kept only for the run that looks where it stands.
            let pending = PendingRevocation { token: None, ..pending.clone() };
            self.append_relaxed(&[Record::PendingRevocation(pending)]);
        }
        if *reason == Reason::LosesScope && !self.options_for(workspace).accept_scope {
            return Some(OldFate::LosesScope);
        }
        if !is_last_step && !self.breaker.is_clear(Call::Revoke) {
            return None;
        }
        if let Err(error) = held {
            return Some(OldFate::Live(error.in_one_line()));
        }
        if cannot_look {
            return None;
        }
        if let Some(reason) = self.still_used(pending) {
            return Some(OldFate::Kept(reason));
        }
        let what = format!("Revoking the old token of {}", workspace.name);
        (self.on_event)(Event::Progress(what));
        match self.revoke_one(pending) {
            Ok((revoked, _)) => {
                if is_last_step && revoked.was_gone {
                    self.name_successors(pending);
                }
                Some(OldFate::Revoked(revoked.at))
            }
            Err(error) => {
                let is_forgotten = !is_last_step
                    && error.failure().is_some_and(|f| self.forget_if_gone(workspace, f));
                (!is_forgotten).then(|| OldFate::Live(unproven(&error)))
            }
        }
    }

    /// Forgets what is pending for a workspace that a failure says is missing, if it is certainly gone.
    pub(super) fn forget_if_gone(&mut self, workspace: &WorkspaceRef, failure: &Failure) -> bool {
        let is_gone = failure.is_workspace_missing() && self.is_gone(workspace);
        if is_gone {
            let _ = self.append_durable(&[Record::Forgotten(workspace.about())]); // else the next run does it
        }
        is_gone
    }

    /// Does one pending revocation. A token that the user revoked leaves the config file before the
    /// journal; returns why it could not, too.
    pub(super) fn revoke_one(
        &mut self,
        pending: &PendingRevocation,
    ) -> Result<(Revoked, Option<Error>)> {
        let PendingRevocation { workspace, jti, .. } = pending;
        let by_hand = pending.reason.is_by_hand();
        let is_new = pending.reason.is_new() && !pending.is_settled(&self.moment());
        let revoked = self.revoke(workspace, jti, is_new);
        let revoked = revoked.map_err(|failure| Error::token_call(REVOKE, failure))?;
        let cleared = if by_hand { self.store.clear_token(workspace, jti) } else { Ok(false) };
        match &cleared {
            Err(_) => {}
            Ok(false) if by_hand && revoked.was_gone => {
                self.append_relaxed(&[Record::Gone(workspace.token(jti))]);
            }
            Ok(_) => self.gone(workspace, jti),
        }
        Ok((revoked, cleared.err()))
    }

    /// Whether the time of a pending revocation has come.
    fn is_due(&mut self, pending: &PendingRevocation) -> bool {
        if pending.needs_server_time(&self.moment()) && self.control_plane.skew_s().is_none() {
            // Any answer tells the time, except one that denies the workspace; then our clock
            // decides.
            let answer = self.list(&pending.workspace);
            if !matches!(answer, Ok(_) | Err(Failure::Rejected { status: 404 | 410, .. })) {
                return false;
            }
        }
        pending.is_due(&self.moment())
    }

    /// The config file holds a token that was to be revoked: it was restored. The token stays; its
    /// replacement is named from now on.
    fn tell_restored(&mut self, pending: &PendingRevocation) {
        let (workspace, jti) = (pending.workspace.clone(), pending.jti.clone());
        if let Some(successor) = pending.successor.clone() {
            let orphan = Orphan::superseded(&workspace, successor);
            let pending = PendingRevocation { successor: None, token: None, ..pending.clone() };
            let records = [Record::Orphan(orphan), Record::PendingRevocation(pending)];
            let _ = self.append_durable(&records); // otherwise the next run does the same
        }
        (self.on_event)(Event::Restored { workspace, jti });
    }

    pub(super) fn gone(&mut self, workspace: &WorkspaceRef, jti: &str) {
        self.note(workspace, &HistoryEvent::Revoked(jti.to_owned()));
        self.append_relaxed(&[Record::Gone(workspace.token(jti))]);
    }
}

/// Why a token may be live. A failed call claims that nothing has changed, which is unknown here.
pub(super) fn unproven(error: &Error) -> String {
    error.failure().map_or_else(|| error.in_one_line(), Failure::to_string)
}
