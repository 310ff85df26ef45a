//! Single tokens: looked at, used, revoked, rolled back.

use std::io;

use super::{Error, Failure, Kind, exit, id, with_word};
use crate::text::{counted, printable};
use crate::time::Timestamp;

impl Error {
    /// There is no current token to look at or to use.
    pub(crate) fn no_token() -> Self {
        Self::new("no_token", exit::FAILED, "No current token")
            .kind_of(Kind::NoToken)
            .hinted_there("ntcli token create")
    }

    /// The current token is of no use any more.
    pub(crate) fn token_ended(ended: Timestamp) -> Self {
        let message = format!("The current token expired at {ended}");
        Self::new("token_expired", exit::FAILED, message).hinted_there("ntcli token refresh")
    }

    /// The server does not take the current token, whose time is not over. `from_here` tells whether
    /// it was replaced or revoked from here, if that can be told.
    pub(crate) fn token_denied(jti: Option<&str>, from_here: Option<bool>) -> Self {
        let why = match from_here {
            None => "",
            Some(true) => "; it was replaced or revoked from here",
            Some(false) => {
                "; nothing here has revoked it: another machine may use a copy of this folder"
            }
        };
        let message = format!("The server denies the current token ({}){why}", id(jti));
        Self::new("token_denied", exit::FAILED, message).hinted_there("ntcli token refresh")
    }

    /// Nobody could find out whether the server takes the current token; without a failure its
    /// answer says neither.
    pub(crate) fn token_unchecked(failure: Option<&Failure>) -> Self {
        let message = "The server does not say whether it accepts the current token";
        let error = Self::new("token_unchecked", exit::UNAVAILABLE, message).hinted("ntcli health");
        failure.into_iter().fold(error, Self::after)
    }

    /// The command of `token exec` could not be run.
    pub(crate) fn not_run(program: &str, source: &io::Error) -> Self {
        // As shells and env do.
        let exit_code = if source.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
        let message = format!("Cannot run '{}'", printable(program));
        Self::new("not_run", exit_code, message).caused_by(source)
    }

    /// The token before the current one cannot become the current one again.
    pub(crate) fn cannot_roll_back(reason: &str) -> Self {
        let message = format!("Cannot roll back: {reason}; nothing has changed");
        Self::new("cannot_roll_back", exit::FAILED, message).hinted_there("ntcli token list")
    }

    /// A token stands where its id, which may be known, is wanted.
    pub(crate) fn token_for_jti(jti: Option<&str>) -> Self {
        let message = "That is a token, not its JTI; nothing was sent";
        let revoke = jti.map(|jti| with_word("ntcli token revoke", jti));
        let hint = revoke.unwrap_or_else(|| "ntcli token list".to_owned());
        Self::new("usage", exit::USAGE, message).hinted_there(hint)
    }

    /// The workspace has no token with that id; if it `was_current`, the config file has now
    /// forgotten it.
    pub(crate) fn unknown_token(jti: &str, was_current: bool) -> Self {
        let message = format!("Token with JTI '{}' not found", printable(jti));
        let next = if was_current { "ntcli token create" } else { "ntcli token list" };
        Self::new("unknown_token", exit::FAILED, message).hinted_there(next)
    }

    /// Files do not hold the current token, or could not be read.
    pub(crate) fn drift(drifted: usize, total: usize) -> Self {
        let message = format!("The current token is missing from {drifted} of {total} targets");
        Self::new("drift", exit::FAILED, message).hinted("ntcli target deliver")
    }

    /// `doctor` found so many things that keep a refresh from working.
    pub(crate) fn unsound(failed: usize) -> Self {
        Self::new("unsound", exit::FAILED, format!("{} failed", counted(failed, "check")))
    }
}
