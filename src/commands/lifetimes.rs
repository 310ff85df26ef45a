//! How long: what options say of lifetimes.

use crate::error::{Error, Result};
use crate::time::{Expiry, Timestamp};

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
