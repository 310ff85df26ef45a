//! Whether a listed token may be the result of a request whose answer was lost.
//!
//! Two tokens of the lifetime that only one request asked for are either both its own, where a gateway
//! sent it twice, or one is another machine's that by chance asked for the same: each attempt of ours
//! asks for another lifetime. Both are named then, and neither is revoked.

use super::moment::{Moment, signed};
use super::pending::PendingCreate;
use super::ports::ListedToken;
use super::request::LIFETIME_SLACK_S;
use crate::time::{Expiry, Timestamp};
use crate::token::TokenExpiry;

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

    /// The moments, by the server's clock, at which it was sent: by its `Date`, and by our clock in
    /// case that came from elsewhere.
    fn sent(&self, now: &Moment) -> [Timestamp; 2] {
        let age_s = self.age_s(now);
        [now.server().plus_secs(-age_s), now.ours.plus_secs(-age_s)]
    }

    fn around(&self, created_at: Timestamp, before_s: i64, after_s: i64, now: &Moment) -> bool {
        self.sent(now).iter().any(|sent| {
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
