//! What a run would do about a workspace, step by step, and why. No step is taken and nothing is
//! asked of a server: a step that hangs on its answer is marked [`Certainty::Open`].

use Certainty::{Certain, IfAccepted, Open};

use super::journal::{Origin, PendingRevocation, Reason};
use super::pending::{Purpose, Rotation, Stage};
use super::ports::Target;
use super::refresh::{must_be_followed, why_refresh};
use super::{Moment, Pending, RefreshOptions, WorkspaceRef};
use crate::time::Timestamp;
use crate::token::{Due, Token};

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Looks for the token of a request that got no answer.
    Search { requested_at: Timestamp },
    /// Asks the server about the token of an interrupted refresh, and stores it if it is accepted.
    Finish { jti: Option<String> },
    /// Delivers the token that is the current one by then to these targets.
    Deliver { targets: Vec<String>, why: WhyDeliver },
    /// Requests a token that replaces this one.
    Refresh { replaces: Option<String>, why: Due },
    /// Revokes a token.
    Revoke { jti: String },
    /// Leaves the current token alone, which lasts long enough.
    NotDue { jti: Option<String>, until: Option<Timestamp> },
    /// Leaves a replaced token live: for a while, or because the config file holds it again.
    Keep { jti: String, until: Option<Timestamp>, is_held: bool },
}

/// A step, and what it hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) step: Step,
    pub(crate) certainty: Certainty,
}

/// What a step hangs on, beside a server that answers and has the workspace, and targets that can be
/// served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// Nothing.
    Certain,
    /// The new token is accepted.
    IfAccepted,
    /// What the server says of an earlier run's token, or that a delivery fails.
    Open,
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

/// What a run of these options would do about a workspace.
pub(crate) fn plan(
    workspace: &WorkspaceRef,
    outlook: &Outlook,
    options: &RefreshOptions,
) -> Vec<Planned> {
    let mut plan = Plan { workspace, outlook, options, steps: Vec::new() };
    let creates = outlook.pending.creates.iter().filter(|c| c.workspace.is(workspace));
    for create in creates {
        plan.add(Step::Search { requested_at: create.at }, Certain);
    }
    let open = outlook.pending.rotation(workspace);
    let (currents, then) = match open {
        Some(open) => plan.carry_on(open),
        None => (outlook.current.into_iter().collect(), Some(Certain)),
    };
    let is_removed = plan.revoke_due(open);
    let then = if is_removed { then.and(open).map(|_| Open) } else { then };
    // Without a token in the config file, what is pending is all that is done.
    if let Some(then) = then.filter(|_| outlook.current.is_some()) {
        plan.refresh(&currents, then);
    }
    plan.steps
}

struct Plan<'a> {
    workspace: &'a WorkspaceRef,
    outlook: &'a Outlook<'a>,
    options: &'a RefreshOptions,
    steps: Vec<Planned>,
}

impl<'a> Plan<'a> {
    fn add(&mut self, step: Step, certainty: Certainty) {
        self.steps.push(Planned { step, certainty });
    }

    /// The steps of an unfinished refresh; which token may be current then, and whether a run goes on
    /// to refresh it.
    fn carry_on(&mut self, open: &'a Rotation) -> (Vec<&'a Token>, Option<Certainty>) {
        let Outlook { current, targets, lacking, now, .. } = *self.outlook;
        let token = &open.token;
        let finish = Step::Finish { jti: token.jti.clone() };
        if current.is_some_and(|current| current.is_same(token)) {
            if !open.is_stored() {
                self.add(finish, Certain); // in place, but perhaps not durable
            }
            let left = Rotation { stage: Stage::Stored, ..open.clone() }.lacks(targets, lacking);
            let why = if open.is_stored() { WhyDeliver::LeftOver } else { WhyDeliver::New };
            self.deliver(&left, why, Certain);
            self.replaced(open, Certain);
            let is_over = !left.is_empty() && open.purpose != Purpose::HandOut;
            let is_followed = must_be_followed(token, self.options, now.ours).then_some(Open);
            return (vec![token], if is_over { is_followed } else { Some(Certain) });
        }
        // Which of the tokens counts, the server says.
        self.add(finish, Open);
        self.deliver(&self.all(), WhyDeliver::New, Open);
        self.replaced(open, Open);
        if let Some(earlier) = &open.before {
            self.replaced(earlier, Open);
        }
        if let Some(jti) = token.jti.clone() {
            self.add(Step::Revoke { jti }, Open);
        }
        (current.into_iter().chain([token]).collect(), Some(Open))
    }

    fn all(&self) -> Vec<String> {
        self.outlook.targets.iter().map(|target| target.name.clone()).collect()
    }

    fn deliver(&mut self, names: &[String], why: WhyDeliver, certainty: Certainty) {
        let targets = with_followers(self.outlook.targets, names);
        // Without a token here, the targets are left to a run that has one.
        if !targets.is_empty() && self.outlook.current.is_some() {
            self.add(Step::Deliver { targets, why }, certainty);
        }
    }

