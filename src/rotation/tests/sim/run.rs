//! One run of a command in the simulation, and what it may claim.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::{Command, Folder, Killed, Needs, Targets, Trouble, World, workspace};
use crate::error::{Error, Result};
use crate::rotation::{Event, OldFate, Outcome, RefreshOptions, Rotator, WorkspaceRef};
use crate::token::Token;

/// The result of a run, unless it was killed.
pub(in crate::rotation::tests) type Ended = Option<Result<()>>;

impl World {
    /// One run of a command on the first machine, with trouble at these effects.
    pub(in crate::rotation::tests) fn run(
        &self,
        command: Command,
        troubles: &[(usize, Trouble)],
    ) -> Ended {
        self.run_at(0, command, troubles)
    }

    /// The same on either machine.
    pub(in crate::rotation::tests) fn run_at(
        &self,
        machine: usize,
        command: Command,
        troubles: &[(usize, Trouble)],
    ) -> Ended {
        self.begin(troubles);
        self.0.borrow_mut().ending |= !matches!(
            command,
            Command::Refresh
                | Command::Rollback
                | Command::Create
                | Command::CreateSaved
                | Command::WorkspaceCreate
        );
        self.run_on(machine, command, false)
    }

    /// An undisturbed refresh of all workspaces, some time later.
    pub(in crate::rotation::tests) fn refresh(&self, revoke_orphans: bool) -> Ended {
        self.begin(&[]);
        self.run_on(0, Command::Refresh, revoke_orphans)
    }

    /// An undisturbed run that does no more than what is pending, some time later.
    pub(in crate::rotation::tests) fn recover(&self, revoke_orphans: bool) {
        self.begin(&[]);
        let mut folder = Folder { world: self.clone(), machine: 0 };
        let (server, mut on_event) = (self.clone(), |event| self.take(event));
        let mut rotator =
            Rotator::new(&server, &mut folder, &server, &mut on_event).expect("a journal");
        let options = RefreshOptions {
            revoke_orphans,
            accept_scope: revoke_orphans,
            ..RefreshOptions::default()
        };
        for id in ["w0", "w1"] {
            rotator.wish(&workspace(id), &options);
        }
        rotator.run(|_| Ok(())).expect("no work of its own");
    }

    fn begin(&self, troubles: &[(usize, Trouble)]) {
        let mut sim = self.0.borrow_mut();
        sim.now += sim.pause_s;
        sim.effects = 0;
        sim.troubles = troubles.to_vec();
        sim.met = troubles.is_empty();
        sim.disk_dead = false;
        sim.disk_full = false;
        sim.net_dead = false;
        sim.engine_dead = false;
        sim.skew_s = None;
        sim.events.clear();
    }

    /// Whether the last run met all of its trouble.
    pub(in crate::rotation::tests) fn met_trouble(&self) -> bool {
        let sim = self.0.borrow();
        sim.met && sim.troubles.iter().all(|(at, _)| *at <= sim.effects)
    }

    /// A whole run of the second machine, which has its own copy of the folder.
    pub(super) fn run_other_machine(&self) {
        let (effects, skew_s, engine_dead) = {
            let mut sim = self.0.borrow_mut();
            sim.machines[1].has_run = true;
            (sim.effects, sim.skew_s.take(), std::mem::take(&mut sim.engine_dead))
        };
        let troubles = std::mem::take(&mut self.0.borrow_mut().troubles);
        let ended = self.run_on(1, Command::Refresh, false);
        assert!(ended.is_some());
        let mut sim = self.0.borrow_mut();
        sim.effects = effects;
        sim.troubles = troubles;
        sim.skew_s = skew_s;
        sim.engine_dead = engine_dead;
    }

    fn run_on(&self, machine: usize, command: Command, revoke_orphans: bool) -> Ended {
        let before = std::mem::replace(&mut self.0.borrow_mut().running, machine);
        let ended =
            catch_unwind(AssertUnwindSafe(|| self.run_command(machine, command, revoke_orphans)));
        self.0.borrow_mut().running = before;
        match ended {
            Ok(outcome) => Some(outcome),
            Err(payload) if payload.is::<Killed>() => None,
            Err(payload) => resume_unwind(payload),
        }
    }

