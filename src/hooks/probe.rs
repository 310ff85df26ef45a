//! Finds out before anything is sent whether a token could be delivered.

use super::Receiver;
use super::all::{Hook, Hooks};
use super::claim::Claim;
use super::ours::Ours;
use crate::context::Clock;
use crate::error::{Error, Result};
use crate::rotation::WorkspaceRef;
use crate::targets::Targets;
use crate::token::Token;

/// Finds out, workspace by workspace, whether every receiver could get the token.
pub(crate) struct Prober<'a> {
    pub(super) hooks: &'a Hooks,
    pub(super) claims: Vec<Claim>,
    /// Why remembered targets cannot get a token: they hold up nobody else.
    pub(crate) lost: Vec<Error>,
}

impl Prober<'_> {
    /// Finds out whether the token of one more workspace could be delivered. `tokens` are those
    /// that a file may hold now. What is remembered and cannot get it is put into `lost`.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`]: what was given for this run cannot get it.
    pub(crate) fn probe(&mut self, workspace: &WorkspaceRef, tokens: &[&Token]) -> Result<()> {
        // Those of workspaces that this run is not about count too.
        let claims = &mut self.claims;
        let mut is_taken = |claim: Claim| {
            let is_taken = claims.iter().any(|other| claim.collides(other));
            let is_anothers = self.hooks.is_anothers(workspace, &claim);
            claims.push(claim);
            is_taken || is_anothers
        };
        // What is new gives way to what is remembered.
        let (remembered, new): (Vec<&Hook>, Vec<&Hook>) =
            self.hooks.of(workspace).partition(|hook| hook.remembered.is_some());
        for hook in remembered.into_iter().chain(new) {
            let (clock, ours) = (&*self.hooks.clock, &self.hooks.ours);
            let probed = match &hook.receiver {
                Receiver::File(file) => file.probe(workspace, tokens, ours, &mut is_taken, clock),
                Receiver::Command(command) => command.probe_run(&self.hooks.path),
            };
            match (probed, &hook.remembered) {
                (Ok(()), _) => {}
                (Err(error), Some((id, _))) => self.lost.push(error.of_target(*id)),
                (Err(error), None) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Finds out whether a new receiver could get the token of a workspace, beside what is remembered.
///
/// # Errors
/// [`Error::cannot_deliver`], [`Error::locked`].
pub(crate) fn probe_new(
    receiver: &Receiver,
    workspace: &WorkspaceRef,
    token: Option<&Token>,
    remembered: &Targets,
    ours: &Ours,
    clock: &dyn Clock,
) -> Result<()> {
    let file = match receiver {
        Receiver::File(file) => file,
        Receiver::Command(command) => {
            let help = "ntcli target add --help";
            return command.probe().map_err(|reason| Error::cannot_deliver(&reason, help));
        }
    };
    let mut claims = Vec::new();
    for target in remembered.all() {
        if target.workspace_id == workspace.id && target.name == receiver.name() {
            continue;
        }
        if let Receiver::File(other) = Receiver::remembered(target)? {
            claims.extend(other.claim(workspace));
        }
    }
    let mut is_taken = |claim: Claim| claims.iter().any(|other| claim.collides(other));
    file.probe(workspace, token.as_slice(), ours, &mut is_taken, clock)
}
