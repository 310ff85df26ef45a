//! The ports of a rotation: a control plane, a store, and the targets of a delivery.
//! Small traits, which also let the simulation inject faults.

use std::collections::BTreeSet;
use std::time::Duration;

use super::journal::Record;
use super::{Pending, Rotation, WorkspaceRef};
use crate::context::Process;
use crate::error::{Failure, Result};
use crate::secret::Secret;
use crate::store::Written;
use crate::text::set_of;
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};

/// The result of a call.
pub(crate) type Answer<T> = std::result::Result<T, Failure>;

/// The server. [`Failure`] tells for each call whether it may have been carried out.
pub(crate) trait ControlPlane {
    /// The base URL of its management API, which identifies its pending work.
    fn server(&self) -> &str;
    /// Requests a token, once. Sent again only if it was certainly not sent. An empty scope leaves
    /// the choice to the server.
    fn create(&self, workspace: &str, expiry: Expiry, scope: &[String]) -> Answer<Token>;
    /// The live tokens of a workspace.
    fn list(&self, workspace: &str) -> Answer<TokenList>;
    /// Revokes a token. Only a 2xx that is an answer of this API is a success.
    fn revoke(&self, workspace: &str, jti: &str) -> Answer<Option<Timestamp>>;
    /// Whether the server accepts a workspace token.
    fn check(&self, token: &Secret) -> Answer<Acceptance>;
    /// All workspaces of the account: id and name. A list that is not whole is a failure.
    fn workspaces(&self) -> Answer<Vec<(String, String)>>;
    /// Creates a workspace, which may come with a first token. Sent once.
    fn create_workspace(&self, name: &str, description: Option<&str>) -> Answer<NewWorkspace>;
    /// Deletes a workspace and its tokens.
    fn delete_workspace(&self, workspace: &str) -> Answer<()>;
    /// How many seconds the server's clock is ahead of ours, by its last answer of this run.
    fn skew_s(&self) -> Option<i64>;
    /// How long a [`ControlPlane::create`] takes at most.
    fn longest_create(&self) -> Duration;
    /// Waits after the given attempt (from 1), as long as the server asked for, if it did. `false`
    /// if there must be no further one: too many attempts, or too long a wait for this run.
    fn back_off(&self, retry_after: Option<Duration>, attempt: u32) -> bool;
}

/// What the server says of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acceptance {
    Accepted,
    Denied,
    /// A 2xx that is not an answer of this API.
    Unclear,
}

/// The live tokens of a workspace, as far as the server has listed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenList {
    pub(crate) tokens: Vec<ListedToken>,
    ids: BTreeSet<String>,
    /// Whether nothing says that there are more: only such a list proves that a token is gone.
    pub(crate) whole: bool,
}

impl TokenList {
    pub(crate) fn new(tokens: Vec<ListedToken>, whole: bool) -> Self {
        let ids = set_of(tokens.iter().map(|token| token.jti.clone()));
        Self { tokens, ids, whole }
    }

    pub(crate) fn has(&self, jti: &str) -> bool {
        self.ids.contains(jti)
    }

    /// Whether it proves that a token is not live.
    pub(crate) fn lacks(&self, jti: &str) -> bool {
        self.whole && !self.has(jti)
    }
}

/// A live token as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedToken {
    pub(crate) jti: String,
    /// By the clock of the part of the server that created it.
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) expiry: TokenExpiry,
}

/// A workspace that was just created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewWorkspace {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) token: Option<Token>,
}

/// Something that must get a workspace's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// What the journal remembers it by.
    pub(crate) name: String,
    /// It may build on what was delivered before it.
    pub(crate) is_command: bool,
}

/// What a target gets.
pub(crate) struct Delivery<'a> {
    pub(crate) workspace: &'a WorkspaceRef,
    pub(crate) new: &'a Token,
    pub(crate) old: Option<&'a Token>,
    /// From 1; a higher one may be a repetition.
    pub(crate) attempt: u32,
}