    fn run_command(&self, machine: usize, command: Command, revoke_orphans: bool) -> Result<()> {
        let (world, mut store) = (self.clone(), Folder { world: self.clone(), machine });
        store.pull()?;
        let mut targets = Targets { world: self.clone() };
        let mut on_event = |event| world.take(event);
        let mut rotator = Rotator::new(&world, &mut store, &world, &mut on_event)?;
        let delivers =
            matches!(command, Command::Refresh | Command::Rollback | Command::CreateSaved);
        if (machine == 0 || self.0.borrow().kind.shared) && delivers {
            rotator.deliver_to(&mut targets);
        }
        let options = RefreshOptions {
            revoke_orphans,
            accept_scope: revoke_orphans,
            grace_s: self.0.borrow().kind.grace_s,
            due_within_s: self.0.borrow().due_within_s,
            unique_lifetime: self.0.borrow().kind.lifetimes,
            ..RefreshOptions::default()
        };
        let w0 = workspace("w0");
        let tokens = self.current(machine);
        match command {
            Command::Refresh => {
                let wishes = tokens.iter().map(|(workspace, _)| (workspace.clone(), options));
                let wishes: Vec<(WorkspaceRef, RefreshOptions)> = wishes.collect();
                let mut first_error = Ok(());
                rotator.refresh(&wishes);
                for (workspace, _) in &wishes {
                    match rotator.outcome_of(workspace) {
                        Ok(outcome) => world.check_outcome(&outcome),
                        Err(error) if first_error.is_ok() => first_error = Err(error),
                        Err(_) => {}
                    }
                }
                first_error
            }
            Command::Rollback => {
                let current = tokens.first().map(|(_, token)| token.clone());
                let refreshed = rotator.rollback(&w0)?;
                assert!(
                    refreshed.old == current && refreshed.new != refreshed.old.clone().unwrap()
                );
                world.check_outcome(&Outcome::Refreshed(refreshed));
                Ok(())
            }
            Command::Create | Command::CreateSaved => {
                let save = command == Command::CreateSaved;
                let options = RefreshOptions { grace_s: None, ..options };
                rotator.issue(&w0, &options, save, &mut |token| world.print(token)).map(drop)
            }
            Command::RevokeCurrent | Command::RevokeOther => {
                let current = tokens.first().and_then(|(_, token)| token.jti.clone());
                let current = current.filter(|_| command == Command::RevokeCurrent);
                let jti = current.unwrap_or_else(|| world.a_printed_token());
                rotator.revoke_by_hand(&w0, &jti).map(|_| world.check_revoked(&jti))
            }
            Command::Logout => {
                let out = rotator.revoke_all(&tokens)?;
                out.revoked.iter().for_each(|(_, jti)| world.check_revoked(jti));
                if out.left.is_empty() {
                    Ok(())
                } else {
                    Err(Error::work_pending(Vec::new(), None, None))
                }
            }
            Command::WorkspaceCreate => rotator.create_workspace("new", None, true).map(drop),
            Command::WorkspaceDelete => {
                rotator.delete_workspace(&w0)?;
                let live = world.0.borrow().tokens.iter().any(|t| t.live && t.workspace == "w0");
                assert!(!live, "a workspace that is said to be deleted has live tokens");
                Ok(())
            }
        }
    }

    fn current(&self, machine: usize) -> Vec<(WorkspaceRef, Token)> {
        let sim = self.0.borrow();
        let config = sim.machines[machine].config.iter();
        config.filter_map(|(id, token)| Some((workspace(id), token.clone()?))).collect()
    }

    /// A token that somebody was given long ago.
    fn a_printed_token(&self) -> String {
        let known = self.0.borrow().printed.first().cloned();
        let token = known.unwrap_or_else(|| {
            let token = self.make("w0", -1000);
            self.0.borrow_mut().printed.push(token.clone());
            token
        });
        token.jti.unwrap_or_default()
    }

    fn print(&self, token: &Token) -> std::io::Result<()> {
        let fate = self.effect(Needs::Print, |sim| sim.printed.push(token.clone()));
        match fate {
            super::Fate::Done => Ok(()),
            super::Fate::Failed { .. } => Err(std::io::Error::other("no reader")),
        }
    }

    fn take(&self, event: Event) {
        match &event {
            Event::Revoked { jti, .. } => self.check_revoked(jti),
            Event::Orphan { orphan, revoked: true } => self.check_revoked(&orphan.jti),
            Event::KeptLive { jti, .. } => self.0.borrow_mut().told.push(jti.clone()),
            _ => {}
        }
        self.0.borrow_mut().events.push(event);
    }

    /// What is reported about a refresh is true.
    fn check_outcome(&self, outcome: &Outcome) {
        let Outcome::Refreshed(refreshed) = outcome else {
            return;
        };
        if let (OldFate::Revoked(_), Some(old)) = (&refreshed.fate, &refreshed.old) {
            self.check_revoked(old.jti.as_deref().unwrap_or_default());
        }
        if refreshed.verified == Some(true) && !self.0.borrow().machines[1].has_run {
            assert!(self.is_live(&refreshed.new), "verified, and dead: {:#?}", self.0.borrow());
        }
    }

    /// No live token is called revoked.
    fn check_revoked(&self, jti: &str) {
        let live = self.live().iter().any(|live| live == jti);
        assert!(!live, "{jti} is called revoked, and lives: {:#?}", self.0.borrow());
    }

    /// The tokens that the last run, or the journal, names.
    pub(in crate::rotation::tests) fn named(&self) -> Vec<String> {
        use crate::rotation::Store;
        let mut named = self.0.borrow().told.clone();
        let shared = self.0.borrow().kind.shared;
        for machine in 0..if shared { 1 } else { 2 } {
            let mut folder = Folder { world: self.clone(), machine };
            let pending = if shared { self.0.borrow().engine.pending() } else { folder.pending() };
            let pending = pending.expect("a journal that can be read");
            named.extend(pending.orphans.iter().map(|o| o.jti.clone()));
            named.extend(pending.revocations.iter().map(|p| p.jti.clone()));
            for rotation in &pending.rotations {
                named.extend(rotation.token.jti.clone());
                named.extend(rotation.old.as_ref().and_then(|old| old.jti.clone()));
            }
        }
        named
    }
}
