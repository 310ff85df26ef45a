//! What a rotation sees of the world: a control plane, a store, and somebody to tell.
//! Two small traits, which is also how faults are injected.

use std::time::Duration;

use super::journal::{Pending, Record, Window, WorkspaceRef};
use crate::error::{Failure, Result};
use crate::secret::Secret;
use crate::store::{AppendError, ReplaceError};
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

/// The server, as far as a rotation needs it.
pub trait ControlPlane {
    /// Makes a token.
    ///
    /// # Errors
    /// [`Failure`] tells whether it may have been made.
    fn create(&self, workspace: &str, expiry: Expiry) -> std::result::Result<Token, Failure>;
    /// The live tokens of a workspace.
    ///
    /// # Errors
    /// [`Failure`].
    fn list(&self, workspace: &str) -> std::result::Result<Listing, Failure>;
    /// Revokes a token; one that is gone already counts as revoked.
    ///
    /// # Errors
    /// [`Failure`].
    fn revoke(&self, workspace: &str, jti: &str)
    -> std::result::Result<Option<Timestamp>, Failure>;
    /// Whether the server takes a workspace token.
    ///
    /// # Errors
    /// [`Failure`], when the server does not say.
    fn check(&self, token: &Secret) -> std::result::Result<bool, Failure>;
    /// How many seconds the server's clock is ahead of ours, by its last answer of this run.
    fn skew_s(&self) -> Option<i64>;
    /// How long a [`ControlPlane::create`] takes at the most, its retries and pauses included.
    fn longest_create(&self) -> Duration;
}

/// The live tokens of a workspace.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// All of them.
    pub tokens: Vec<Listed>,
}

/// One token of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub jti: String,
    /// When it was made, by the server's clock.
    pub created_at: Option<Timestamp>,
    /// When it ends; `None` when the list does not say.
    pub expires_at: Option<Timestamp>,
}

/// Whoever uses the token, as far as a rotation needs it.
pub trait HandOver {
    /// Hands the new token on. May be called again with the same token.
    ///
    /// # Errors
    /// Why it could not be done, for people.
    fn hand_over(
        &mut self,
        place: &WorkspaceRef,
        new: &Token,
        old: Option<&Token>,
    ) -> std::result::Result<(), String>;
}

/// The files, as far as a rotation needs them. Whoever has one holds the lock.
pub trait Store {
    /// What the journal adds up to.
    ///
    /// # Errors
    /// When it cannot be read, or holds what no journal of this version does.
    fn ledger(&mut self) -> Result<Pending>;
    /// Appends to the journal; with `durable` the records outlast a power cut.
    ///
    /// # Errors
    /// [`AppendError`] tells whether the records are certainly not there.
    fn append(&mut self, records: &[Record], durable: bool)
    -> std::result::Result<(), AppendError>;
    /// Takes the last append back, durably, without needing space on the disk.
    ///
    /// # Errors
    /// When the records may still be there.
    fn retract(&mut self) -> Result<()>;
    /// Ends the run: an empty ledger removes the journal, a long journal is shortened.
    ///
    /// # Errors
    /// When the journal is as it was.
    fn close(&mut self, ledger: &Pending) -> Result<()>;
    /// The workspace's current token, as the config file says now.
    ///
    /// # Errors
    /// When that file cannot be used.
    fn current(&mut self, key: &str) -> Result<Option<Token>>;
    /// Makes tokens the current ones in one durable, atomic step, under every key of the workspace
    /// that holds the old token. One whose workspace holds
    /// neither the old nor the new token any more is left out: somebody else was there first.
    /// Answers which were stored.
    ///
    /// # Errors
    /// [`ReplaceError`] tells whether the new tokens are in place.
    fn promote(&mut self, promotions: &[Promotion])
    -> std::result::Result<Vec<bool>, ReplaceError>;
    /// Finds out whether [`Store::promote`] could write.
    ///
    /// # Errors
    /// When it could not.
    fn probe(&mut self) -> Result<()>;
    /// Requests of killed runs that came to nothing so far, and may still come to something.
    fn late(&mut self) -> Vec<Window>;
    /// Remembers them, durably, in place of those before.
    ///
    /// # Errors
    /// When they may not be remembered.
    fn set_late(&mut self, late: &[Window]) -> Result<()>;
    /// Whether a token is known here and so no orphan: the config file holds it under whatever key
    /// of the workspace, or it was made to be handed out.
    fn knows(&mut self, workspace: &str, jti: &str) -> bool;
    /// Keeps a line of history. Never fails the work.
    fn note(&mut self, place: &WorkspaceRef, deed: &HistoryEvent);
    /// As [`Store::note`], unless there is such a line about this token already.
    fn note_once(&mut self, place: &WorkspaceRef, deed: &HistoryEvent);
}

/// One token that is to become its workspace's current one.
pub struct Promotion<'a> {
    /// The workspace.
    pub place: &'a WorkspaceRef,
    /// What it holds now.
    pub old: Option<&'a Token>,
    /// What it is to hold.
    pub new: &'a Token,
}

/// What history remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryEvent {
    /// A refresh: the new token is the current one.
    Refreshed {
        /// The new token's id.
        new: Option<String>,
        /// The old one's.
        old: Option<String>,
        /// When the new one ends.
        expires_at: Option<Timestamp>,
        /// Whether a later run finished what an earlier one began.
        recovered: bool,
    },
    /// A token was revoked.
    Revoked {
        /// Its id.
        jti: String,
    },
    /// A token that was replaced is left live for a while.
    Grace {
        /// Its id.
        jti: String,
        /// For how long, by the server's clock.
        until: Timestamp,
    },
    /// A token was made to be handed out.
    HandedOut {
        /// Its id.
        jti: Option<String>,
        /// When it ends.
        expires_at: Option<Timestamp>,
    },
    /// A live token was found that nobody holds.
    OrphanFound {
        /// Its id.
        jti: String,
    },
    /// A refresh failed after the server had been asked for a token.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What a rotation tells while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// What is being waited for.
    Progress(String),
    /// An interrupted refresh was finished: its token is the current one.
    Finished {
        /// Of which workspace.
        place: WorkspaceRef,
        /// The token's id.
        jti: Option<String>,
    },
    /// The token of an interrupted refresh is not needed and will be revoked.
    Abandoned {
        /// Of which workspace.
        place: WorkspaceRef,
        /// The token's id.
        jti: Option<String>,
    },
    /// A revocation that an earlier run owed is done.
    Revoked {
        /// Of which workspace.
        place: WorkspaceRef,
        /// The token's id.
        jti: String,
    },
    /// A revocation is still owed.
    StillLive {
        /// Of which workspace.
        place: WorkspaceRef,
        /// The token's id.
        jti: String,
        /// Why.
        reason: String,
    },
    /// A live token that nobody here holds.
    Orphan {
        /// Of which workspace.
        place: WorkspaceRef,
        /// The token's id.
        jti: String,
        /// Whether it was revoked.
        revoked: bool,
    },
    /// It could not be found out what became of an earlier request.
    Unsettled {
        /// Of which workspace.
        place: WorkspaceRef,
        /// Why.
        reason: String,
    },
}
