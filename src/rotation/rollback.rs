//! A rollback: the token before the current one becomes the current one again, goes to every
//! target, and the one that had replaced it is revoked. A refresh with the roles exchanged.

use std::time::Duration;

use super::journal::Record;
use super::judge::Verdict;
use super::pending::{Purpose, Rotation};
use super::refresh::Turn;
use super::{Outcome, RefreshOptions, Refreshed, Rotator, WorkspaceRef};
use crate::error::{Error, Result};
use crate::token::Token;

impl Rotator<'_> {
    /// Goes back to the token before the current one, while that is kept live: its grace runs, or a
    /// delivery of the current one failed.
    ///
    /// # Errors
    /// [`Error::cannot_roll_back`]: nothing has changed.
    pub(crate) fn rollback(&mut self, workspace: &WorkspaceRef) -> Result<Refreshed> {
        // Nothing to go back from: then the recovery must not revoke what there would be to go back to.
        self.store.current(workspace)?.ok_or_else(nothing_current)?;
        self.run(|run| {
            // The news of the previous token is old.
            let wait = Some(Duration::ZERO);
            run.wish(workspace, &RefreshOptions { verify_wait: wait, ..Default::default() });
            let (token, current, grace_s) = run.previous_token(workspace)?;
            let no_longer = |does: &str| {
                let reason = format!("the server no longer {does} the previous token");
                Err(Error::cannot_roll_back(&reason))
            };
            let is_accepted = match run.verify(workspace, &token, Some(&current)) {
                Verdict::Accepted => true,
                Verdict::Denied => return no_longer("accepts"),
                // Listed, at least, by a server that accepts none.
                _ => match run.by_list(workspace, &token) {
                    Verdict::Accepted => false,
                    Verdict::NoAnswer(failure) => {
                        return Err(Error::token_call("verify the previous token", failure));
                    }
                    _ => return no_longer("lists"),
                },
            };
            // What cannot be written is found out before anything is promised.
            run.store.probe()?;
            let at = run.request_time();
            let rotation = Rotation::new(workspace, at, token, Some(current), Purpose::Rollback);
            run.append_durable(&[Record::Created(Rotation { grace_s, ..rotation })])?;
            *run.turn(workspace) = Turn { verified: Some(is_accepted), ..Turn::default() };
            run.carry_on();
            match run.outcome_of(workspace)? {
                Outcome::Refreshed(refreshed) => Ok(refreshed),
                Outcome::NotDue(_) => Err(Error::unfinished()),
            }
        })
    }

    /// The token before the current one, if it is live; the current one, and the grace of
    /// the refresh that is undone, should it not be undone after all.
    fn previous_token(&mut self, workspace: &WorkspaceRef) -> Result<(Token, Token, Option<u64>)> {
        let current = self.store.current(workspace)?.ok_or_else(nothing_current)?;
        let previous = match self.pending.rotation(workspace).cloned() {
            Some(open) if open.token.is_same(&current) && self.awaits_delivery(&open) => {
                let known = open.old.filter(|_| !open.to_unknown);
                known.map(|token| (token, open.grace_s))
            }
            Some(_) => return Err(Error::unfinished()),
            None => {
                let now = self.moment();
                let mut put_off = self.pending.revocations.iter();
                let put_off = put_off.rfind(|p| {
                    p.workspace.is(workspace)
                        && p.successor.is_some()
                        && p.successor == current.jti
                        && !p.is_due(&now)
                        && !p.own_targets
                });
                let token = put_off.and_then(|p| p.token.clone());
                token.map(|token| (token, None))
            }
        };
        let (token, grace_s) =
            previous.ok_or_else(|| Error::cannot_roll_back("no previous token is live"))?;
        if token.expiry.at().is_some_and(|end| end <= self.clock.now()) {
            return Err(Error::cannot_roll_back("the previous token has expired"));
        }
        Ok((token, current, grace_s))
    }

    /// Things are as they were before the rollback: its token is still to be revoked later, or the
    /// current one is still to be delivered.
    pub(super) fn undo_rollback(&mut self, workspace: &WorkspaceRef) {
        let Some(open) = self.pending.rotation(workspace).cloned() else {
            return;
        };
        let mut put_off = self.pending.revocations.iter();
        let is_put_off =
            put_off.any(|p| p.workspace.is(workspace) && Some(&p.jti) == open.token.jti.as_ref());
        let mut records = Vec::new();
        if is_put_off {
            // Another program may have stored a token of its own.
            let current = self.store.current(workspace).ok().flatten();
            let led_away = open.old.as_ref().filter(|old| current.is_none_or(|c| !c.is_same(old)));
            records.extend(led_away.into_iter().flat_map(|old| self.superseded(workspace, old)));
            records.push(Record::Done(workspace.about()));
        } else {
            records.push(Record::RollbackUndone(workspace.about()));
        }
        let _ = self.append_durable(&records); // else the next run does the same
    }
}

fn nothing_current() -> Error {
    Error::cannot_roll_back("the workspace has no current token")
}
