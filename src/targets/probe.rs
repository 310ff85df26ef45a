//! Finds out before anything is sent whether a token could be delivered.

use super::Destination;
use super::all::{Target, Targets};
use super::claim::Claim;
use crate::error::{Error, Result};
use crate::rotation::WorkspaceRef;
use crate::token::Token;

impl Targets {
    /// Why remembered targets of a workspace could not get the token: they hold up nobody else. `tokens`
    /// are those that a file may hold now.
    pub(crate) fn probe(&self, workspace: &WorkspaceRef, tokens: &[&Token]) -> Vec<Error> {
        let remembered = self.of(workspace).filter(|entry| !entry.is_new.get());
        let probe = |entry: &Target| {
            let probed = self.probe_one(entry, workspace, tokens);
            probed.err().map(|error| error.of_target(entry.id))
        };
        remembered.filter_map(probe).collect()
    }

    /// Finds out whether every new target of a workspace could get the token.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`]
    pub(crate) fn probe_new(&self, workspace: &WorkspaceRef, tokens: &[&Token]) -> Result<()> {
        let mut new = self.of(workspace).filter(|entry| entry.is_new.get());
        new.try_for_each(|entry| self.probe_one(entry, workspace, tokens))
    }

    fn probe_one(&self, entry: &Target, workspace: &WorkspaceRef, tokens: &[&Token]) -> Result<()> {
        match &entry.destination {
            Destination::File(file) => {
                let is_other = |id: u32, _: &str| id != entry.id;
                let is_taken = |claim: &Claim| self.claims().borrow().collide(claim, &is_other);
                file.probe(workspace, tokens, &self.ours, &is_taken, &*self.clock)
            }
            Destination::Command(command) if entry.is_new.get() => command.probe(),
            Destination::Command(command) => command.probe_run(&self.path),
        }
    }
}
