//! Two machines whose state is one value in an engine: the command that pushes it may fail, be late, be applied
//! twice or refuse, and the other machine has its turn at any effect.

#![allow(clippy::print_stdout)] // how much was tried

use super::sim::{COMMANDS, Command, Kind, SHARED, SHARED_TROUBLES, Trouble, World};
use super::stories::names;
use super::{check_named, effects, world_for};
use crate::fuzz::{Random, is_exhaustive};

/// The kinds of world in which a command is run.
fn kinds(command: Command) -> Vec<Kind> {
    let can_go_back = |kind: &&Kind| kind.news_s == 0 && kind.grace_s.is_none();
    SHARED.iter().filter(|k| command != Command::Rollback || can_go_back(k)).copied().collect()
}

/// How often what was to be met was.
#[derive(Debug, Default)]
struct Met {
    scenes: usize,
    delayed: usize,
    doubled: usize,
    conflicts: usize,
}

impl Met {
    /// Each machine has a run: the consumers have had a token that works at every moment, so has the
    /// engine, and no live token is unnamed.
    fn check(&mut self, world: &World, scene: &str) {
        world.0.borrow_mut().turn = None;
        for machine in [1, 0, 1] {
            let ended = world.run_at(machine, Command::Refresh, &[]);
            assert!(ended.is_some(), "{scene}: killed without a kill");
        }
        check_named(world, scene);
        let engine = &world.0.borrow().engine;
        self.scenes += 1;
        self.delayed += engine.delayed;
        self.doubled += engine.doubled;
        self.conflicts += engine.conflicts;
    }
}

#[test]
fn the_other_machine_takes_over_after_trouble_at_any_effect() {
    let mut met = Met::default();
    for command in COMMANDS {
        for kind in kinds(command) {
            let most = effects(command, kind) * 2;
            for (at, trouble) in (1..=most).flat_map(|at| SHARED_TROUBLES.map(|t| (at, t))) {
                let world = world_for(command, kind);
                world.run(command, &[(at, trouble)]);
                if world.met_trouble() {
                    let scene = format!("{command:?} with {trouble:?} at effect {at} of {kind:?}");
                    met.check(&world, &scene);
                }
            }
        }
    }
    println!("{met:?}");
    assert!(met.scenes > 4_000, "{met:?}");
    assert!(met.delayed > 100 && met.doubled > 100 && met.conflicts > 300, "{met:?}");
}

/// The takeover meets trouble too; or the other machine had its whole run in the middle of the first one's.
#[test]
fn either_machine_is_in_the_way_of_the_other() {
    let (mut random, all, mut met) = (Random::seeded(), is_exhaustive(), Met::default());
    for command in COMMANDS {
        for kind in kinds(command) {
            let most = effects(command, kind) * 2;
            let places = (1..=most).flat_map(|at| SHARED_TROUBLES.map(|t| (at, t)));
            for (first, second) in places.clone().flat_map(|a| places.clone().map(move |b| (a, b)))
            {
                if !all && random.below(1000) > 0 {
                    continue;
                }
                let turn = 1 + random.below(3 * most);
                let scene = format!(
                    "{command:?} with {first:?}, the other machine at {turn} and then with {second:?} of {kind:?}"
                );
                let world = world_for(command, kind);
                world.0.borrow_mut().turn = Some(turn);
                world.run(command, &[first]);
                world.0.borrow_mut().turn = None;
                world.run_at(1, Command::Refresh, &[second]);
                met.check(&world, &scene);
            }
        }
    }
    println!("{met:?}");
    assert!(met.scenes > if all { 1_000_000 } else { 5_000 }, "{met:?}");
    assert!(met.conflicts > met.scenes / 10, "{met:?}");
}

/// A boot that the other machine does not know says nothing of how long ago it asked.
#[test]
fn what_the_other_machine_has_just_requested_may_still_come() {
    for kind in SHARED {
        let world = World::new(kind);
        world.0.borrow_mut().pause_s = 1;
        assert!(world.run(Command::Refresh, &[(6, Trouble::KillBefore)]).is_none());
        let _ = world.run_at(1, Command::Refresh, &[]);
        let late = world.make("w0", 0).jti.unwrap();
        world.0.borrow_mut().pause_s = 600;
        let _ = world.run_at(1, Command::Refresh, &[]);
        assert!(names(&world.0.borrow().events, &late).is_some(), "{kind:?}");
    }
}
