//! The current time, by every available clock, and what that means for pending work.
//!
//! Our clock may be set, the server's clocks may differ from each other; the uptime is right until
//! the next boot.
//!
//! Two tokens of the lifetime that only one request asked for are either both its own, where a gateway
//! sent it twice, or one is another machine's that by chance asked for the same: each attempt of ours
//! asks for another lifetime. Both are named then, and neither is revoked.

use super::journal::{Origin, Orphan, PendingRevocation};
use super::pending::PendingCreate;
use super::ports::ListedToken;
use super::request::LIFETIME_SLACK_S;
use crate::context::BootTime;
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};

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

/// How far the clocks of a server may be apart, and its news be late: for naming.
const WIDE_S: i64 = 300;
/// The same of a token that was there before the request, by all that is known of these clocks.
const BEFORE_S: i64 = 5;
/// A list and a `Date` header count whole seconds, each rounded by itself: for revoking.
const NARROW_S: i64 = 2;

/// For how long a token lives, as the list has it; the longest time if it never expires.
fn lifetime_s(token: &ListedToken) -> Option<i64> {
    match token.expiry {
        TokenExpiry::At(end) => token.created_at.map(|at| end.secs() - at.secs()),
        TokenExpiry::Never => Some(i64::MAX),
        TokenExpiry::Unknown => None,
    }
}

fn is_near(one: Option<i64>, other: Option<i64>, slack_s: u64) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.abs_diff(other) <= slack_s)
}

impl PendingCreate {
    /// The lifetime that was asked for; the longest time if it never ends.
    fn asked_s(&self) -> Option<i64> {
        match self.expiry? {
            Expiry::In(asked_s) => Some(signed(asked_s)),
            Expiry::Never => Some(i64::MAX),
            Expiry::At(_) => None,
        }
    }

    /// Whether that was the moment, by the server's clock, at which it was sent: by its `Date`, or by our
    /// clock in case that came from elsewhere.
    fn around(&self, created_at: Timestamp, before_s: i64, after_s: i64, now: &Moment) -> bool {
        [now.server(), now.ours].iter().any(|now_there| {
            let sent = now_there.plus_secs(-self.age_s(now));
            let until = sent.plus_secs(self.longest_s() + after_s);
            sent.plus_secs(-before_s) <= created_at && created_at <= until
        })
    }

    /// Whether a token may be its result: one that does not say when it was created may. Our clock
    /// may have been wrong before a boot; then every token may that is younger than the current one.
    pub(super) fn may_have_made(
        &self,
        token: &ListedToken,
        current: Option<&ListedToken>,
        now: &Moment,
    ) -> bool {
        let Some(created_at) = token.created_at else {
            return true;
        };
        // A server that grants what it likes gave the current token the same.
        let (asked, granted) = (self.asked_s(), current.and_then(lifetime_s));
        let own = lifetime_s(token);
        let has = |other: Option<i64>| is_near(own, other, NARROW_S.unsigned_abs());
        let are_known = own.is_some() && asked.is_some() && granted.is_some();
        if are_known && !has(asked) && !has(granted) {
            return false;
        }
        // Clocks that are apart do not hide one of the lifetime that nothing else asked for.
        let is_its_own = self.unique && has(asked);
        let since = current.and_then(|current| current.created_at);
        let is_younger = since.is_some_and(|since| created_at >= since);
        self.around(created_at, if is_its_own { WIDE_S } else { BEFORE_S }, WIDE_S, now)
            || (is_younger && now.uptime_after(self.boot.as_ref()).is_some())
    }

    /// Whether its moment is that of the request and its lifetime is one that nothing else asked for.
    pub(super) fn has_certainly_made(&self, token: &ListedToken, now: &Moment) -> bool {
        self.unique
            && is_near(self.asked_s(), lifetime_s(token), LIFETIME_SLACK_S)
            && self.was_then(token.created_at, now)
    }

    /// Whether a token's moment and lifetime are what it asked for.
    pub(super) fn has_made(&self, token: &ListedToken, now: &Moment) -> bool {
        let (asked, own) = match (self.expiry, token.expiry) {
            (Some(Expiry::At(asked)), TokenExpiry::At(end)) => {
                (Some(asked.secs()), Some(end.secs()))
            }
            _ => (self.asked_s(), lifetime_s(token)),
        };
        let fits =
            token.expiry == TokenExpiry::Unknown || is_near(asked, own, NARROW_S.unsigned_abs());
        fits && self.was_then(token.created_at, now)
    }

    pub(super) fn was_then(&self, created_at: Option<Timestamp>, now: &Moment) -> bool {
        created_at.is_some_and(|at| self.around(at, NARROW_S, NARROW_S, now))
    }
}
