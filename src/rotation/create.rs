//! From nothing to a new token in the journal that works, or a certain failure.

use std::time::Duration;

use super::journal::{Record, WorkspaceRef};
use super::world::{Event, HistoryEvent, Promotion};
use super::{GIVE_UP_AFTER, Made, RefreshOptions, Rotator, not_tried};
use crate::error::{Error, Failure, NewTokenFate, Result};
use crate::store::AppendError;
use crate::time::Timestamp;
use crate::token::Token;

/// Whether a new token works.
pub(super) enum Verdict {
    Good,
    Broken,
    CannotTell,
}

impl Rotator<'_> {
    /// Has a new token, in the journal and verified.
    pub(super) fn make(
        &mut self,
        place: &WorkspaceRef,
        old: Token,
        order: &RefreshOptions,
    ) -> Result<Made> {
        let token = self.create(place, Some(&old), order)?;
        let verified = match order.verify.then(|| self.verify(&token, Some(&old))) {
            None => None,
            Some(Verdict::Good) => Some(true),
            Some(Verdict::CannotTell) => Some(false),
            Some(Verdict::Broken) => {
                let fate = self.abandon(place, &token);
                let error = Error::NewTokenRejected {
                    jti: token.jti,
                    revoked: fate == NewTokenFate::Revoked,
                };
                return Err(self.failed(place, error));
            }
        };
        Ok(Made {
            place: place.clone(),
            token,
            old: Some(old),
            verified,
        })
    }

    /// Has a new token in the journal.
    fn create(
        &mut self,
        place: &WorkspaceRef,
        old: Option<&Token>,
        order: &RefreshOptions,
    ) -> Result<Token> {
        let (at, token) = self.ask(place, order)?;
        let created = Record::Created {
            place: place.clone(),
            at,
            token: token.clone(),
            old: old.cloned(),
            hand_over: self.hooks.is_some(),
            grace_s: order.grace_s,
        };
        match self.record(&[created]) {
            Ok(()) => {
                self.retractable = Some(place.id.clone());
                Ok(token)
            }
            Err(failed) => Err(self.unrecorded(place, at, &token, &failed)),
        }
    }

    /// Asks for a token, after the journal says so.
    fn ask(&mut self, place: &WorkspaceRef, order: &RefreshOptions) -> Result<(Timestamp, Token)> {
        if let (GIVE_UP_AFTER.., Some(last)) = &self.in_vain {
            return Err(Error::call("create a token", not_tried(last)));
        }
        // Whatever cannot be written is found out before the server is asked for anything.
        self.store.probe()?;
        let at = self.clock.now();
        let until = at.plus_secs(self.plane.longest_create().as_secs().cast_signed());
        self.record(&[Record::Creating {
            place: place.clone(),
            at,
            until,
        }])?;

        (self.tell)(Event::Progress(format!(
            "Asking for a new token for {}",
            place.name
        )));
        let created = self.send(|plane| plane.create(&place.id, order.expiry));
        created
            .map(|token| (at, token))
            .map_err(|failure| self.no_token(place, at, failure, order))
    }

    /// Makes a token to be handed out; with `keep` it becomes the workspace's current one, and
    /// one that was there stays live. Until it is handed out or kept, the journal's `creating`
    /// is what finds it again.
    ///
    /// # Errors
    /// The current token is as it was.
    pub fn issue(
        &mut self,
        place: &WorkspaceRef,
        order: &RefreshOptions,
        keep: bool,
    ) -> Result<Token> {
        self.recover(std::slice::from_ref(place), order.revoke_orphans);
        let issued = self.try_issue(place, order, keep);
        self.close();
        issued
    }

    fn try_issue(
        &mut self,
        place: &WorkspaceRef,
        order: &RefreshOptions,
        keep: bool,
    ) -> Result<Token> {
        let old = self.store.current(&place.key)?;
        let (at, token) = self.ask(place, order)?;
        if keep {
            let promotion = Promotion {
                place,
                old: old.as_ref(),
                new: &token,
            };
            if let Err(failed) = self.store.promote(&[promotion]) {
                let failed = AppendError {
                    taken_back: !failed.in_place,
                    error: failed.error,
                };
                return Err(self.unrecorded(place, at, &token, &failed));
            }
        }
        let deed = HistoryEvent::HandedOut {
            jti: token.jti.clone(),
            expires_at: token.expiry.at(),
        };
        self.note(place, &deed);
        self.settle(Record::Closed {
            workspace: place.id.clone(),
            at,
        });
        Ok(token)
    }

    /// Notes that a refresh came to nothing after the server had made a token.
    pub(super) fn failed(&mut self, place: &WorkspaceRef, error: Error) -> Error {
        let reason = error.in_one_line();
        self.note(place, &HistoryEvent::Failed { reason });
        error
    }

    /// There is no answer with a token in it. Finds out whether there is a token all the same.
    fn no_token(
        &mut self,
        place: &WorkspaceRef,
        at: Timestamp,
        failure: Failure,
        order: &RefreshOptions,
    ) -> Error {
        let action = "create a token";
        let Failure::Unknown {
            status, in_flight, ..
        } = failure
        else {
            self.settle(Record::Closed {
                workspace: place.id.clone(),
                at,
            });
            return Error::call(action, failure);
        };
        let lost = match self
            .ledger
            .windows
            .iter()
            .find(|w| w.place.id == place.id && w.at == at)
        {
            Some(window) => self.find_lost(&window.clone()),
            None => Ok(Vec::new()),
        };
        let reason = failure.to_string();
        match lost {
            Ok(found) if !found.is_empty() => {
                self.note(place, &HistoryEvent::Failed { reason });
                self.adopt_orphans(place, at, &found);
                self.visit_orphans(order.revoke_orphans);
                if self.ledger.concerns(&place.id) {
                    let found = found.into_iter().map(|t| t.jti).collect();
                    return Error::CreateUnknown { failure, found };
                }
                Error::call(action, failure)
            }
            // The server has ended its work on the request, and nothing came of it.
            Ok(_) if status.is_some() && !in_flight => {
                self.settle(Record::Closed {
                    workspace: place.id.clone(),
                    at,
                });
                Error::call(action, failure)
            }
            _ => {
                if in_flight {
                    self.settle(Record::Unanswered {
                        workspace: place.id.clone(),
                        at,
                    });
                }
                self.note(place, &HistoryEvent::Failed { reason });
                Error::CreateUnknown {
                    failure,
                    found: Vec::new(),
                }
            }
        }
    }

    /// The journal could not take the new token. It is revoked again, unless the journal may
    /// hold it after all: then the next run would store a dead token.
    fn unrecorded(
        &mut self,
        place: &WorkspaceRef,
        at: Timestamp,
        token: &Token,
        failed: &AppendError,
    ) -> Error {
        let fate = match &token.jti {
            _ if !failed.taken_back => NewTokenFate::Kept,
            None => NewTokenFate::Live,
            Some(jti) => match self.plane.revoke(&place.id, jti) {
                Ok(_) => {
                    self.settle(Record::Closed {
                        workspace: place.id.clone(),
                        at,
                    });
                    NewTokenFate::Revoked
                }
                // The journal still says `creating`, by which the next run finds it.
                Err(_) => NewTokenFate::Live,
            },
        };
        self.not_stored(place, token, fate, &failed.error)
    }

    pub(super) fn not_stored(
        &mut self,
        place: &WorkspaceRef,
        token: &Token,
        fate: NewTokenFate,
        cause: &Error,
    ) -> Error {
        let mut causes = vec![cause.to_string()];
        causes.extend(cause.causes());
        let jti = token.jti.clone();
        self.failed(place, Error::StoreToken { jti, fate, causes })
    }

    /// Tries the new token. A 401 may only mean that the news of it has not reached every part
    /// of the server, or that this server never says yes: the old token tells which.
    pub(super) fn verify(&mut self, new: &Token, old: Option<&Token>) -> Verdict {
        for pause_ms in [0, 300, 700, 1500] {
            if pause_ms > 0 {
                self.clock.sleep(Duration::from_millis(pause_ms));
            }
            match self.send(|plane| plane.check(&new.access_token)) {
                Ok(true) => return Verdict::Good,
                Ok(false) => {}
                Err(_) => return Verdict::CannotTell,
            }
        }
        match old.map(|old| self.plane.check(&old.access_token)) {
            Some(Ok(true)) => Verdict::Broken,
            _ => Verdict::CannotTell,
        }
    }
}
