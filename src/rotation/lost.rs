//! Looking for the tokens of requests whose answer nobody has seen.

use super::Rotator;
use super::journal::{Record, Window, WorkspaceRef};
use super::world::{Event, Listed};
use crate::error::Failure;

/// The list and the `Date` header count whole seconds, each rounded by itself.
const CLOCK_GRAIN_S: i64 = 2;
/// How long a server is expected, at the most, to take over a request whose client is gone.
const LATE_S: i64 = 60;

impl Rotator<'_> {
    /// Finds out what became of a request that has no answer.
    pub(super) fn settle_window(&mut self, window: &Window) {
        if !self.reachable {
            return;
        }
        let closed = Record::Closed {
            workspace: window.place.id.clone(),
            at: window.at,
        };
        match self.find_lost(window) {
            Ok(found) if !found.is_empty() => self.adopt_orphans(&window.place, window.at, &found),
            // The server may still be at it: look again next time.
            Ok(_) if window.unanswered && self.clock.now() < window.until => {}
            Ok(_) if self.may_be_late(window) => {}
            Ok(_) => self.settle(closed),
            // No workspace, no tokens. A 404 that does not say so comes from something in between.
            Err(failure) if failure.is_workspace_missing() => self.settle(closed),
            Err(failure) => {
                self.watch(&failure);
                (self.tell)(Event::Unsettled {
                    place: window.place.clone(),
                    reason: failure.to_string(),
                });
            }
        }
    }

    /// A killed run's request may be on its way yet. It is looked for a while longer, without
    /// keeping the journal for what most likely was never sent. Answers whether the journal must
    /// be kept all the same.
    fn may_be_late(&mut self, window: &Window) -> bool {
        let until = window.until.min(self.clock.now().plus_secs(LATE_S));
        if self.clock.now() >= until {
            return false;
        }
        let mut late = self.store.late();
        late.retain(|known| known.place != window.place || known.at != window.at);
        late.push(Window {
            until,
            ..window.clone()
        });
        self.store.set_late(&late).is_err()
    }

    /// Looks again for tokens of killed runs' requests.
    pub(super) fn look_for_the_late(&mut self) {
        let late = self.store.late();
        if late.is_empty() {
            return;
        }
        let mut still = Vec::new();
        for window in &late {
            match self.reachable.then(|| self.find_lost(window)) {
                Some(Ok(found)) if !found.is_empty() => {
                    self.adopt_orphans(&window.place, window.at, &found);
                }
                _ if self.clock.now() < window.until => still.push(window.clone()),
                Some(Ok(_)) => {}
                // The last look is still owed.
                Some(Err(failure)) => {
                    self.watch(&failure);
                    let gone = matches!(
                        failure,
                        Failure::Rejected {
                            status: 404 | 410,
                            ..
                        }
                    );
                    still.extend((!gone).then(|| window.clone()));
                }
                None => still.push(window.clone()),
            }
        }
        if still != late {
            let _ = self.store.set_late(&still);
        }
    }

    /// The live tokens that were born, by the server's clock, while a request had no answer, and
    /// that nobody here holds.
    pub(super) fn find_lost(&mut self, window: &Window) -> Result<Vec<Listed>, Failure> {
        let listing = self.send(|plane| plane.list(&window.place.id))?;
        let now = self.clock.now();
        let skew_s = self.plane.skew_s().unwrap_or(0);
        let from = window.at.plus_secs(skew_s - CLOCK_GRAIN_S);
        let until = window.until.min(now).plus_secs(skew_s + CLOCK_GRAIN_S);
        let held = self.held(&window.place);
        let mut lost = Vec::new();
        for token in listing.tokens {
            let born_then = token
                .created_at
                .is_none_or(|born| from <= born && born <= until);
            if born_then
                && !held.contains(&token.jti)
                && !self.store.knows(&window.place.id, &token.jti)
            {
                lost.push(token);
            }
        }
        Ok(lost)
    }

    /// The ids of a workspace's tokens that are known here.
    fn held(&mut self, place: &WorkspaceRef) -> Vec<String> {
        let current = self
            .store
            .current(&place.key)
            .ok()
            .flatten()
            .and_then(|t| t.jti);
        let mut held: Vec<String> = current.into_iter().collect();
        for rotation in &self.ledger.rotations {
            held.extend(rotation.token.jti.clone());
            held.extend(rotation.old.as_ref().and_then(|t| t.jti.clone()));
        }
        held.extend(self.ledger.owed.iter().map(|o| o.jti.clone()));
        held.extend(self.ledger.orphans.iter().map(|o| o.jti.clone()));
        held
    }
}
