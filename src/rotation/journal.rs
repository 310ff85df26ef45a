//! The records of the journal. `replay.rs` adds them up.
//!
//! One JSON object per line. Fields are only added, each with a default: journals of older versions
//! can be read. An unknown record is refused, never skipped.

use super::WorkspaceRef;
use crate::context::{BootTime, Process};
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

/// One line of the journal, written before or right after the step it names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // few at a time, and boxes would only clutter
pub(crate) enum Record {
    /// A token is about to be requested. The workspace and `at` name the request.
    Creating {
        workspace: WorkspaceRef,
        at: Timestamp,
        /// The latest time by which the request was given up, by our clock.
        until: Timestamp,
        boot: Option<BootTime>,
        expiry: Option<Expiry>,
        /// Requested by `token create`, to be handed out: never revoked as an orphan unasked.
        to_hand_out: bool,
    },
    /// The list was read and did not hold the token of that request; it may appear late.
    Searched(AboutRequest),
    /// That request has ended: a token of it was created before `until`.
    Ended { workspace: String, server: String, at: Timestamp, until: Timestamp },
    /// Written by older versions only: the request timed out.
    Unanswered { workspace: String, at: Timestamp },
    /// The outcome of that request is known.
    Closed(AboutRequest),
    /// The token of that request. From here it cannot be lost.
    Created {
        workspace: WorkspaceRef,
        at: Timestamp,
        token: Token,
        old: Option<Token>,
        /// Whether it must be delivered to what was given for that run, before the old token may
        /// be revoked. What is remembered with the workspace is not written here.
        deliver: bool,
        grace_s: Option<u64>,
        /// The old token stays live: it was not a refresh.
        keep_old: bool,
        /// This is the way back: `token` was current before `old`, and replaces it again. A
        /// revocation of it that was put off stays pending until it is promoted.
        rollback: bool,
    },
    /// The server does not accept the new token yet: it is kept, the old one stays current.
    Unconfirmed(About),
    /// The new token is the workspace's current one.
    Promoted(About),
    /// Targets are about to get the new token, for the so many-th time; one of them by this command,
    /// which outlives a run that is killed.
    Delivering { workspace: String, server: String, attempt: u32, process: Option<Process> },
    /// One target has the new token.
    DeliveredTo { workspace: String, server: String, target: String },
    /// The targets that were given for one run have the new token.
    Delivered(About),
    /// A rollback came to nothing: the token that it led away from is the current one, and goes to
    /// every target once more.
    TurnedBack(About),
    /// The refresh needs nothing more; what it leaves pending has records of its own.
    Done(About),
    /// A token must be revoked.
    PendingRevocation(PendingRevocation),
    /// A token was handed out by `token create` and is about to be printed.
    HandingOut { workspace: WorkspaceRef, at: Timestamp, jti: String },
    /// A live token that may be the result of a request whose answer was lost.
    Orphan(Orphan),
    /// Nothing more has to be done about this token: it was revoked, or handed out.
    Gone(AboutToken),
    /// The requested revocation of this token was certainly refused: other pending work about it
    /// stays.
    Withdrawn(AboutToken),
    /// The user dismissed this token. It may be live.
    Dismissed(AboutToken),
    /// The workspace was deleted, and with it everything that was pending for it.
    Forgotten(About),
    /// A workspace is about to be created; a token may come with it.
    CreatingWorkspace {
        name: String,
        server: String,
        at: Timestamp,
        until: Timestamp,
        boot: Option<BootTime>,
    },
}

/// What a record is about: a workspace, by its UUID and its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) workspace: String,
    pub(crate) server: String,
}

/// A request for a token of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AboutRequest {
    pub(crate) workspace: String,
    pub(crate) server: String,
    pub(crate) at: Timestamp,
}

/// A token of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AboutToken {
    pub(crate) workspace: String,
    pub(crate) server: String,
    pub(crate) jti: String,
}

/// A token that must be revoked. Its id is kept, and its text only as long as a way back to it is
/// promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingRevocation {
    pub(crate) workspace: WorkspaceRef,
    pub(crate) jti: String,
    /// Not before this moment, by the server's clock; at once if absent.
    pub(crate) not_before: Option<Timestamp>,
    /// The promised grace, in seconds.
    pub(crate) grace_s: Option<u64>,
    /// The token that replaced it: if a restored config file holds the old one again, nothing else
    /// names the replacement.
    pub(crate) successor: Option<String>,
    /// When it became pending, by our clock.
    pub(crate) since: Option<Timestamp>,
    pub(crate) boot: Option<BootTime>,
    /// Just created: until the news of it has reached every part of the server, a list without it
    /// proves nothing.
    pub(crate) is_new: bool,
    /// The user asked for it: it is revoked even if the config file holds it.
    pub(crate) by_hand: bool,
    /// The token itself, while its grace runs: `token rollback` makes it the current one again.
    pub(crate) token: Option<Token>,
    /// Targets that were given for one run alone have its successor: they must get it back.
    pub(crate) own_targets: bool,
}

/// A live token that is not stored here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Orphan {
    pub(crate) workspace: WorkspaceRef,
    pub(crate) jti: String,
    /// When it was created, by the server's clock.
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) origin: Origin,
}

/// The origin of an orphan, as far as the evidence goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was created around a request that was lost; another machine may hold it.
    #[default]
    Maybe,
    /// Its creation time and lifetime are those of a lost request, and there are no more such
    /// tokens than lost requests.
    Match,
    /// `token create` requested it and may have handed it out.
    HandedOut,
    /// A refresh made it, and a restored config file holds the token before it again.
    Superseded,
}
