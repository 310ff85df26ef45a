//! The exit code alone tells a script what to do next: see the table in the reference.

/// Rejected or failed for a reason that has no code of its own.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage, or an unusable config file.
pub(crate) const USAGE: u8 = 2;
/// Sign-in missing, expired or rejected.
pub(crate) const AUTH: u8 = 4;
/// Server unreachable, too busy or broken; nothing has changed.
pub(crate) const UNAVAILABLE: u8 = 5;
/// Another run holds the lock.
pub(crate) const LOCKED: u8 = 6;
/// The new token could not be stored.
pub(crate) const NOT_STORED: u8 = 7;
/// Refreshed, but the old token is still live.
pub(crate) const OLD_LIVE: u8 = 8;
/// Refreshed and stored, but the token could not be delivered.
pub(crate) const NOT_DELIVERED: u8 = 9;
/// Outcome unknown: a token may have been created.
pub(crate) const UNKNOWN: u8 = 10;
/// A monitoring plugin cannot tell.
pub(crate) const PLUGIN_UNKNOWN: u8 = 3;
/// An error of a command whose small exit codes are answers.
pub(crate) const ANSWER_UNKNOWN: u8 = 255;
