//! Killed at any system call, a refresh or a rollback leaves every target with a token that works, and
//! the next run finishes it.

use super::{add_now, assert_all_hold_current, assert_held_are_live, held, ready};
use crate::harness::kill;
use crate::harness::strace::Call;
use crate::harness::world::{Workspace, World};

fn at_every_call(set_up: impl Fn() -> (World, Workspace) + Sync, args: &[&str]) {
    kill::at_every_call(
        set_up,
        |_: &Workspace| kill::words(args),
        Call::changes_something,
        |world, prod| {
            assert_held_are_live(world);
            world.refresh(&["--revoke-orphans", "--if-expires-within", "1"]).exits(0);
            assert_all_hold_current(world, prod);
            world.assert_no_leftover();
            world.let_time_pass(7200);
            world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
            world.assert_one_live_token(prod);
        },
    );
}

#[test]
fn in_a_refresh() {
    at_every_call(ready, &["token", "refresh"]);
}

#[test]
fn in_a_rollback() {
    let set_up = || {
        let (world, prod) = ready();
        world.refresh(&["--revoke-after", "1h"]).exits(0);
        (world, prod)
    };
    at_every_call(set_up, &["token", "rollback"]);
}

/// What a killed delivery leaves holds a token: no later command may leave it.
#[test]
fn a_temporary_file() {
    for later in [&["renew"][..], &["target", "remove", "1"], &["target", "deliver"]] {
        let (world, _) = World::ready();
        std::fs::create_dir(world.outside("app")).unwrap();
        add_now(&world, &["--file", "app/token"]).exits(0);
        let left = world.outside("app/.token.ntcli-0123456789abcdef.tmp");
        std::fs::write(&left, "a token").unwrap();
        world.ntcli(later).run().exits(0);
        assert!(!left.exists(), "{later:?}");
    }
}

/// By hand and by a timer, with a kill in every third, each reader always finds a token that works.
/// `NTCLI_SOAK` sets the number of refreshes.
#[test]
fn again_and_again() {
    let (world, prod) = ready();
    #[allow(clippy::disallowed_methods)] // a setting of the tests
    let number = std::env::var("NTCLI_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
    for n in 0..number {
        let flags: &[&str] = match n % 4 {
            0 => &[],
            1 => &["--revoke-after", "5s"],
            2 => &["--all", "--token-file", "{name}.own"],
            _ => &["--if-expires-within", "9000w", "--revoke-after", "5s"],
        };
        let args = [&["token", "refresh"], flags].concat();
        if n % 3 == 2 {
            let running = world.ntcli(&args).spawn();
            // Wherever it is by then.
            std::thread::sleep(std::time::Duration::from_millis(n * 7 % 40));
            kill::process(running.pid());
            running.finish();
        } else {
            let output = world.ntcli(&args).run();
            assert!(matches!(output.code(), Some(0 | 8 | 9)), "{output}");
        }
        assert_held_are_live(&world);
    }
    world.plane.settle();
    world.refresh(&["--token-file", "prod.own", "--revoke-orphans"]).exits(0);
    world.refresh(&["--revoke-orphans"]).exits(0);
    world.let_time_pass(60);
    world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
    assert_all_hold_current(&world, &prod);
    assert_eq!(held(&world)[0], world.current(&prod));
    world.assert_one_live_token(&prod);
}