/// What uses the tokens.
pub(crate) trait Deliver {
    /// The targets of a workspace in their order: files first, then commands.
    fn targets(&self, workspace: &WorkspaceRef) -> Vec<Target>;
    /// The names of the workspace's targets that do not hold the token now, as far as that can be looked at,
    /// or never got one.
    fn lacking(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<String>;
    /// Delivers to one target, perhaps once more. A command does nothing before `journal` has taken its
    /// process. The error names the target and says why not.
    fn deliver(
        &mut self,
        target: &Target,
        delivery: &Delivery,
        journal: &mut dyn FnMut(Process),
    ) -> std::result::Result<(), String>;
}

/// The config folder, locked.
pub(crate) trait Store {
    /// What the journal adds up to.
    fn pending(&mut self) -> Result<Pending>;
    /// Appends to the journal; with `durable` the records outlast a power cut.
    /// [`Written`] tells whether they are certainly not there.
    fn append(&mut self, records: &[Record], durable: bool) -> Written<()>;
    /// Finds out whether this run alone writes to the journal: some file systems lock nothing.
    fn check_alone(&mut self) -> Result<()>;
    /// Finds out whether this state still counts: of machines that share one, another may have replaced it.
    fn check_latest(&mut self) -> Result<()>;
    /// Whether the state that counts has a token that was not to be written there, as far as that can be known:
    /// what refused it may have taken it before.
    fn is_elsewhere(&mut self, jti: &str) -> bool;
    /// Takes the last append back, durably, without needing space on the disk.
    fn retract(&mut self) -> Result<()>;
    /// Ends the run: removes an empty journal, shortens a long one or one with spent tokens.
    fn close(&mut self, pending: &Pending) -> Result<()>;
    /// The workspace's current token, as the config file says now.
    fn current(&mut self, workspace: &WorkspaceRef) -> Result<Option<Token>>;
    /// Makes tokens the current ones in one durable, atomic step, under every key of the workspace
    /// that holds the old token. A workspace that no longer holds either token is left out: another
    /// program was faster. Returns which were stored; [`Written`] tells whether the new tokens
    /// are in place.
    fn promote(&mut self, ready: &[Rotation]) -> Written<Vec<bool>>;
    /// Puts a new workspace into the config file.
    fn put_workspace(&mut self, workspace: &WorkspaceRef, select: bool) -> Result<()>;
    /// Removes a token from the config file; returns whether it was there.
    fn clear_token(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<bool>;
    /// Removes a workspace from the config file.
    fn remove_workspace(&mut self, workspace: &WorkspaceRef) -> Result<()>;
    /// The key that the config file has for a workspace with that UUID.
    fn key_of(&mut self, id: &str) -> Option<String>;
    /// Finds out whether the config file could be written.
    fn probe(&mut self) -> Result<()>;
    /// Whether the config file holds the token, under any key of the workspace.
    fn holds(&mut self, workspace: &WorkspaceRef, jti: &str) -> Result<bool>;
    /// The tokens that replaced this one, according to the history.
    fn successors_of(&mut self, jti: &str) -> Vec<String>;
    /// Whether the history names the token, so that it is not an orphan.
    fn has_history_of(&mut self, jti: &str) -> bool;
    /// The server that made a token, if that was noted.
    fn maker_of(&self, jti: &str) -> Option<String>;
    /// The last token that was made here and current, and of whose end nothing is known, if another
    /// program has stored the current one in its place.
    fn displaced_by(&self, workspace: &WorkspaceRef, current: &Token) -> Option<String>;
    /// The targets that are remembered with a workspace.
    fn targets_of(&mut self, workspace: &WorkspaceRef) -> Result<Vec<Target>>;
    /// Adds a line to the history; with `once` unless there is such a line about this token already.
    /// Never fails the work.
    fn note(&mut self, workspace: &WorkspaceRef, event: &HistoryEvent, once: bool);
}

/// The events in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HistoryEvent {
    /// Whether a later run finished it (`recovered`).
    Refreshed { new: Token, old: Option<Token>, recovered: bool },
    /// It is not live any more, as is proven.
    Revoked(String),
    /// A replaced token is kept live until then, by the server's clock.
    Grace { jti: String, until: Timestamp },
    /// A target has the token.
    Delivered { token: Token, target: String },
    /// A token that was current before is the current one again.
    RolledBack { to: Token, from: Option<Token> },
    /// Created by `token create`.
    HandedOut(Token),
    /// A lost request may have made it.
    OrphanFound(String),
    /// The user dismissed it; it may be live.
    Dismissed(String),
    /// A refresh failed after the server had been asked for a token.
    Failed { reason: String },
}

impl HistoryEvent {
    /// Whether its line must be on the disk before the next step: without it, a token that was handed
    /// out could be mistaken for an orphan.
    pub(crate) fn must_last(&self) -> bool {
        matches!(self, Self::HandedOut(_))
    }
}

/// What a rotation reports while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// What it is waiting for.
    Progress(String),
    /// An interrupted refresh was finished: its token is the current one.
    Finished { workspace: WorkspaceRef, jti: Option<String> },
    /// The token of an interrupted refresh is not needed and will be revoked.
    Discarded { workspace: WorkspaceRef, jti: Option<String> },
    /// A target has the new token, or why not.
    Delivery { workspace: WorkspaceRef, target: String, failed: Option<String> },
    /// A pending revocation is done.
    Revoked { workspace: WorkspaceRef, jti: String },
    /// A revocation stays pending.
    StillLive { workspace: WorkspaceRef, jti: String, reason: String },
    /// The token before the current one stays live: it was not a refresh.
    KeptLive { workspace: WorkspaceRef, jti: String },
    /// A token that was to be revoked is the current one again: the config file was restored.
    Restored { workspace: WorkspaceRef, jti: String },
    /// A live token that is not stored here.
    Orphan { orphan: super::Orphan, revoked: bool },
    /// The outcome of an earlier request could not be found out.
    Unsettled { workspace: WorkspaceRef, reason: String },
    /// A workspace whose creation got no answer exists.
    WorkspaceFound { workspace: WorkspaceRef },
    /// Work is pending at another server.
    OtherServer { workspace: WorkspaceRef },
}
