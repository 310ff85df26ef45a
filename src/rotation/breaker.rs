//! Stops calls that keep failing in the same way.

use super::Rotator;
use super::ports::{Answer, ControlPlane};
use crate::error::{Cause, Failure};

/// After so many failures in a row that the next one would only meet again, no more is tried.
const GIVE_UP_AFTER: u32 = 3;

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
    streaks: [(u32, Option<Failure>); 5],
    /// Whether a request has left this machine.
    sent: bool,
}

impl Breaker {
    /// The most likely outcome of a request, if no more are to be sent.
    pub(super) fn refusal(&self, call: Call) -> Option<Failure> {
        match &self.streaks[call as usize] {
            (failures, Some(last)) if *failures >= GIVE_UP_AFTER => Some(Self::not_tried(last)),
            _ => None,
        }
    }

    /// Whether the last call of that kind succeeded: otherwise pending work is put off.
    pub(super) fn is_clear(&self, call: Call) -> bool {
        self.streaks[call as usize].0 == 0
    }

    pub(super) fn has_sent(&self) -> bool {
        self.sent
    }

    /// A call succeeded.
    pub(super) fn went_through(&mut self, call: Call) {
        self.sent = true;
        self.streaks[call as usize].0 = 0;
    }

    /// A call failed.
    pub(super) fn failed(&mut self, call: Call, failure: &Failure) {
        self.sent |= !matches!(failure, Failure::NotSent { .. });
        if concerns_all(failure) {
            self.streaks.iter_mut().for_each(|streak| add(streak, failure));
        } else if recurs(failure) {
            add(&mut self.streaks[call as usize], failure);
        } else {
            self.went_through(call);
        }
    }

    /// What to report for a request that is not sent because those before it failed like `last`.
    fn not_tried(last: &Failure) -> Failure {
        let mut failure = match last.clone() {
            Failure::Unknown { reason, .. } => Failure::NotSent { reason, cause: Cause::Network },
            failure => failure,
        };
        let (Failure::Rejected { message: said, .. }
        | Failure::NotSent { reason: said, .. }
        | Failure::Unknown { reason: said, .. }) = &mut failure;
        *said = format!("not tried, after {GIVE_UP_AFTER} failures in a row: {said}");
        failure
    }
}

fn add(streak: &mut (u32, Option<Failure>), failure: &Failure) {
    *streak = (streak.0 + 1, Some(failure.clone()));
}

/// No answer, or the session is rejected: that holds for every call.
fn concerns_all(failure: &Failure) -> bool {
    match failure {
        Failure::NotSent { .. } => true,
        Failure::Rejected { status, .. } => *status == 401,
        Failure::Unknown { .. } => false,
    }
}

/// Whether the next request of the kind would most likely fail in the same way: the server is busy,
/// or something in between answers or cuts the connection.
fn recurs(failure: &Failure) -> bool {
    match failure {
        Failure::NotSent { .. } => true,
        Failure::Rejected { status, .. } => matches!(status, 401 | 429 | 503),
        Failure::Unknown { status, in_flight, .. } => {
            *in_flight || matches!(status, None | Some(429 | 502..=504))
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
