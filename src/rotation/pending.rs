//! The pending work.

use std::collections::VecDeque;
use std::ops::Not;

use serde::{Deserialize, Serialize};

use super::WorkspaceRef;
use super::journal::{About, Origin, Orphans, PendingRevocation, TokenId};
use super::moment::{Moment, SETTLE_S};
use super::ports::Target;
use crate::context::{BootTime, Process};
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

/// A request for a token whose outcome is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // each is a record of its own, or asked for with it
pub(crate) struct PendingCreate {
    /// Without an id if the workspace itself is being created.
    #[serde(rename = "place")]
    pub(crate) workspace: WorkspaceRef,
    /// When it was sent, and the latest time by which it was given up; by our clock.
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) boot: Option<BootTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiry: Option<Expiry>,
    /// By `token create`, to be handed out: never revoked as an orphan unasked.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub(crate) to_hand_out: bool,
    /// No other request asked for that lifetime.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub(crate) unique: bool,
    /// A list that was read since did not contain its token.
    #[serde(skip)]
    pub(crate) searched: bool,
}

impl PendingCreate {
    pub(crate) fn new(
        workspace: WorkspaceRef,
        at: Timestamp,
        until: Timestamp,
        boot: Option<BootTime>,
    ) -> Self {
        Self { workspace, at, until, boot, ..Self::default() }
    }

    /// How many seconds ago it was sent.
    pub(crate) fn age_s(&self, now: &Moment) -> i64 {
        now.since(self.at, self.boot.as_ref())
    }

    /// How long it may have taken, seconds.
    pub(crate) fn longest_s(&self) -> i64 {
        self.until.secs() - self.at.secs()
    }

    /// Whether its token would be in the list by now. After a boot the uptime tells too: our clock may have
    /// been wrong before. A request from the near future is of a machine whose clock is ahead; one from far
    /// away was sent before our clock was set back.
    pub(crate) fn is_settled(&self, now: &Moment) -> bool {
        let settled_s = self.longest_s() + SETTLE_S;
        let up_s = now.uptime_after(self.boot.as_ref());
        up_s.is_none_or(|up_s| up_s > settled_s) && self.age_s(now).abs() > settled_s
    }
}

/// What a token on its way is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PurposeFlags", into = "PurposeFlags")]
pub(crate) enum Purpose {
    /// It replaces the old token, which is revoked.
    #[default]
    Refresh,
    /// `token create`: the old token, if any, stays live.
    HandOut,
    /// It was current before `old`, and replaces it again. A revocation of it that was put off stays
    /// pending until it is stored.
    Rollback,
}

/// How a purpose stands in the journal.
#[derive(Serialize, Deserialize)]
struct PurposeFlags {
    #[serde(default, skip_serializing_if = "Not::not")]
    keep_old: bool,
    #[serde(default, skip_serializing_if = "Not::not")]
    rollback: bool,
}

impl From<PurposeFlags> for Purpose {
    fn from(flags: PurposeFlags) -> Self {
        match (flags.keep_old, flags.rollback) {
            (true, _) => Self::HandOut,
            (_, true) => Self::Rollback,
            _ => Self::Refresh,
        }
    }
}

impl From<Purpose> for PurposeFlags {
    fn from(purpose: Purpose) -> Self {
        Self { keep_old: purpose == Purpose::HandOut, rollback: purpose == Purpose::Rollback }
    }
}

/// How far a token has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is in the journal only.
    #[default]
    Kept,
    /// The same, and the server has denied it once.
    Denied,
    /// It is in the config file.
    Stored,
}

/// A token on its way from the journal to the config file and the targets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    #[serde(rename = "place")]
    pub(crate) workspace: WorkspaceRef,
    /// When it was requested.
    pub(crate) at: Timestamp,
    pub(crate) token: Token,
    /// The token that it replaces.
    pub(crate) old: Option<Token>,
    /// Written by older versions only: what uses it besides the remembered targets is unknown, so the
    /// old token is left to the user.
    #[serde(rename = "hand_over")]
    pub(crate) to_unknown: bool,
    /// For how many seconds the old token stays live.
    pub(crate) grace_s: Option<u64>,
    #[serde(flatten)]
    pub(crate) purpose: Purpose,
    /// This and what follows has records of its own.
    #[serde(skip)]
    pub(crate) stage: Stage,
    /// How many times targets were about to get it.
    #[serde(skip)]
    pub(crate) attempts: u32,
    /// The targets that have it.
    #[serde(skip)]
    pub(crate) delivered: Vec<String>,
    /// The refresh that made `old`, if that was not delivered everywhere: goes on if this one is
    /// given up.
    #[serde(skip)]
    pub(crate) before: Option<Box<Rotation>>,
    /// Whether something must get it before the old one is revoked: for reports, since the journal does
    /// not name the targets.
    #[serde(skip)]
    pub(crate) awaits_delivery: bool,
}

impl Rotation {
    pub(crate) fn new(
        workspace: &WorkspaceRef,
        at: Timestamp,
        token: Token,
        old: Option<Token>,
        purpose: Purpose,
    ) -> Self {
        Self { workspace: workspace.clone(), at, token, old, purpose, ..Self::default() }
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.stage == Stage::Stored
    }

