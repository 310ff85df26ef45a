//! The records of the journal. `replay.rs` adds them up.
//!
//! One JSON object per line. Fields are only added, each with a default: journals of older versions
//! can be read. An unknown record is refused, never skipped.

use std::collections::BTreeMap;
use std::ops::Not;

use serde::{Deserialize, Serialize};

use super::pending::{PendingCreate, Rotation};
use super::{Moment, WorkspaceRef};
use crate::context::{BootTime, Process};
use crate::error::{Error, Result};
use crate::time::Timestamp;
use crate::token::Token;

/// One line of the journal, written before or right after the step it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(clippy::large_enum_variant)] // few at a time, and boxes would only clutter
pub(crate) enum Record {
    /// A token is about to be requested. The workspace and `at` name the request.
    Creating(PendingCreate),
    /// The list was read and did not hold the token of that request; it may appear late.
    Searched(About<Request>),
    /// That request has ended: a token of it was created before `until`.
    Ended(About<End>),
    /// Written by older versions only: the request timed out.
    Unanswered { workspace: String, at: Timestamp },
    /// The outcome of that request is known.
    Closed(About<Request>),
    /// The token of that request. From here it cannot be lost.
    Created(Rotation),
    /// The server does not accept the new token yet: it is kept, the old one stays current.
    Unconfirmed(About),
    /// The new token is the workspace's current one.
    Promoted(About),
    /// Targets are about to get the new token, for the so many-th time; one of them by this command,
    /// which outlives a run that is killed.
    Delivering(About<Attempt>),
    /// One target has the new token.
    DeliveredTo(About<Served>),
    /// Written by older versions only: what that one was given for one run has the token.
    #[serde(rename = "handed_over")]
    Named(About),
    /// A rollback was undone: the token that it led away from is the current one, and goes to every
    /// target once more.
    #[serde(rename = "turned_back")]
    RollbackUndone(About),
    /// The refresh needs nothing more; what it leaves pending has records of its own.
    Done(About),
    /// A token must be revoked.
    #[serde(rename = "owed")]
    PendingRevocation(PendingRevocation),
    /// A token was handed out by `token create` and is about to be printed.
    HandingOut {
        #[serde(rename = "place")]
        workspace: WorkspaceRef,
        at: Timestamp,
        jti: String,
    },
    /// A live token that may be the result of a request whose answer was lost.
    Orphan(Orphan),
    /// Nothing more has to be done about this token: it was revoked, or handed out.
    Gone(About<TokenId>),
    /// The requested revocation of this token was certainly refused: other pending work about it
    /// stays.
    Withdrawn(About<TokenId>),
    /// The user dismissed this token. It may be live.
    Dismissed(About<TokenId>),
    /// The workspace was deleted, and with it everything that was pending for it.
    Forgotten(About),
    /// Written by older versions only: a workspace is about to be created; a token may come with it.
    CreatingWorkspace {
        name: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        server: String,
        at: Timestamp,
        until: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        boot: Option<BootTime>,
    },
}

/// What a record is about: a workspace, by its UUID and its server, and what there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About<T = ()> {
    pub(crate) workspace: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) server: String,
    #[serde(flatten)]
    pub(crate) what: T,
}

/// A request for a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenId {
    pub(crate) jti: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) process: Option<Process>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) target: String,
}

/// A token that must be revoked. Its id is kept, and its text only as long as a rollback to it is
/// promised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingRevocation {
    #[serde(rename = "place")]
    pub(crate) workspace: WorkspaceRef,
    pub(crate) jti: String,
    /// Not before this moment, by the server's clock; at once if absent.
    pub(crate) not_before: Option<Timestamp>,
    /// The promised grace, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grace_s: Option<u64>,
    /// The token that replaced it: if a restored config file holds the old one again, nothing else
    /// names the replacement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) successor: Option<String>,
    /// When it became pending, by our clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) boot: Option<BootTime>,
    #[serde(flatten)]
    pub(crate) reason: Reason,
    /// The token itself, while its grace runs: `token rollback` makes it the current one again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Token>,
    /// Written by older versions only: targets that were given to one run alone have its successor.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub(crate) own_targets: bool,
}

