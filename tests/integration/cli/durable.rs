//! What must survive a power cut, and where it is: in the journal alone, and no token longer than
//! necessary.

use std::fs;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::strace;
use crate::harness::world::{SESSION, World};

/// A folder whose name is not in its parent yet loses everything in it.
#[test]
fn the_name_of_a_new_folder() {
    if !strace::is_available() {
        return;
    }
    let world = World::new();
    let log = world.outside("strace");
    let login = world.ntcli(&["auth", "login", "--token-stdin"]);
    login.stdin(SESSION).strace(&log, &["-y"]).run().exits(0);
    let log = fs::read_to_string(log).unwrap();
    let mut calls = log.lines();
    let made = calls.any(|call| call.starts_with("mkdir") && call.contains("/config\""));
    assert!(made, "{log}");
    let parent = format!("<{}>", world.outside("").display()).replace("/>", ">");
    let synced = |call: &str| call.starts_with("fsync(") && call.contains(&parent);
    assert!(calls.any(synced), "{parent} is not synced: {log}");
}

/// Nothing that matters is in the lock file, and the journal keeps ids of what is to be revoked.
#[test]
fn what_is_kept_where() {
    let (world, prod) = World::ready();
    let lock = world.path("ntcli.lock");
    let broken = |times| (times, Fault::Status(500, String::new(), Vec::new()));
    let (times, fault) = broken(Times::N(2));
    world.plane.fault(Route::TokenRevoke, times, fault);
    world.refresh(&[]).exits(8);
    let journal = fs::read_to_string(world.journal_path()).unwrap();
    assert!(journal.contains(&prod.token.jti), "{journal}");
    assert!(!journal.contains(&prod.token.access_token), "{journal}");
    assert!(!journal.contains(&world.current(&prod)), "{journal}");

    // A request that may still be carried out is in the journal, after every run.
    world.plane.fault(Route::TokenCreate, Times::Once, Fault::Stall { apply: false });
    let refresh = world.ntcli(&["token", "refresh"]).env("NTCLI_TIMEOUT", "1");
    refresh.run().exits(10);
    for _ in 0..2 {
        world.refresh(&["--if-expires-within", "1"]).exits(0);
        let journal = fs::read_to_string(world.journal_path()).unwrap();
        assert!(journal.contains("\"creating\""), "{journal}");
        assert_eq!(fs::read(&lock).unwrap(), b"");
    }
    world.let_time_pass(600);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert!(!world.has_journal(), "{}", world.describe());
}
