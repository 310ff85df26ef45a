//! Delivering a new token to what uses it. Each target that has it is remembered, so that only what
//! failed is repeated.

use super::journal::PendingRevocation;
use super::pending::Purpose;
use super::plan::with_followers;
use super::ports::{Deliver, Delivery, Event, HistoryEvent, Store, Target};
use super::{OldFate, Rotation, Rotator, WorkspaceRef};
use crate::error::Error;
use crate::token::Token;

impl Rotator<'_> {
    /// Whether every target has the token; delivers it to those that have not, as far as this run may.
    pub(super) fn is_served(&mut self, rotation: &Rotation) -> bool {
        if !self.awaits_delivery(rotation) {
            return true;
        }
        // The targets of this run are those of the workspaces that it is about.
        let is_meant = self.wishes.contains_key(&rotation.workspace.id) && self.targets.is_some();
        if !is_meant {
            return false; // what is missing is said when the workspace's turn comes
        }
        let outcome = self.deliver(rotation);
        let is_served = outcome.is_ok();
        // What was handed out earlier is no refresh: another token may follow.
        if rotation.purpose != Purpose::HandOut || !self.recovering {
            let fate = outcome.map_or_else(OldFate::Kept, |()| OldFate::None);
            self.came_to(rotation.clone(), fate);
        }
        is_served
    }

    /// Delivers to every target that has not got the token yet.
    ///
    /// # Errors
    /// Which targets have not got it, and why.
    fn deliver(&mut self, rotation: &Rotation) -> Result<(), String> {
        let Rotation { workspace, token: new, old, attempts, .. } = rotation;
        let all = self.targets.as_ref().map_or(Vec::new(), |to| to.targets(workspace));
        // Another program may have put an older file back since.
        let lacking = self.lacking(workspace, new);
        let lacks = rotation.lacks(&all, &lacking);
        let attempt = attempts.saturating_add(1);
        if !lacks.is_empty() {
            // Durable: a command that is run again is told so.
            let begun = self.append_durable(&[workspace.delivering(attempt, None)]);
            begun.map_err(|failed| failed.error.in_one_line())?;
        }
        let delivery = Delivery { workspace, new, old: old.as_ref(), attempt };
        let mut has_changed = false;
        let failures = each(&all, |target| {
            if !(lacks.contains(&target.name) || (target.is_command && has_changed)) {
                return Ok(());
            }
            let delivered = self.deliver_to_one(target, &delivery);
            has_changed |= delivered.is_ok();
            delivered
        });
        if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
    }

    fn deliver_to_one(&mut self, target: &Target, delivery: &Delivery) -> Result<(), String> {
        let (workspace, name) = (delivery.workspace, &target.name);
        let what = format!("Delivering the new token of {} to {name}", workspace.name);
        (self.on_event)(Event::Progress(what));
        self.store.check_latest().map_err(|error| error.in_one_line())?;
        let Some(targets) = self.targets.take() else {
            return Err("there is nothing to deliver to".to_owned());
        };
        let outcome = targets.deliver(target, delivery, &mut |process| {
            self.append_relaxed(&[workspace.delivering(delivery.attempt, Some(process))]);
        });
        self.targets = Some(targets);
        match &outcome {
            Ok(()) => {
                let (token, target) = (delivery.new.clone(), name.clone());
                self.note(workspace, &HistoryEvent::Delivered { token, target });
                self.append_relaxed(&[workspace.delivered_to(name)]);
            }
            Err(reason) => {
                let reason = format!("delivery: {reason}");
                self.note(workspace, &HistoryEvent::Failed { reason });
            }
        }
        let failed = outcome.as_ref().err().cloned();
        let (workspace, target) = (workspace.clone(), name.clone());
        (self.on_event)(Event::Delivery { workspace, target, failed });
        outcome
    }

    /// Whether something must get the token before the old one is revoked. If it is not known what
    /// is remembered with the workspace, something must.
    pub(super) fn awaits_delivery(&mut self, rotation: &Rotation) -> bool {
        if !rotation.is_stored() {
            return false;
        }
        let lacking = self.lacking(&rotation.workspace, &rotation.token);
        let targets = self.store.targets_of(&rotation.workspace);
        !targets.is_ok_and(|targets| rotation.lacks(&targets, &lacking).is_empty())
    }

    /// Whether a run without targets cannot tell if one of them uses a replaced token again.
    pub(super) fn cannot_look(&mut self, pending: &PendingRevocation) -> bool {
        self.targets.is_none()
            && pending.reason.is_replaced()
            && self.store.targets_of(&pending.workspace).map_or(true, |all| !all.is_empty())
    }

    /// Why a replaced token may still be used. A file may have been changed back since it got the
    /// current one, by a command or by the application whose file it is: it is written once more, and the
    /// commands after it run.
    pub(super) fn still_used(&mut self, pending: &PendingRevocation) -> Option<String> {
        let PendingRevocation { workspace, reason, .. } = pending;
        let open = self.pending.rotation(workspace).cloned();
        let all = self.targets.as_ref().map_or(Vec::new(), |to| to.targets(workspace));
        if reason.is_by_hand() || (open.is_none() && all.is_empty()) {
            return None;
        }
        let current = self.store.current(workspace).ok().flatten()?;
        if reason.is_replaced() && open.is_some_and(|open| self.awaits_delivery(&open)) {
            return Some("the current token is not delivered to every target yet".to_owned());
        }
        let left = self.lacking(workspace, &current);
        if left.is_empty() {
            return None;
        }
        let old = self.refreshed_from(pending).and_then(|refreshed| refreshed.old.clone());
        let old = old.or_else(|| pending.token.clone());
        // It may have had the token.
        let delivery = Delivery { workspace, new: &current, old: old.as_ref(), attempt: 2 };
        let mut lacking = Vec::new();
        // One of the commands may be what puts the file back.
        for again in [with_followers(&all, &left), left.clone()] {
            for target in all.iter().filter(|target| again.contains(&target.name)) {
                let _ = self.deliver_to_one(target, &delivery); // the look tells
            }
            lacking = self.lacking(workspace, &current);
            if lacking.is_empty() {
                break;
            }
        }
        let file = left.into_iter().find(|name| lacking.contains(name))?;
        Some(format!(
            "{file} does not hold the current token: another program has put an older one back"
        ))
    }

    /// What this run has to deliver to and what does not hold the token, as [`Deliver::lacking`] has it.
    pub(super) fn lacking(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<String> {
        self.targets.as_ref().map_or(Vec::new(), |targets| targets.lacking(workspace, token))
    }
}

