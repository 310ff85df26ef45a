//! Adds up the records of the journal, and finds the fewest that add up to the same.

use super::WorkspaceRef;
use super::journal::{About, Origin, Orphan, Record, TokenId, record};
use super::pending::{Pending, PendingCreate, Purpose, Rotation, Stage};
use crate::time::Timestamp;

impl Pending {
    /// Adds up the lines of a journal, and returns how many of its bytes count.
    ///
    /// An empty line says that everything before it is on the disk. Lines after the last one may
    /// have been written but not synced when the power failed: from the first line that is torn or
    /// has a hole, nothing was acknowledged, so the rest does not count. A whole line is neither.
    ///
    /// # Errors
    /// The number (from 1) of an invalid line before that, and why. The message does not contain
    /// its text, which may hold a token.
    pub(crate) fn read(lines: &[u8]) -> Result<(Self, usize), String> {
        let synced = lines.windows(2).rposition(|pair| pair == b"\n\n");
        let synced = synced.map_or(0, |at| at + 2);
        let mut pending = Self::default();
        let mut counted = 0;
        for (n, line) in lines.split_inclusive(|b| *b == b'\n').enumerate() {
            if line != b"\n" {
                match record(line) {
                    Some(record) if line.ends_with(b"\n") => pending.apply(record),
                    Some(_) => break,
                    None if counted >= synced && !is_json(line) => break,
                    None => return Err(format!("line {}: not a record of this version", n + 1)),
                }
            }
            counted += line.len();
        }
        Ok((pending, counted))
    }

