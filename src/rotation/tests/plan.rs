//! What a plan says of a run is what the run does, in every state that trouble leaves.

#![allow(clippy::print_stdout)] // how much was compared

use std::collections::BTreeSet;

use super::sim::{COMMANDS, Command, Folder, TROUBLES, World, workspace};
use super::{effects, kinds, world_for};
use crate::context::Clock;
use crate::fuzz::Random;
use crate::rotation::{
    Certainty, Deliver, Event, Moment, Outlook, Planned, RefreshOptions, Step, Store, plan,
};
use crate::token::Token;

/// How long before its end a token is due, for a run that refreshes only what is.
const WITHIN_S: u64 = 86_400;

/// The plan of the next run, and what the server has at that time.
#[derive(Debug)]
struct Foreseen {
    id: String,
    steps: Vec<Planned>,
    /// The ids of all tokens that there were, and of those that lived.
    known: BTreeSet<String>,
    live: BTreeSet<String>,
    /// The ids of the tokens that the folder names.
    named: Vec<String>,
}

/// The plan of each workspace that has a token here, or pending work.
fn foresee(world: &World, within_s: Option<u64>) -> Vec<Foreseen> {
    let kind = world.0.borrow().kind;
    let mut folder = Folder { world: world.clone(), machine: 0 };
    let targets = super::sim::Targets { world: world.clone() };
    let pending = folder.pending().unwrap();
    let pause_s = world.0.borrow().pause_s;
    let mut now = Moment { ours: world.now(), boot: world.boot_time(), skew_s: None };
    now.ours = now.ours.plus_secs(pause_s);
    now.boot.iter_mut().for_each(|boot| boot.secs += pause_s);
    let options = RefreshOptions {
        grace_s: kind.grace_s,
        due_within_s: within_s,
        unique_lifetime: kind.lifetimes,
        ..RefreshOptions::default()
    };
    let held: Vec<String> =
        world.0.borrow().machines[0].config.iter().map(|(id, _)| id.clone()).collect();
    let ids: BTreeSet<String> = held.into_iter().chain(["w0".to_owned()]).collect();
    let plan_of = |id: String| {
        let workspace = workspace(&id);
        let current = folder.current(&workspace).unwrap();
        let lacking = |current: &Token| targets.lacking(&workspace, current);
        let outlook = Outlook {
            pending: &pending,
            current: current.as_ref(),
            targets: &targets.targets(&workspace),
            lacking: &current.as_ref().map_or(Vec::new(), lacking),
            now: &now,
        };
        let steps = plan(&workspace, &outlook, &options);
        let (known, live) = (tokens_of(world, &id, false), tokens_of(world, &id, true));
        let named = [world.named(), world.held()].concat();
        Foreseen { id, steps, known, live, named }
    };
    ids.into_iter().map(plan_of).collect()
}

/// The ids of a workspace's tokens, or of those that live.
fn tokens_of(world: &World, id: &str, live: bool) -> BTreeSet<String> {
    let sim = world.0.borrow();
    let tokens = sim.tokens.iter().filter(|t| t.workspace == id && (t.live || !live));
    tokens.filter_map(|t| t.token.jti.clone()).collect()
}

impl Foreseen {
    /// Holds a kind of step against what happened: what is certain did, and nothing else but what was
    /// left open.
    fn compare(
        &self,
        scene: &dyn Fn() -> String,
        is_certain: &dyn Fn(Certainty) -> bool,
        done: &BTreeSet<String>,
        names: &dyn Fn(&Step) -> Vec<String>,
    ) {
        for planned in self.steps.iter().filter(|planned| is_certain(planned.certainty)) {
            for name in names(&planned.step) {
                assert!(done.contains(&name), "{}: {name} is certain in {self:#?}", scene());
            }
        }
        let all: Vec<String> = self.steps.iter().flat_map(|p| names(&p.step)).collect();
        for name in done {
            assert!(all.contains(name), "{}: {name} is not in {self:#?}", scene());
        }
    }

