//! Each target that has the token is remembered; what failed is repeated alone.

use std::fs;
use std::sync::Arc;

use super::{add, assert_all_hold_current, assert_held_are_live, read, ready};
use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::World;

#[test]
fn only_what_failed_is_repeated() {
    let (world, prod) = ready();
    add(&world, &["--exec", "cd \"$HERE\" && test -e fixed && echo \"$NTCLI_ATTEMPT\" >> second"])
        .exits(0);
    let output = world.refresh(&["--format", "json"]);
    let json = output.exits(9).says("target 5: --exec").says("ntcli renew prod").json();
    assert_eq!(json["error"]["causes"].as_array().unwrap().len(), 1, "{json}");
    assert_all_hold_current(&world, &prod);
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 2, "the old one is kept");
    world.refresh(&[]).exits(9);
    fs::write(world.outside("fixed"), "").unwrap();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_one_live_token(&prod);
    assert_eq!(read(&world, "log").lines().count(), 1, "the first command ran once");
    assert_eq!(read(&world, "second"), "3\n");
    world.assert_settled();
}

#[test]
fn a_file_that_fails_keeps_the_commands_from_running() {
    let (world, prod) = ready();
    let old = prod.token.access_token.clone();
    // It was found to be usable, and is no more when the token is there.
    let gone = world.outside("app.env");
    let breaks = move || {
        fs::remove_file(&gone).unwrap();
        fs::create_dir(&gone).unwrap();
    };
    world.plane.fault(Route::TokenAuth, Times::Once, Fault::Wait(Arc::new(breaks)));
    let output = world.refresh(&[]);
    output.exits(9).says("target 2: ");
    assert_eq!(read(&world, "hook").trim(), old);
    assert_eq!(read(&world, "token").trim(), world.current(&prod));
    fs::remove_dir(world.outside("app.env")).unwrap();
    fs::write(world.outside("app.env"), "").unwrap();
    world.refresh(&[]).exits(0);
    assert_all_hold_current(&world, &prod);
    world.assert_one_live_token(&prod);
}

#[test]
fn what_is_removed_meanwhile_does_not_count() {
    let (world, prod) = ready();
    add(&world, &["--exec", "false"]).exits(0);
    world.refresh(&[]).exits(9);
    world.ntcli(&["token", "revoke", "--pending"]).run().exits(8);
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 2);
    world.ntcli(&["target", "remove", "5"]).run().exits(0);
    world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
    world.assert_one_live_token(&prod);
    assert_all_hold_current(&world, &prod);
}

#[test]
fn a_command_is_told_that_it_may_be_repeated() {
    let (world, prod) = ready();
    add(
        &world,
        &[
            "--exec",
            "cd \"$HERE\" && echo \"$NTCLI_ATTEMPT\" >> second; test -e go || kill -9 $PPID",
        ],
    )
    .exits(0);
    world.refresh(&[]).is_killed();
    assert_held_are_live(&world);
    fs::write(world.outside("go"), "").unwrap();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert_eq!(read(&world, "second"), "1\n2\n");
    assert_eq!(read(&world, "log").lines().count(), 1);
    world.assert_one_live_token(&prod);
}

#[test]
fn a_delivery_by_hand_is_remembered() {
    let (world, prod) = ready();
    add(&world, &["--exec", "cd \"$HERE\" && test -e go && echo x >> second"]).exits(0);
    world.refresh(&[]).exits(9);
    fs::write(world.outside("go"), "").unwrap();
    world.ntcli(&["target", "deliver", "5"]).run().exits(0);
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 2, "it needs no server");
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_one_live_token(&prod);
    assert_eq!(read(&world, "second"), "x\n");
}

/// What has the token is looked at again before the old one is revoked.
#[test]
fn a_file_that_was_put_back_in_between() {
    for remove in [false, true] {
        let (world, prod) = ready();
        let old = read(&world, "token");
        add(&world, &["--exec", "test -e \"$HERE/fixed\""]).exits(0);
        world.refresh(&[]).exits(9);
        fs::write(world.outside("token"), &old).unwrap();
        fs::remove_file(world.outside("app.env")).unwrap();
        if remove {
            world.ntcli(&["target", "remove", "1"]).run().exits(0);
            add(&world, &["--file", "token"]).exits(0);
        }
        fs::write(world.outside("fixed"), "").unwrap();
        world.refresh(&["--if-expires-within", "1"]).exits(0);
        assert_all_hold_current(&world, &prod);
        world.assert_one_live_token(&prod);
        let ran = read(&world, "log").lines().count();
        assert_eq!(ran, 2, "the command runs once more after the files before it");
        world.assert_settled();
    }
}

/// The same at the end of a grace: the file is written once more, and then the old one can go.
#[test]
fn a_file_that_was_put_back_during_a_grace() {
    let (world, prod) = ready();
    let old = read(&world, "token");
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    fs::write(world.outside("token"), &old).unwrap();
    world.let_time_pass(3700);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert_all_hold_current(&world, &prod);
    world.assert_one_live_token(&prod);
    world.assert_settled();
}

