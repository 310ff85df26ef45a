//! A refresh, from top to bottom. What an earlier run has begun goes the same way: see
//! [`Rotator::carry_on`].

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::breaker::Call;
use super::journal::Record;
use super::moment::signed;
use super::pending::{OwnTargets, Purpose, Rotation, Stage};
use super::plan::{must_be_followed, to_redeliver, why_refresh};
use super::ports::{Event, Promotion};
use super::{OldFate, Outcome, RefreshOptions, Refreshed, Rotator, WorkspaceRef};
use crate::error::{Error, Failure, NewTokenFate, Result};
use crate::store::AppendError;
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

pub(super) const CREATE: &str = "create a token";

/// By how many seconds at most a lifetime is shortened to be told from others.
const MOST_LESS_S: u64 = 600;
/// How far a listed lifetime may be from the one that was asked for: its ends are rounded.
pub(super) const LIFETIME_SLACK_S: u64 = 1;

/// What this run does about one workspace.
#[derive(Default)]
pub(super) struct Turn {
    /// Its token was brought as far as possible: a run tries nothing twice.
    pub(super) is_over: bool,
    /// Whether the server accepts the new token; `None` if it was not asked.
    pub(super) verified: Option<bool>,
    pub(super) outcome: Option<Result<Outcome>>,
}

