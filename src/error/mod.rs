//! All errors, named by the action that failed. A new one is a variant here and an arm of the
//! table: message, code for scripts, exit code, hint and causes together.

mod auth;
mod described;
mod failure;
mod manage;
mod table;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use auth::{AuthError, is_refusal};
pub(crate) use described::Described;
pub(crate) use described::chain;
pub(crate) use failure::{Blame, ErrorKind, Failure, WORKSPACE_NOT_FOUND};
pub(crate) use manage::ManageError;

/// The result of everything that can fail for the user.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Every way to fail.
#[derive(Debug)]
pub(crate) enum Error {
    /// The arguments are not a valid command.
    Usage {
        /// What is wrong with them.
        message: String,
        /// The command that shows its help.
        hint: String,
        /// 2, or the code of a command whose small exit codes are answers.
        exit_code: u8,
    },
    /// `--expires-in` or `--expires-at` is not a valid expiry.
    InvalidExpiry,
    /// Some other value, of an option or a variable, is invalid.
    InvalidValue {
        /// Where it was given, and what is expected.
        message: String,
    },
    /// No session, or one that has ended.
    NoSession {
        /// Which of the two, for people; may be empty.
        reason: String,
    },
    /// No workspace named and none active.
    NoWorkspace,
    /// The workspace that was named is not known here.
    UnknownWorkspace {
        /// One that is known here and named almost so.
        near: Option<String>,
        /// The name that was given.
        name: String,
        /// Whether the server does not know it either.
        nowhere: bool,
    },
    /// Several workspaces have this name.
    AmbiguousWorkspace {
        /// The name that was given.
        name: String,
        /// Their full local ids.
        ids: Vec<String>,
    },
    /// The workspace holds no token here.
    NoToken,
    /// Refreshed, but the old token is still live.
    OldTokenLive {
        /// Its id; without one it cannot be revoked.
        jti: Option<String>,
        /// Why it could not be revoked.
        reason: String,
    },
    /// This run did its own work, but that of an earlier one is still pending.
    WorkPending {
        /// The server that some of it belongs to, if that is another one.
        at: Option<String>,
    },
    /// Some of several workspaces failed.
    SomeFailed {
        /// How many.
        failed: usize,
        /// Of how many.
        total: usize,
        /// The highest of their exit codes.
        exit_code: u8,
    },
    /// The new token is stored but could not be delivered to every target.
    NotDelivered {
        reason: String,
        /// The command that repeats what failed.
        again: String,
    },
    /// A new token could not be delivered; detected before there is one.
    CannotDeliver {
        /// The id of the target, if it is a remembered one.
        target: Option<u32>,
        reason: String,
        /// How to fix it.
        hint: String,
    },
    /// A file or folder of ours is unsafe or cannot be written; nothing was sent.
    CannotUse {
        path: PathBuf,
        reason: String,
        /// How to fix it.
        hint: String,
    },
    /// An earlier run could not deliver its new token, and this one has no target for it.
    DeliveryPending {
        /// The id of the old token, which is kept live for it.
        old: Option<String>,
        /// Whether targets were given for that run alone.
        own: bool,
    },
    /// A file could not be read.
    ReadFile { path: PathBuf, source: io::Error },
    /// A file could not be written.
    WriteFile {
        /// The verb: `write to`, `replace`, …
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A file was read but is invalid.
    DamagedFile {
        path: PathBuf,
        /// Where, and what is wrong there.
        place: String,
    },
    /// There is no folder to store files in.
    NoHome,
    /// Another run holds the lock.
    Locked {
        /// The lock file.
        path: PathBuf,
        waited: Duration,
    },
    /// A request to a server failed.
    Call {
        /// What it was for: `create a token`, …
        action: &'static str,
        failure: Failure,
    },
    /// The server has no such route: the core edition, which makes no tokens.
    NoTokenRoutes,
    /// A token may have been created that is not stored here.
    CreateUnknown {
        /// Why this is unknown.
        failure: Failure,
        /// The ids of tokens created around that time, if the list could be read.
        found: Vec<String>,
    },
    /// The new token was created and then rejected by the server.
    NewTokenRejected {
        jti: Option<String>,
        /// Whether it was revoked.
        revoked: bool,
    },
    /// The new token could not be stored.
    StoreToken {
        jti: Option<String>,
        fate: NewTokenFate,
        /// The causes, nearest first.
        causes: Vec<String>,
    },
    /// The server does not accept the new token yet, but accepts the old one.
    Unconfirmed { jti: Option<String> },
    /// The server returned the token that is already current.
    SameToken,
    /// A token could not be printed for its recipient.
    NotHandedOut { jti: Option<String>, fate: NewTokenFate, source: io::Error },
    /// Nothing proves that a token is revoked; every later run tries again.
    RevocationPending { jti: String, reason: String },
    /// An earlier refresh of the workspace could not be finished yet.
    Unfinished,
    /// Another program stored another token meanwhile.
    Overtaken,
    /// The result could not be written to standard output; the work itself is done.
    WriteResult { source: io::Error },
    /// Signing in or out failed.
    Auth(AuthError),
    /// Managing workspaces and tokens failed.
    Manage(ManageError),
    /// A file could not be used after a request had been sent: everything that was begun is in the
    /// journal.
    Late(Box<Error>),
    /// Any failure of a command whose small exit codes are answers.
    NoAnswer(Box<Error>),
}

impl Error {
    /// A [`Error::WriteFile`].
    pub(crate) fn write_file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::WriteFile { action, path: path.to_owned(), source }
    }

    /// A failed request for `action`. A 404 that names nothing is a server without token routes,
    /// unlike one for a workspace that is not there.
    pub(crate) fn call(action: &'static str, failure: Failure) -> Self {
        match &failure {
            Failure::Rejected { status: 404, kind: ErrorKind::NoRoute, .. }
                if action.contains("token") =>
            {
                Self::NoTokenRoutes
            }
            _ => Self::Call { action, failure },
        }
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<ManageError> for Error {
    fn from(error: ManageError) -> Self {
        Self::Manage(error)
    }
}

/// What happened to a new token that could not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewTokenFate {
    /// It was revoked.
    Revoked,
    /// It is in the journal: the next run stores it.
    Kept,
    /// It is live and could not be revoked; the next run tries or names it.
    Live,
}

/// The exit code alone tells a script what to do next: see the README's table.
pub(crate) mod exit {
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
    pub(crate) const UNTOLD: u8 = 3;
    /// An error of a command whose small exit codes are answers.
    pub(crate) const NO_ANSWER: u8 = 255;
}
