//! What a run would do about a workspace, step by step, and why. No step is taken and nothing is
//! asked of a server: what only the server can tell is left open.
//!
//! A run decides by the same functions, so that it does what was said of it.

use super::journal::{PendingRevocation, Reason};
use super::pending::{Purpose, Rotation, Stage};
use super::ports::Target;
use super::{Moment, Pending, RefreshOptions, WorkspaceRef};
use crate::time::Timestamp;
use crate::token::{Due, Token, due};

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Looks for the token of a request that got no answer.
    Search { requested_at: Timestamp },
    /// Asks the server about the token of an interrupted refresh, and stores it if it is accepted.
    Finish { jti: Option<String>, why: Stage },
    /// Delivers a token, the current one by then, to these targets. `unnamed`: also to what was given
    /// for an earlier run alone, which this run has to be given again.
    Deliver { jti: Option<String>, targets: Vec<String>, why: WhyDeliver, unnamed: bool },
    /// Requests a token that replaces this one.
    Refresh { replaces: Option<String>, why: WhyRefresh },
    /// Revokes a token.
    Revoke { jti: String, why: Reason },
    /// Leaves something for later.
    Wait { jti: Option<String>, until: Option<Timestamp>, why: WhyWait },
}

/// Why a token is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyDeliver {
    /// It is new.
    New,
    /// An earlier run could not deliver it everywhere.
    LeftOver,
    /// A target has lost it: drifted, put back, or left behind by another program's refresh.
    Lacking,
}

/// Why a token is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyRefresh {
    /// Whatever its age.
    Asked,
    Due(Due),
}

impl WhyRefresh {
    /// For programs.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Asked => "as_asked",
            Self::Due(due) => due.code(),
        }
    }
}

/// Why something is left for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyWait {
    /// The token lasts long enough.
    NotDue,
    /// A replaced token is kept live for a while.
    Grace,
    /// The config file holds the token that was to be revoked.
    Held,
}

/// What a plan is made from: nothing that a server would have to be asked for.
#[derive(Clone, Copy)]
pub(crate) struct Outlook<'a> {
    pub(crate) pending: &'a Pending,
    /// The workspace's current token.
    pub(crate) current: Option<&'a Token>,
    /// Its targets, and the names of those that certainly do not hold the current token.
    pub(crate) targets: &'a [Target],
    pub(crate) lacking: &'a [String],
    pub(crate) now: &'a Moment,
}

/// Why a new token would be requested; `None` if the current one lasts long enough.
pub(crate) fn why_refresh(
    token: &Token,
    options: &RefreshOptions,
    now: Timestamp,
) -> Option<WhyRefresh> {
    let Some(within_s) = options.due_within_s else {
        return Some(WhyRefresh::Asked);
    };
    let due = due(token, within_s, now);
    due.is_due().then_some(WhyRefresh::Due(due))
}

/// Whether an undelivered token is itself so near its end that another one must follow. A run by hand
/// is about what is current: that it was asked for is no reason to leave the targets behind.
pub(super) fn must_be_followed(token: &Token, options: &RefreshOptions, now: Timestamp) -> bool {
    due(token, options.due_within_s.unwrap_or(0), now).is_due()
}

/// The targets that an old token's current successor has to be delivered to although nothing is open:
/// those that lack it, and the commands, which come after files.
pub(super) fn to_redeliver(targets: &[Target], lacking: &[String]) -> Vec<String> {
    let lacks = |target: &&Target| lacking.contains(&target.name);
    let lacks_file = targets.iter().any(|target| !target.is_command && lacks(&target));
    let those = targets.iter().filter(|t| lacks(t) || (t.is_command && lacks_file));
    those.map(|target| target.name.clone()).collect()
}