/// Delivers to each, and tells what failed. What cannot be delivered to is no reason to leave out the
/// others; but commands come after all files, and may build on them.
fn each(targets: &[Target], mut deliver: impl FnMut(&Target) -> Result<(), String>) -> Vec<String> {
    let mut failures = Vec::new();
    let mut lacks_file = false;
    for target in targets {
        if target.is_command && lacks_file {
            break;
        }
        let failed = deliver(target).err();
        lacks_file |= failed.is_some() && !target.is_command;
        failures.extend(failed);
    }
    failures
}

/// Targets by their names, and why one did not get the token.
pub(crate) type Tried = Vec<(String, Option<String>)>;

/// Delivers the current token of a workspace to those of its targets that have these names, without
/// a server: an unfinished refresh is finished by the next run.
///
/// # Errors
/// [`Error::no_token`]; the journal could not be written, and nothing was delivered; the state does not
/// count any more.
pub(crate) fn deliver_current(
    store: &mut dyn Store,
    targets: &mut dyn Deliver,
    workspace: &WorkspaceRef,
    names: &[String],
) -> crate::error::Result<Tried> {
    let new = store.current(workspace)?.ok_or_else(Error::no_token)?;
    let pending = store.pending()?;
    let open = pending.rotation(workspace).filter(|open| open.token.is_same(&new));
    // Nothing tells whether they had it before.
    let attempt = open.map_or(2, |open| open.attempts.saturating_add(1));
    if open.is_some() {
        store.append(&[workspace.delivering(attempt, None)], true)?;
    }
    let old = open.and_then(|open| open.old.as_ref());
    let delivery = Delivery { workspace, new: &new, old, attempt };
    let mut those = targets.targets(workspace);
    those.retain(|target| names.contains(&target.name));
    let (mut outdated, mut tried) = (None, Vec::new());
    each(&those, |target| {
        let latest = store.check_latest().map_err(|error| outdated.insert(error).in_one_line());
        let outcome = latest.and_then(|()| {
            targets.deliver(target, &delivery, &mut |process| {
                let _ = store.append(&[workspace.delivering(attempt, Some(process))], false);
            })
        });
        if outcome.is_ok() {
            let (token, target) = (new.clone(), target.name.clone());
            if open.is_some() {
                // Lost, it is delivered once more.
                let _ = store.append(&[workspace.delivered_to(&target)], false);
            }
            store.note(workspace, &HistoryEvent::Delivered { token, target }, false);
        }
        tried.push((target.name.clone(), outcome.as_ref().err().cloned()));
        outcome
    });
    if let Some(error) = outdated {
        return Err(error);
    }
    if open.is_none() {
        // No command runs any more.
        store.close(&pending)?;
    }
    Ok(tried)
}
