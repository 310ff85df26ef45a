//! What the records of the journal add up to: the work that is pending.

use super::journal::{Record, WorkspaceRef};
use crate::time::Timestamp;
use crate::token::Token;

/// A request for a token whose answer nobody here has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// For which workspace.
    pub place: WorkspaceRef,
    /// When it was made, by our clock.
    pub at: Timestamp,
    /// When it was given up at the latest.
    pub until: Timestamp,
    /// Whether the time for it ran out, so that the server may still be at it.
    pub unanswered: bool,
}

/// A refresh whose new token is in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Of which workspace.
    pub place: WorkspaceRef,
    /// The new token.
    pub token: Token,
    /// The one it takes the place of.
    pub old: Option<Token>,
    /// Whether the new token is in the config file.
    pub promoted: bool,
    /// Whether it is still to be handed on.
    pub hand_over: bool,
    /// For how many seconds the old one is left live.
    pub grace_s: Option<u64>,
}

impl Rotation {
    /// Whether all that is left to do waits for the new token to be handed on.
    #[must_use]
    pub fn waits_for_hooks(&self) -> bool {
        self.promoted && self.hand_over
    }
}

/// A token of ours that is still to be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Of which workspace.
    pub place: WorkspaceRef,
    /// Its id.
    pub jti: String,
    /// Not before this moment.
    pub not_before: Option<Timestamp>,
}

/// A live token that nobody here holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Of which workspace.
    pub place: WorkspaceRef,
    /// Its id.
    pub jti: String,
    /// When it was made, by the server's clock.
    pub born: Option<Timestamp>,
}

/// What all records of a journal add up to: the work that is pending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    /// Requests without an answer.
    pub windows: Vec<Window>,
    /// Refreshes that are not finished.
    pub rotations: Vec<Rotation>,
    /// Revocations to be done.
    pub owed: Vec<Owed>,
    /// Tokens to be named.
    pub orphans: Vec<Orphan>,
}

impl Pending {
    /// Adds the lines of a journal up.
    ///
    /// # Errors
    /// The number of the first line that is no record (from 1) and why. The text of the line is
    /// not part of it: it may hold a token.
    pub fn read(lines: &[u8]) -> std::result::Result<Self, String> {
        let mut ledger = Self::default();
        for (n, line) in lines.split(|b| *b == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let record = serde_json::from_slice(line).map_err(|e| {
                format!(
                    "line {}, column {}: not a record of this version",
                    n + 1,
                    e.column()
                )
            })?;
            ledger.apply(record);
        }
        Ok(ledger)
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether work could not be done although it was due: every request and refresh that is
    /// still open, and revocations whose time has come. Orphans are the user's to decide, and
    /// what is to be handed on waits for a run that knows to whom.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let due = |owed: &Owed| owed.not_before.is_none_or(|until| until <= now);
        !self.windows.is_empty()
            || self.rotations.iter().any(|open| !open.waits_for_hooks())
            || self.owed.iter().any(due)
    }

    /// The pending work of a workspace that is due: requests whose time is over, refreshes that
    /// are not finished or delivered, revocations whose time has come.
    #[must_use]
    pub fn due_for(&self, workspace: &str, now: Timestamp) -> Self {
        let mut due = self.clone();
        due.windows
            .retain(|w| w.place.id == workspace && w.until <= now);
        due.rotations.retain(|r| r.place.id == workspace);
        due.owed
            .retain(|o| o.place.id == workspace && o.not_before.is_none_or(|until| until <= now));
        due.orphans.clear();
        due
    }

    /// Whether there is work for a later run, due or not. Orphans are the user's to decide.
    #[must_use]
    pub fn owes_anything(&self) -> bool {
        !(self.windows.is_empty() && self.rotations.is_empty() && self.owed.is_empty())
    }

    /// Whether anything is pending for a workspace.
    #[must_use]
    pub fn concerns(&self, workspace: &str) -> bool {
        self.windows.iter().any(|w| w.place.id == workspace)
            || self.rotations.iter().any(|r| r.place.id == workspace)
            || self.owed.iter().any(|o| o.place.id == workspace)
            || self.orphans.iter().any(|o| o.place.id == workspace)
    }

