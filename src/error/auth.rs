//! Every way to fail that only signing in and out have.

use std::fmt;
use std::io;
use std::time::Duration;

use super::failure::{call_code, call_exit};
use super::{ErrorKind, Failure, exit};
use crate::text::printable;

/// A sign-in, a renewal or a sign-out that failed.
#[derive(Debug)]
pub enum AuthError {
    /// The sign-in service, or the person in front of it, said no.
    Refused {
        /// Why, in their words.
        reason: String,
    },
    /// Nobody came back from the browser in time.
    TimedOut {
        /// How long was waited.
        waited: Duration,
    },
    /// There is no port for the browser to come back to.
    Listen {
        /// The first one tried.
        first: u16,
        /// The last one tried.
        last: u16,
        /// Why not the last one.
        source: io::Error,
    },
    /// This machine gives no random numbers.
    NoRandom,
    /// A request failed; the stored session is as it was.
    Call {
        /// What it was for: `sign in`, `renew the session`.
        action: &'static str,
        /// What became of it.
        failure: Failure,
    },
    /// The answer to a renewal was lost, and with it perhaps the one use of the refresh token.
    RenewalLost {
        /// What became of it.
        failure: Failure,
    },
    /// The session was renewed and could not be stored.
    NotStored {
        /// Why, nearest first.
        causes: Vec<String>,
    },
    /// Not signed out: workspace tokens could not be revoked.
    TokensLeft {
        /// Which, for people.
        left: Vec<String>,
        /// Why the last one could not be revoked; `None` where no request can do it.
        failure: Option<Failure>,
    },
}

impl AuthError {
    /// A failed request of a sign-in. What OAuth says with a 400 may be a plain no.
    #[must_use]
    pub fn sign_in(failure: Failure) -> Self {
        if is_refusal(&failure) {
            Self::Refused {
                reason: failure.to_string(),
            }
        } else {
            Self::Call {
                action: "sign in",
                failure,
            }
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "sign_in_refused",
            Self::TimedOut { .. } => "sign_in_timeout",
            Self::Listen { .. } => "no_port",
            Self::NoRandom => "no_random",
            Self::Call { failure, .. } => call_code(failure),
            Self::RenewalLost { .. } => "renewal_lost",
            Self::NotStored { .. } => "session_not_stored",
            Self::TokensLeft { .. } => "tokens_left",
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::TimedOut { .. } => exit::AUTH,
            Self::Listen { .. } | Self::NoRandom => exit::FAILED,
            Self::NotStored { .. } => exit::USAGE,
            Self::Call { failure, .. } | Self::RenewalLost { failure } => call_exit(failure),
            Self::TokensLeft { failure, .. } => failure.as_ref().map_or(exit::OLD_LIVE, call_exit),
        }
    }

    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { .. } | Self::TimedOut { .. } | Self::Call { .. } => {
                Some("ntcli auth login")
            }
            Self::Listen { .. } => Some("ntcli auth login --port <a free port>"),
            Self::NotStored { .. } => Some("ntcli auth login --force"),
            Self::RenewalLost { .. } => Some("ntcli auth status, then the same command again"),
            Self::TokensLeft { failure: None, .. } => Some("ntcli auth logout"),
            Self::TokensLeft { .. } => Some("ntcli auth logout --all"),
            Self::NoRandom => None,
        }
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Call { failure, .. } | Self::RenewalLost { failure } => Some(failure),
            Self::TokensLeft { failure, .. } => failure.as_ref(),
            _ => None,
        }
    }

    pub(super) fn causes(&self) -> Vec<String> {
        match self {
            Self::Refused { reason } => vec![printable(reason)],
            Self::Listen { source, .. } => vec![source.to_string()],
            Self::NotStored { causes } => causes.clone(),
            other => other
                .failure()
                .map(Failure::to_string)
                .into_iter()
                .collect(),
        }
    }
}

/// Whether a sign-in service said no to who asks, and not to how.
#[must_use]
pub fn is_refusal(failure: &Failure) -> bool {
    match failure {
        Failure::Rejected {
            status: 401 | 403, ..
        } => true,
        Failure::Rejected {
            status: 400,
            kind: ErrorKind::Api { code },
            ..
        } => code.as_deref() == Some("invalid_grant"),
        _ => false,
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { .. } => f.write_str("The sign-in was refused; nothing has changed"),
            Self::TimedOut { waited } => write!(
                f,
                "Nobody signed in within {} s; nothing has changed",
                waited.as_millis().div_ceil(1000)
            ),
            Self::Listen { first, last, .. } if first == last => write!(
                f,
                "Cannot listen on port {first}, where the browser is to come back to"
            ),
            Self::Listen { first, last, .. } => write!(
                f,
                "Cannot listen on any port from {first} to {last}, where the browser is to come back to"
            ),
            Self::NoRandom => f.write_str("This machine gives no random numbers; nothing was sent"),
            Self::Call { action, .. } => write!(f, "Could not {action}; nothing has changed"),
            Self::RenewalLost { .. } => f.write_str(
                "Could not renew the session: the answer was lost. The refresh token is kept and the next run \
                 tries it again, but if it works only once it may be used up",
            ),
            Self::NotStored { .. } => f.write_str(
                "The session was renewed but could not be stored: the next run may have to sign in again",
            ),
            Self::TokensLeft { left, .. } => {
                f.write_str("Not signed out: these tokens could not be revoked and are kept:")?;
                left.iter().try_for_each(|token| write!(f, "\n  {}", printable(token)))
            }
        }
    }
}