impl PendingRevocation {
    /// One that is due, and pending from now on.
    pub(super) fn new(workspace: &WorkspaceRef, jti: &str, reason: Reason, now: &Moment) -> Self {
        Self {
            workspace: workspace.clone(),
            jti: jti.to_owned(),
            since: Some(now.ours),
            boot: now.boot.clone(),
            reason,
            ..Self::default()
        }
    }
}

/// Why a token must be revoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Flags", into = "Flags")]
pub(crate) enum Reason {
    /// Another one replaced it. If the config file holds it again, it stays.
    #[default]
    Replaced,
    /// The same, but that one lacks a right: it stays live until the user accepts that.
    LosesScope,
    /// It was just created and is not needed.
    NotNeeded,
    /// The user asked for it: it is revoked even if the config file holds it.
    ByHand { is_new: bool },
}

impl Reason {
    pub(crate) fn is_by_hand(self) -> bool {
        matches!(self, Self::ByHand { .. })
    }

    pub(crate) fn is_replaced(self) -> bool {
        matches!(self, Self::Replaced | Self::LosesScope)
    }

    /// Whether it was just created: until the news of it has reached every part of the server, a list
    /// without it proves nothing.
    pub(super) fn is_new(self) -> bool {
        matches!(self, Self::NotNeeded | Self::ByHand { is_new: true })
    }
}

/// How a reason stands in the journal.
#[derive(Serialize, Deserialize)]
struct Flags {
    #[serde(default, skip_serializing_if = "Not::not")]
    is_new: bool,
    #[serde(default, skip_serializing_if = "Not::not")]
    by_hand: bool,
    #[serde(default, skip_serializing_if = "Not::not")]
    loses_scope: bool,
}

impl From<Flags> for Reason {
    fn from(Flags { is_new, by_hand, loses_scope }: Flags) -> Self {
        match (by_hand, is_new, loses_scope) {
            (true, is_new, _) => Self::ByHand { is_new },
            (_, true, _) => Self::NotNeeded,
            (.., true) => Self::LosesScope,
            _ => Self::Replaced,
        }
    }
}

impl From<Reason> for Flags {
    fn from(reason: Reason) -> Self {
        let loses_scope = reason == Reason::LosesScope;
        Self { is_new: reason.is_new(), by_hand: reason.is_by_hand(), loses_scope }
    }
}

/// A live token that is not stored here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Orphan {
    #[serde(rename = "place")]
    pub(crate) workspace: WorkspaceRef,
    pub(crate) jti: String,
    /// When it was created, by the server's clock.
    #[serde(rename = "born")]
    pub(crate) created_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) origin: Origin,
}

impl Orphan {
    /// A token that was current and is not any more.
    pub(super) fn superseded(workspace: &WorkspaceRef, jti: String) -> Self {
        let (workspace, origin) = (workspace.clone(), Origin::Superseded);
        Self { workspace, jti, created_at: None, origin }
    }
}

/// Live tokens that nothing here holds, by their ids, since a server may list very many.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orphans(BTreeMap<String, Vec<Orphan>>);

impl Orphans {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Orphan> {
        self.0.values().flatten()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(super) fn with_id(&self, jti: &str) -> impl Iterator<Item = &Orphan> {
        self.0.get(jti).into_iter().flatten()
    }

    pub(super) fn add(&mut self, orphan: Orphan) {
        self.remove(&orphan.workspace.token(&orphan.jti));
        self.0.entry(orphan.jti.clone()).or_default().push(orphan);
    }

    pub(super) fn remove(&mut self, about: &About<TokenId>) {
        if let Some(all) = self.0.get_mut(&about.what.jti) {
            all.retain(|orphan| !orphan.workspace.is_of(about));
        }
    }

    pub(super) fn retain(&mut self, is_left: impl Fn(&Orphan) -> bool) {
        self.0.values_mut().for_each(|all| all.retain(&is_left));
    }
}

/// The origin of an orphan, as far as the evidence goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// The record on a line of a journal.
pub(super) fn record(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(line).ok()
}

/// Formats records as the lines of a journal.
///
/// # Errors
/// None in practice: a record always has a JSON form.
pub(crate) fn lines(records: &[Record]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for record in records {
        let written = serde_json::to_writer(&mut lines, record);
        written
            .map_err(|e| Error::write_file("lay out", "a journal record".as_ref(), &e.into()))?;
        lines.push(b'\n');
    }
    Ok(lines)
}
