//! What uses the tokens of a simulation: a file and a command of each workspace.

use super::{Fate, Needs, World};
use crate::context::Process;
use crate::rotation::{Deliver, Delivery, Target, WorkspaceRef};
use crate::token::Token;

/// What gets the tokens.
pub(in crate::rotation::tests) struct Targets {
    pub(in crate::rotation::tests) world: World,
}

/// The names of a workspace's targets.
pub(in crate::rotation::tests) const REMEMBERED: [&str; 2] = ["file", "command"];

pub(super) fn target(name: &str) -> Target {
    Target { name: name.into(), is_command: name == "command" }
}

impl Deliver for Targets {
    fn targets(&self, _: &WorkspaceRef) -> Vec<Target> {
        let has_some = self.world.0.borrow().kind.targets;
        REMEMBERED.iter().filter(|_| has_some).map(|name| target(name)).collect()
    }

    fn lacking(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<String> {
        let sim = self.world.0.borrow();
        let lacks = |target: &Target| {
            let holder = format!("{} {}", target.name, workspace.id);
            sim.delivered.iter().any(|(id, held)| *id == holder && held != token)
        };
        let files = self.targets(workspace).into_iter().filter(|target| !target.is_command);
        files.filter(lacks).map(|target| target.name).collect()
    }

    fn deliver(
        &mut self,
        target: &Target,
        delivery: &Delivery,
        _: &mut dyn FnMut(Process),
    ) -> std::result::Result<(), String> {
        let Delivery { workspace, new, attempt, .. } = delivery;
        let holder = format!("{} {}", target.name, workspace.id);
        let sim = self.world.0.borrow();
        let had = sim.run_before.contains(&(holder.clone(), (*new).clone()));
        assert!(!had || *attempt > 1, "{holder} is not told that it has had this token: {sim:#?}");
        if sim.refuses && target.is_command {
            return Err("it refuses".into());
        }
        drop(sim);
        let fate = self.world.effect(Needs::Target, |sim| {
            sim.delivered.retain(|(id, _)| *id != holder);
            sim.delivered.push((holder.clone(), (*new).clone()));
            sim.run_before.push((holder.clone(), (*new).clone()));
        });
        match fate {
            Fate::Done => Ok(()),
            Fate::Failed { .. } => Err("no".into()),
        }
    }
}
