//! The current time, by every available clock, and what that means for pending work.
//!
//! Our clock may be set, the server's clocks may differ from each other; the uptime is right until
//! the next boot.

use super::journal::{Origin, Orphan, PendingRevocation};
use crate::context::BootTime;
use crate::time::Timestamp;
use crate::token::Token;

/// How long after a request has ended its token may still appear in a list, in seconds: parts of a
/// server have taken two minutes to learn of a new token.
pub(super) const SETTLE_S: i64 = 180;

/// Seconds that are no more than a clock could count.
pub(super) fn signed(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX)
}

/// A moment, by every available clock.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) ours: Timestamp,
    pub(crate) boot: Option<BootTime>,
    /// How many seconds the server's clock is ahead of ours; `None` if unknown.
    pub(crate) skew_s: Option<i64>,
}

/// A server's clock that is further off than this is ignored.
const PLAUSIBLE_SKEW_S: i64 = 3600;

impl Moment {
    /// By the server's clock.
    pub(crate) fn server(&self) -> Timestamp {
        self.ours.plus_secs(self.skew_s.unwrap_or(0))
    }

    /// The same for a grace; a clock that is hours off neither extends nor shortens it.
    pub(super) fn plausible(&self) -> Timestamp {
        let skew_s = self.skew_s.filter(|skew_s| skew_s.abs() <= PLAUSIBLE_SKEW_S);
        self.ours.plus_secs(skew_s.unwrap_or(0))
    }

    /// The seconds for which a replaced token stays live, and until when: never beyond its own end.
    pub(super) fn grace(&self, old: &Token, grace_s: Option<u64>) -> Option<(u64, Timestamp)> {
        let (now, mut until) = (self.plausible(), self.plausible().plus_secs(signed(grace_s?)));
        until = old.expiry.at().map_or(until, |end| end.min(until));
        let secs = u64::try_from(until.secs() - now.secs()).ok().filter(|secs| *secs > 0)?;
        Some((secs, until))
    }

    /// How many seconds have passed since a moment. The uptime counts, while it is the same boot:
    /// our clock may have been set.
    pub(super) fn since(&self, at: Timestamp, boot: Option<&BootTime>) -> i64 {
        self.uptime_since(boot).unwrap_or(self.ours.secs() - at.secs())
    }

    /// How long the machine has been up, if there was a boot since.
    pub(super) fn uptime_after(&self, boot: Option<&BootTime>) -> Option<i64> {
        let (then, now) = (boot?, self.boot.as_ref()?);
        (then.id != now.id).then_some(now.secs)
    }

    fn uptime_since(&self, boot: Option<&BootTime>) -> Option<i64> {
        let (then, now) = (boot?, self.boot.as_ref()?);
        (then.id == now.id).then_some(now.secs - then.secs)
    }
}

impl PendingRevocation {
    /// Whether only the server's clock can tell if it is due.
    pub(crate) fn needs_server_time(&self, now: &Moment) -> bool {
        let by_uptime = self.grace_s.is_some() && now.uptime_since(self.boot.as_ref()).is_some();
        self.not_before.is_some() && !by_uptime
    }

    /// Whether it is due. The uptime is right if there was no boot since.
    pub(crate) fn is_due(&self, now: &Moment) -> bool {
        let Some(not_before) = self.not_before else {
            return true;
        };
        match (self.grace_s, now.uptime_since(self.boot.as_ref())) {
            (Some(grace_s), Some(passed_s)) => passed_s >= signed(grace_s),
            _ => now.plausible() >= not_before,
        }
    }

    /// Whether the news of a token that was new then has reached every part of the server.
    pub(crate) fn is_settled(&self, now: &Moment) -> bool {
        let since = self.since.unwrap_or(Timestamp::from_millis(0));
        now.since(since, self.boot.as_ref()) > SETTLE_S
    }
}

impl Orphan {
    /// Whether a list that lacks it proves that it is gone: one that was never listed may not be listed yet.
    pub(super) fn has_settled(&self, now: &Moment) -> bool {
        let created_at = self.created_at.unwrap_or(now.ours);
        self.origin != Origin::HandedOut || (now.ours.secs() - created_at.secs()).abs() > SETTLE_S
    }
}
