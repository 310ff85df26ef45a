//! The errors of signing in and out.

use std::io;
use std::time::Duration;

use super::described::{Described, lines};
use super::{ErrorKind, Failure, exit};
use crate::text::printable;

/// A sign-in, a renewal or a sign-out that failed.
#[derive(Debug)]
pub(crate) enum AuthError {
    /// The sign-in service, or the user, said no.
    Refused {
        /// The reason that they gave.
        reason: String,
    },
    /// The browser did not come back in time.
    TimedOut { waited: Duration },
    /// No port is free for the browser's redirect.
    Listen {
        /// The first one tried.
        first: u16,
        /// The last one tried.
        last: u16,
        /// Why the last one failed.
        source: io::Error,
    },
    /// This machine provides no random numbers.
    NoRandom,
    /// A request failed; the stored session is as it was.
    Call {
        /// What it was for: `sign in`, `renew the session`.
        action: &'static str,
        failure: Failure,
    },
    /// The answer to a renewal was lost, and with it perhaps the one use of the refresh token.
    RenewalLost { failure: Failure },
    /// The session was renewed but could not be stored.
    NotStored {
        /// The causes, nearest first.
        causes: Vec<String>,
    },
    /// Not signed out: workspace tokens could not be revoked.
    TokensLeft {
        /// Which, for people.
        left: Vec<String>,
        /// Why the last one could not be revoked; `None` if no request can do it.
        failure: Option<Failure>,
    },
}

impl AuthError {
    /// A failed request of a sign-in. An OAuth error with a 400 may be a plain no.
    pub(crate) fn sign_in(failure: Failure) -> Self {
        if is_refusal(&failure) {
            Self::Refused { reason: failure.to_string() }
        } else {
            Self::Call { action: "sign in", failure }
        }
    }

    #[allow(clippy::too_many_lines)] // a table
    pub(super) fn described(&self) -> Described {
        match self {
            Self::Refused { reason } => Described::new(
                "sign_in_refused",
                exit::AUTH,
                "The sign-in was refused; nothing has changed",
            )
            .hint("ntcli auth login")
            .cause(&printable(reason)),
            Self::TimedOut { waited } => Described::new(
                "sign_in_timeout",
                exit::AUTH,
                format!(
                    "No sign-in within {} s; nothing has changed",
                    waited.as_millis().div_ceil(1000)
                ),
            )
            .hint("ntcli auth login"),
            Self::Listen {
                first,
                last,
                source,
            } => {
                let ports = if first == last {
                    format!("port {first}")
                } else {
                    format!("any port from {first} to {last}")
                };
                Described::new(
                    "no_port",
                    exit::FAILED,
                    format!("Cannot listen on {ports}, where the browser must return"),
                )
                .hint("ntcli auth login --port <a free port>")
                .cause(source)
            }
            Self::NoRandom => Described::new(
                "no_random",
                exit::FAILED,
                "This machine provides no random numbers; nothing was sent",
            ),
            Self::Call { action, failure } => Described::call(
                failure,
                format!("Could not {action}; nothing has changed"),
            )
            .hint("ntcli auth login"),
            Self::RenewalLost { failure } => Described {
                code: "renewal_lost",
                ..Described::call(
                    failure,
                    "Could not renew the session: the answer was lost. The refresh token is kept and the next run \
                     tries it again, but if it works only once it may be used up",
                )
                .hint("ntcli auth status, then the same command again")
            },
            Self::NotStored { causes } => Described::new(
                "session_not_stored",
                exit::NOT_STORED,
                "The session was renewed but could not be stored: the next run may have to sign in again",
            )
            .hint("ntcli auth login --force")
            .causes(causes),
            Self::TokensLeft { left, failure } => {
                let message = format!(
                    "Not signed out: these tokens could not be revoked and are kept:{}",
                    lines(left)
                );
                match failure {
                    Some(failure) => {
                        let call = Described::call(failure, message);
                        Described {
                            code: "tokens_left",
                            // Some may be revoked anyway, unless nothing was sent.
                            exit_code: match (failure, call.exit_code) {
                                (Failure::NotSent { .. }, code) | (_, code @ exit::AUTH) => code,
                                _ => exit::OLD_LIVE,
                            },
                            ..call.hint("ntcli auth logout --all")
                        }
                    }
                    None => Described::new("tokens_left", exit::OLD_LIVE, message)
                        .hint("ntcli auth logout"),
                }
            }
        }
    }
}

/// Whether the sign-in service rejected the credentials, and not the form of the request.
pub(crate) fn is_refusal(failure: &Failure) -> bool {
    match failure {
        Failure::Rejected { status: 401 | 403, .. } => true,
        Failure::Rejected { status: 400, kind: ErrorKind::Api { code }, .. } => {
            code.as_deref() == Some("invalid_grant")
        }
        _ => false,
    }
}
