//! Finishing what an earlier run left in the journal.

use super::create::Verdict;
use super::journal::{Record, Rotation, WorkspaceRef};
use super::world::{Event, HistoryEvent, Listed, Promotion};
use super::{OldFate, Refreshed, Rotator, recurs};
use crate::error::Failure;

impl Rotator<'_> {
    /// Does the pending work of every workspace, as far as it can be done now. What cannot stays
    /// in the journal; every outcome is told.
    ///
    /// A hand-over that is owed is done for `places` only: the hooks of this run are theirs.
    pub fn recover(&mut self, places: &[WorkspaceRef], revoke_orphans: bool) {
        self.recovering = true;
        self.look_for_the_late();
        for window in self.ledger.windows.clone() {
            self.settle_window(&window);
        }
        self.resume(places);
        self.revoke_owed();
        self.visit_orphans(revoke_orphans);
        self.recovering = false;
    }

    /// Does the pending work and ends the run.
    pub fn recover_only(&mut self, places: &[WorkspaceRef], revoke_orphans: bool) {
        self.recover(places, revoke_orphans);
        self.close();
    }

    /// Takes lost tokens into the journal, where they stay until they are revoked or gone.
    pub(super) fn adopt_orphans(
        &mut self,
        place: &WorkspaceRef,
        at: crate::time::Timestamp,
        found: &[Listed],
    ) {
        let mut records: Vec<Record> = Vec::new();
        for token in found {
            self.note(
                place,
                &HistoryEvent::OrphanFound {
                    jti: token.jti.clone(),
                },
            );
            records.push(Record::Orphan {
                place: place.clone(),
                jti: token.jti.clone(),
                born: token.created_at,
            });
        }
        records.push(Record::Closed {
            workspace: place.id.clone(),
            at,
        });
        if self.record(&records).is_err() {
            // The journal still has the request, by which the next run finds them again.
            for record in records {
                self.ledger.apply(record);
            }
        }
    }

    /// Goes on with refreshes whose new token is in the journal.
    fn resume(&mut self, places: &[WorkspaceRef]) {
        let mut ready: Vec<Rotation> = Vec::new();
        for rotation in self.ledger.rotations.clone() {
            if rotation.promoted {
                continue;
            }
            let Ok(current) = self.store.current(&rotation.place.key) else {
                return; // a config file that cannot be used fails the command by itself
            };
            let holds = |token: &crate::token::Token| {
                current
                    .as_ref()
                    .is_some_and(|c| c.access_token == token.access_token)
            };
            let untouched = current.is_none() || rotation.old.as_ref().is_some_and(holds);
            if holds(&rotation.token) {
                ready.push(rotation);
            } else if !untouched {
                self.give_up(&rotation); // somebody stored another token since
            } else if let Verdict::Broken = self.verify(&rotation.token, rotation.old.as_ref()) {
                self.give_up(&rotation);
            } else {
                ready.push(rotation);
            }
        }
        self.promote_again(&ready);
        for rotation in self.ledger.rotations.clone() {
            if !rotation.promoted {
                continue;
            }
            let ours = places.iter().any(|place| place.id == rotation.place.id);
            if rotation.hand_over && ours && self.hooks.is_some() {
                self.resume_hand_over(rotation);
            } else if !rotation.hand_over && self.reachable {
                self.retire_after_resume(&rotation);
            }
        }
    }

    /// Hands on the token that an earlier run made, in place of making another.
    fn resume_hand_over(&mut self, rotation: Rotation) {
        let Rotation {
            place,
            token,
            old,
            grace_s,
            ..
        } = rotation;
        let grace_s = self.grace_s.or(grace_s);
        let fate = self.hand_on_and_retire(&place, &token, old.as_ref(), grace_s);
        let refreshed = Refreshed {
            new: token,
            old,
            fate,
            verified: None,
            resumed: true,
        };
        self.resumed.push((place.id, refreshed));
    }

    fn give_up(&mut self, rotation: &Rotation) {
        self.abandon(&rotation.place, &rotation.token);
        let jti = rotation.token.jti_for_people();
        let reason = format!("an interrupted refresh was undone: its token ({jti}) is not needed");
        self.note(&rotation.place, &HistoryEvent::Failed { reason });
        (self.tell)(Event::Abandoned {
            place: rotation.place.clone(),
            jti: rotation.token.jti.clone(),
        });
    }

    /// Stores the new tokens of interrupted refreshes; storing one twice makes it durable.
    fn promote_again(&mut self, ready: &[Rotation]) {
        let promotions: Vec<Promotion> = ready
            .iter()
            .map(|r| Promotion {
                place: &r.place,
                old: r.old.as_ref(),
                new: &r.token,
            })
            .collect();
        if promotions.is_empty() {
            return;
        }
        match self.store.promote(&promotions) {
            Ok(stored) => {
                for (rotation, stored) in ready.iter().zip(stored) {
                    if !stored {
                        self.give_up(rotation);
                        continue;
                    }
                    self.note_refreshed(
                        &rotation.place,
                        &rotation.token,
                        rotation.old.as_ref(),
                        true,
                    );
                    self.settle(Record::Promoted {
                        workspace: rotation.place.id.clone(),
                    });
                    (self.tell)(Event::Finished {
                        place: rotation.place.clone(),
                        jti: rotation.token.jti.clone(),
                    });
                }
            }
            Err(failed) => {
                for rotation in ready {
                    (self.tell)(Event::Unsettled {
                        place: rotation.place.clone(),
                        reason: failed.error.to_string(),
                    });
                }
            }
        }
    }

    fn retire_after_resume(&mut self, rotation: &Rotation) {
        let place = rotation.place.clone();
        let jti = rotation.old.as_ref().and_then(|old| old.jti.clone());
        let fate = self.retire(&place, rotation.old.as_ref(), rotation.grace_s);
        match (jti, fate) {
            (Some(jti), OldFate::Revoked(_)) => (self.tell)(Event::Revoked { place, jti }),
            (Some(jti), OldFate::Live(reason)) => {
                (self.tell)(Event::StillLive { place, jti, reason });
            }
            _ => {}
        }
    }

    /// Does the revocations that are owed and due.
    fn revoke_owed(&mut self) {
        for owed in self.ledger.owed.clone() {
            let waits = |until| self.server_now(&owed.place).is_none_or(|now| now < until);
            if owed.not_before.is_some_and(waits) || !self.reachable {
                continue;
            }
            let (place, jti) = (owed.place, owed.jti);
            match self.plane.revoke(&place.id, &jti) {
                Ok(_) => {
                    self.gone(&place, &jti);
                    (self.tell)(Event::Revoked { place, jti });
                }
                Err(failure) => {
                    self.watch(&failure);
                    let reason = failure.to_string();
                    (self.tell)(Event::StillLive { place, jti, reason });
                }
            }
        }
    }

    /// Names the orphans that are still live, or revokes them.
    pub(super) fn visit_orphans(&mut self, revoke: bool) {
        for orphan in self.ledger.orphans.clone() {
            let (place, jti) = (orphan.place, orphan.jti);
            if self.reachable && revoke {
                match self.plane.revoke(&place.id, &jti) {
                    Ok(_) => {
                        self.gone(&place, &jti);
                        (self.tell)(Event::Orphan {
                            place,
                            jti,
                            revoked: true,
                        });
                        continue;
                    }
                    Err(failure) => self.watch(&failure),
                }
            } else if self.reachable {
                match self.plane.list(&place.id) {
                    Ok(listing) if listing.tokens.iter().all(|t| t.jti != jti) => {
                        self.settle(Record::Gone {
                            workspace: place.id,
                            jti,
                        });
                        continue;
                    }
                    Ok(_) => {}
                    Err(failure) => self.watch(&failure),
                }
            }
            (self.tell)(Event::Orphan {
                place,
                jti,
                revoked: false,
            });
        }
    }

    pub(super) fn gone(&mut self, place: &WorkspaceRef, jti: &str) {
        self.note(
            place,
            &HistoryEvent::Revoked {
                jti: jti.to_owned(),
            },
        );
        self.settle(Record::Gone {
            workspace: place.id.clone(),
            jti: jti.to_owned(),
        });
    }

    /// Remembers a failure that the next request would only meet again.
    pub(super) fn watch(&mut self, failure: &Failure) {
        if recurs(failure) {
            self.reachable = false;
        }
    }
}
