//! Adds up the records of the journal, and finds the fewest that add up to the same.

use super::WorkspaceRef;
use super::journal::{
    About, AboutRequest, AboutToken, Origin, Orphan, PendingRevocation, Record, record,
};
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
        match record {
            Record::Creating { .. } | Record::CreatingWorkspace { .. } => {
                self.creates.extend(PendingCreate::of(record));
            }
            Record::Searched(AboutRequest { workspace, server, at }) => {
                for create in &mut self.creates {
                    create.searched |=
                        create.at == at && create.workspace.named(&workspace, &server);
                }
            }
            Record::Ended { workspace, server, at, until } => {
                self.ended(&workspace, &server, at, until);
            }
            Record::Unanswered { .. } => {}
            Record::Closed(AboutRequest { workspace, server, at }) => {
                self.close(|w| w.named(&workspace, &server), at);
            }
            Record::Created { .. } => self.created(record),
            Record::Unconfirmed(About { workspace, server }) => {
                self.with_rotation(&workspace, &server, |r| r.stage = Stage::Denied);
            }
            Record::Promoted(About { workspace, server }) => {
                self.promoted(&workspace, &server);
            }
            Record::Delivering { workspace, server, attempt, process } => {
                self.running = process;
                self.with_rotation(&workspace, &server, |r| r.attempts = attempt);
            }
            Record::DeliveredTo { workspace, server, target } => {
                self.running = None;
                self.with_rotation(&workspace, &server, |r| {
                    r.delivered.retain(|name| *name != target);
                    r.delivered.push(target);
                });
            }
            Record::Named(About { workspace, server }) => {
                self.with_rotation(&workspace, &server, |r| r.unnamed = false);
            }
            Record::TurnedBack(About { workspace, server }) => {
                self.with_rotation(&workspace, &server, Rotation::turn_back);
            }
            Record::Done(About { workspace, server }) => self.finish(&workspace, &server),
            Record::PendingRevocation(new) => {
                self.drop_revocations(|p| p.workspace.is(&new.workspace) && p.jti == new.jti);
                self.revocations.push(new);
            }
            Record::HandingOut { workspace, at, jti } => {
                self.close(|w| w.is(&workspace), at);
                let (created_at, origin) = (Some(at), Origin::HandedOut);
                self.orphans.add(Orphan { workspace, jti, created_at, origin });
            }
            Record::Orphan(orphan) => self.orphans.add(orphan),
            Record::Gone(AboutToken { workspace, server, jti }) => {
                self.gone(&workspace, &server, &jti);
            }
            Record::Withdrawn(AboutToken { workspace, server, jti }) => {
                self.drop_revocations(|p| p.workspace.named(&workspace, &server) && p.jti == jti);
            }
            Record::Dismissed(AboutToken { workspace, server, jti }) => {
                self.dismiss(&workspace, &server, jti);
            }
            Record::Forgotten(About { workspace, server }) => self.forget(&workspace, &server),
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
        self.gone(workspace, server, &jti);
        let open = self.creates.iter().find(|c| c.workspace.named(workspace, server));
        if let Some(open) = open {
            self.dismissed.entry(jti).or_default().push(open.workspace.clone());
        }
    }

    fn forget(&mut self, workspace: &str, server: &str) {
        let named = |w: &WorkspaceRef| w.named(workspace, server);
        self.creates.retain(|c| !named(&c.workspace));
        let before = self.rotations.len();
        self.rotations.retain(|r| !named(&r.workspace));
        self.spent_tokens += before - self.rotations.len();
        self.drop_revocations(|p| named(&p.workspace));
        self.orphans.retain(|o| !named(&o.workspace));
    }

    /// A way back, or a token of another program, takes the place of an unfinished refresh.
    fn created(&mut self, record: Record) {
        let Record::Created { workspace, at, token, old, unnamed, grace_s, keep_old, rollback } =
            record
        else {
            return;
        };
        self.close(|w| w.is(&workspace) || w.id.is_empty(), at);
        let mut attempts = 0;
        if rollback {
            // Its token was delivered before.
            attempts = self.rotation(&workspace).map_or(1, |undone| undone.attempts.max(1));
        }
        let before = self.take_rotation(&workspace.id, &workspace.server);
        let before = before.filter(|it| {
            let follows = old.as_ref().is_some_and(|old| old.is_same(&it.token));
            it.is_stored() && follows && !keep_old && !rollback
        });
        self.spent_tokens -= usize::from(before.is_some());
        let purpose = match (keep_old, rollback) {
            (true, _) => Purpose::HandOut,
            (_, true) => Purpose::Rollback,
            _ => Purpose::Refresh,
        };
        self.rotations.push(Rotation {
            workspace,
            token,
            old,
            purpose,
            grace_s,
            stage: Stage::Kept,
            unnamed,
            attempts,
            delivered: Vec::new(),
            before: before.map(Box::new),
            lacks: Vec::new(),
        });
    }

    /// What is current again is not to be revoked any more.
    fn promoted(&mut self, workspace: &str, server: &str) {
        let (mut back, mut spent) = (None, 0);
        self.with_rotation(workspace, server, |r| {
            r.stage = Stage::Stored;
            spent = usize::from(r.before.take().is_some());
            back = r.token.jti.clone().filter(|_| r.purpose == Purpose::Rollback);
        });
        self.spent_tokens += spent;
        self.drop_revocations(|p| {
            p.workspace.named(workspace, server) && back.as_ref() == Some(&p.jti)
        });
    }

    fn drop_revocations(&mut self, is_over: impl Fn(&PendingRevocation) -> bool) {
        let texts = |all: &[PendingRevocation]| all.iter().filter(|p| p.token.is_some()).count();
        let before = texts(&self.revocations);
        self.revocations.retain(|p| !is_over(p));
        self.spent_tokens += before - texts(&self.revocations);
    }

    fn gone(&mut self, workspace: &str, server: &str, jti: &str) {
        let named = |w: &WorkspaceRef| w.named(workspace, server);
        self.drop_revocations(|p| named(&p.workspace) && p.jti == jti);
        self.orphans.remove(workspace, server, jti);
        // There is no way back from it any more.
        let led_to =
            |p: &&mut PendingRevocation| named(&p.workspace) && p.successor.as_deref() == Some(jti);
        for way_back in self.revocations.iter_mut().filter(led_to) {
            self.spent_tokens += usize::from(way_back.token.take().is_some());
        }
        // Once the old token is gone, a promoted new one needs nothing more.
        let is_over = |r: &Rotation| {
            let old = r.old.as_ref().and_then(|old| old.jti.as_deref());
            named(&r.workspace) && r.is_stored() && old == Some(jti)
        };
        if self.rotations.iter().any(is_over) {
            self.finish(workspace, server);
        }
    }

    fn close(&mut self, is_it: impl Fn(&WorkspaceRef) -> bool, at: Timestamp) {
        let found = self.creates.iter().position(|c| c.at == at && is_it(&c.workspace));
        if let Some(found) = found {
            self.creates.swap_remove(found);
            let creates = &self.creates;
            self.dismissed.retain(|_, all| {
                all.retain(|w| creates.iter().any(|c| c.workspace.is(w)));
                !all.is_empty()
            });
        }
    }

    /// What was not delivered before this one is so again if this one was not stored.
    fn finish(&mut self, workspace: &str, server: &str) {
        let over = self.take_rotation(workspace, server);
        self.rotations.extend(over.and_then(|over| over.before).map(|before| *before));
    }

    fn take_rotation(&mut self, workspace: &str, server: &str) -> Option<Rotation> {
        let is_it = |r: &Rotation| r.workspace.named(workspace, server);
        let found = self.rotations.iter().position(is_it)?;
        self.spent_tokens += 1;
        Some(self.rotations.swap_remove(found))
    }

    fn with_rotation(&mut self, workspace: &str, server: &str, change: impl FnOnce(&mut Rotation)) {
        let mut rotations = self.rotations.iter_mut();
        if let Some(rotation) = rotations.find(|r| r.workspace.named(workspace, server)) {
            change(rotation);
        }
    }

    /// The fewest records that add up to this. They hold no token that is no longer pending.
    pub(crate) fn records(&self) -> Vec<Record> {
        // A `created` closes its request, so those still open come after it.
        let mut records: Vec<Record> = self.rotations.iter().flat_map(Rotation::records).collect();
        records.extend(self.creates.iter().flat_map(PendingCreate::records));
        let revocations = self.revocations.iter().cloned();
        records.extend(revocations.map(Record::PendingRevocation));
        records.extend(self.orphans.iter().cloned().map(Record::Orphan));
        let dismissed = self.dismissed.iter();
        records.extend(
            dismissed.flat_map(|(jti, all)| all.iter().map(|w| Record::Dismissed(w.token(jti)))),
        );
        records.extend(self.running.map(|process| {
            let (workspace, server) = Default::default();
            Record::Delivering { workspace, server, attempt: 0, process: Some(process) }
        }));
        records
    }
}

