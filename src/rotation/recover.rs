//! Finishing what an earlier run left in the journal.

use super::journal::{Orphan, PendingRevocation, Reason, Record};
use super::judge::Verdict;
use super::pending::Purpose;
use super::ports::{Event, Store};
use super::{Moment, RefreshOptions, Rotation, Rotator, WorkspaceRef};
use crate::error::Error;
use crate::token::Token;

impl Rotator<'_> {
    /// Does the pending work of every workspace of this server, as far as possible now. The rest
    /// stays in the journal; every outcome is reported.
    ///
    /// A pending delivery is made for `workspaces` only: the targets of this run are theirs.
    pub(super) fn recover(&mut self, workspaces: &[WorkspaceRef]) {
        self.recovering = true;
        self.name_other_servers();
        self.search_creates();
        self.carry_on(workspaces);
        self.find_displaced(workspaces);
        self.visit_orphans(workspaces);
        self.recovering = false;
    }

    /// Does the pending work and ends the run.
    pub(crate) fn recover_only(&mut self, workspaces: &[WorkspaceRef], options: &RefreshOptions) {
        self.wish(workspaces.iter().map(|workspace| (workspace.clone(), *options)));
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
        let due = self.pending.due(&now);
        let is_held = |store: &mut dyn Store, p: &PendingRevocation| {
            !p.reason.is_by_hand() && store.holds(&p.workspace, &p.jti).unwrap_or(false)
        };
        !due.creates.is_empty()
            || due.rotations.iter().any(|r| !self.awaits_delivery(r))
            || due.revocations.iter().any(|p| !is_held(self.store, p))
    }

    /// What to say of due work that could not be done, if there is any.
    pub(crate) fn overdue(&mut self) -> Option<Error> {
        if !self.is_overdue() {
            return None;
        }
        let now = self.moment();
        let mut due = self.pending.revocations.iter().filter(|p| p.is_due(&now));
        if let Some(pending) = due.find(|p| p.reason == Reason::LosesScope) {
            return Some(Error::loses_scope(&pending.workspace.name));
        }
        let elsewhere = self.pending.other_server(self.control_plane.server());
        Some(Error::work_pending(Vec::new(), None, elsewhere))
    }

    /// A refresh as it is to be continued. The config file may hold another token by now, of another
    /// program or from a copy: if the server takes it, that one is delivered in place of ours, which
    /// stays named.
    pub(super) fn with_current(&mut self, rotation: Rotation) -> Option<Rotation> {
        if !self.recovering {
            return Some(rotation); // this run has just stored it
        }
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
            match self.verify(current, Some(&rotation.token)) {
                Verdict::CannotTell => self.by_list(&workspace, current),
                verdict => verdict,
            }
        });
        match (current, verdict) {
            (_, Verdict::NoAnswer | Verdict::Unsure) => return None,
            (Some(current), Verdict::Accepted) => {
                let purpose = match rotation.purpose {
                    Purpose::Rollback => Purpose::Refresh,
                    purpose => purpose,
                };
                let at = self.request_time();
                records.push(Record::Created(Rotation { at, token: current, purpose, ..rotation }));
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
}
