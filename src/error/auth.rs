//! Signing in and out.

use std::io;
use std::time::Duration;

use super::{Error, ErrorKind, Failure, Kind, exit, lines};
use crate::text::printable;

impl Error {
    /// No session, or one that has ended: `reason` says which, and may be empty.
    pub(crate) fn no_session(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::new("authentication_required", exit::AUTH, "Authentication required")
            .kind_of(Kind::NoSession)
            .hinted("ntcli auth login")
            .with_causes(if reason.is_empty() { Vec::new() } else { vec![reason] })
    }

    /// A failed request of a sign-in. An OAuth error with a 400 may be a plain no.
    pub(crate) fn sign_in(failure: &Failure) -> Self {
        if is_refusal(failure) {
            Self::sign_in_refused(&failure.to_string())
        } else {
            Self::could_not("sign in", failure, "ntcli auth login")
        }
    }

    /// The sign-in service, or the user, said no, and why.
    pub(crate) fn sign_in_refused(reason: &str) -> Self {
        let message = "The sign-in was refused; nothing has changed";
        Self::new("sign_in_refused", exit::AUTH, message)
            .hinted("ntcli auth login")
            .caused_by(&printable(reason))
    }

    /// The browser did not come back in time.
    pub(crate) fn sign_in_timeout(waited: Duration) -> Self {
        let seconds = waited.as_millis().div_ceil(1000);
        let message = format!("No sign-in within {seconds} s; nothing has changed");
        Self::new("sign_in_timeout", exit::AUTH, message).hinted("ntcli auth login")
    }

    /// No port from the first to the last is free for the browser's redirect; with why the last one
    /// failed.
    pub(crate) fn no_port(first: u16, last: u16, source: &io::Error) -> Self {
        let ports = if first == last { String::new() } else { format!(" to {last}") };
        let message =
            format!("Cannot listen on port {first}{ports}, where the browser must return");
        Self::new("no_port", exit::FAILED, message)
            .hinted("ntcli auth login --port <a free port>")
            .caused_by(source)
    }

    /// This machine provides no random numbers.
    pub(crate) fn no_random() -> Self {
        let message = "This machine provides no random numbers; nothing was sent";
        Self::new("no_random", exit::FAILED, message)
    }

    /// The answer to a renewal was lost, and with it perhaps the one use of the refresh token.
    pub(crate) fn renewal_lost(failure: &Failure) -> Self {
        let message = "Could not renew the session: the answer was lost, and perhaps the one use of the refresh token, \
             which the next run tries again";
        Self::requested(failure, message)
            .code_of("renewal_lost")
            .hinted("ntcli auth status, then the same command again")
    }

    /// Not signed out: workspace tokens could not be revoked. With why the last one could not be;
    /// without a failure no request can do it.
    pub(crate) fn tokens_left(left: &[String], failure: Option<&Failure>) -> Self {
        let message = format!(
            "Not signed out: these tokens could not be revoked and are kept:{}",
            lines(left)
        );
        let Some(failure) = failure else {
            return Self::new("tokens_left", exit::OLD_LIVE, message).hinted("ntcli auth logout");
        };
        let error = Self::requested(failure, message).code_of("tokens_left");
        let error = error.hinted("ntcli auth logout --all");
        // Some may be revoked anyway, unless nothing was sent.
        match (failure, error.exit_code()) {
            (Failure::NotSent { .. }, _) | (_, exit::AUTH) => error,
            _ => error.with_exit_code(exit::OLD_LIVE),
        }
    }
}

/// Whether the sign-in service says for certain that a refresh token is over.
pub(crate) fn is_dead_grant(failure: &Failure) -> bool {
    matches!(failure, Failure::Rejected { status: 400 | 401, kind: ErrorKind::Api { code: Some(code) }, .. }
        if code == "invalid_grant")
}

/// Whether the sign-in service rejected the credentials, and not the form of the request.
pub(crate) fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Rejected { status: 401 | 403, .. }) || is_dead_grant(failure)
}