impl PendingCreate {
    fn of(record: Record) -> Option<Self> {
        let (searched, ended) = (false, false);
        Some(match record {
            Record::Creating { workspace, at, until, boot, expiry, to_hand_out, unique } => {
                Self { workspace, at, until, boot, expiry, to_hand_out, unique, searched, ended }
            }
            Record::CreatingWorkspace { name, server, at, until, boot } => {
                let (key, id) = (String::new(), String::new());
                let workspace = WorkspaceRef { key, id, name, server };
                let (expiry, to_hand_out, unique) = (None, false, false);
                Self { workspace, at, until, boot, expiry, to_hand_out, unique, searched, ended }
            }
            _ => return None,
        })
    }

    fn records(&self) -> Vec<Record> {
        let Self { workspace, at, until, boot, expiry, to_hand_out, unique, searched, ended } =
            self.clone();
        let mut records = Vec::new();
        records.extend(ended.then(|| workspace.ended(at, until)));
        records.extend(searched.then(|| Record::Searched(workspace.request(at))));
        records.insert(
            0,
            if workspace.id.is_empty() {
                let WorkspaceRef { name, server, .. } = workspace;
                Record::CreatingWorkspace { name, server, at, until, boot }
            } else {
                Record::Creating { workspace, at, until, boot, expiry, to_hand_out, unique }
            },
        );
        records
    }
}

impl Rotation {
    /// The token that it led away from is the current one after all.
    fn turn_back(&mut self) {
        if let Some(old) = self.old.take() {
            self.old = Some(std::mem::replace(&mut self.token, old));
        }
        self.purpose = Purpose::Refresh;
        self.stage = Stage::Stored;
        self.delivered.clear();
    }

    fn records(&self) -> Vec<Record> {
        let Self { workspace, token, old, grace_s, .. } = self.clone();
        let before = self.before.as_ref().map(|before| before.records());
        let mut records = before.unwrap_or_default();
        records.push(Record::Created {
            workspace: workspace.clone(),
            at: Timestamp::from_millis(0), // its request is closed
            token,
            old,
            unnamed: self.unnamed,
            grace_s,
            keep_old: self.purpose == Purpose::HandOut,
            rollback: self.purpose == Purpose::Rollback,
        });
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
