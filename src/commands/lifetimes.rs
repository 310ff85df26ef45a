//! How long: what options say of lifetimes.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::time::{Expiry, Timestamp, parse_duration};

/// The expiry from `--expires-in` or `--expires-at` of that command; one year by default.
///
/// # Errors
/// [`Error::invalid_expiry`].
pub(super) fn expiry(given: [&Option<String>; 2], now: Timestamp, command: &str) -> Result<Expiry> {
    let expiry = match given {
        [Some(text), _] => Expiry::parse_in(text, now),
        [None, Some(text)] => Expiry::parse_at(text, now),
        [None, None] => Some(Expiry::DEFAULT),
    };
    expiry.ok_or_else(|| Error::invalid_expiry(command))
}

/// The duration that `option` gives, in seconds; a date is the time until then.
///
/// # Errors
/// [`Error::invalid_value`].
pub(super) fn seconds(ctx: &Context, option: &str, text: Option<&str>) -> Result<Option<u64>> {
    let now = ctx.clock.now();
    let until = |text| match Expiry::parse_in(text, now)? {
        Expiry::At(at) => Some(at.secs().abs_diff(now.secs())),
        _ => None,
    };
    let wrong = || {
        Error::invalid_value(format!(
            "{option} takes seconds, a duration such as 90s, 1h, 30d or 1d12h, or a future date (2027-12-01)"
        ))
    };
    let parse = |text| parse_duration(text).or_else(|| until(text)).ok_or_else(wrong);
    text.map(parse).transpose()
}
