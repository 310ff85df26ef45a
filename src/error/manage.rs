//! The ways to fail of what is around the refresh: workspaces, single tokens, settings.

use std::fmt;

use super::failure::{call_code, call_exit};
use super::{Failure, NewTokenFate, exit};
use crate::text::{printable, shell_word};

/// Looking after workspaces and tokens failed.
#[derive(Debug)]
pub enum ManageError {
    /// The user was asked and did not say yes.
    Declined,
    /// There is no workspace to choose from.
    NoWorkspaces,
    /// The server has a workspace of that name already.
    WorkspaceExists {
        /// The name.
        name: String,
    },
    /// The workspace was created on the server and could not be stored here.
    StoreWorkspace {
        /// Its name.
        name: String,
        /// What became of the token that came with it, if one did.
        token: Option<NewTokenFate>,
        /// Why it could not be stored, nearest first.
        causes: Vec<String>,
    },
    /// It was done on the server, and what is stored here could not be brought up to date.
    StoredBehind {
        /// What was done: `The token was revoked`, …
        done: &'static str,
        /// The command that brings it up to date.
        then: &'static str,
        /// Why it could not be stored, nearest first.
        causes: Vec<String>,
    },
    /// The workspace has no token with that id.
    UnknownToken {
        /// The id.
        jti: String,
    },
    /// Work of earlier runs that was due could not be done.
    StillOwed {
        /// What is left, for people.
        left: Vec<String>,
        /// Whether a token of it is to be handed on, which only a refresh can do.
        handing_on: bool,
    },
    /// Nobody knows whether the server did it; to ask again does no harm.
    Unconfirmed {
        /// What was asked: `revoke the token`, …
        action: &'static str,
        /// Why that is not known.
        failure: Failure,
        /// What tells.
        then: &'static str,
    },
    /// A request about the server itself failed: what is to be looked at is which server it is.
    NoServer {
        /// What it was for.
        action: &'static str,
        /// What became of it.
        failure: Failure,
    },
    /// The server answers and says that it is not well.
    Unhealthy {
        /// The word it has for that.
        status: String,
    },
}

impl ManageError {
    /// As [`Error::code`](super::Error::code).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::NoWorkspaces => "no_workspaces",
            Self::WorkspaceExists { .. } => "workspace_exists",
            Self::StoreWorkspace { .. } => "store_workspace",
            Self::StoredBehind { .. } => "stored_behind",
            Self::UnknownToken { .. } => "unknown_token",
            Self::StillOwed { .. } => "still_owed",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::NoServer { failure, .. } => call_code(failure),
            Self::Unhealthy { .. } => "unhealthy",
        }
    }

    /// As [`Error::exit_code`](super::Error::exit_code).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Declined
            | Self::NoWorkspaces
            | Self::WorkspaceExists { .. }
            | Self::UnknownToken { .. } => exit::FAILED,
            Self::StoredBehind { .. } => exit::USAGE,
            Self::StoreWorkspace { .. } => exit::NOT_STORED,
            Self::StillOwed { .. } => exit::OLD_LIVE,
            Self::Unconfirmed { failure, .. } | Self::NoServer { failure, .. } => {
                call_exit(failure)
            }
            Self::Unhealthy { .. } => exit::UNAVAILABLE,
        }
    }

    /// As [`Error::hint`](super::Error::hint).
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Declined | Self::Unhealthy { .. } => return None,
            Self::NoServer { .. } => "ntcli domain show",
            Self::NoWorkspaces => "ntcli workspace create <name>",
            Self::WorkspaceExists { name } => {
                return Some(format!("ntcli workspace select {}", shell_word(name)));
            }
            Self::StoreWorkspace {
                token: Some(NewTokenFate::Kept),
                ..
            } => "ntcli token revoke --pending",
            Self::StoreWorkspace { .. } => "ntcli workspace sync",
            Self::StoredBehind { then, .. } | Self::Unconfirmed { then, .. } => then,
            Self::UnknownToken { .. } => "ntcli token list",
            Self::StillOwed {
                handing_on: true, ..
            } => "ntcli token refresh, with the --token-file or --exec it had",
            Self::StillOwed { .. } => "ntcli token revoke --pending",
        };
        Some(text.to_owned())
    }

    /// The request that failed.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Unconfirmed { failure, .. } | Self::NoServer { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// As [`Error::causes`](super::Error::causes).
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        match self {
            Self::StoreWorkspace { causes, .. } | Self::StoredBehind { causes, .. } => {
                causes.clone()
            }
            Self::Unconfirmed { failure, .. } | Self::NoServer { failure, .. } => {
                vec![failure.to_string()]
            }
            Self::StillOwed { left, .. } => left.clone(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for ManageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => f.write_str("Not confirmed; nothing was done"),
            Self::NoWorkspaces => f.write_str("There is no workspace yet"),
            Self::WorkspaceExists { name } => write!(
                f,
                "A workspace named '{}' exists already; nothing has changed",
                printable(name)
            ),
            Self::StoreWorkspace { name, token, .. } => {
                let fate = match token {
                    None => "",
                    Some(NewTokenFate::Revoked) => {
                        "; the token that came with it was revoked again"
                    }
                    Some(NewTokenFate::Kept) => {
                        "; the token that came with it is kept in the journal, and the next run stores it"
                    }
                    Some(NewTokenFate::Live) => {
                        "; the token that came with it could not be revoked and is live"
                    }
                };
                let name = printable(name);
                write!(
                    f,
                    "Workspace '{name}' was created on the server but could not be stored here{fate}"
                )
            }
            Self::StoredBehind { done, .. } => {
                write!(
                    f,
                    "{done}, but what is stored here could not be changed to match"
                )
            }
            Self::UnknownToken { jti } => {
                write!(f, "Token with JTI '{}' not found", printable(jti))
            }
            Self::StillOwed { .. } => f.write_str(
                "Not everything that was due could be done; every later run tries again",
            ),
            Self::Unconfirmed { action, .. } => {
                write!(f, "It is not known whether the server could {action}")
            }
            Self::NoServer { action, .. } => write!(f, "Could not {action}; nothing has changed"),
            Self::Unhealthy { status } => {
                write!(f, "The server says that it is '{}'", printable(status))
            }
        }
    }
}
