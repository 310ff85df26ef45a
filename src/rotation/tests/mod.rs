//! A run is stopped, or fails, at each of its effects in turn; the next run must put everything
//! right.

mod sim;

use super::Rotator;
use super::world::{Event, Store};
use sim::{KINDS, Kind, ONE, TROUBLES, Trouble, World};

/// How many effects an undisturbed run has.
fn effects(kind: Kind) -> usize {
    let world = World::new(kind);
    assert_eq!(world.run(&[], false), Some(true));
    world.settled("undisturbed");
    assert_eq!(world.live().len(), kind.workspaces);
    world.0.borrow().effects
}

#[test]
fn whatever_happens_at_an_effect_the_next_run_puts_right() {
    for kind in KINDS {
        let mut met = 0;
        // An error brings effects of its own, so go on well past the undisturbed number.
        for at in 1..=effects(kind) * 2 {
            for trouble in TROUBLES {
                let scene = format!("{trouble:?} at effect {at} of {kind:?}");
                let world = World::new(kind);
                world.run(&[(at, trouble)], false);
                met += usize::from(world.0.borrow().effects >= at);
                assert_eq!(world.run(&[], true), Some(true), "{scene}");
                world.settled(&scene);
                let before = world.live();
                world.recover(600, |event| panic!("{scene}: still {event:?}"));
                assert_eq!(
                    world.live(),
                    before,
                    "{scene}: another run changes something"
                );
            }
        }
        assert!(
            met > TROUBLES.len() * 7,
            "only {met} effects were disturbed"
        );
    }
}

#[test]
fn without_leave_to_revoke_every_stray_token_is_named() {
    for at in 1..=effects(ONE) * 2 {
        for trouble in TROUBLES {
            let scene = format!("{trouble:?} at effect {at}");
            let world = World::new(ONE);
            world.run(&[(at, trouble)], false);
            world.run(&[], false);
            let named: Vec<String> = world
                .0
                .borrow()
                .events
                .iter()
                .filter_map(|event| match event {
                    Event::Orphan {
                        jti,
                        revoked: false,
                        ..
                    } => Some(jti.clone()),
                    _ => None,
                })
                .collect();
            for jti in world.live() {
                assert!(
                    world.held().contains(&jti) || named.contains(&jti),
                    "{scene}: {jti} is live and unnamed"
                );
            }
            assert_eq!(world.run(&[], true), Some(true), "{scene}");
            world.settled(&scene);
        }
    }
}

#[test]
fn trouble_in_the_repair_is_repaired_too() {
    for kind in &KINDS[..4] {
        let kind = *kind;
        let most = effects(kind) * 2;
        for (first, second) in (1..=most).flat_map(|a| (1..=most).map(move |b| (a, b))) {
            for (one, other) in TROUBLES.iter().flat_map(|a| TROUBLES.map(|b| (*a, b))) {
                let scene = format!("{one:?} at {first}, then {other:?} at {second} of {kind:?}");
                let world = World::new(kind);
                world.run(&[(first, one)], false);
                world.run(&[(second, other)], false);
                assert_eq!(world.run(&[], true), Some(true), "{scene}");
                world.settled(&scene);
            }
        }
    }
}

#[test]
fn a_kill_in_the_middle_of_coping_with_trouble_is_repaired() {
    for kind in &KINDS[1..7] {
        let kind = *kind;
        let most = effects(kind) * 2;
        for (first, second) in (1..=most).flat_map(|a| (a + 1..=most).map(move |b| (a, b))) {
            for trouble in TROUBLES {
                for kill in [
                    Trouble::KillBefore,
                    Trouble::KillAfter,
                    Trouble::PowerCutAfter,
                ] {
                    let scene =
                        format!("{trouble:?} at {first} and {kill:?} at {second} of {kind:?}");
                    let world = World::new(kind);
                    world.run(&[(first, trouble), (second, kill)], false);
                    assert_eq!(world.run(&[], true), Some(true), "{scene}");
                    world.settled(&scene);
                }
            }
        }
    }
}

/// The server takes over the request of a run that was killed only after the next run has looked.
#[test]
fn a_token_that_comes_late_is_found_too() {
    for revoke in [false, true] {
        let world = World::new(ONE);
        world.0.borrow_mut().pause_s = 1;
        // Killed when it asks, before the server has done anything.
        assert_eq!(world.run(&[(3, Trouble::KillBefore)], false), None);
        assert_eq!(world.run(&[], true), Some(true));
        world.settled("nothing has come yet");
        let late = world.make("w0", 0).jti.unwrap();
        assert_eq!(world.run(&[], revoke), Some(true));
        let told = |event: &Event| matches!(event, Event::Orphan { jti, .. } if *jti == late);
        assert!(world.0.borrow().events.iter().any(told));
        assert_eq!(world.live().contains(&late), !revoke);
        assert_eq!(world.run(&[], true), Some(true));
        world.settled("late");
        // It is not looked for without end.
        world.0.borrow_mut().pause_s = 600;
        world.run(&[], true);
        assert!(world.clone().late().is_empty());
        let other = world.make("w0", 0).jti.unwrap();
        assert_eq!(world.run(&[], true), Some(true));
        assert!(
            world.live().contains(&other),
            "another machine's is its own affair"
        );
    }
}

#[test]
fn a_token_that_another_program_stored_is_kept() {
    let world = World::new(ONE);
    // Killed when the new token is in the journal and not yet stored.
    assert_eq!(world.run(&[(4, Trouble::KillAfter)], false), None);
    let ledger = world.clone().ledger().unwrap();
    assert!(
        ledger.rotations.iter().any(|r| !r.promoted),
        "the scene is set: {ledger:?}"
    );
    let theirs = world.make("w0", 0);
    world.0.borrow_mut().config[0].1 = theirs.clone();
    let mut tell = |_| {};
    let (plane, mut store) = (world.clone(), world.clone());
    Rotator::new(&plane, &mut store, &plane, &mut tell)
        .unwrap()
        .recover_only(&[], false);
    assert_eq!(world.0.borrow().config[0].1, theirs);
    assert!(world.is_live(&theirs));
    // The interrupted one was given up; what the other program replaced is its own affair.
    assert_eq!(world.live(), ["jti_0", "jti_2"]);
}

/// Our clock may be wrong, and be set, as it likes: the grace is counted by the server's.
#[test]
fn a_grace_is_as_long_as_it_was_promised() {
    let kind = Kind {
        grace_s: Some(3600),
        ..ONE
    };
    let offsets = [0, 600, -600, 86_400, -86_400];
    for (first, then) in offsets.iter().flat_map(|a| offsets.map(|b| (*a, b))) {
        let scene = format!("our clock is {first} s ahead, then {then} s");
        let world = World::new(kind);
        world.0.borrow_mut().ahead_s = first;
        assert_eq!(world.run(&[], false), Some(true), "{scene}");
        world.0.borrow_mut().ahead_s = then;
        for after_s in [0, 600, 2_000] {
            world.recover(after_s, |event| panic!("{scene}: {event:?}"));
            assert_eq!(world.live(), ["jti_0", "jti_1"], "{scene}");
        }
        world.recover(1_000, |_| {});
        assert_eq!(world.live(), ["jti_1"], "{scene}");
        world.settled(&scene);
    }
}