    /// What becomes of the token that an unfinished refresh replaces.
    fn replaced(&mut self, open: &Rotation, certainty: Certainty) {
        if let Some(pending) = open.revocation(self.options, self.outlook.now) {
            self.retire(&pending, certainty);
        }
    }

    /// Revokes a token, which it answers, or leaves it for later.
    fn retire(&mut self, pending: &PendingRevocation, certainty: Certainty) -> bool {
        let PendingRevocation { jti, reason, not_before, .. } = pending;
        let is_due = pending.is_due(self.outlook.now);
        let loses_scope = *reason == Reason::LosesScope && !self.options.accept_scope;
        let is_revoked =
            if is_due { !loses_scope } else { pending.needs_server_time(self.outlook.now) };
        let (jti, until, is_held) = (jti.clone(), *not_before, false);
        let keep = Step::Keep { jti: jti.clone(), until, is_held };
        self.add(if is_revoked { Step::Revoke { jti } } else { keep }, certainty);
        is_revoked
    }

    /// The revocations that are pending; whether one takes the current token out of the config file.
    fn revoke_due(&mut self, open: Option<&Rotation>) -> bool {
        let workspace = self.workspace;
        let Outlook { pending, current, lacking, now, .. } = *self.outlook;
        let is_current = |open: &Rotation| current.is_some_and(|token| token.is_same(&open.token));
        let is_unsure = open.is_some_and(|open| !is_current(open));
        let (mut is_used, mut is_removed) = (false, false);
        for pending in pending.revocations.iter().filter(|p| p.workspace.is(workspace)) {
            let PendingRevocation { jti, reason, not_before, .. } = pending;
            let is = |token: &Token| token.jti.as_ref() == Some(jti);
            is_removed |= reason.is_by_hand() && current.is_some_and(is);
            let is_open = is_unsure || pending.needs_server_time(now);
            let certainty = if is_open { Open } else { Certain };
            if current.is_some_and(is) && !reason.is_by_hand() && certainty == Certain {
                let keep = Step::Keep { jti: jti.clone(), until: *not_before, is_held: true };
                self.add(keep, Certain);
            } else {
                is_used |= self.retire(pending, certainty) && !reason.is_by_hand();
            }
        }
        // What holds an earlier token gets the current one before that is revoked.
        if is_used && open.is_none() {
            self.deliver(lacking, WhyDeliver::Lacking, Certain);
        }
        let orphans = pending.orphans.iter().filter(|o| o.workspace.is(workspace));
        for orphan in orphans.filter(|o| self.options.revoke_orphans && o.origin == Origin::Match) {
            self.add(Step::Revoke { jti: orphan.jti.clone() }, Open);
        }
        is_removed
    }

    /// A new token in place of the one that is current by then, or why there is none.
    fn refresh(&mut self, currents: &[&Token], certainty: Certainty) {
        let now = self.outlook.now;
        let mut due = currents
            .iter()
            .filter_map(|current| Some((*current, why_refresh(current, self.options, now.ours)?)));
        let Some((replaced, why)) = due.next() else {
            // The current one lasts long enough; what has lost it gets it again.
            let Some(current) = currents.first() else { return };
            let is_delivered = |planned: &Planned| matches!(planned.step, Step::Deliver { .. });
            if !self.steps.iter().any(is_delivered) {
                self.deliver(self.outlook.lacking, WhyDeliver::Lacking, certainty);
            }
            let within_s = self.options.due_within_s.map_or(0, super::moment::signed);
            let until = current.expiry.at().map(|end| end.plus_secs(-within_s));
            return self.add(Step::NotDue { jti: current.jti.clone(), until }, certainty);
        };
        let is_one = certainty == Certain && currents.len() == 1;
        let (certainty, then) = if is_one { (Certain, IfAccepted) } else { (Open, Open) };
        self.add(Step::Refresh { replaces: replaced.jti.clone(), why }, certainty);
        self.deliver(&self.all(), WhyDeliver::New, then);
        for current in currents {
            // The new token may lack a right.
            let is_sure = self.options.accept_scope || current.scope.is_empty();
            let grace_s = self.options.grace_s;
            if let Some(old) = PendingRevocation::of_old(self.workspace, current, grace_s, now) {
                self.retire(&old, if is_sure { then } else { Open });
            }
        }
    }
}

/// These targets in their order, and the commands that come after one of them: they may build on it.
pub(crate) fn with_followers(targets: &[Target], names: &[String]) -> Vec<String> {
    let mut has_changed = false;
    let mut all = Vec::new();
    for target in targets {
        if names.contains(&target.name) || (target.is_command && has_changed) {
            has_changed = true;
            all.push(target.name.clone());
        }
    }
    all
}
