//! Whether a new token works.

use std::time::Duration;

use super::Rotator;
use super::breaker::Call;
use super::ports::Acceptance;
use crate::token::Token;

/// The first and the longest pause between two checks, in milliseconds.
const FIRST_PAUSE_MS: u64 = 300;
const LONGEST_PAUSE_MS: u64 = 10_000;

/// What the server says of a new token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    /// It accepts the old token and not the new one.
    Denied,
    /// It denies the new token, and does not answer about the old one.
    Unsure,
    /// It accepts neither, or its answer cannot be understood.
    CannotTell,
    /// No answer.
    NoAnswer,
}

impl Rotator<'_> {
    /// Tries the new token. If it is denied, the news of it may not have reached every part of the
    /// server, so it is tried again for a while; then the old token shows whether this server ever
    /// says yes.
    pub(super) fn verify(&mut self, new: &Token, old: Option<&Token>) -> Verdict {
        let mut left_ms = self.options.verify_wait_ms;
        let mut pause_ms = FIRST_PAUSE_MS;
        loop {
            match self.send(Call::Check, |server| server.check(&new.access_token)) {
                Ok(Acceptance::Accepted) => return Verdict::Accepted,
                Ok(Acceptance::Denied) => {}
                Ok(Acceptance::Unclear) => return Verdict::CannotTell,
                Err(_) => return Verdict::NoAnswer,
            }
            if left_ms == 0 {
                break;
            }
            let step_ms = pause_ms.min(left_ms);
            self.clock.sleep(Duration::from_millis(step_ms));
            left_ms -= step_ms;
            pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
        }
        let Some(old) = old else {
            return Verdict::CannotTell;
        };
        match self.send(Call::Check, |server| server.check(&old.access_token)) {
            Ok(Acceptance::Accepted) => Verdict::Denied,
            Ok(Acceptance::Denied) => Verdict::CannotTell,
            Ok(Acceptance::Unclear) | Err(_) => Verdict::Unsure,
        }
    }
}
