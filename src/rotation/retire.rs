//! From a new token in the journal to an old one that is revoked.

use super::journal::{Record, WorkspaceRef};
use super::world::{Event, HistoryEvent, Promotion};
use super::{Made, OldFate, Outcome, RefreshOptions, Refreshed, Rotator};
use crate::error::{Error, Failure, NewTokenFate, Result};
use crate::time::Timestamp;
use crate::token::Token;

impl Rotator<'_> {
    /// Stores all new tokens in one durable step; answers those that are stored.
    pub(super) fn store_all(
        &mut self,
        made: Vec<(usize, Made)>,
        each: &mut dyn FnMut(usize, Result<Outcome>),
    ) -> Vec<(usize, Made)> {
        let promotions: Vec<Promotion> = made.iter().map(|(_, made)| made.promotion()).collect();
        if promotions.is_empty() {
            return made;
        }
        let mut outcome = self.store.promote(&promotions).map(Vec::into_iter);
        let mut stored = Vec::with_capacity(made.len());
        for (n, made) in made {
            let Made { place, token, .. } = &made;
            let error = match outcome.as_mut().map(Iterator::next) {
                Ok(Some(true)) => {
                    self.note_refreshed(place, token, made.old.as_ref(), false);
                    // Needs no fsync: the config file says the same.
                    self.settle(Record::Promoted {
                        workspace: place.id.clone(),
                    });
                    stored.push((n, made));
                    continue;
                }
                Ok(_) => {
                    self.abandon(place, token);
                    self.failed(place, Error::Overtaken)
                }
                Err(failed) => {
                    // In place but perhaps not durable: the next run makes sure.
                    let fate = if failed.in_place {
                        NewTokenFate::Kept
                    } else {
                        self.abandon(place, token)
                    };
                    self.not_stored(place, token, fate, &failed.error)
                }
            };
            each(n, Err(error));
        }
        stored
    }

    /// Gives a new token up: revokes it, after the journal has stopped promising to store it.
    pub(super) fn abandon(&mut self, place: &WorkspaceRef, token: &Token) -> NewTokenFate {
        let workspace = place.id.clone();
        let Some(jti) = token.jti.clone() else {
            self.settle(Record::Done { workspace });
            return NewTokenFate::Live;
        };
        let retractable = self.retractable.take() == Some(workspace.clone());
        let owed = Record::Owed {
            place: place.clone(),
            jti: jti.clone(),
            not_before: None,
        };
        let records = [owed, Record::Done { workspace }];
        if let Err(failed) = self.record(&records) {
            // A full disk takes no record, but gives one back.
            if !(failed.taken_back && retractable && self.store.retract().is_ok()) {
                return NewTokenFate::Kept;
            }
            for record in records {
                self.ledger.apply(record);
            }
        }
        match self.send(|plane| plane.revoke(&place.id, &jti)) {
            Ok(_) => {
                self.gone(place, &jti);
                NewTokenFate::Revoked
            }
            Err(_) => NewTokenFate::Live,
        }
    }

    /// The new token is stored: it is handed on, and the old one is revoked.
    pub(super) fn finish(&mut self, made: Made, order: &RefreshOptions) -> Refreshed {
        let Made {
            place,
            token,
            old,
            verified,
        } = made;
        let fate = self.hand_on_and_retire(&place, &token, old.as_ref(), order.grace_s);
        Refreshed {
            new: token,
            old,
            fate,
            verified,
            resumed: false,
        }
    }

    /// Hands the new token on, if there is somebody to hand it to; only then retires the old one.
    pub(super) fn hand_on_and_retire(
        &mut self,
        place: &WorkspaceRef,
        new: &Token,
        old: Option<&Token>,
        grace_s: Option<u64>,
    ) -> OldFate {
        if let Some(hooks) = &mut self.hooks {
            (self.tell)(Event::Progress(format!(
                "Handing on the new token of {}",
                place.name
            )));
            if let Err(reason) = hooks.hand_over(place, new, old) {
                let deed = HistoryEvent::Failed {
                    reason: format!("hand-over: {reason}"),
                };
                self.note(place, &deed);
                return OldFate::Kept(reason);
            }
            self.settle(Record::HandedOver {
                workspace: place.id.clone(),
            });
        }
        self.retire(place, old, grace_s)
    }

    /// Revokes the token that a stored one took the place of, now or later. What cannot be done
    /// now is owed.
    pub(super) fn retire(
        &mut self,
        place: &WorkspaceRef,
        old: Option<&Token>,
        grace_s: Option<u64>,
    ) -> OldFate {
        let workspace = place.id.clone();
        let Some(old) = old else {
            self.settle(Record::Done { workspace });
            return OldFate::None;
        };
        let Some(jti) = &old.jti else {
            self.settle(Record::Done { workspace });
            return OldFate::Live("it has no id by which it could be revoked".to_owned());
        };
        if let Some(grace_s) = grace_s {
            return self.put_off(place, jti, grace_s);
        }
        (self.tell)(Event::Progress(format!(
            "Revoking the old token of {}",
            place.name
        )));
        match self.send(|plane| plane.revoke(&place.id, jti)) {
            Ok(at) => {
                self.note(place, &HistoryEvent::Revoked { jti: jti.clone() });
                self.settle(Record::Done { workspace });
                OldFate::Revoked(at.unwrap_or_else(|| self.clock.now()))
            }
            Err(failure) => {
                self.watch(&failure);
                self.owe(place, jti, None);
                OldFate::Live(failure.to_string())
            }
        }
    }

    /// Leaves an old token live for a while.
    fn put_off(&mut self, place: &WorkspaceRef, jti: &str, grace_s: u64) -> OldFate {
        // By our clock the grace might be over for the next run at once, or never. The journal
        // still has the refresh, and the next run asks again.
        let Some(now) = self.server_now(place) else {
            return OldFate::Live("the server does not tell what time it is".to_owned());
        };
        let until = now.plus_secs(grace_s.cast_signed());
        let jti = jti.to_owned();
        self.owe(place, &jti, Some(until));
        OldFate::Grace(until)
    }

    fn owe(&mut self, place: &WorkspaceRef, jti: &str, not_before: Option<Timestamp>) {
        if let Some(until) = not_before {
            let jti = jti.to_owned();
            self.note(place, &HistoryEvent::Grace { jti, until });
        }
        let owed = Record::Owed {
            place: place.clone(),
            jti: jti.to_owned(),
            not_before,
        };
        let done = Record::Done {
            workspace: place.id.clone(),
        };
        // If this cannot be written the journal still has the refresh, which means the same.
        let _ = self.record(&[owed, done]);
    }

    /// The time by the server's clock, which no change of ours moves; by ours where the server
    /// has no word for it. It is asked for where no answer of this run has told it yet; `None`
    /// when nobody answers.
    pub(super) fn server_now(&mut self, place: &WorkspaceRef) -> Option<Timestamp> {
        if self.plane.skew_s().is_none() {
            if !self.reachable {
                return None;
            }
            match self.send(|plane| plane.list(&place.id)) {
                // No workspace, no tokens: there is nothing to wait for.
                Ok(_)
                | Err(Failure::Rejected {
                    status: 404 | 410, ..
                }) => {}
                Err(failure) => {
                    self.watch(&failure);
                    return None;
                }
            }
        }
        let skew_s = self.plane.skew_s().unwrap_or(0);
        Some(self.clock.now().plus_secs(skew_s))
    }

    pub(super) fn note_refreshed(
        &mut self,
        place: &WorkspaceRef,
        new: &Token,
        old: Option<&Token>,
        recovered: bool,
    ) {
        let deed = HistoryEvent::Refreshed {
            new: new.jti.clone(),
            old: old.and_then(|o| o.jti.clone()),
            expires_at: new.expiry.at(),
            recovered,
        };
        self.note(place, &deed);
    }
}

impl Made {
    fn promotion(&self) -> Promotion<'_> {
        Promotion {
            place: &self.place,
            old: self.old.as_ref(),
            new: &self.token,
        }
    }
}
