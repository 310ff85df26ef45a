//! A rollback to the token before the current one, while it is kept live.

use std::fs;

use super::{add, assert_all_hold_current, assert_held_are_live, held, read, ready};
use crate::harness::world::{Workspace, World};

fn rollback(world: &World) -> crate::harness::world::Output {
    world.ntcli(&["token", "rollback"]).run()
}

#[track_caller]
fn assert_back(world: &World, prod: &Workspace) {
    assert_eq!(world.current(prod), prod.token.access_token);
    assert_all_hold_current(world, prod);
    world.assert_one_live_token(prod);
    world.assert_settled();
}

#[track_caller]
fn assert_cannot_roll_back(world: &World, prod: &Workspace) {
    let (current, before) = (world.current(prod), held(world));
    rollback(world).exits(1).says("Cannot roll back").says("nothing has changed");
    assert_eq!((world.current(prod), held(world)), (current, before));
}

#[test]
fn in_a_grace() {
    let (world, prod) = ready();
    assert_cannot_roll_back(&world, &prod);
    let output = world.refresh(&["--revoke-after", "1h"]);
    assert!(output.exits(0).stdout.contains("\nUndo until then: ntcli token rollback prod\n"));
    assert_held_are_live(&world);
    rollback(&world).exits(0);
    assert_back(&world, &prod);
    assert_cannot_roll_back(&world, &prod);
    world.refresh(&[]).exits(0);
    assert_all_hold_current(&world, &prod);
    world.assert_one_live_token(&prod);
}

/// The journal has the old token's text for as long as the grace runs.
#[test]
fn after_the_grace() {
    let (world, prod) = ready();
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    let journal = || fs::read_to_string(world.journal_path()).unwrap_or_default();
    assert!(journal().contains(&prod.token.access_token));
    world.let_time_pass(3700);
    assert_cannot_roll_back(&world, &prod);
    assert!(!journal().contains(&prod.token.access_token));
    world.assert_one_live_token(&prod);
}

/// Nor any longer: once the token after it is revoked, nothing leads back to it.
#[test]
fn after_the_token_that_replaced_it() {
    let journal = |world: &World| fs::read_to_string(world.journal_path()).unwrap_or_default();
    let (world, prod) = ready();
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    world.refresh(&[]).exits(0);
    assert!(!journal(&world).contains(&prod.token.access_token));
    assert!(world.plane.is_live(&prod.token.access_token), "its grace runs");
    assert_cannot_roll_back(&world, &prod);

    let (world, prod) = ready();
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    let jti = world.item(&prod)["jti"].as_str().unwrap().to_owned();
    world.ntcli(&["token", "revoke", &jti, "--force"]).run().exits(0);
    assert!(!journal(&world).contains(&prod.token.access_token));
    let output = rollback(&world);
    output.exits(1).says("Cannot roll back: the workspace has no current token");
}

/// While the token between them has a grace too, it leads back twice.
#[test]
fn two_steps_back() {
    let (world, prod) = ready();
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    rollback(&world).exits(0);
    rollback(&world).exits(0);
    assert_back(&world, &prod);
}

#[test]
fn after_a_delivery_that_failed() {
    let (world, prod) = ready();
    add(&world, &["--exec", "test \"$NTCLI_NEW_JTI\" = \"$(cat \"$HERE/good\")\""]).exits(0);
    fs::write(world.outside("good"), &prod.token.jti).unwrap();
    world.refresh(&[]).exits(9).says("fix that");
    rollback(&world).exits(0);
    assert_back(&world, &prod);
}

#[test]
fn the_old_token_is_dead() {
    let (world, prod) = ready();
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    // Another machine does it.
    fs::create_dir(world.outside("machine")).unwrap();
    fs::copy(world.config_path(), world.outside("machine/config.json")).unwrap();
    let args = ["token", "revoke", &prod.token.jti, "--force"];
    let elsewhere = world.ntcli(&args).env("NTCLI_CONFIG_DIR", world.outside("machine"));
    elsewhere.run().exits(0);
    assert_cannot_roll_back(&world, &prod);
    world.refresh(&[]).exits(0);
    assert_all_hold_current(&world, &prod);
}

/// What was given to a refresh gets the old token back too.
#[test]
fn with_flags_that_the_rollback_does_not_have() {
    let (world, prod) = ready();
    world.refresh(&["--token-file", "own", "--revoke-after", "1h"]).exits(0);
    rollback(&world).exits(0);
    assert_eq!(read(&world, "own").trim(), prod.token.access_token);
    assert_back(&world, &prod);
}
