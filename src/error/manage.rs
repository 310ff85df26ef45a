//! The errors of the commands around the refresh: workspaces, single tokens, settings.

use std::io;

use super::described::{Described, finish_pending, id};
use super::{Failure, NewTokenFate, exit};
use crate::text::{counted, printable, shell_word};
use crate::time::Timestamp;

/// Managing workspaces and tokens failed.
#[derive(Debug)]
pub(crate) enum ManageError {
    /// The user was asked and did not say yes.
    Declined,
    /// The token before the current one cannot become the current one again.
    NoWayBack { reason: String, then: &'static str },
    /// A target could not get the token, so it is not remembered.
    NotAdded { reason: String, hint: String },
    /// There is no target with that id.
    UnknownTarget { id: String },
    /// Targets could not get the current token.
    Undelivered {
        /// Which, and why.
        reasons: Vec<String>,
        /// The command that repeats it.
        again: String,
    },
    /// Files do not hold the current token, or could not be read.
    Drift { drifted: usize, total: usize },
    /// `doctor` found so many things that keep a refresh from working.
    Unsound { failed: usize },
    /// There is no current token to look at or to use.
    NoToken,
    /// There is no workspace to choose from.
    NoWorkspaces,
    /// The server has a workspace of that name already.
    WorkspaceExists { name: String },
    /// The workspace was created on the server and could not be stored here.
    StoreWorkspace {
        name: String,
        /// What happened to the token that came with it, if any.
        token: Option<NewTokenFate>,
        /// The causes, nearest first.
        causes: Vec<String>,
    },
    /// It was done on the server, but the local state could not be updated.
    StoredBehind {
        /// What was done: `The token was revoked`, …
        done: &'static str,
        /// The command that updates it.
        then: &'static str,
        /// The causes, nearest first.
        causes: Vec<String>,
    },
    /// The workspace has no token with that id.
    UnknownToken {
        jti: String,
        /// Whether the config file held it and has now forgotten it.
        was_current: bool,
    },
    /// Of several tokens some could not be revoked.
    NotAllRevoked {
        total: usize,
        /// Why, one for each of these.
        causes: Vec<String>,
        /// The highest of theirs.
        exit_code: u8,
    },
    /// Work of earlier runs that was due could not be done.
    StillOwed {
        /// What is still pending, for people.
        left: Vec<String>,
        /// Whether a token still has to be delivered, which only a refresh can do.
        handing_on: bool,
        /// The server that some of it belongs to, if that is another one.
        at: Option<String>,
    },
    /// The outcome is unknown; a repeat is harmless.
    Unconfirmed {
        /// What was asked: `revoke the token`, …
        action: &'static str,
        /// Why this is unknown.
        failure: Failure,
        /// What shows the outcome.
        then: &'static str,
    },
    /// A request about the server itself failed: the user should check which server it is.
    NoServer {
        /// What it was for.
        action: &'static str,
        failure: Failure,
    },
    /// The current token is of no use any more.
    TokenEnded {
        ended: Timestamp,
        /// The workspace, as it was named; `None` for the one that is meant anyway.
        named: Option<String>,
    },
    /// The server does not take the current token, whose time is not over.
    TokenDenied {
        jti: Option<String>,
        /// Whether it was replaced or revoked from here, if that can be told.
        from_here: Option<bool>,
        named: Option<String>,
    },
    /// It could not be found out whether the server takes the current token.
    TokenUnchecked {
        /// `None` for an answer that says neither.
        failure: Option<Failure>,
    },
    /// The command of `token exec` could not be run.
    NotRun { program: String, source: io::Error },
    /// The server answers and says that it is not well.
    Unhealthy {
        /// The word that it uses.
        status: String,
    },
}

impl ManageError {
    #[allow(clippy::too_many_lines)] // a table
    pub(super) fn described(&self) -> Described {
        match self {
            Self::Declined => {
                Described::new("declined", exit::FAILED, "Cancelled; nothing was done")
            }
            Self::NoWayBack { reason, then } => Described::new(
                "no_way_back",
                exit::FAILED,
                format!("Cannot roll back: {reason}; nothing has changed"),
            )
            .hint(*then),
            Self::NotAdded { reason, hint } => Described::new(
                "cannot_hand_on",
                exit::USAGE,
                "The target was not added: it could not get the token",
            )
            .hint(hint)
            .cause(reason),
            Self::UnknownTarget { id } => Described::new(
                "unknown_target",
                exit::FAILED,
                format!("There is no target {}", printable(id)),
            )
            .hint("ntcli target list"),
            Self::Undelivered { reasons, again } => Described::new(
                "hand_over",
                exit::NOT_DELIVERED,
                "Not every target could get the current token",
            )
            .hint(format!("fix that, then: {again}"))
            .causes(reasons),
            Self::Drift { drifted, total } => Described::new(
                "drift",
                exit::FAILED,
                format!("The current token is missing from {drifted} of {total} targets"),
            )
            .hint("ntcli target deliver"),
            Self::Unsound { failed } => Described::new(
                "unsound",
                exit::FAILED,
                format!("{} failed", counted(*failed, "check")),
            ),
            Self::NoToken => Described::new("no_token", exit::FAILED, "No current token")
                .hint("ntcli token create"),
            Self::NoWorkspaces => {
                Described::new("no_workspaces", exit::FAILED, "There is no workspace yet")
                    .hint("ntcli workspace create <name>")
            }
            Self::WorkspaceExists { name } => Described::new(
                "workspace_exists",
                exit::FAILED,
                format!(
                    "A workspace named '{}' exists already; nothing has changed",
                    printable(name)
                ),
            )
            .hint(format!("ntcli workspace select {}", shell_word(name))),
            Self::StoreWorkspace { name, token, causes } => {
                let (fate, hint) = fate_and_hint(*token);
                Described::new(
                    "store_workspace",
                    exit::NOT_STORED,
                    format!(
                        "Workspace '{}' was created on the server but could not be stored here{fate}",
                        printable(name)
                    ),
                )
                .hint(hint)
                .causes(causes)
            }
            Self::StoredBehind { done, then, causes } => Described::new(
                "stored_behind",
                exit::NOT_STORED,
                format!("{done}, but the local files could not be updated"),
            )
            .hint(*then)
            .causes(causes),
            Self::UnknownToken { jti, was_current } => Described::new(
                "unknown_token",
                exit::FAILED,
                format!("Token with JTI '{}' not found", printable(jti)),
            )
            .hint(if *was_current {
                "ntcli token create --save"
            } else {
                "ntcli token list"
            }),
            Self::NotAllRevoked { total, causes, exit_code } => Described::new(
                "not_all_revoked",
                *exit_code,
                format!("{} of {total} tokens could not be revoked", causes.len()),
            )
            .hint(match *exit_code {
                exit::OLD_LIVE => "ntcli token revoke --pending",
                exit::AUTH => "ntcli auth login",
                exit::UNAVAILABLE => "ntcli health",
                _ => "ntcli token list",
            })
            .causes(causes),
            Self::StillOwed { left, handing_on, at } => Described::new(
                "still_owed",
                exit::OLD_LIVE,
                "Not everything that was due could be done; every later run tries again",
            )
            .hint(if *handing_on {
                "ntcli token refresh, with the --token-file or --exec it had".to_owned()
            } else {
                finish_pending(at.as_deref())
            })
            .causes(left),
            Self::Unconfirmed { action, failure, then } => Described {
                code: "unconfirmed",
                // A 404 leaves open only its origin: the server did not do it.
                exit_code: match failure {
                    Failure::Rejected { .. } => exit::FAILED,
                    _ => exit::UNKNOWN,
                },
                ..Described::call(
                    failure,
                    format!("It is unknown whether the server could {action}"),
                )
                .hint(*then)
            },
            Self::NoServer { action, failure } => {
                let cannot = failure.status().map_or("Cannot", |_| "Could not");
                Described::call(failure, format!("{cannot} {action}; nothing has changed"))
                    .hint("ntcli domain show")
            }
            Self::TokenEnded { ended, named } => Described::new(
                "token_expired",
                exit::FAILED,
                format!("The current token expired at {ended}"),
            )
            .hint(refresh(named.as_deref())),
            Self::TokenDenied { jti, from_here, named } => {
                let why = match from_here {
                    None => "",
                    Some(true) => "; it was replaced or revoked from here",
                    Some(false) => {
                        ", and nothing here has revoked it: it was revoked elsewhere, or another machine \
                     uses a copy of this folder (a cloned VM, a copied home, a restored backup) and \
                     has refreshed it"
                    }
                };
                Described::new(
                    "token_denied",
                    exit::FAILED,
                    format!("The server denies the current token ({}){why}", id(jti.as_deref())),
                )
                .hint(refresh(named.as_deref()))
            }
            Self::TokenUnchecked { failure } => {
                let described = Described::new(
                    "token_unchecked",
                    exit::UNAVAILABLE,
                    "The server does not say whether it accepts the current token",
                )
                .hint("ntcli health");
                match failure {
                    Some(failure) => described.failure(failure),
                    None => described,
                }
            }
            Self::NotRun { program, source } => Described::new(
                "not_run",
                // As shells and env do.
                if source.kind() == io::ErrorKind::NotFound { 127 } else { 126 },
                format!("Cannot run '{}'", printable(program)),
            )
            .cause(source),
            Self::Unhealthy { status } => Described::new(
                "unhealthy",
                exit::UNAVAILABLE,
                format!("The server says that it is '{}'", printable(status)),
            ),
        }
    }
}

/// The command that replaces the token of a workspace.
fn refresh(named: Option<&str>) -> String {
    let option = named.map(|name| format!(" -w {}", shell_word(&printable(name))));
    format!("ntcli token refresh{}", option.unwrap_or_default())
}

/// What happened to the token that came with a workspace, and what to do about it.
fn fate_and_hint(token: Option<NewTokenFate>) -> (&'static str, &'static str) {
    let sync = "ntcli workspace sync";
    match token {
        None => ("", sync),
        Some(NewTokenFate::Revoked) => ("; the token that came with it was revoked again", sync),
        Some(NewTokenFate::Kept) => (
            "; the token that came with it is kept in the journal, and the next run stores it",
            "ntcli token revoke --pending",
        ),
        Some(NewTokenFate::Live) => {
            ("; the token that came with it could not be revoked and may be live", sync)
        }
    }
}