    /// Every token that it is about.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &Token> {
        let before = self.before.as_ref().and_then(|before| before.old.as_ref());
        [Some(&self.token), self.old.as_ref(), before].into_iter().flatten()
    }

    /// Which of these targets have still to get the token, where `lacking` do not hold it now. A command
    /// runs once more when a file, or a command before it, has got the token later: it may build on that.
    pub(crate) fn lacks(&self, targets: &[Target], lacking: &[String]) -> Vec<String> {
        if !self.is_stored() {
            return Vec::new();
        }
        let at = |target: &Target| self.delivered.iter().position(|name| *name == target.name);
        let files = targets.iter().filter(|target| !target.is_command);
        let mut last = files.filter_map(at).max();
        let mut names = Vec::new();
        for target in targets {
            let is_late = target.is_command && at(target) < last;
            if at(target).is_none() || is_late || lacking.contains(&target.name) {
                names.push(target.name.clone());
            }
            last = last.max(at(target));
        }
        names
    }
}

/// All pending work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    pub(crate) creates: Vec<PendingCreate>,
    /// In the order in which they began, in which they are done: of thousands, the next one is in front.
    pub(crate) rotations: VecDeque<Rotation>,
    pub(crate) revocations: VecDeque<PendingRevocation>,
    pub(crate) orphans: Orphans,
    /// The tokens that the user dismissed: they count while a request is open that they could come from.
    pub(super) dismissed: Vec<About<TokenId>>,
    /// How many records have led to this: fewer may add up to the same.
    pub(crate) applied: usize,
    /// The command that was last started to deliver a token. It may run still.
    pub(crate) running: Option<Process>,
}

impl Pending {
    /// Whether nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_work() && self.orphans.is_empty()
    }

    /// Whether there is work for a later run, due or not. Orphans are the user's to decide.
    pub(crate) fn has_work(&self) -> bool {
        !(self.creates.is_empty() && self.rotations.is_empty() && self.revocations.is_empty())
    }

    /// Whether anything is pending for a workspace.
    pub(crate) fn concerns(&self, workspace: &WorkspaceRef) -> bool {
        self.workspaces().any(|other| other.is(workspace))
    }

    /// Whether a token is certainly that of a lost request, and still to be revoked.
    pub(crate) fn is_certain_orphan(&self, workspace: &WorkspaceRef, jti: &str) -> bool {
        let mut orphans = self.orphans.with_id(jti).filter(|o| o.workspace.is(workspace));
        orphans.any(|o| o.origin == Origin::Match)
    }

    /// The pending work that is due: unfinished refreshes, requests that were not searched for since
    /// or whose time is over, revocations whose time has come. Work that waits for the user, or for a
    /// moment, is not due.
    pub(crate) fn due(&self, now: &Moment) -> Self {
        let mut due = self.clone();
        due.creates.retain(|c| !c.searched || c.is_settled(now));
        due.revocations.retain(|p| p.is_due(now));
        due.orphans = Orphans::default();
        due
    }

    /// The workspaces of everything pending; one may come several times.
    pub(crate) fn workspaces(&self) -> impl Iterator<Item = &WorkspaceRef> {
        let creates = self.creates.iter().map(|c| &c.workspace);
        let rotations = self.rotations.iter().map(|r| &r.workspace);
        let revocations = self.revocations.iter().map(|p| &p.workspace);
        let orphans = self.orphans.iter().map(|o| &o.workspace);
        creates.chain(rotations).chain(revocations).chain(orphans)
    }

    /// The tokens that must be revoked, and those that nothing holds.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&WorkspaceRef, &String)> {
        let revocations = self.revocations.iter().map(|p| (&p.workspace, &p.jti));
        revocations.chain(self.orphans.iter().map(|o| (&o.workspace, &o.jti)))
    }

    /// A server that pending work belongs to and that is not this one.
    pub(crate) fn other_server(&self, here: &str) -> Option<&str> {
        self.workspaces().find(|w| !w.is_on(here)).map(|w| w.server.as_str())
    }

    /// The unfinished refresh of a workspace.
    pub(crate) fn rotation(&self, workspace: &WorkspaceRef) -> Option<&Rotation> {
        self.rotations.iter().find(|r| r.workspace.is(workspace))
    }

    /// Whether the journal knows a token, so that it is not found as an orphan again.
    pub(crate) fn knows(&self, workspace: &WorkspaceRef, jti: &str) -> bool {
        let is = |token: &Token| token.jti.as_deref() == Some(jti);
        self.rotations.iter().any(|r| r.tokens().any(is))
            || self.revocations.iter().any(|p| p.jti == jti)
            || self.orphans.with_id(jti).next().is_some()
            || self.open_dismissed().any(|it| it.what.jti == jti && workspace.is_of(it))
    }

    pub(super) fn open_dismissed(&self) -> impl Iterator<Item = &About<TokenId>> {
        let is_open = |it: &&About<_>| self.creates.iter().any(|c| c.workspace.is_of(it));
        self.dismissed.iter().filter(is_open)
    }
}
