//! Revocations at the user's request: of one token, of all on logout, with a workspace; and
//! dismissing pending work. The journal records the request first, so that a kill leaves nothing
//! half done.

use std::collections::VecDeque;

use super::breaker::Call;
use super::journal::{PendingRevocation, Reason, Record};
use super::ports::{Acceptance, HistoryEvent, Store};
use super::revoke::{Revoked, unproven};
use super::{Pending, Rotation, Rotator, Stage, WorkspaceRef};
use crate::error::{Error, Failure, Kind, Result};
use crate::time::Timestamp;
use crate::token::Token;

const DELETE: &str = "delete the workspace";

/// The result of a revocation by hand.
pub(crate) struct ByHand {
    pub(crate) revoked_at: Timestamp,
    pub(crate) was_current: bool,
    /// The server knew it no more.
    was_gone: bool,
    /// Why the config file could not be updated.
    pub(crate) not_forgotten: Option<Error>,
}

/// The result of `auth logout --all`.
#[derive(Default)]
pub(crate) struct LoggedOut {
    pub(crate) revoked: Vec<(WorkspaceRef, String)>,
    /// The tokens that may be live, for people.
    pub(crate) left: Vec<String>,
    /// Why the last of them could not be revoked.
    pub(crate) failure: Option<Failure>,
}

/// The result of deleting a workspace.
pub(crate) struct DeletedWorkspace {
    /// It existed when the request arrived.
    pub(crate) was_there: bool,
    /// Why the folder could not be updated.
    pub(crate) not_forgotten: Option<Error>,
}