    pub(super) fn apply_all(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.apply(record);
        }
    }

    /// Applies one more record. A record about something that is not pending changes nothing.
    pub(crate) fn apply(&mut self, record: Record) {
        self.applied += 1;
        match record {
            Record::Creating(create) => self.creates.push(create),
            Record::CreatingWorkspace { name, server, at, until, boot } => {
                let workspace = WorkspaceRef::unborn(name, server);
                self.creates.push(PendingCreate::new(workspace, at, until, boot));
            }
            Record::Searched(about) => {
                self.with_create(&about, about.what.at, |create| create.searched = true);
            }
            Record::Ended(about) => self.with_create(&about, about.what.at, |create| {
                create.until = create.until.min(about.what.until);
            }),
            Record::Unanswered { .. } => {}
            Record::Closed(about) => {
                self.close(|w| w.is_of(&about), about.what.at);
            }
            Record::Created(rotation) => self.created(rotation),
            Record::Unconfirmed(about) => self.with_rotation(&about, |r| r.stage = Stage::Denied),
            Record::Promoted(about) => self.promoted(&about),
            Record::Delivering(about) => {
                self.running = about.what.process;
                self.with_rotation(&about, |r| r.attempts = about.what.attempt);
            }
            Record::DeliveredTo(about) => {
                self.running = None;
                let target = &about.what.target;
                self.with_rotation(&about, |r| {
                    r.delivered.retain(|name| name != target);
                    r.delivered.push(target.clone());
                });
            }
            Record::Named(about) => self.with_rotation(&about, |r| r.to_unknown = false),
            Record::RollbackUndone(about) => self.with_rotation(&about, Rotation::undo_rollback),
            Record::Done(about) => self.finish(&about),
            Record::PendingRevocation(new) => {
                self.drop_revocation(&new.workspace.token(&new.jti));
                self.revocations.push_back(new);
            }
            Record::HandingOut { workspace, at, jti } => {
                self.close(|w| w.is(&workspace), at);
                let (created_at, origin) = (Some(at), Origin::HandedOut);
                self.orphans.add(Orphan { workspace, jti, created_at, origin });
            }
            Record::Orphan(orphan) => self.orphans.add(orphan),
            Record::Gone(about) => self.gone(&about),
            Record::Withdrawn(about) => self.drop_revocation(&about),
            Record::Dismissed(about) => {
                self.gone(&about);
                self.dismissed.push(about);
            }
            Record::Forgotten(about) => {
                self.creates.retain(|c| !c.workspace.is_of(&about));
                self.rotations.retain(|r| !r.workspace.is_of(&about));
                self.revocations.retain(|p| !p.workspace.is_of(&about));
                self.orphans.retain(|o| !o.workspace.is_of(&about));
            }
        }
    }

    /// A rollback, or a token of another program, takes the place of an unfinished refresh.
    fn created(&mut self, mut new: Rotation) {
        // It tells of its request too.
        let is_its = |w: &WorkspaceRef| w.is(&new.workspace) || w.id.is_empty();
        self.applied -= usize::from(self.close(is_its, new.at));
        let before = self.take_rotation(&new.workspace.about());
        if new.purpose == Purpose::Rollback {
            // Its token was delivered before.
            new.attempts = before.as_ref().map_or(1, |undone| undone.attempts.max(1));
        }
        let is_followed = |it: &Rotation| {
            let follows = new.old.as_ref().is_some_and(|old| old.is_same(&it.token));
            it.is_stored() && follows && new.purpose == Purpose::Refresh
        };
        new.before = before.filter(is_followed).map(Box::new);
        self.rotations.push_back(new);
    }

    /// What is current again is not to be revoked any more.
    fn promoted(&mut self, about: &About) {
        let Some(r) = self.rotations.iter_mut().find(|r| r.workspace.is_of(about)) else { return };
        (r.stage, r.before) = (Stage::Stored, None);
        if let (Some(jti), Purpose::Rollback) = (&r.token.jti, r.purpose) {
            let again = r.workspace.token(jti);
            self.drop_revocation(&again);
        }
    }

    fn drop_revocation(&mut self, about: &About<TokenId>) {
        let mut all = self.revocations.iter();
        let found = all.position(|p| p.jti == about.what.jti && p.workspace.is_of(about));
        found.and_then(|found| self.revocations.remove(found));
    }

    fn gone(&mut self, about: &About<TokenId>) {
        let is_it = |jti: Option<&String>| jti == Some(&about.what.jti);
        self.drop_revocation(about);
        self.orphans.remove(about);
        // There is nothing to roll back from any more.
        let revocations = self.revocations.iter_mut().filter(|p| p.workspace.is_of(about));
        let led_to = revocations.filter(|p| is_it(p.successor.as_ref()));
        led_to.for_each(|previous| previous.token = None);
        // Once the old token is gone, a promoted new one needs nothing more.
        let is_over = |r: &Rotation| {
            let old = r.old.as_ref().and_then(|old| old.jti.as_ref());
            r.workspace.is_of(about) && r.is_stored() && is_it(old)
        };
        if self.rotations.iter().any(is_over) {
            self.finish(about);
        }
    }

    /// Returns whether the request was open.
    fn close(&mut self, is_it: impl Fn(&WorkspaceRef) -> bool, at: Timestamp) -> bool {
        let found = self.creates.iter().position(|c| c.at == at && is_it(&c.workspace));
        found.map(|found| self.creates.swap_remove(found)).is_some()
    }

    /// What was not delivered before this one is so again if this one was not stored.
    fn finish<T>(&mut self, about: &About<T>) {
        let over = self.take_rotation(about);
        self.rotations.extend(over.and_then(|over| over.before).map(|before| *before));
    }

    fn take_rotation<T>(&mut self, about: &About<T>) -> Option<Rotation> {
        let found = self.rotations.iter().position(|r| r.workspace.is_of(about))?;
        self.rotations.remove(found)
    }

    fn with_rotation<T>(&mut self, about: &About<T>, change: impl FnOnce(&mut Rotation)) {
        self.rotations.iter_mut().find(|r| r.workspace.is_of(about)).map(change);
    }

    fn with_create<T>(
        &mut self,
        about: &About<T>,
        at: Timestamp,
        change: impl FnOnce(&mut PendingCreate),
    ) {
        let mut creates = self.creates.iter_mut();
        creates.find(|c| c.at == at && c.workspace.is_of(about)).map(change);
    }

    /// The fewest records that add up to this. They hold no token that is no longer pending.
    pub(crate) fn records(&self) -> Vec<Record> {
        // A `created` closes its request, so those still open come after it.
        let mut records: Vec<Record> = self.rotations.iter().flat_map(Rotation::records).collect();
        records.extend(self.creates.iter().flat_map(PendingCreate::records));
        let revocations = self.revocations.iter().cloned();
        records.extend(revocations.map(Record::PendingRevocation));
        records.extend(self.orphans.iter().cloned().map(Record::Orphan));
        records.extend(self.open_dismissed().cloned().map(Record::Dismissed));
        records.extend(self.running.map(|process| {
            WorkspaceRef::unborn(String::new(), String::new()).delivering(0, Some(process))
        }));
        records
    }
}

impl PendingCreate {
    fn records(&self) -> impl Iterator<Item = Record> {
        let searched = self.searched.then(|| Record::Searched(self.workspace.request(self.at)));
        [Some(Record::Creating(self.clone())), searched].into_iter().flatten()
    }
}

impl Rotation {
    /// The token that it led away from is the current one after all.
    fn undo_rollback(&mut self) {
        if let Some(old) = self.old.take() {
            self.old = Some(std::mem::replace(&mut self.token, old));
        }
        self.purpose = Purpose::Refresh;
        self.stage = Stage::Stored;
        self.delivered.clear();
    }

    fn records(&self) -> Vec<Record> {
        let workspace = &self.workspace;
        let before = self.before.as_ref().map(|before| before.records());
        let mut records = before.unwrap_or_default();
        records.push(Record::Created(self.clone()));
        match self.stage {
            Stage::Kept => {}
            Stage::Denied => records.push(Record::Unconfirmed(workspace.about())),
            Stage::Stored => records.push(Record::Promoted(workspace.about())),
        }
        records.extend((self.attempts > 0).then(|| workspace.delivering(self.attempts, None)));
        records.extend(self.delivered.iter().map(|target| workspace.delivered_to(target)));
        records
    }
}

/// A later version's record is.
fn is_json(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}
