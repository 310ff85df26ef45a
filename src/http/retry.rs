//! Whether another attempt follows, and after what pause.

use std::cell::Cell;
use std::hash::BuildHasher;
use std::time::Duration;

use super::request::Repeat;
use crate::error::Failure;

/// How often one request is tried, the first time included.
pub(super) const ATTEMPTS: u32 = 4;
/// The pause before the second attempt; it doubles from then on.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// More than the sum of our own pauses between the attempts of one request.
const OWN_PAUSES: Duration = Duration::from_secs(3);
/// How long a run waits in all because a server asks for it (`Retry-After`).
const BUDGET: Duration = Duration::from_secs(60);

/// Whether a request that failed so may be sent again.
pub(super) fn may_repeat(repeat: Repeat, failure: &Failure) -> bool {
    match repeat {
        Repeat::Safe => true,
        Repeat::IfNotCarriedOut => matches!(failure, Failure::NotSent { .. }),
        Repeat::Never => false,
    }
}

/// The time that this run has waited because servers asked for it.
#[derive(Default)]
pub(super) struct WaitBudget(Cell<Duration>);

impl WaitBudget {
    /// The pause after this attempt (the first is 1): `wait`, which the server asks for, or our own.
    /// `None` if that was the last attempt, or the budget does not allow the wait.
    pub(super) fn take(&self, wait: Option<Duration>, attempt: u32) -> Option<Duration> {
        if attempt >= ATTEMPTS {
            return None;
        }
        let Some(wait) = wait else {
            return Some(jittered(FIRST_PAUSE * 2_u32.pow(attempt.saturating_sub(1))));
        };
        self.0.set(Some(self.0.get() + wait).filter(|all| *all <= BUDGET)?);
        Some(wait)
    }

    /// The longest total of the pauses between the attempts of one request from now on.
    pub(super) fn longest(&self) -> Duration {
        BUDGET.saturating_sub(self.0.get()) + OWN_PAUSES
    }
}

/// Between three and five quarters of `pause`, so that many clients do not come back at once.
fn jittered(pause: Duration) -> Duration {
    // The standard library seeds its hash maps at random: enough for this, without another crate.
    let random = std::collections::hash_map::RandomState::new().hash_one(0_u8);
    let percent = 75 + u32::try_from(random % 51).unwrap_or_default();
    pause * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    #[test]
    fn a_request_that_may_have_been_carried_out_is_repeated_only_if_that_is_safe() {
        let (reason, cause) = (String::new(), Cause::Network);
        let not_sent = Failure::NotSent { reason: reason.clone(), cause };
        let lost = Failure::Unknown { reason, status: None, in_flight: false, retry_after: None };
        for (failure, if_not_carried_out) in [(not_sent, true), (lost, false)] {
            assert!(may_repeat(Repeat::Safe, &failure));
            assert_eq!(may_repeat(Repeat::IfNotCarriedOut, &failure), if_not_carried_out);
            assert!(!may_repeat(Repeat::Never, &failure));
        }
    }

    #[test]
    fn the_budget_is_shared_and_our_own_pauses_are_not_taken_from_it() {
        let (budget, secs) = (WaitBudget::default(), Duration::from_secs);
        assert_eq!(budget.take(Some(secs(61)), 1), None);
        assert_eq!(budget.take(Some(secs(40)), 1), Some(secs(40)));
        assert_eq!(budget.take(Some(secs(21)), 1), None);
        assert_eq!(budget.take(Some(secs(20)), 2), Some(secs(20)));
        assert_eq!(budget.take(Some(secs(1)), 3), None);
        let own: Duration = (1..ATTEMPTS).filter_map(|n| budget.take(None, n)).sum();
        assert!(own > Duration::ZERO && own <= budget.longest(), "{own:?}");
        assert_eq!(budget.take(None, ATTEMPTS), None);
    }
}
