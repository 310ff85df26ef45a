//! Finds out before anything is sent whether a token could be delivered.

use super::Receiver;
use super::all::{Hooks, of_target};
use super::claim::Claim;
use super::command;
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
    /// The remembered commands that cannot be started, and why: they hold up nobody else.
    pub(crate) lost: Vec<String>,
}

impl Prober<'_> {
    /// Finds out whether the token of one more workspace could be delivered. `tokens` are those
    /// that a file may hold now.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`], [`Error::locked`].
    pub(crate) fn probe(&mut self, workspace: &WorkspaceRef, tokens: &[&Token]) -> Result<()> {
        // Those of workspaces that this run is not about count too.
        let others = self.hooks.claims_of_others(workspace);
        for hook in self.hooks.of(workspace) {
            let (clock, ours) = (&*self.hooks.clock, &self.hooks.ours);
            let probed = match &hook.receiver {
                Receiver::File(file) => {
                    file.probe(workspace, tokens, ours, (&others, &mut self.claims), clock)
                }
                Receiver::Command(command) => {
                    let found = command.probe_run(&self.hooks.path);
                    match (command::probe_shell(), found, &hook.remembered) {
                        (Err(error), ..) => Err(error),
                        (_, Err(reason), Some((id, _))) => {
                            self.lost.push(of_target(Some(*id), &reason));
                            Ok(())
                        }
                        (_, Err(reason), None) => {
                            Err(Error::cannot_deliver(&reason, "ntcli token refresh --help"))
                        }
                        _ => Ok(()),
                    }
                }
            };
            probed.map_err(|error| hook.named(error))?;
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
            return command
                .probe()
                .map_err(|reason| Error::cannot_deliver(&reason, "ntcli target add --help"));
        }
    };
    let mut claims = Vec::new();
    for target in remembered.all() {
        if target.workspace_id == workspace.id && target.name == receiver.name() {
            continue;
        }
        if let Receiver::File(other) = Receiver::remembered(target)? {
            claims.extend(other.claim_of(workspace, ours));
        }
    }
    file.probe(workspace, token.as_slice(), ours, (&[], &mut claims), clock)
}
