//! Stops calls that keep failing in the same way.

use super::Rotator;
use super::ports::{Answer, ControlPlane};
use crate::error::{Cause, Failure};

/// After so many failures in a row that the next one would only meet again, no more is tried.
const GIVE_UP_AFTER: usize = 3;

/// The calls that are counted separately: a server may refuse one and answer the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    List,
    Check,
    Revoke,
    Workspace,
}

/// Counts failures in a row, by call.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    streaks: [Vec<Failure>; 5],
    /// Whether a request has left this machine.
    pub(super) has_sent: bool,
}

impl Breaker {
    /// The most likely outcome of a request, if no more are to be sent.
    pub(super) fn refusal(&self, call: Call) -> Option<Failure> {
        let streak = &self.streaks[call as usize];
        let failure = match streak.get(GIVE_UP_AFTER - 1..)?.last()?.clone() {
            Failure::Unknown { reason, .. } => Failure::NotSent { reason, cause: Cause::Network },
            failure => failure,
        };
        let not_tried = format!("not tried, after {GIVE_UP_AFTER} failures in a row: ");
        Some(failure.map_text(|said| not_tried + said))
    }

    /// Whether the last call of that kind succeeded: otherwise pending work is put off.
    pub(super) fn is_clear(&self, call: Call) -> bool {
        self.streaks[call as usize].is_empty()
    }

    /// A call succeeded.
    pub(super) fn went_through(&mut self, call: Call) {
        self.has_sent = true;
        self.streaks[call as usize].clear();
    }

    /// A call failed.
    pub(super) fn failed(&mut self, call: Call, failure: &Failure) {
        self.has_sent |= !matches!(failure, Failure::NotSent { .. });
        match failure {
            // No answer, or the session is rejected: that holds for every call.
            Failure::NotSent { .. } | Failure::Rejected { status: 401, .. } => {
                self.streaks.iter_mut().for_each(|streak| streak.push(failure.clone()));
            }
            // The server is busy, or something in between answers or cuts the connection.
            Failure::Rejected { status: 429 | 503, .. }
            | Failure::Unknown { in_flight: true, .. }
            | Failure::Unknown { status: None | Some(429 | 502..=504), .. } => {
                self.streaks[call as usize].push(failure.clone());
            }
            _ => self.went_through(call),
        }
    }
}

impl Rotator<'_> {
    /// Sends a request, unless earlier ones have shown that it would fail.
    pub(super) fn send<T>(
        &mut self,
        call: Call,
        request: impl FnOnce(&dyn ControlPlane) -> Answer<T>,
    ) -> Answer<T> {
        if let Some(refusal) = self.breaker.refusal(call) {
            return Err(refusal);
        }
        let outcome = request(self.control_plane);
        match &outcome {
            Ok(_) => self.breaker.went_through(call),
            Err(failure) => self.breaker.failed(call, failure),
        }
        outcome
    }
}
