//! Killed at any system call, a refresh or a rollback leaves every target with a token that works, and
//! the next run finishes it.

use super::{add_now, assert_all_hold_current, assert_held_are_live, ready};
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