impl Rotator<'_> {
    /// Refreshes the token of every workspace and tells `each`, as soon as it is known and by its
    /// number, what became of it.
    ///
    /// The new tokens of all workspaces are stored in one step, before the first old one is revoked.
    pub(crate) fn refresh(
        &mut self,
        workspaces: &[WorkspaceRef],
        options: &RefreshOptions,
        each: &mut dyn FnMut(usize, Result<Outcome>),
    ) {
        self.options = *options;
        self.recover(workspaces);
        let mut left: Vec<usize> = (0..workspaces.len()).collect();
        while !left.is_empty() {
            let round = next_round(workspaces, &mut left);
            for n in &round {
                self.begin(&workspaces[*n]);
            }
            self.carry_on(workspaces);
            for n in round {
                each(n, self.outcome_of(&workspaces[n]));
            }
        }
        self.close();
    }

    /// The same, with options of its own for each workspace.
    #[allow(dead_code)] // for `ntcli renew`
    pub(crate) fn renew(
        &mut self,
        wishes: &[(WorkspaceRef, RefreshOptions)],
        options: &RefreshOptions,
        each: &mut dyn FnMut(usize, Result<Outcome>),
    ) {
        let by_id = wishes.iter().map(|(workspace, options)| (workspace.id.clone(), *options));
        self.wishes = by_id.collect();
        let workspaces: Vec<WorkspaceRef> = wishes.iter().map(|(w, _)| w.clone()).collect();
        self.refresh(&workspaces, options, each);
    }

    /// What is wanted of a workspace.
    pub(super) fn options_for(&self, workspace: &WorkspaceRef) -> RefreshOptions {
        self.wishes.get(&workspace.id).copied().unwrap_or(self.options)
    }

    /// Requests a new token, unless none is needed, or this run has finished what an earlier one began.
    fn begin(&mut self, workspace: &WorkspaceRef) {
        let (options, now) = (self.options_for(workspace), self.clock.now());
        let turn = self.turn(workspace);
        let is_undelivered = |new: &Token| must_be_followed(new, &options, now);
        match &turn.outcome {
            None => {}
            Some(Ok(Outcome::Refreshed(Refreshed { fate: OldFate::Kept(_), new, .. })))
                if is_undelivered(new) =>
            {
                turn.outcome = None;
            }
            Some(_) => return,
        }
        let begun = self.begin_new(workspace);
        if let Some(outcome) = begun.map_err(|error| self.late(error)).transpose() {
            self.turn(workspace).outcome = Some(outcome);
        }
    }

    fn begin_new(&mut self, workspace: &WorkspaceRef) -> Result<Option<Outcome>> {
        let (options, now) = (self.options_for(workspace), self.clock.now());
        let old = self.store.current(workspace)?.ok_or_else(Error::no_token)?;
        let open = self.pending.rotation(workspace).cloned();
        // A target that cannot be served does not stop what is due.
        let is_undelivered =
            open.is_some_and(|open| open.token.is_same(&old) && self.awaits_delivery(&open));
        if !(is_undelivered && must_be_followed(&old, &options, now)) {
            self.refuse_if_unfinished(workspace)?;
        }
        if why_refresh(&old, &options, now).is_none() {
            let is_begun = self.deliver_again(workspace, &old)?;
            return Ok((!is_begun).then_some(Outcome::NotDue(old)));
        }
        self.make(workspace, Some(&old), Purpose::Refresh)?;
        Ok(None)
    }

    /// Puts a delivery of the current token into the journal, if a target has lost it; what has it is
    /// written there as delivered to.
    fn deliver_again(&mut self, workspace: &WorkspaceRef, current: &Token) -> Result<bool> {
        let lacking = self.lacking(workspace, current);
        if lacking.is_empty() {
            return Ok(false);
        }
        let all = self.targets.as_ref().map_or(Vec::new(), |to| to.targets(workspace));
        let again = to_redeliver(&all, &lacking);
        let mut records = vec![
            Record::Created {
                workspace: workspace.clone(),
                at: self.request_time(),
                token: current.clone(),
                old: None,
                deliver: false,
                grace_s: None,
                keep_old: false,
                rollback: false,
            },
            workspace.promoted(),
        ];
        let has_it = all.iter().filter(|target| !again.contains(&target.name));
        records.extend(has_it.map(|target| workspace.delivered_to(&target.name)));
        // Nothing tells whether they had it before.
        records.push(workspace.delivering(1, None));
        self.append_durable(&records)?;
        *self.turn(workspace) = Turn::default();
        Ok(true)
    }

    /// A new token, in the journal: from here it cannot be lost.
    pub(super) fn make(
        &mut self,
        workspace: &WorkspaceRef,
        old: Option<&Token>,
        purpose: Purpose,
    ) -> Result<Token> {
        let old_scope = old.filter(|_| purpose == Purpose::Refresh).map(|old| &*old.scope);
        let (at, mut token) = self.request(workspace, purpose, old_scope.unwrap_or_default())?;
        // An opaque token proves no id: by one that is another token's, that one would be revoked.
        let is_opaque = !token.access_token.expose().contains('.');
        if is_opaque && token.jti.as_ref().is_some_and(|jti| self.is_of_another(workspace, jti)) {
            token.jti = None;
        }
        if old.is_some_and(|old| old.is_same(&token)) {
            self.append_relaxed(workspace.closed(at));
            return Err(self.failed(workspace, Error::same_token()));
        }
        self.keep(workspace, at, &token, old, purpose)?;
        *self.turn(workspace) = Turn::default();
        Ok(token)
    }

    /// Brings every token that is on its way as far as possible, step by step: into the config file,
    /// to its targets; then revokes what it replaces. Each step asks the journal what is left to do, so
    /// it makes no difference which run began it. Deliveries are for `workspaces` only: the targets of
    /// this run are theirs.
    pub(super) fn carry_on(&mut self, workspaces: &[WorkspaceRef]) {
        let mut ready = self.on_their_way();
        ready.retain(|rotation| self.may_store(rotation));
        self.store_all(&ready);
        for rotation in self.on_their_way() {
            let workspace = rotation.workspace.clone();
            let has_failed = matches!(self.turn(&workspace).outcome, Some(Err(_)));
            let ready = rotation.is_stored() && !has_failed;
            let rotation = ready.then(|| self.with_current(rotation)).flatten();
            if let Some(rotation) = rotation.filter(|r| self.is_served(r, workspaces)) {
                self.finish(rotation);
            }
            self.turn(&workspace).is_over = true;
        }
        self.revoke_due();
    }

    /// The tokens that have still to be brought further in this run.
    fn on_their_way(&self) -> Vec<Rotation> {
        let is_over = |id: &String| self.turns.get(id).is_some_and(|turn| turn.is_over);
        let all = self.pending.rotations.iter().filter(|r| self.is_ours(&r.workspace));
        all.filter(|r| !is_over(&r.workspace.id)).cloned().collect()
    }

    /// What this run does about a workspace of this server.
    pub(super) fn turn(&mut self, workspace: &WorkspaceRef) -> &mut Turn {
        self.turns.entry(workspace.id.clone()).or_default()
    }

    /// What came of it; a workspace may come again.
    pub(super) fn outcome_of(&mut self, workspace: &WorkspaceRef) -> Result<Outcome> {
        self.turn(workspace).outcome.take().unwrap_or(Err(Error::unfinished()))
    }

    /// Whether the journal or the history gives an id to another token.
    fn is_of_another(&mut self, workspace: &WorkspaceRef, jti: &str) -> bool {
        self.pending.knows(workspace, jti) || self.store.has_history_of(jti)
    }

    /// No other token is requested while an earlier refresh is unfinished.
    pub(super) fn refuse_if_unfinished(&mut self, workspace: &WorkspaceRef) -> Result<()> {
        let Some(open) = self.pending.rotation(workspace).cloned() else {
            return Ok(());
        };
        let old = open.old.as_ref().and_then(|old| old.jti.clone());
        Err(if self.awaits_delivery(&open) {
            Error::delivery_pending(old.as_deref(), open.own == OwnTargets::Waiting)
        } else {
            match open.stage {
                Stage::Kept => Error::unfinished(),
                Stage::Denied => Error::unconfirmed(open.token.jti.as_deref()),
                Stage::Stored => {
                    let reason = "an earlier run could not revoke it".to_owned();
                    Error::old_token_live(old.as_deref(), &reason)
                }
            }
        })
    }

    /// Requests a token, after the journal says so. A request that may have been carried out is not
    /// repeated before the token has been looked for.
    pub(super) fn request(
        &mut self,
        workspace: &WorkspaceRef,
        purpose: Purpose,
        scope: &[String],
    ) -> Result<(Timestamp, Token)> {
        if let Some(refusal) = self.breaker.refusal(Call::Create) {
            return Err(Error::token_call(CREATE, refusal));
        }
        // What cannot be written is found out before anything is requested.
        self.store.probe()?;
        let mut attempt = 1;
        let (mut at, mut expiry) = self.open_request(workspace, purpose)?;
        let (failure, found) = loop {
            let what = format!("Requesting a new token for {}", workspace.name);
            (self.on_event)(Event::Progress(what));
            self.forget_list(workspace);
            let failure = match self.control_plane.create(&workspace.id, expiry, scope) {
                Ok(token) => {
                    self.breaker.went_through(Call::Create);
                    return Ok((at, token));
                }
                Err(failure) => failure,
            };
            match &failure {
                Failure::Unknown { in_flight: true, .. } => {}
                Failure::Unknown { .. } => {
                    self.append_relaxed(workspace.ended(at, self.clock.now()));
                }
                _ => {
                    self.append_relaxed(workspace.closed(at));
                    break (failure, None);
                }
            }
            let found = self.search_after_create(workspace);
            let again = is_busy(&failure)
                && found.as_ref().is_ok_and(Vec::is_empty)
                && self.control_plane.back_off(failure.retry_after(), attempt);
            // An attempt that cannot be written down is not made.
            match again.then(|| self.open_request(workspace, purpose)) {
                Some(Ok(opened)) => (at, expiry) = opened,
                _ => break (failure, Some(found.unwrap_or_default())),
            }
            attempt += 1;
        };
        self.breaker.failed(Call::Create, &failure);
        match found {
            // The warning tells of those that another machine may hold.
            Some(mut found) => {
                found.retain(|jti| self.pending.is_certain_orphan(workspace, jti));
                Err(self.failed(workspace, Error::create_unknown(&failure, &found)))
            }
            None => Err(Error::token_call(CREATE, failure)),
        }
    }

    /// Writes down that a token is requested; when, and what lifetime is asked for.
    fn open_request(
        &mut self,
        workspace: &WorkspaceRef,
        purpose: Purpose,
    ) -> Result<(Timestamp, Expiry)> {
        let at = self.request_time();
        let longest_s = signed(self.control_plane.longest_create().as_secs());
        let options = self.options_for(workspace);
        let unique = options.unique_lifetime.then(|| self.unique_lifetime(options.expiry));
        let unique = unique.flatten();
        let expiry = unique.unwrap_or(options.expiry);
        self.append_durable(&[Record::Creating {
            workspace: workspace.clone(),
            at,
            until: at.plus_secs(longest_s),
            boot: self.clock.boot_time(),
            expiry: Some(expiry),
            to_hand_out: purpose == Purpose::HandOut,
            unique: unique.is_some(),
        }])?;
        Ok((at, expiry))
    }

    /// A lifetime by which the token of a lost request is recognised: up to ten minutes, and one in a
    /// hundred, less than what is wanted, and none that another open request is near.
    fn unique_lifetime(&self, wanted: Expiry) -> Option<Expiry> {
        let Expiry::In(wanted_s) = wanted else {
            return None;
        };
        // Not so near that it could be taken for what others ask for.
        let least = 2 * LIFETIME_SLACK_S + 1;
        let choices = (wanted_s / 100).min(MOST_LESS_S).saturating_sub(least);
        let is_free = |secs: &u64| {
            self.pending.creates.iter().all(|create| match create.expiry {
                Some(Expiry::In(asked_s)) => asked_s.abs_diff(*secs) > 2 * LIFETIME_SLACK_S,
                _ => true,
            })
        };
        // Other machines begin at the same moment: its keys are random.
        let first = RandomState::new().build_hasher().finish();
        let mut all = (0..choices).map(|n| wanted_s - least - first.wrapping_add(n) % choices);
        all.find(is_free).map(Expiry::In)
    }

    /// Now, and no moment that names another request of this journal.
    pub(super) fn request_time(&self) -> Timestamp {
        let mut at = self.clock.now();
        while self.pending.creates.iter().any(|create| create.at == at) {
            at = Timestamp::from_millis(at.millis() + 1);
        }
        at
    }

    /// Puts the new token into the journal.
    pub(super) fn keep(
        &mut self,
        workspace: &WorkspaceRef,
        at: Timestamp,
        token: &Token,
        old: Option<&Token>,
        purpose: Purpose,
    ) -> Result<()> {
        let created = Record::Created {
            workspace: workspace.clone(),
            at,
            token: token.clone(),
            old: old.cloned(),
            deliver: purpose == Purpose::Refresh && self.has_own_targets(),
            grace_s: self.options_for(workspace).grace_s,
            keep_old: purpose == Purpose::HandOut,
            rollback: false,
        };
        match self.append_durable(&[created]) {
            Ok(()) => {
                self.retractable = Some(workspace.clone());
                Ok(())
            }
            Err(failed) => Err(self.not_kept(workspace, at, token, &failed)),
        }
    }

    /// The journal could not take the new token. It is revoked again, unless the journal may hold
    /// it after all: then the next run would store a dead token.
    pub(super) fn not_kept(
        &mut self,
        workspace: &WorkspaceRef,
        at: Timestamp,
        token: &Token,
        failed: &AppendError,
    ) -> Error {
        let fate = match &token.jti {
            _ if !failed.taken_back => NewTokenFate::Kept,
            // If it stays live, the journal still has the request, by which the next run finds it.
            None => NewTokenFate::Live,
            Some(jti) => match self.revoke(workspace, jti, true) {
                Ok(_) => {
                    self.append_relaxed(workspace.closed(at));
                    NewTokenFate::Revoked
                }
                Err(_) => NewTokenFate::Live,
            },
        };
        self.not_stored(workspace, token, fate, &failed.error)
    }

    /// Stores tokens in one durable step; storing one twice makes it durable.
    fn store_all(&mut self, ready: &[Rotation]) {
        let promotions: Vec<Promotion> = ready.iter().map(Rotation::promotion).collect();
        if promotions.is_empty() {
            return;
        }
        match self.store.promote(&promotions) {
            Ok(stored) => {
                for (rotation, stored) in ready.iter().zip(stored) {
                    if stored {
                        self.stored(rotation);
                    } else {
                        self.give_up(rotation, Error::overtaken());
                    }
                }
            }
            Err(failed) => {
                for rotation in ready {
                    let (workspace, token) = (&rotation.workspace, &rotation.token);
                    if self.recovering {
                        let reason = failed.error.to_string();
                        (self.on_event)(Event::Unsettled { workspace: workspace.clone(), reason });
                        continue;
                    }
                    // In place but perhaps not durable: the next run makes sure.
                    let fate = if failed.in_place {
                        NewTokenFate::Kept
                    } else {
                        self.discard_new(workspace, token)
                    };
                    let error = self.not_stored(workspace, token, fate, &failed.error);
                    self.turn(workspace).outcome = Some(Err(error));
                }
            }
        }
    }

    fn stored(&mut self, rotation: &Rotation) {
        let Rotation { workspace, token, old, .. } = rotation;
        match rotation.purpose {
            Purpose::Refresh => self.note_refreshed(workspace, token, old.as_ref()),
            Purpose::HandOut => self.note_handed_out(workspace, token),
            Purpose::Rollback => self.note_rolled_back(workspace, token, old.as_ref()),
        }
        // What an undelivered token had replaced may be in use until this one is delivered.
        let left = rotation.before.as_ref().and_then(|before| self.revocation_of(before));
        if let Some(left) = left {
            self.append_relaxed(Record::PendingRevocation(left));
        }
        // Needs no fsync: the config file says the same.
        self.append_relaxed(workspace.promoted());
        if self.recovering {
            let (workspace, jti) = (workspace.clone(), token.jti.clone());
            (self.on_event)(Event::Finished { workspace, jti });
        }
    }

    /// Every target has the token: what it replaces is to be revoked, now or later.
    fn finish(&mut self, rotation: Rotation) {
        let fate = self.schedule(&rotation);
        let (recovering, turn) = (self.recovering, self.turn(&rotation.workspace));
        // One that was only left to be revoked is told of by an event; a refresh may follow.
        if !recovering || turn.verified == Some(true) || turn.outcome.is_some() {
            self.came_to(rotation, fate);
        }
    }

    pub(super) fn came_to(&mut self, rotation: Rotation, fate: OldFate) {
        let (recovering, turn) = (self.recovering, self.turn(&rotation.workspace));
        // Without an old token the current one was delivered once more.
        let is_again = rotation.purpose == Purpose::Refresh && rotation.old.is_none();
        let (verified, resumed) =
            (turn.verified, (recovering || is_again) && turn.verified.is_none());
        let Rotation { token: new, old, .. } = rotation;
        let refreshed = Refreshed { new, old, fate, verified, resumed };
        turn.outcome = Some(Ok(Outcome::Refreshed(refreshed)));
    }
}

impl Rotation {
    fn promotion(&self) -> Promotion<'_> {
        Promotion { workspace: &self.workspace, old: self.old.as_ref(), new: &self.token }
    }
}

/// Whether the server, or a gateway, asks to try again later.
fn is_busy(failure: &Failure) -> bool {
    matches!(failure.status(), Some(429 | 503))
}

/// Takes the next workspaces out of those that are left, with none twice. The config file may hold
/// one under two keys, and the journal knows it by its id.
fn next_round(workspaces: &[WorkspaceRef], left: &mut Vec<usize>) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let round;
    (round, *left) = left.drain(..).partition(|n| seen.insert(workspaces[*n].id.as_str()));
    round
}
