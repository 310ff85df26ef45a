//! Whether another attempt follows, and after what pause.

use std::hash::BuildHasher;
use std::time::Duration;

use super::request::Repeat;
use crate::error::Failure;

/// How often one request is tried, the first time included.
pub(super) const ATTEMPTS: u32 = 4;
/// The pause before the second attempt; it doubles from then on.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// More than the sum of our own pauses between the attempts of one request.
pub(super) const OWN_PAUSES: Duration = Duration::from_secs(3);
/// How long a run waits in all because a server asks for it (`Retry-After`).
pub(super) const BUDGET: Duration = Duration::from_secs(60);

/// Whether a request that failed so may be sent again.
pub(super) fn may_repeat(repeat: Repeat, failure: &Failure) -> bool {
    match repeat {
        Repeat::Safe => true,
        Repeat::IfNotCarriedOut => matches!(failure, Failure::NotSent { .. }),
        Repeat::Never => false,
    }
}

/// Our own pause after this attempt (the first is 1).
pub(super) fn pause_after(attempt: u32) -> Duration {
    jittered(FIRST_PAUSE * 2_u32.pow(attempt.saturating_sub(1)))
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
}
