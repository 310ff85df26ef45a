//! What the records of the journal add up to: the work that is pending.

use super::WorkspaceRef;
use super::journal::{Orphan, PendingRevocation, Record};
use super::moment::{Moment, SETTLE_S};
use crate::context::BootTime;
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

/// A request for a token whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingCreate {
    /// Without an id if the workspace itself is being created.
    pub(crate) workspace: WorkspaceRef,
    /// When it was sent, and was given up at the latest; by our clock.
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) boot: Option<BootTime>,
    pub(crate) expiry: Option<Expiry>,
    pub(crate) to_hand_out: bool,
    /// The list was read since, without a trace of it.
    pub(crate) searched: bool,
    /// It is known when it ended.
    pub(crate) ended: bool,
}

impl PendingCreate {
    /// How many seconds ago it was sent.
    pub(crate) fn age_s(&self, now: &Moment) -> i64 {
        now.since(self.at, self.boot.as_ref())
    }

    /// How long it may have taken, seconds.
    pub(crate) fn longest_s(&self) -> i64 {
        self.until.secs() - self.at.secs()
    }

    /// Whether its token would be in the list by now. After a boot the uptime tells: our clock may
    /// have been wrong before. A request from the future was sent before our clock was set back.
    pub(crate) fn is_settled(&self, now: &Moment) -> bool {
        let settled_s = self.longest_s() + SETTLE_S;
        if let Some(up_s) = now.uptime_after(self.boot.as_ref()) {
            return up_s > settled_s;
        }
        let age_s = self.age_s(now);
        age_s < 0 || age_s > settled_s
    }
}

/// A refresh whose new token is in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // a fact each
pub(crate) struct Rotation {
    pub(crate) workspace: WorkspaceRef,
    pub(crate) token: Token,
    /// The token that it replaces.
    pub(crate) old: Option<Token>,
    /// The server did not accept the new token yet.
    pub(crate) unconfirmed: bool,
    /// The new token is in the config file.
    pub(crate) promoted: bool,
    /// It is still to be delivered.
    pub(crate) deliver: bool,
    /// For how many seconds the old token stays live.
    pub(crate) grace_s: Option<u64>,
    /// The old token stays live all the same.
    pub(crate) keep_old: bool,
}

impl Rotation {
    /// Whether all that is left to do waits for a delivery.
    pub(crate) fn awaits_delivery(&self) -> bool {
        self.promoted && self.deliver
    }
}

/// All pending work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    pub(crate) creates: Vec<PendingCreate>,
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) revocations: Vec<PendingRevocation>,
    pub(crate) orphans: Vec<Orphan>,
    /// What the user does not want to hear of, while a request is open that it could come from.
    dismissed: Vec<(WorkspaceRef, String)>,
    /// How many tokens the file holds that are pending no more.
    pub(crate) spent_tokens: usize,
}