    /// Holds everything against what the run has done.
    fn check(&self, world: &World, scene: &dyn Fn() -> String) {
        // The news of a new token travels slowly: it is not accepted at first.
        let accepts = world.0.borrow().kind.news_s == 0;
        let is_there = world.0.borrow().workspaces.contains(&self.id);
        let is_certain = |certainty| match certainty {
            _ if !is_there => false,
            Certainty::Certain => true,
            Certainty::IfAccepted => accepts,
            Certainty::Open => false,
        };
        let (known, live) = (tokens_of(world, &self.id, false), tokens_of(world, &self.id, true));
        let made: BTreeSet<String> =
            known.difference(&self.known).map(|_| "a token".to_owned()).collect();
        self.compare(scene, &is_certain, &made, &|step| match step {
            Step::Refresh { .. } => vec!["a token".to_owned()],
            _ => Vec::new(),
        });
        // A search may find the token of a lost request: nothing here names that before.
        let searches = self.steps.iter().any(|p| matches!(p.step, Step::Search { .. }));
        let is_foreseeable = |jti: &&String| !searches || self.named.contains(*jti);
        let died = self.live.difference(&live).filter(is_foreseeable).cloned().collect();
        self.compare(scene, &is_certain, &died, &|step| match step {
            Step::Revoke { jti, .. } if self.live.contains(jti) => vec![jti.clone()],
            _ => Vec::new(),
        });
        let sim = world.0.borrow();
        let served = sim.events.iter().filter_map(|event| match event {
            Event::Delivery { workspace, target, failed: None } if workspace.id == self.id => {
                Some(target.clone())
            }
            _ => None,
        });
        self.compare(scene, &is_certain, &served.collect(), &|step| match step {
            Step::Deliver { targets, .. } => targets.clone(),
            _ => Vec::new(),
        });
        for planned in self.steps.iter().filter(|planned| is_certain(planned.certainty)) {
            let (jti, is_held) = match &planned.step {
                Step::NotDue { jti: Some(jti), .. } => (jti, false),
                Step::Keep { jti, is_held, .. } => (jti, *is_held),
                _ => continue,
            };
            let is_kept = live.contains(jti) || !self.live.contains(jti);
            let is_replaced = is_held && !made.is_empty();
            assert!(is_kept || is_replaced, "{}: {jti} waits in {self:#?}", scene());
        }
    }
}

/// Runs that were compared, and those of them whose every step was certain.
#[derive(Default)]
struct Compared {
    runs: usize,
    certain: usize,
}

impl Compared {
    /// One run more; of whatever is due, or of everything.
    fn run(&mut self, world: &World, within_s: Option<u64>, scene: &dyn Fn() -> String) {
        let foreseen = foresee(world, within_s);
        world.0.borrow_mut().due_within_s = within_s;
        let _ = world.refresh(false).expect("no kill");
        for workspace in &foreseen {
            let scene = || format!("{} {within_s:?}: {:#?}", scene(), world.0.borrow());
            workspace.check(world, &scene);
            self.runs += 1;
            let is_open = |planned: &Planned| planned.certainty == Certainty::Open;
            self.certain += usize::from(!workspace.steps.iter().any(is_open));
        }
    }
}

#[test]
fn a_run_does_what_the_plan_says() {
    let mut compared = Compared::default();
    for command in COMMANDS {
        for kind in kinds(command) {
            for at in 1..=effects(command, kind) * 2 {
                for trouble in TROUBLES {
                    for within_s in [None, Some(WITHIN_S)] {
                        let scene = || format!("{command:?}, {trouble:?} at {at} of {kind:?}");
                        let world = world_for(command, kind);
                        world.run(command, &[(at, trouble)]);
                        if !world.met_trouble() {
                            continue;
                        }
                        // And the plan of what that run leaves.
                        compared.run(&world, within_s, &scene);
                        compared.run(&world, within_s, &|| format!("{} once more", scene()));
                    }
                }
            }
        }
    }
    println!("{} runs compared, {} of them certain", compared.runs, compared.certain);
    assert!(compared.runs > 30_000, "only {} runs were compared", compared.runs);
    assert!(compared.certain > compared.runs / 2, "only {} were certain", compared.certain);
}

/// Two troubles, in a run and in the one after it, or both in one; then somebody else's token, or an
/// older copy of a target.
#[test]
fn the_plan_after_two_troubles() {
    let (mut random, all) = (Random::seeded(), crate::fuzz::is_exhaustive());
    let mut compared = Compared::default();
    for command in COMMANDS {
        for kind in kinds(command) {
            let most = effects(command, kind) * 2;
            for (first, second) in (1..=most).flat_map(|a| (1..=most).map(move |b| (a, b))) {
                for (one, other) in TROUBLES.iter().flat_map(|a| TROUBLES.map(|b| (*a, b))) {
                    if random.below(if all { 20 } else { 600 }) > 0 {
                        continue;
                    }
                    let world = world_for(command, kind);
                    if first < second && random.below(2) == 0 {
                        world.run(command, &[(first, one), (second, other)]);
                    } else {
                        world.run(command, &[(first, one)]);
                        world.run(Command::Refresh, &[(second, other)]);
                    }
                    let beside = match random.below(4) {
                        0 => world.put_back().then_some("a file is put back"),
                        n @ 1..=2 if !world.0.borrow().machines[0].config.is_empty() => {
                            world.replace_elsewhere(n == 1);
                            Some("another token is stored")
                        }
                        _ => None,
                    };
                    let within_s = (random.below(2) == 0).then_some(WITHIN_S);
                    compared.run(&world, within_s, &|| {
                        format!(
                            "{command:?}, {one:?} at {first}, {other:?} at {second}, {beside:?} of {kind:?}"
                        )
                    });
                }
            }
        }
    }
    println!("{} runs compared, {} of them certain", compared.runs, compared.certain);
    assert!(compared.runs > 3_000, "only {} runs were compared", compared.runs);
}