/// What a run of these options would do about a workspace.
pub(crate) fn plan(
    workspace: &WorkspaceRef,
    outlook: &Outlook,
    options: &RefreshOptions,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let creates = outlook.pending.creates.iter().filter(|c| c.workspace.is(workspace));
    steps.extend(creates.map(|create| Step::Search { requested_at: create.at }));
    let open = outlook.pending.rotation(workspace);
    let completes = open.is_some_and(|open| carry_on(open, outlook, options, &mut steps));
    for pending in outlook.pending.revocations.iter().filter(|p| p.workspace.is(workspace)) {
        steps.push(revocation(pending, outlook));
    }
    let current = open.filter(|open| !open.is_stored()).map(|open| &open.token).or(outlook.current);
    let Some(current) = current else {
        return steps;
    };
    if completes && !must_be_followed(current, options, outlook.now.ours) {
        return steps;
    }
    let Some(why) = why_refresh(current, options, outlook.now.ours) else {
        let targets = to_redeliver(outlook.targets, outlook.lacking);
        if !targets.is_empty() && open.is_none() {
            let (jti, why) = (current.jti.clone(), WhyDeliver::Lacking);
            steps.push(Step::Deliver { jti, targets, why, unnamed: false });
        }
        let within_s = options.due_within_s.map_or(0, super::moment::signed);
        let until = current.expiry.at().map(|end| end.plus_secs(-within_s));
        steps.push(Step::Wait { jti: current.jti.clone(), until, why: WhyWait::NotDue });
        return steps;
    };
    steps.push(Step::Refresh { replaces: current.jti.clone(), why });
    let targets: Vec<String> = outlook.targets.iter().map(|t| t.name.clone()).collect();
    if !targets.is_empty() {
        steps.push(Step::Deliver { jti: None, targets, why: WhyDeliver::New, unnamed: false });
    }
    steps.extend(current.jti.clone().map(|jti| replaced(jti, options.grace_s, outlook.now)));
    steps
}

/// The steps of an unfinished refresh; whether they stand for a refresh of this run.
fn carry_on(
    open: &Rotation,
    outlook: &Outlook,
    options: &RefreshOptions,
    steps: &mut Vec<Step>,
) -> bool {
    let jti = open.token.jti.clone();
    let is_current = outlook.current.is_some_and(|current| current.is_same(&open.token));
    if !(open.is_stored() && is_current) {
        steps.push(Step::Finish { jti: jti.clone(), why: open.stage });
    }
    let stored = Rotation { stage: Stage::Stored, ..open.clone() };
    let lacks = stored.lacks(outlook.targets, if is_current { outlook.lacking } else { &[] });
    let is_left = !lacks.is_none();
    if is_left {
        let why = if open.is_stored() { WhyDeliver::LeftOver } else { WhyDeliver::New };
        let unnamed = lacks.unnamed;
        steps.push(Step::Deliver { jti, targets: lacks.targets, why, unnamed });
    }
    let old = open.old.as_ref().and_then(|old| old.jti.clone());
    if open.purpose != Purpose::HandOut {
        let grace_s = options.grace_s.or(open.grace_s);
        let grace_s = grace_s.filter(|_| open.purpose == Purpose::Refresh);
        steps.extend(old.map(|jti| replaced(jti, grace_s, outlook.now)));
    }
    (is_left && open.purpose != Purpose::HandOut) || open.stage == Stage::Denied
}

/// What becomes of a replaced token.
fn replaced(jti: String, grace_s: Option<u64>, now: &Moment) -> Step {
    match grace_s {
        None => Step::Revoke { jti, why: Reason::Replaced },
        Some(grace_s) => {
            let until = Some(now.plausible().plus_secs(super::moment::signed(grace_s)));
            Step::Wait { jti: Some(jti), until, why: WhyWait::Grace }
        }
    }
}

fn revocation(pending: &PendingRevocation, outlook: &Outlook) -> Step {
    let PendingRevocation { jti, reason, .. } = pending;
    let is_held = outlook.current.is_some_and(|current| current.jti.as_ref() == Some(jti));
    if is_held && !reason.is_by_hand() {
        Step::Wait { jti: Some(jti.clone()), until: None, why: WhyWait::Held }
    } else if pending.is_due(outlook.now) {
        Step::Revoke { jti: jti.clone(), why: *reason }
    } else {
        Step::Wait { jti: Some(jti.clone()), until: pending.not_before, why: WhyWait::Grace }
    }
}
