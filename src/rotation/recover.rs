//! Finishing what an earlier run left in the journal.

use super::journal::{Origin, Orphan, Record};
use super::ports::{Event, HistoryEvent, Promotion};
use super::verify::Verdict;
use super::{Moment, OldFate, Refreshed, Rotation, Rotator, WorkspaceRef};
use crate::error::{Error, NewTokenFate};
use crate::token::Token;

impl Rotator<'_> {
    /// Does the pending work of every workspace of this server, as far as possible now. The rest
    /// stays in the journal; every outcome is reported.
    ///
    /// A pending delivery is made for `workspaces` only: the targets of this run are theirs.
    pub(super) fn recover(&mut self, workspaces: &[WorkspaceRef]) {
        self.recovering = true;
        self.name_other_servers();
        let before = self.pending.revocations.clone();
        self.search_creates();
        self.resume_rotations(workspaces);
        self.revoke_pending(&before);
        self.visit_orphans(workspaces);
        self.recovering = false;
    }

    /// Does the pending work and ends the run.
    pub(crate) fn recover_only(&mut self, workspaces: &[WorkspaceRef], revoke_orphans: bool) {
        self.options.revoke_orphans = revoke_orphans;
        self.recover(workspaces);
        self.close();
    }

    pub(super) fn is_ours(&self, workspace: &WorkspaceRef) -> bool {
        workspace.is_on(self.control_plane.server())
    }

    fn name_other_servers(&mut self) {
        let mut named: Vec<WorkspaceRef> = Vec::new();
        for workspace in self.pending.workspaces().filter(|w| !self.is_ours(w)) {
            if !named.iter().any(|other| other.is(workspace)) {
                named.push(workspace.clone());
            }
        }
        for workspace in named {
            (self.on_event)(Event::OtherServer { workspace });
        }
    }

    /// Whether due work could not be done. Orphans wait for the user, deliveries for a run with
    /// targets, and tokens in the restored config file stay.
    pub(crate) fn is_overdue(&mut self) -> bool {
        if !self.pending.has_work() {
            return false;
        }
        // What has come due since is the next run's.
        let now = Moment { skew_s: self.control_plane.skew_s(), ..self.began.clone() };
        let creates = self.pending.creates.iter();
        if creates.into_iter().any(|c| !c.searched || c.is_settled(&now)) {
            return true;
        }
        let rotations = self.pending.rotations.clone();
        if rotations.iter().any(|r| !self.awaits_delivery(r)) {
            return true;
        }
        let revocations = self.pending.revocations.clone();
        revocations.iter().any(|p| {
            let held = !p.by_hand && self.store.holds(&p.workspace, &p.jti).unwrap_or(false);
            p.is_due(&now) && !held
        })
    }

    /// Continues refreshes whose new token is in the journal.
    fn resume_rotations(&mut self, workspaces: &[WorkspaceRef]) {
        let mut ready: Vec<(Rotation, Option<bool>)> = Vec::new();
        for rotation in self.pending.rotations.clone() {
            if self.is_ours(&rotation.workspace) {
                ready.extend(self.judge(rotation));
            }
        }
        self.promote_again(&ready);
        let accepted =
            |w: &WorkspaceRef| ready.iter().any(|(r, _)| r.unconfirmed && r.workspace.is(w));
        for rotation in self.pending.rotations.clone() {
            if !(rotation.promoted && self.is_ours(&rotation.workspace)) {
                continue;
            }
            let Some(rotation) = self.with_current(rotation) else {
                continue;
            };
            if !self.awaits_delivery(&rotation) {
                let accepted = accepted(&rotation.workspace);
                self.revoke_old_after_resume(rotation, accepted);
            } else if workspaces.iter().any(|w| w.is(&rotation.workspace)) {
                self.resume_delivery(rotation);
            }
        }
    }

    /// A refresh as it is to be continued. The config file may hold another token by now, of another
    /// program or from a copy: if the server takes it, that one is delivered in place of ours, which
    /// stays named.
    fn with_current(&mut self, rotation: Rotation) -> Option<Rotation> {
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
        let verdict = current
            .as_ref()
            .map_or(Verdict::Denied, |c| self.verify_current(&workspace, c, &rotation.token));
        match (current, verdict) {
            (_, Verdict::NoAnswer | Verdict::Unsure) => return None,
            (Some(current), Verdict::Accepted) => {
                let at = self.request_time();
                records.push(Record::Created {
                    workspace: workspace.clone(),
                    at,
                    token: current,
                    old: rotation.old,
                    deliver: rotation.own_targets,
                    grace_s: rotation.grace_s,
                    keep_old: false,
                    rollback: false,
                });
                records.push(workspace.promoted());
            }
            _ => {
                let old = rotation.old.as_ref();
                records.extend(old.into_iter().flat_map(|old| self.superseded(&workspace, old)));
                records.push(workspace.done());
            }
        }
        self.append_durable(&records).ok()?;
        self.pending.rotation(&workspace).cloned()
    }

    /// Whether the server takes the token that the config file holds now. It may come from an old copy
    /// and be dead: where the server denies every token, only its list speaks for it.
    fn verify_current(
        &mut self,
        workspace: &WorkspaceRef,
        current: &Token,
        ours: &Token,
    ) -> Verdict {
        let verdict = self.verify(current, Some(ours));
        if verdict != Verdict::CannotTell {
            return verdict;
        }
        match self.list(workspace) {
            Ok(list) if list.iter().any(|t| Some(&t.jti) == current.jti.as_ref()) => {
                Verdict::Accepted
            }
            Ok(_) => Verdict::Denied,
            Err(_) => Verdict::NoAnswer,
        }
    }

    /// Names a token that was current and is not any more, unless it is to be revoked anyway.
    pub(super) fn superseded(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<Record> {
        let is_pending = |jti: &String| self.pending.revocations.iter().any(|p| p.jti == *jti);
        let jti = token.jti.clone().filter(|jti| !is_pending(jti));
        let (workspace, origin) = (workspace.clone(), Origin::Superseded);
        let orphan = jti.map(|jti| Orphan { workspace, jti, created_at: None, origin });
        orphan.map(Record::Orphan).into_iter().collect()
    }

    /// Whether the token of an interrupted refresh should be stored, and whether it is verified.
    fn judge(&mut self, rotation: Rotation) -> Option<(Rotation, Option<bool>)> {
        let Ok(current) = self.store.current(&rotation.workspace) else {
            return None; // an unusable config file fails the command by itself
        };
        let is_current =
            |token: &Token| current.as_ref().is_some_and(|c| c.access_token == token.access_token);
        if is_current(&rotation.token) {
            // Once more: what is in place may not be durable.
            return (!rotation.promoted).then_some((rotation, None));
        }
        let holds_old = rotation.old.as_ref().is_some_and(is_current);
        if !holds_old && (rotation.promoted || current.is_some()) {
            // Another program stored another token since. A promoted one may still be in use.
            if !rotation.promoted {
                self.give_up(&rotation);
            }
            return None;
        }
        match self.verify(&rotation.token, rotation.old.as_ref()) {
            // The config file was restored: the server decides which of the two is current now.
            Verdict::Denied if rotation.promoted => {
                self.give_up(&rotation);
                None
            }
            Verdict::Denied if rotation.unconfirmed => {
                self.give_up_unconfirmed(rotation);
                None
            }
            Verdict::NoAnswer | Verdict::Unsure if rotation.promoted || rotation.unconfirmed => {
                None
            }
            Verdict::Denied | Verdict::Unsure => {
                self.append_relaxed(rotation.workspace.unconfirmed());
                None
            }
            // This server can tell: only its list speaks for a token that it once denied.
            Verdict::CannotTell if rotation.unconfirmed => self.judge_by_list(rotation),
            verdict => Some((rotation, Some(verdict.verified()))),
        }
    }

    fn judge_by_list(&mut self, rotation: Rotation) -> Option<(Rotation, Option<bool>)> {
        let list = self.list(&rotation.workspace).ok()?;
        if list.iter().any(|token| Some(&token.jti) == rotation.token.jti.as_ref()) {
            return Some((rotation, Some(false)));
        }
        self.give_up_unconfirmed(rotation);
        None
    }

    /// The refresh of this run ends here: another token would most likely be denied too.
    fn give_up_unconfirmed(&mut self, rotation: Rotation) {
        let fate = self.give_up(&rotation);
        if rotation.rollback {
            return;
        }
        let (jti, revoked) = (rotation.token.jti, fate == NewTokenFate::Revoked);
        self.resumed.push((rotation.workspace, Err(Error::NewTokenRejected { jti, revoked })));
    }

    /// Delivers the token that an earlier run made, instead of making another.
    fn resume_delivery(&mut self, rotation: Rotation) {
        if self.targets.is_none() {
            return;
        }
        let only_remembered = Rotation { deliver: false, ..rotation.clone() };
        let lacks_own = rotation.deliver && !self.has_own_targets();
        if lacks_own && !self.awaits_delivery(&only_remembered) {
            return; // what is missing is said when the workspace's turn comes
        }
        if rotation.keep_old {
            // It was handed out: the refresh of this run, if it is one, makes another.
            if self.deliver(&rotation.workspace, &rotation.token, rotation.old.as_ref()).is_ok() {
                self.revoke_old_after_resume(rotation, false);
            }
            return;
        }
        let Rotation { workspace, token, old, grace_s, rollback, .. } = rotation;
        let grace_s = self.options.grace_s.or(grace_s).filter(|_| !rollback);
        let fate = self.deliver_then_revoke_old(&workspace, &token, old.as_ref(), grace_s);
        let refreshed = Refreshed { new: token, old, fate, verified: None, resumed: true };
        self.resumed.push((workspace, Ok(refreshed)));
    }

    fn give_up(&mut self, rotation: &Rotation) -> NewTokenFate {
        if rotation.rollback {
            self.call_off_rollback(&rotation.workspace);
            return NewTokenFate::Kept;
        }
        let fate = self.discard_new(&rotation.workspace, &rotation.token);
        let jti = rotation.token.jti_for_people();
        let reason = format!("an interrupted refresh was undone: its token ({jti}) is not needed");
        self.note(&rotation.workspace, &HistoryEvent::Failed { reason });
        (self.on_event)(Event::Discarded {
            workspace: rotation.workspace.clone(),
            jti: rotation.token.jti.clone(),
        });
        fate
    }

    /// Stores the new tokens of interrupted refreshes; storing one twice makes it durable.
    fn promote_again(&mut self, ready: &[(Rotation, Option<bool>)]) {
        let promotions = ready.iter().map(|(r, _)| Promotion {
            workspace: &r.workspace,
            old: r.old.as_ref(),
            new: &r.token,
        });
        let promotions: Vec<Promotion> = promotions.collect();
        if promotions.is_empty() {
            return;
        }
        match self.store.promote(&promotions) {
            Ok(stored) => {
                for ((rotation, _), stored) in ready.iter().zip(stored) {
                    if stored {
                        self.promoted_again(rotation);
                    } else {
                        self.give_up(rotation);
                    }
                }
            }
            Err(failed) => {
                for (rotation, _) in ready {
                    let workspace = rotation.workspace.clone();
                    let reason = failed.error.to_string();
                    (self.on_event)(Event::Unsettled { workspace, reason });
                }
            }
        }
    }

    fn promoted_again(&mut self, rotation: &Rotation) {
        let Rotation { workspace, token, old, .. } = rotation;
        if rotation.rollback {
            self.note_rolled_back(workspace, token, old.as_ref());
        } else {
            self.note_refreshed(workspace, token, old.as_ref());
        }
        self.append_relaxed(workspace.promoted());
        (self.on_event)(Event::Finished { workspace: workspace.clone(), jti: token.jti.clone() });
    }

    /// A token that the server finally accepts completes its refresh: no other is requested.
    fn revoke_old_after_resume(&mut self, rotation: Rotation, accepted: bool) {
        let Rotation { workspace, token, old, grace_s, keep_old, rollback, .. } = rotation;
        if keep_old {
            self.keeps_live(&workspace, old.as_ref());
            return self.append_relaxed(workspace.done());
        }
        let jti = old.as_ref().and_then(|old| old.jti.clone());
        let grace_s = grace_s.filter(|_| !rollback);
        let fate = self.revoke_old(&workspace, &token, old.as_ref(), grace_s);
        if accepted {
            let verified = Some(true);
            let refreshed = Refreshed { new: token, old, fate, verified, resumed: false };
            self.resumed.push((workspace, Ok(refreshed)));
            return;
        }
        match (jti, fate) {
            (Some(jti), OldFate::Revoked(_)) => (self.on_event)(Event::Revoked { workspace, jti }),
            (Some(jti), OldFate::Live(reason)) => {
                (self.on_event)(Event::StillLive { workspace, jti, reason });
            }
            _ => {}
        }
    }
}