impl Pending {
    /// Whether nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_work() && self.orphans.is_empty()
    }

    /// Whether there is work for a later run, due or not. Orphans are the user's to decide.
    pub(crate) fn has_work(&self) -> bool {
        !(self.creates.is_empty() && self.rotations.is_empty() && self.revocations.is_empty())
    }

    /// Whether anything is pending for a workspace.
    pub(crate) fn concerns(&self, workspace: &WorkspaceRef) -> bool {
        self.workspaces().any(|other| other.is(workspace))
    }

    /// Whether a token is certainly that of a lost request, and still to be revoked.
    pub(crate) fn is_certain_orphan(&self, workspace: &WorkspaceRef, jti: &str) -> bool {
        let is_it = |o: &Orphan| o.jti == jti && o.workspace.is(workspace);
        let mut orphans = self.orphans.iter().filter(|o| is_it(o));
        orphans.any(|o| o.origin == super::Origin::Match)
    }

    /// The pending work of a workspace that is due: unfinished refreshes, requests that were not
    /// looked for since or whose time is over, revocations whose time has come. What waits for the
    /// user, or for a moment, is not.
    pub(crate) fn due_for(&self, workspace: &WorkspaceRef, now: &Moment) -> Self {
        let mut due = self.clone();
        due.creates.retain(|c| c.workspace.is(workspace) && (!c.searched || c.is_settled(now)));
        due.rotations.retain(|r| r.workspace.is(workspace));
        due.revocations.retain(|p| p.workspace.is(workspace) && p.is_due(now));
        due.orphans.clear();
        due
    }

    /// The workspaces of everything pending; one may come several times.
    pub(crate) fn workspaces(&self) -> impl Iterator<Item = &WorkspaceRef> {
        let creates = self.creates.iter().map(|c| &c.workspace);
        let rotations = self.rotations.iter().map(|r| &r.workspace);
        let revocations = self.revocations.iter().map(|p| &p.workspace);
        let orphans = self.orphans.iter().map(|o| &o.workspace);
        creates.chain(rotations).chain(revocations).chain(orphans)
    }

    /// The unfinished refresh of a workspace.
    pub(crate) fn rotation(&self, workspace: &WorkspaceRef) -> Option<&Rotation> {
        self.rotations.iter().find(|r| r.workspace.is(workspace))
    }

    /// Whether the journal knows a token, so that it is not found as an orphan again.
    pub(crate) fn knows(&self, workspace: &WorkspaceRef, jti: &str) -> bool {
        let is = |token: &Token| token.jti.as_deref() == Some(jti);
        let rotating = |r: &Rotation| is(&r.token) || r.old.as_ref().is_some_and(is);
        self.rotations.iter().any(rotating)
            || self.revocations.iter().any(|p| p.jti == jti)
            || self.orphans.iter().any(|o| o.jti == jti)
            || self.dismissed.iter().any(|(w, j)| w.is(workspace) && j == jti)
    }

    pub(super) fn apply_all(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.apply(record);
        }
    }

    /// Takes one more record into account. One about something that is not pending changes nothing.
    pub(crate) fn apply(&mut self, record: Record) {
        match record {
            Record::Creating { .. } | Record::CreatingWorkspace { .. } => {
                self.creates.extend(PendingCreate::of(record));
            }
            Record::Searched { workspace, server, at } => {
                for create in &mut self.creates {
                    create.searched |=
                        create.at == at && create.workspace.named(&workspace, &server);
                }
            }
            Record::Ended { workspace, server, at, until } => {
                self.ended(&workspace, &server, at, until);
            }
            Record::Unanswered { .. } => {}
            Record::Closed { workspace, server, at } => {
                self.close(|w| w.named(&workspace, &server), at);
            }
            Record::Created { workspace, at, token, old, deliver, grace_s, keep_old } => {
                self.close(|w| w.is(&workspace) || w.id.is_empty(), at);
                self.rotations.push(Rotation {
                    workspace,
                    token,
                    old,
                    unconfirmed: false,
                    promoted: false,
                    deliver,
                    grace_s,
                    keep_old,
                });
            }
            Record::Unconfirmed { workspace, server } => {
                self.with_rotation(&workspace, &server, |r| r.unconfirmed = true);
            }
            Record::Promoted { workspace, server } => {
                self.with_rotation(&workspace, &server, |r| {
                    r.promoted = true;
                    r.unconfirmed = false;
                });
            }
            Record::Delivered { workspace, server } => {
                self.with_rotation(&workspace, &server, |r| r.deliver = false);
            }
            Record::Done { workspace, server } => self.finish(&workspace, &server),
            Record::PendingRevocation(new) => {
                self.revocations.retain(|p| !(p.workspace.is(&new.workspace) && p.jti == new.jti));
                self.revocations.push(new);
            }
            Record::HandingOut { workspace, at, jti } => {
                self.close(|w| w.is(&workspace), at);
                self.adopt(Orphan {
                    workspace,
                    jti,
                    created_at: Some(at),
                    origin: super::Origin::HandedOut,
                });
            }
            Record::Orphan(orphan) => self.adopt(orphan),
            Record::Gone { workspace, server, jti } => self.gone(&workspace, &server, &jti),
            Record::Dismissed { workspace, server, jti } => self.dismiss(&workspace, &server, jti),
            Record::Forgotten { workspace, server } => self.forget(&workspace, &server),
        }
    }

    fn ended(&mut self, workspace: &str, server: &str, at: Timestamp, until: Timestamp) {
        let mut creates = self.creates.iter_mut();
        let is_it = |c: &&mut PendingCreate| c.at == at && c.workspace.named(workspace, server);
        if let Some(create) = creates.find(is_it) {
            create.until = create.until.min(until);
            create.ended = true;
        }
    }

    fn dismiss(&mut self, workspace: &str, server: &str, jti: String) {
        let about = self.workspaces().find(|w| w.named(workspace, server)).cloned();
        self.gone(workspace, server, &jti);
        self.dismissed.extend(about.map(|w| (w, jti)));
        self.drop_dismissed();
    }

    fn forget(&mut self, workspace: &str, server: &str) {
        let named = |w: &WorkspaceRef| w.named(workspace, server);
        self.creates.retain(|c| !named(&c.workspace));
        let before = self.rotations.len();
        self.rotations.retain(|r| !named(&r.workspace));
        self.spent_tokens += before - self.rotations.len();
        self.revocations.retain(|p| !named(&p.workspace));
        self.orphans.retain(|o| !named(&o.workspace));
    }

    fn adopt(&mut self, orphan: Orphan) {
        self.orphans.retain(|o| !(o.workspace.is(&orphan.workspace) && o.jti == orphan.jti));
        self.orphans.push(orphan);
    }

    fn gone(&mut self, workspace: &str, server: &str, jti: &str) {
        let named = |w: &WorkspaceRef| w.named(workspace, server);
        self.revocations.retain(|p| !(named(&p.workspace) && p.jti == jti));
        self.orphans.retain(|o| !(named(&o.workspace) && o.jti == jti));
        // Once the old token is gone, a promoted new one needs nothing more.
        let is_over = |r: &Rotation| {
            let old = r.old.as_ref().and_then(|old| old.jti.as_deref());
            named(&r.workspace) && r.promoted && old == Some(jti)
        };
        if self.rotations.iter().any(is_over) {
            self.finish(workspace, server);
        }
    }

    fn close(&mut self, is_it: impl Fn(&WorkspaceRef) -> bool, at: Timestamp) {
        let found = self.creates.iter().position(|c| c.at == at && is_it(&c.workspace));
        if let Some(found) = found {
            self.creates.swap_remove(found);
            self.drop_dismissed();
        }
    }

    fn drop_dismissed(&mut self) {
        let creates = &self.creates;
        self.dismissed.retain(|(w, _)| creates.iter().any(|c| c.workspace.is(w)));
    }

    fn finish(&mut self, workspace: &str, server: &str) {
        let is_it = |r: &Rotation| r.workspace.named(workspace, server);
        if let Some(found) = self.rotations.iter().position(is_it) {
            self.rotations.swap_remove(found);
            self.spent_tokens += 1;
        }
    }

    fn with_rotation(&mut self, workspace: &str, server: &str, change: impl FnOnce(&mut Rotation)) {
        let mut rotations = self.rotations.iter_mut();
        if let Some(rotation) = rotations.find(|r| r.workspace.named(workspace, server)) {
            change(rotation);
        }
    }

    /// The fewest records that add up to this. No token in them is pending no more.
    pub(crate) fn records(&self) -> Vec<Record> {
        // A `created` closes its request, so those still open come after it.
        let mut records: Vec<Record> = self.rotations.iter().flat_map(Rotation::records).collect();
        records.extend(self.creates.iter().flat_map(PendingCreate::records));
        let revocations = self.revocations.iter().cloned();
        records.extend(revocations.map(Record::PendingRevocation));
        records.extend(self.orphans.iter().cloned().map(Record::Orphan));
        let dismissed = self.dismissed.iter();
        records.extend(dismissed.map(|(w, jti)| w.dismissed(jti)));
        records
    }
}