    /// Takes one more record into account. A record about something unknown changes nothing.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Creating { place, at, until } => {
                self.windows.push(Window {
                    place,
                    at,
                    until,
                    unanswered: false,
                });
            }
            Record::Unanswered { workspace, at } => {
                let window = self
                    .windows
                    .iter_mut()
                    .find(|w| w.place.id == workspace && w.at == at);
                if let Some(window) = window {
                    window.unanswered = true;
                }
            }
            Record::Closed { workspace, at } => self.close_window(&workspace, at),
            Record::Created {
                place,
                at,
                token,
                old,
                hand_over,
                grace_s,
            } => {
                self.close_window(&place.id, at);
                self.rotations.push(Rotation {
                    place,
                    token,
                    old,
                    promoted: false,
                    hand_over,
                    grace_s,
                });
            }
            Record::Promoted { workspace } => {
                if let Some(rotation) = self.rotation_mut(&workspace) {
                    rotation.promoted = true;
                }
            }
            Record::HandedOver { workspace } => {
                if let Some(rotation) = self.rotation_mut(&workspace) {
                    rotation.hand_over = false;
                }
            }
            Record::Done { workspace } => self.finish(&workspace),
            Record::Owed {
                place,
                jti,
                not_before,
            } => {
                self.owed.retain(|o| o.place.id != place.id || o.jti != jti);
                self.owed.push(Owed {
                    place,
                    jti,
                    not_before,
                });
            }
            Record::Orphan { place, jti, born } => {
                self.orphans
                    .retain(|o| o.place.id != place.id || o.jti != jti);
                self.orphans.push(Orphan { place, jti, born });
            }
            Record::Gone { workspace, jti } => {
                self.owed
                    .retain(|o| o.place.id != workspace || o.jti != jti);
                self.orphans
                    .retain(|o| o.place.id != workspace || o.jti != jti);
                // With the old token gone, a stored new one needs nothing more.
                let is_old = |t: &Token| t.jti.as_ref() == Some(&jti);
                let over = self.rotation(&workspace);
                if over.is_some_and(|r| r.promoted && r.old.as_ref().is_some_and(is_old)) {
                    self.finish(&workspace);
                }
            }
            Record::Forgotten { workspace } => {
                self.windows.retain(|w| w.place.id != workspace);
                self.rotations.retain(|r| r.place.id != workspace);
                self.owed.retain(|o| o.place.id != workspace);
                self.orphans.retain(|o| o.place.id != workspace);
            }
        }
    }

    fn close_window(&mut self, workspace: &str, at: Timestamp) {
        let named = |w: &Window| w.place.id == workspace && w.at == at;
        if let Some(found) = self.windows.iter().position(named) {
            self.windows.swap_remove(found);
        }
    }

    fn finish(&mut self, workspace: &str) {
        if let Some(found) = self.rotations.iter().position(|r| r.place.id == workspace) {
            self.rotations.swap_remove(found);
        }
    }

    /// The refresh of a workspace that is not finished.
    #[must_use]
    pub fn rotation(&self, workspace: &str) -> Option<&Rotation> {
        self.rotations.iter().find(|r| r.place.id == workspace)
    }

    fn rotation_mut(&mut self, workspace: &str) -> Option<&mut Rotation> {
        self.rotations.iter_mut().find(|r| r.place.id == workspace)
    }

    /// The fewest records that add up to this, for a journal that has grown long.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for Rotation {
            place,
            token,
            old,
            promoted,
            hand_over,
            grace_s,
        } in self.rotations.clone()
        {
            let workspace = place.id.clone();
            // Its window is closed. Those still open come later, so that it closes none of them.
            let at = Timestamp::from_millis(0);
            records.push(Record::Created {
                place,
                at,
                token,
                old,
                hand_over,
                grace_s,
            });
            if promoted {
                records.push(Record::Promoted { workspace });
            }
        }
        for Window {
            place,
            at,
            until,
            unanswered,
        } in self.windows.clone()
        {
            let workspace = place.id.clone();
            records.push(Record::Creating { place, at, until });
            if unanswered {
                records.push(Record::Unanswered { workspace, at });
            }
        }
        for Owed {
            place,
            jti,
            not_before,
        } in self.owed.clone()
        {
            records.push(Record::Owed {
                place,
                jti,
                not_before,
            });
        }
        for Orphan { place, jti, born } in self.orphans.clone() {
            records.push(Record::Orphan { place, jti, born });
        }
        records
    }
}