impl Rotator<'_> {
    /// Revokes a token at the user's request.
    ///
    /// # Errors
    /// [`Error::unknown_token`], [`Error::old_token_live`], or nothing has changed.
    pub(crate) fn revoke_by_hand(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<ByHand> {
        let was_pending = self.pending_by_id(workspace, jti).is_some();
        let was_current = self.store.holds(workspace, jti)?;
        // Pending work first: an interrupted refresh may be about to make it the current token.
        self.run(|run| {
            if was_pending && run.pending_by_id(workspace, jti).is_none() {
                let (revoked_at, was_gone, not_forgotten) = (run.clock.now(), false, None);
                return Ok(ByHand { revoked_at, was_current, was_gone, not_forgotten });
            }
            run.try_by_hand(workspace, jti)
        })
    }

    fn pending_by_id(&self, workspace: &WorkspaceRef, jti: &str) -> Option<&PendingRevocation> {
        let mut pending = self.pending.revocations.iter();
        pending.find(|p| p.jti == jti && p.workspace.is(workspace))
    }

    fn try_by_hand(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<ByHand> {
        let before = self.pending_by_id(workspace, jti).cloned();
        let pending = self.by_hand(workspace, jti);
        self.append_durable(&[Record::PendingRevocation(pending.clone())])?;
        match self.revoke_now(&pending) {
            Ok(ByHand { was_gone: true, was_current, .. }) => {
                Err(Error::unknown_token(jti, was_current))
            }
            Ok(done) => Ok(done),
            Err(error) => {
                // A certain refusal restores what was before; what may have been done, or a gateway
                // answered, stays pending.
                let is_over = match error.kind() {
                    Kind::Call(Failure::NotSent { .. }) | Kind::NoTokenRoutes => true,
                    Kind::Call(Failure::Rejected { status, .. }) => !matches!(status, 404 | 410),
                    _ => false,
                };
                if !is_over {
                    return Err(Error::old_token_live(Some(jti), &unproven(&error)));
                }
                let withdrawn = || Record::Withdrawn(pending.workspace.token(jti));
                self.append_relaxed(&[before.map_or_else(withdrawn, Record::PendingRevocation)]);
                Err(error)
            }
        }
    }

    /// The revocation of a token that is to go at once, whatever holds it.
    fn by_hand(&self, workspace: &WorkspaceRef, jti: &str) -> PendingRevocation {
        let before = self.pending_by_id(workspace, jti);
        let reason = Reason::ByHand { is_new: before.is_some_and(|p| p.reason.is_new()) };
        PendingRevocation::new(&self.at_maker(workspace, jti), jti, reason, &self.moment())
    }

    /// Does what the journal says of a token that is to go at once.
    fn revoke_now(&mut self, pending: &PendingRevocation) -> Result<ByHand> {
        let PendingRevocation { workspace, jti, .. } = pending;
        let rotation = self.pending.rotation(workspace).cloned();
        let was_current = self.store.holds(workspace, jti)?;
        let (Revoked { at: revoked_at, was_gone }, mut not_forgotten) = self.revoke_one(pending)?;
        // A refresh that was to deliver this token has nothing left to deliver; it still has an old
        // token to revoke.
        if let Some(rotation) = rotation.filter(|r| r.token.jti.as_ref() == Some(jti)) {
            let old = rotation.old.and_then(|old| old.jti);
            let old = old.map(|old| self.to_revoke(workspace, &old, Reason::Replaced));
            let done = Some(Record::Done(workspace.about()));
            let records: Vec<Record> = old.into_iter().chain(done).collect();
            if let Err(failed) = self.append_durable(&records) {
                not_forgotten = Some(failed.error);
            }
        }
        Ok(ByHand { revoked_at, was_current, was_gone, not_forgotten })
    }

    /// Revokes the current token of every workspace, and every token with a pending revocation, due
    /// or not. What is not proven stays pending and is named.
    pub(crate) fn revoke_all(&mut self, tokens: &[(WorkspaceRef, Token)]) -> Result<LoggedOut> {
        self.run(|run| run.try_revoke_all(tokens))
    }

    fn try_revoke_all(&mut self, tokens: &[(WorkspaceRef, Token)]) -> Result<LoggedOut> {
        let mut out = LoggedOut::default();
        let revocations = self.pending.revocations.iter();
        let mut all: Vec<PendingRevocation> =
            revocations.map(|p| self.by_hand(&p.workspace, &p.jti)).collect();
        for Rotation { workspace, old, stage, .. } in &self.pending.rotations {
            if *stage == Stage::Stored {
                let old = old.as_ref().and_then(|old| old.jti.as_ref());
                all.extend(old.map(|jti| self.by_hand(workspace, jti)));
            } else {
                out.left.push(format!("{}: a refresh is not finished", workspace.name));
            }
        }
        for (workspace, token) in tokens {
            match &token.jti {
                Some(jti) => all.push(self.by_hand(workspace, jti)),
                None if token.has_ended(self.clock.now()) => {}
                None => out
                    .left
                    .push(format!("{}: its token has no id by which to revoke it", workspace.name)),
            }
        }
        let records: Vec<Record> = all.into_iter().map(Record::PendingRevocation).collect();
        if !records.is_empty() {
            self.append_durable(&records)?;
        }
        for pending in self.pending.revocations.clone() {
            let PendingRevocation { workspace, jti, .. } = &pending;
            let name = &workspace.name;
            match self.revoke_now(&pending) {
                Ok(ByHand { not_forgotten: None, .. }) => {
                    out.revoked.push((workspace.clone(), jti.clone()));
                }
                Ok(ByHand { not_forgotten: Some(error), .. }) => {
                    out.left.push(format!("{name}: {jti} is revoked, but {}", error.in_one_line()));
                }
                Err(error) => {
                    let is_ours = self.is_ours(workspace);
                    let place = if is_ours { "" } else { " (at another server)" };
                    out.left.push(format!("{name}: {jti}{place}"));
                    out.failure = error.failure().filter(|_| is_ours).cloned();
                    // A current one is kept: no later run may revoke it unasked.
                    if self.store.holds(workspace, jti).unwrap_or(false) {
                        self.append_relaxed(&[Record::Withdrawn(workspace.token(jti))]);
                    }
                }
            }
        }
        for create in &self.pending.creates {
            let (name, at) = (&create.workspace.name, create.at);
            out.left.push(format!("{name}: the outcome of a request at {at} is still unknown"));
        }
        Ok(out)
    }

    /// Deletes a workspace on the server, then forgets it here.
    ///
    /// # Errors
    /// The workspace is kept here: nothing proves that it and its tokens are gone.
    pub(crate) fn delete_workspace(
        &mut self,
        workspace: &WorkspaceRef,
    ) -> Result<DeletedWorkspace> {
        let deleted = self.send(Call::Workspace, |server| server.delete_workspace(&workspace.id));
        let was_there = match deleted {
            Ok(()) => true,
            Err(
                failure @ (Failure::Unknown { .. } | Failure::Rejected { status: 404 | 410, .. }),
            ) => {
                if !self.is_gone(workspace) {
                    return Err(Error::unconfirmed_call(DELETE, &failure, "ntcli workspace list"));
                }
                matches!(failure, Failure::Unknown { .. })
            }
            Err(failure) => return Err(Error::call(DELETE, failure)),
        };
        // First the pending work, then the workspace with its token: in the other order, a kill in
        // between would let the next run bring it back.
        let mut forget = || {
            if self.pending.concerns(workspace) {
                self.append_durable(&[Record::Forgotten(workspace.about())])?;
            }
            self.store.remove_workspace(workspace)
        };
        let not_forgotten = forget().err();
        self.close();
        Ok(DeletedWorkspace { was_there, not_forgotten })
    }

    /// Whether a workspace and its tokens are certainly gone: the account does not list it, and the
    /// server denies its current token. A session of another account does not list it either.
    pub(super) fn is_gone(&mut self, workspace: &WorkspaceRef) -> bool {
        let Ok(all) = self.send(Call::Workspace, |server| server.workspaces()) else {
            return false;
        };
        if all.iter().any(|(id, _)| *id == workspace.id) {
            return false;
        }
        let Ok(current) = self.store.current(workspace) else {
            return false;
        };
        let jti = current.as_ref().and_then(|token| token.jti.as_ref());
        if jti.is_some_and(|jti| !self.is_ours(&self.at_maker(workspace, jti))) {
            return false;
        }
        // An expired token is denied anyway.
        match current.filter(|token| !token.has_ended(self.clock.now())) {
            Some(token) => matches!(
                self.send(Call::Check, |server| server.check(&token.access_token)),
                Ok(Acceptance::Denied)
            ),
            None => !self.pending.concerns(workspace),
        }
    }
}

/// Drops the pending work about this token, or about all and the requests without an answer; of
/// one workspace or of all. Nothing is sent: live tokens stay live. Returns what was dropped.
pub(crate) fn forget(
    store: &mut dyn Store,
    workspace: Option<&WorkspaceRef>,
    jti: Option<&str>,
) -> Result<Pending> {
    let pending = store.pending()?;
    let meant = |w: &WorkspaceRef| workspace.is_none_or(|workspace| workspace.is(w));
    let named = |other: &String| jti.is_none_or(|jti| jti == other);
    let mut dropped = Pending { rotations: VecDeque::new(), ..pending.clone() };
    dropped.revocations.retain(|p| meant(&p.workspace) && named(&p.jti));
    dropped.orphans.retain(|o| meant(&o.workspace) && named(&o.jti));
    dropped.creates.retain(|c| meant(&c.workspace) && jti.is_none());
    for (workspace, jti) in dropped.tokens() {
        store.note(workspace, &HistoryEvent::Dismissed(jti.clone()), false);
    }
    let tokens = dropped.tokens().map(|(workspace, jti)| Record::Dismissed(workspace.token(jti)));
    let requests = dropped.creates.iter().map(|c| Record::Closed(c.workspace.request(c.at)));
    let records = tokens.chain(requests).collect();
    drop_pending(store, pending, records).map(|()| dropped)
}

/// Drops the pending work of the workspaces that are gone.
pub(crate) fn forget_workspaces(
    store: &mut dyn Store,
    is_gone: impl Fn(&WorkspaceRef) -> bool,
) -> Result<()> {
    let pending = store.pending()?;
    let gone = pending.workspaces().filter(|workspace| is_gone(workspace));
    let records = gone.map(|workspace| Record::Forgotten(workspace.about())).collect();
    drop_pending(store, pending, records)
}

fn drop_pending(store: &mut dyn Store, mut pending: Pending, records: Vec<Record>) -> Result<()> {
    if !records.is_empty() {
        store.append(&records, true)?;
        pending.apply_all(records);
        let _ = store.close(&pending); // a leftover journal adds up to the same
    }
    Ok(())
}