impl PendingCreate {
    fn of(record: Record) -> Option<Self> {
        let (searched, ended) = (false, false);
        Some(match record {
            Record::Creating { workspace, at, until, boot, expiry, to_hand_out } => {
                Self { workspace, at, until, boot, expiry, to_hand_out, searched, ended }
            }
            Record::CreatingWorkspace { name, server, at, until, boot } => {
                let (key, id) = (String::new(), String::new());
                let workspace = WorkspaceRef { key, id, name, server };
                let (expiry, to_hand_out) = (None, false);
                Self { workspace, at, until, boot, expiry, to_hand_out, searched, ended }
            }
            _ => return None,
        })
    }

    fn records(&self) -> Vec<Record> {
        let Self { workspace, at, until, boot, expiry, to_hand_out, searched, ended } =
            self.clone();
        let mut records = Vec::new();
        records.extend(ended.then(|| workspace.ended(at, until)));
        records.extend(searched.then(|| workspace.searched(at)));
        records.insert(
            0,
            if workspace.id.is_empty() {
                let WorkspaceRef { name, server, .. } = workspace;
                Record::CreatingWorkspace { name, server, at, until, boot }
            } else {
                Record::Creating { workspace, at, until, boot, expiry, to_hand_out }
            },
        );
        records
    }
}

impl Rotation {
    fn records(&self) -> Vec<Record> {
        let Self { workspace, token, old, unconfirmed, promoted, deliver, grace_s, keep_old } =
            self.clone();
        let mut records = Vec::new();
        records.extend(unconfirmed.then(|| workspace.unconfirmed()));
        records.extend(promoted.then(|| workspace.promoted()));
        let at = Timestamp::from_millis(0); // its request is closed
        records
            .insert(0, Record::Created { workspace, at, token, old, deliver, grace_s, keep_old });
        records
    }
}
