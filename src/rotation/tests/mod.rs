//! A run is stopped, or fails, at each of its effects in turn; the next run must repair everything,
//! and nothing that is reported on the way may be untrue.
//!
//! `NTCLI_SIMULATE=1` goes through every pair of troubles; otherwise some are drawn, by the seed
//! that is printed (`NTCLI_FUZZ_SEED` sets it).

#![allow(clippy::print_stdout)] // how much was tried

mod hand_out;
mod interrupted;
mod logout;
mod plan;
mod records;
mod search;
mod shared;
mod sim;
mod stories;

use super::Store;
use crate::error::Failure;
use crate::fuzz::Random;
use sim::{COMMANDS, Command, Folder, KINDS, Kind, ONE, TROUBLES, World};

thread_local! {
    /// How often it was asked whether two workspaces are the same.
    pub(super) static COMPARED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The kinds of world in which a command is run: what is about one token needs no more than one,
/// and a rollback is possible only while something keeps the old token live.
fn kinds(command: Command) -> Vec<Kind> {
    match command {
        Command::Refresh => KINDS.to_vec(),
        Command::Logout => KINDS[..6].to_vec(),
        Command::Rollback => {
            let kept = KINDS.iter().filter(|k| k.grace_s == Some(1000) || k.targets);
            kept.filter(|k| k.news_s == 0 && k.grace_s != Some(300)).copied().collect()
        }
        _ => KINDS[..5].to_vec(),
    }
}

/// A world in which the command has something to do.
fn world_for(command: Command, kind: Kind) -> World {
    let world = World::new(kind);
    if command == Command::Rollback {
        world.0.borrow_mut().refuses = kind.grace_s.is_none();
        world.refresh(false).expect("no kill").expect("nothing is in the way");
        world.0.borrow_mut().refuses = false;
    }
    world
}

fn one_workspace(command: Command) -> Vec<Kind> {
    kinds(command).into_iter().filter(|kind| kind.workspaces == 1).collect()
}

/// How many effects an undisturbed run has.
fn effects(command: Command, kind: Kind) -> usize {
    let world = world_for(command, kind);
    let ended = world.run(command, &[]);
    // A server whose news travels slowly denies the new token at first.
    let slow = kind.news_s > 0 && command == Command::Refresh;
    assert!(slow || matches!(ended, Some(Ok(()))), "{command:?} of {kind:?}: {ended:?}");
    world.0.borrow().effects
}

/// After trouble: one run, and no live token is unnamed, the stored ones are live, and no run is
/// blocked.
fn check_one_run_later(world: &World, scene: &str) {
    let ended = world.refresh(false);
    let ended = ended.unwrap_or_else(|| panic!("{scene}: killed without a kill"));
    match ended {
        // The workspace was deleted; the token was denied twice; there is none.
        Ok(()) => {}
        Err(error)
            if matches!(
                error.code(),
                "no_token" | "new_token_rejected" | "new_token_unconfirmed"
            ) => {}
        Err(error) if error.failure().is_some_and(Failure::is_workspace_missing) => {}
        Err(error) => panic!("{scene}: blocked by {error:?}: {:#?}", world.0.borrow()),
    }
    check_named(world, scene);
}

/// Every live token is held or named, and every stored one is live.
fn check_live(world: &World, scene: &str) {
    let (held, named) = (world.held(), world.named());
    for jti in world.live() {
        assert!(
            held.contains(&jti) || named.contains(&jti),
            "{scene}: {jti} is live and unnamed: {:#?}",
            world.0.borrow()
        );
    }
    let sim = world.0.borrow();
    for (id, token) in sim.config() {
        if let Some(token) = token.as_ref().filter(|_| sim.workspaces.contains(id)) {
            assert!(sim.is_live(token), "{scene}: the stored token of {id} is dead: {sim:#?}");
        }
    }
}

fn check_named(world: &World, scene: &str) {
    check_live(world, scene);
    let sim = world.0.borrow();
    for (id, token) in sim.delivered.iter().filter(|_| !sim.ending) {
        assert!(sim.is_live(token), "{scene}: the target of {id} holds a dead token: {sim:#?}");
    }
}

/// Once every grace is over and every request settled, and with permission to revoke what is
/// certainly ours: every live token is held, or named as possibly somebody else's, and nothing else
/// is pending.
fn check_settled(world: &World, scene: &str) {
    for _ in 0..2 {
        world.0.borrow_mut().now += 1000;
        world.refresh(true);
    }
    world.0.borrow_mut().now += 1000;
    world.recover(true);
    check_named(world, scene);
    let mut folder = Folder { world: world.clone(), machine: 0 };
    let pending = folder.pending().expect("a journal");
    let grace = world.0.borrow().kind.grace_s.is_some();
    let waiting = pending.revocations.iter().all(|p| p.not_before.is_some());
    assert!(
        pending.creates.is_empty()
            && pending.rotations.is_empty()
            && (pending.revocations.is_empty() || (grace && waiting)),
        "{scene}: still pending: {pending:#?}: {:#?}",
        world.0.borrow()
    );
}

#[test]
fn the_next_run_repairs_trouble_at_any_effect() {
    let (mut met, mut states) = (0_usize, 0);
    for command in COMMANDS {
        for kind in kinds(command) {
            // An error brings effects of its own, so go on well past the undisturbed number.
            for at in 1..=effects(command, kind) * 2 {
                for trouble in TROUBLES {
                    let scene = format!("{command:?} with {trouble:?} at effect {at} of {kind:?}");
                    let world = world_for(command, kind);
                    world.run(command, &[(at, trouble)]);
                    if !world.met_trouble() {
                        continue;
                    }
                    met += 1;
                    check_one_run_later(&world, &scene);
                    check_settled(&world, &scene);
                    states += world.0.borrow().states;
                }
            }
        }
    }
    println!("{met} troubles met, {states} states visited");
    assert!(met > 5000, "only {met} effects were disturbed");
}

/// Two troubles: in a run and in the run after it, or both in one.
#[test]
fn trouble_in_the_repair_is_repaired_too() {
    let (mut random, all) = (Random::seeded(), crate::fuzz::is_exhaustive());
    let (mut met, mut states) = (0_usize, 0);
    for command in COMMANDS {
        for kind in one_workspace(command) {
            let most = effects(command, kind) * 2;
            for (first, second) in (1..=most).flat_map(|a| (1..=most).map(move |b| (a, b))) {
                for (one, other) in TROUBLES.iter().flat_map(|a| TROUBLES.map(|b| (*a, b))) {
                    if !all && random.below(400) > 0 {
                        continue;
                    }
                    let scene = format!(
                        "{command:?} with {one:?} at {first}, then {other:?} at {second} of {kind:?}"
                    );
                    let world = world_for(command, kind);
                    if first < second && random.below(2) == 0 {
                        world.run(command, &[(first, one), (second, other)]);
                    } else {
                        world.run(command, &[(first, one)]);
                        world.run(Command::Refresh, &[(second, other)]);
                    }
                    met += 1;
                    check_one_run_later(&world, &scene);
                    check_settled(&world, &scene);
                    states += world.0.borrow().states;
                }
            }
        }
    }
    println!("{met} pairs of troubles, {states} states visited");
    let least = if all { 3_000_000 } else { 4_000 };
    assert!(met > least, "only {met} pairs of troubles");
}

/// Another program stores a token of its own in the config file after a run that met trouble, and
/// revokes what was there; or the file is restored from a copy that is older than every token. One
/// run later every target has a token that works.
#[test]
fn another_program_stores_a_token_after_trouble() {
    let mut states = 0;
    for command in [Command::Refresh, Command::Rollback] {
        // Where the server denies every token, the list alone tells.
        let mute = Kind { mute: true, targets: true, ..ONE };
        for kind in one_workspace(command).into_iter().chain([mute]) {
            for at in 1..=effects(command, kind) * 2 {
                for (trouble, is_live) in TROUBLES.iter().flat_map(|t| [(*t, true), (*t, false)]) {
                    let scene = format!(
                        "{command:?} with {trouble:?} at effect {at} of {kind:?}, then a token of \
                         somebody else, live: {is_live}"
                    );
                    let world = world_for(command, kind);
                    world.run(command, &[(at, trouble)]);
                    world.replace_elsewhere(is_live);
                    check_one_run_later(&world, &scene);
                    world.0.borrow_mut().disturbed = false;
                    check_settled(&world, &scene);
                    states += world.0.borrow().states;
                }
            }
        }
    }
    println!("{states} states visited");
    assert!(states > 250_000, "only {states} states");
}

/// An older copy of a target is put back after a run that met trouble: the next one sees that before
/// it revokes what the target holds.
#[test]
fn a_target_is_put_back_after_trouble() {
    let mut put_back = 0;
    for kind in one_workspace(Command::Refresh) {
        for at in 1..=effects(Command::Refresh, kind) * 2 {
            for trouble in TROUBLES {
                let scene = format!("{trouble:?} at effect {at} of {kind:?}, then a file put back");
                let world = World::new(kind);
                world.run(Command::Refresh, &[(at, trouble)]);
                if !world.put_back() {
                    continue;
                }
                put_back += 1;
                check_one_run_later(&world, &scene);
                check_settled(&world, &scene);
            }
        }
    }
    assert!(put_back > 100, "only {put_back} files were put back");
}

/// Two machines with copies of one folder take turns on one workspace: at each effect of the first
/// the second has a whole run, and there may be trouble at another.
#[test]
fn another_machine_has_its_turn_at_every_effect() {
    let (mut random, all) = (Random::seeded(), crate::fuzz::is_exhaustive());
    let mut states = 0;
    for command in COMMANDS {
        for kind in one_workspace(command) {
            let most = effects(command, kind) * 2;
            for turn in 1..=most {
                for at in 0..=most {
                    for trouble in TROUBLES {
                        if at == 0 && trouble != TROUBLES[0]
                            || at > 0 && !all && random.below(24) > 0
                        {
                            continue;
                        }
                        let scene = format!(
                            "{command:?}, the other machine at {turn}, {trouble:?} at {at} of {kind:?}"
                        );
                        let world = world_for(command, kind);
                        world.0.borrow_mut().turn = Some(turn);
                        world.run(command, &[(at, trouble)]);
                        check_two_machines(&world, &scene);
                        states += world.0.borrow().states;
                    }
                }
            }
        }
    }
    println!("{states} states visited");
    let least = if all { 10_000_000 } else { 250_000 };
    assert!(states > least, "only {states} states");
}

/// Each machine revokes what it replaces, so one may hold a dead token; but no live token is
/// unnamed, and a refresh on either machine gives it one that works.
fn check_two_machines(world: &World, scene: &str) {
    world.0.borrow_mut().turn = None;
    for _ in 0..3 {
        world.refresh(false);
    }
    check_live(world, scene);
}
