//! Errors in words, and texts from outside made fit to be shown.

use std::fmt;

use super::{Error, NewTokenFate};
use crate::text::printable;
use crate::time::Timestamp;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { message, .. } | Self::InvalidValue { message } => f.write_str(message),
            Self::InvalidExpiry => f.write_str("Invalid expiration time"),
            Self::NoSession { .. } => f.write_str("Authentication required"),
            Self::NoWorkspace => f.write_str("No workspace selected"),
            Self::UnknownWorkspace { name } => {
                write!(f, "No workspace '{}' is known here", printable(name))
            }
            Self::AmbiguousWorkspace { name, ids } => {
                write!(f, "Several workspaces are named '{}'; name one by its id:", printable(name))?;
                ids.iter().try_for_each(|id| write!(f, "\n  {}", printable(id)))
            }
            Self::NoToken => f.write_str("No current token to refresh"),
            Self::ReadFile { path, .. } => write!(f, "Cannot read {}", path.display()),
            Self::WriteFile { action, path, .. } => {
                write!(f, "Cannot {action} {}", path.display())
            }
            Self::DamagedFile { path, place } => {
                write!(f, "Cannot use {}: {}", path.display(), printable(place))
            }
            Self::NoHome => f.write_str("Cannot tell where your home folder is"),
            Self::Locked { path, waited } => write!(
                f,
                "Another ntcli holds {} and did not finish within {} s; nothing was done",
                path.display(),
                waited.as_secs()
            ),
            Self::Call { action, failure } => match failure.status() {
                Some(401) => f.write_str("Authentication required"),
                _ => write!(f, "Could not {action}; nothing has changed"),
            },
            Self::NoTokenRoutes => f.write_str(
                "This server does not manage tokens (it has no /tokens routes); nothing has changed",
            ),
            Self::CreateUnknown { found, .. } if found.is_empty() => f.write_str(
                "It is not known whether the server made a token; the old one still works, and the next run finds out",
            ),
            Self::CreateUnknown { found, .. } => write!(
                f,
                "The server made a token but its answer was lost: {}; nobody holds it, and the old token still works",
                printable(&found.join(", "))
            ),
            Self::NewTokenRejected { jti, revoked } => {
                let jti = printable(jti.as_deref().unwrap_or("no id"));
                let fate = if *revoked { "was revoked again" } else { "is still to be revoked" };
                write!(
                    f,
                    "The server turned its own new token ({jti}) down; it {fate}, and the old token still works"
                )
            }
            Self::StoreToken { jti, fate, .. } => {
                let jti = printable(jti.as_deref().unwrap_or("no id"));
                let fate = match fate {
                    NewTokenFate::Revoked => "it was revoked again",
                    NewTokenFate::Kept => "it is kept in the journal and the next run stores it",
                    NewTokenFate::Live => "it could not be revoked either and is still live",
                };
                write!(
                    f,
                    "Could not store the new token ({jti}); {fate}, and the old token still works"
                )
            }
            Self::OldTokenLive { jti: Some(jti), .. } => write!(
                f,
                "The old token ({}) is still live; every later run tries to revoke it again",
                printable(jti)
            ),
            Self::OldTokenLive { jti: None, .. } => f.write_str(
                "The old token is still live: it has no id, so ntcli cannot revoke it",
            ),
            Self::WorkPending => f.write_str(
                "Work of an earlier run could not be finished and is still pending",
            ),
            Self::SomeFailed { failed, total, .. } => {
                write!(f, "{failed} of {total} workspaces need attention")
            }
            Self::HandOver { .. } => f.write_str(
                "The new token is stored but could not be handed on; the old one is kept live until it is",
            ),
            Self::CannotHandOn { .. } => f.write_str("A new token could not be handed on"),
            Self::HandOverOwed { .. } => f.write_str(
                "An earlier refresh still has to hand its token on, and this run has nobody to hand it to; no other token was asked for",
            ),
            Self::Unfinished => f.write_str(
                "An earlier refresh of this workspace could not be finished; no other token was asked for",
            ),
            Self::Overtaken => f.write_str(
                "Another program stored another token meanwhile; that one is kept, and ours was given up",
            ),
            Self::WriteResult { .. } => {
                f.write_str("The work is done, but its result could not be written")
            }
            Self::Auth(error) => error.fmt(f),
            Self::Manage(error) => error.fmt(f),
            Self::NoAnswer(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// A failure and all that lies behind it, nearest first.
#[must_use]
pub fn chain(error: &Error) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    chain.extend(error.causes());
    chain
}

/// What an output says of a moment, or nothing.
#[must_use]
pub fn moment(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |t| t.to_string())
}