/// A command puts an older copy of a file back: the file is written once more before the old token is
/// revoked. A file that is put back again and again keeps the old one live, and is named.
#[test]
fn a_file_that_a_command_puts_back() {
    let (world, prod) = World::ready();
    add(&world, &["--file", "token"]).exits(0);
    world.ntcli(&["target", "deliver", "1"]).run().exits(0);
    fs::copy(world.outside("token"), world.outside("token.bak")).unwrap();
    add(&world, &["--exec", "cd \"$HERE\" && cp token.bak token"]).exits(0);
    world.refresh(&[]).exits(0);
    assert_eq!(read(&world, "token").trim(), world.current(&prod));
    world.assert_one_live_token(&prod);
    world.assert_settled();
}

/// A run that is not due delivers what a target has lost.
#[test]
fn a_file_that_drifted_is_written_although_nothing_is_due() {
    let (world, prod) = ready();
    fs::remove_file(world.outside("token")).unwrap();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert_all_hold_current(&world, &prod);
    let log = read(&world, "log").lines().count();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert_eq!(read(&world, "log").lines().count(), log, "nothing is lacking any more");
    world.assert_settled();
}

/// A target that cannot be served does not stop the rotation of a token that is due.
#[test]
fn an_undelivered_token_that_is_due_is_followed() {
    let (world, prod) = ready();
    add(&world, &["--exec", "test -e \"$HERE/fixed\""]).exits(0);
    world.refresh(&["--expires-in", "60"]).exits(9);
    let undelivered = world.current(&prod);
    world.refresh(&["--if-expires-within", "90"]).exits(9);
    assert_ne!(world.current(&prod), undelivered);
    assert!(world.plane.is_live(&prod.token.access_token), "the target may hold the first one");
    assert!(world.plane.is_live(&undelivered));
    fs::write(world.outside("fixed"), "").unwrap();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert_all_hold_current(&world, &prod);
    world.assert_one_live_token(&prod);
    world.assert_settled();
}

/// A file that is given for one run has had no token yet.
#[test]
fn a_new_file_keeps_nothing_live() {
    let (world, prod) = World::ready();
    let fault = || Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, fault());
    world.refresh(&[]).exits(8);
    world.plane.clear_faults();
    world.refresh(&["--token-file", "new"]).exits(0);
    world.assert_one_live_token(&prod);
}

/// `token create --save` replaces the current token too.
#[test]
fn a_token_that_is_created_and_saved() {
    let (world, prod) = ready();
    world.ntcli(&["token", "create", "--save"]).prints_secrets().run().exits(0);
    assert_all_hold_current(&world, &prod);
    assert!(world.plane.is_live(&prod.token.access_token), "it is nobody's to revoke");
    add(&world, &["--exec", "test -e \"$HERE/fixed\""]).exits(0);
    let create = || world.ntcli(&["token", "create", "--save"]).prints_secrets().run();
    create().exits(9).says("target 5: --exec").says("Hint: fix that, then: ");
    create().exits(9).says("not delivered to every target yet").says("Hint: ntcli renew prod\n");
    assert_all_hold_current(&world, &prod);
    fs::write(world.outside("fixed"), "").unwrap();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.refresh(&[]).exits(0);
    assert_all_hold_current(&world, &prod);
    world.assert_settled();
    fs::remove_file(world.outside("token")).unwrap();
    fs::create_dir(world.outside("token")).unwrap();
    create().exits(9).says("Warning: Not every target can get the new token: target 1");
}

/// It replaces what a delivery is pending for, and revokes it.
#[test]
fn another_client_refreshes_in_between() {
    for stays_open in [false, true] {
        let (world, prod) = ready();
        add(&world, &["--exec", "test -e \"$HERE/fixed\""]).exits(0);
        world.refresh(&[]).exits(9);
        let replaced = world.item(&prod)["jti"].as_str().unwrap().to_owned();
        let theirs = world.issue_elsewhere(&prod);
        if !stays_open {
            world.plane.revoke_token(&prod.id, &replaced);
        }
        fs::write(world.outside("fixed"), "").unwrap();
        // The file in which the token is to be replaced holds one of ours from before.
        world.refresh(&["--if-expires-within", "1"]).exits(0);
        assert_eq!(world.current(&prod), theirs.access_token);
        assert_all_hold_current(&world, &prod);
        assert!(!world.plane.is_live(&prod.token.access_token));
        let shown = world.ntcli(&["token", "show"]).run().transcript();
        assert_eq!(shown.contains(&replaced), stays_open, "{shown}");
    }
}

#[test]
fn a_workspace_that_cannot_be_served_holds_back_no_other() {
    let (world, prod) = World::ready();
    let mut all = world.add_workspaces(&["b", "c", "d", "e"]);
    all.push(prod);
    let command = "echo x >> \"$HERE/log\"; test -e \"$HERE/fixed\"";
    for workspace in &all {
        add(&world, &[&workspace.id, "--exec", command]).exits(0);
    }
    world.refresh(&["--all"]).exits(9);
    assert_eq!(read(&world, "log").lines().count(), 5);
    assert!(all.iter().all(|w| world.current(w) != w.token.access_token));
    fs::write(world.outside("fixed"), "").unwrap();
    world.refresh(&["--all"]).exits(0);
    for workspace in &all {
        world.assert_one_live_token(workspace);
    }
}
