//! `ntcli workspace create`, with every outcome of its answer.

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::kill;
use crate::harness::strace::Call;
use crate::harness::world::SESSION;
use crate::ports::free_port;
use crate::workspaces::manage::{active, named, run, world};

#[test]
fn created_and_selected() {
    let world = world();
    let output = run(&world, &["create", "dev", "-d", "for \"tests\"", "--format", "json"]);
    let created = output.exits(0).json();
    let id = created["workspace"]["id"].as_str().unwrap();
    assert_eq!(active(&world), id);
    assert_eq!(created["token"], Value::Null);
    let request = &world.plane.requests()[0];
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body, json!({"name": "dev", "description": "for \"tests\""}));
    run(&world, &["create", "dev"])
        .exits(1)
        .says("A workspace named 'dev' exists already; nothing has changed")
        .says("Hint: ntcli workspace select dev");
    // Another one leaves it active: what the shell works on does not change beneath it.
    let output = run(&world, &["create", "next", "--format", "json"]);
    assert_eq!(output.exits(0).json()["active"], false);
    output.says("ntcli token create next");
    assert_eq!(active(&world), id);
    let chosen = run(&world, &["create", "chosen", "--select"]);
    assert!(chosen.exits(0).stdout.contains("It is the active workspace now."));
    assert_eq!(active(&world), named(&world, "chosen")["workspace_id"]);
}

#[test]
fn a_name_that_the_server_would_not_take_is_not_sent() {
    let world = world();
    let long = "a".repeat(21);
    for name in ["Dev", "a b", "a.b", "é", "a/b", &long] {
        run(&world, &["create", name]).exits(2).prints("");
    }
    world.assert_nothing_sent();
    run(&world, &["create", &long[1..]]).exits(0);
}

#[test]
fn a_token_that_comes_along_is_stored() {
    let world = world();
    world.plane.configure(|o| o.workspace_create_includes_token = true);
    let output = run(&world, &["create", "dev", "--format", "json"]);
    let created = output.exits(0).json();
    let id = created["workspace"]["id"].as_str().unwrap();
    let live = world.plane.live_tokens(id);
    assert_eq!(created["token"]["jti"], live[0].as_str());
    assert!(
        world
            .plane
            .is_live(world.config()["workspaces"]["items"][id]["access_token"].as_str().unwrap())
    );
    world.refresh(&[]).exits(0);
    assert_eq!(world.plane.live_tokens(id).len(), 1);
}

/// Nothing has to be taken back of a request that could not be sent.
#[test]
fn a_server_that_cannot_be_reached_leaves_no_work() {
    if !crate::harness::strace::is_available() {
        return;
    }
    let world = world();
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let log = world.outside("strace");
    let create = world.ntcli(&["workspace", "create", "dev"]).env("NTCLI_API_URL", nowhere);
    let create = create.env("NTCLI_SESSION_TOKEN", SESSION).strace(&log, &["-y"]);
    create.run().exits(5).says("connection refused");
    let log = std::fs::read_to_string(log).unwrap();
    // Once that the request is about to be sent; that it was not needs no disk.
    assert!(log.contains("ECONNREFUSED") && log.matches("sync(").count() <= 2, "{log}");
    assert!(!world.has_journal());
}

/// The server made it, but its answer was lost: the list tells, and a token in it is named.
#[test]
fn a_lost_answer_to_create() {
    let faults = [Fault::CloseAfter, Fault::Truncate, Fault::Body("<html>".to_owned())];
    for fault in faults {
        for token in [false, true] {
            let world = world();
            world.plane.configure(|o| o.workspace_create_includes_token = token);
            world.plane.fault(Route::WorkspaceCreate, Times::Once, fault.clone());
            let output = run(&world, &["create", "dev", "--format", "json"]);
            output.exits(0).says("The answer to the request was lost");
            let id = output.json()["workspace"]["id"].as_str().unwrap().to_owned();
            assert_eq!(active(&world), id.as_str());
            let live = world.plane.live_tokens(&id);
            assert_eq!(live.len(), usize::from(token));
            for jti in &live {
                output.says(jti).says("may be ours");
                output.says(&format!("ntcli token revoke {jti} -w {id}"));
            }
            // A token of it could still appear.
            assert!(world.has_journal());
            assert_eq!(world.has_pending_work(), token);
            assert_eq!(world.count(Route::WorkspaceCreate), 1);
        }
    }
}

/// If the list cannot tell either, nothing is invented.
#[test]
fn an_unknown_outcome_of_a_create() {
    let world = world();
    world.plane.fault(Route::WorkspaceCreate, Times::Once, Fault::CloseAfter);
    world.plane.fault(
        Route::WorkspaceList,
        Times::Always,
        Fault::Status(500, String::new(), Vec::new()),
    );
    let output = run(&world, &["create", "dev"]);
    output.exits(10).says("It is unknown whether the server could create the workspace");
    world.plane.clear_faults();
    run(&world, &["create", "dev"])
        .exits(1)
        .says("Workspace 'dev'")
        .says("was created, although the answer was lost: ntcli workspace select dev")
        .says("exists already");
    run(&world, &["select", "dev"]).exits(0);
    world.assert_settled();
}

/// A full disk at the moment of storing.
#[test]
fn a_workspace_that_cannot_be_stored() {
    if !crate::harness::strace::is_available() {
        return;
    }
    let world = world();
    world.plane.configure(|o| o.workspace_create_includes_token = true);
    let full = ["-e", "trace=/^rename", "-e", "inject=/^rename:error=ENOSPC"];
    let run = world.ntcli(&["workspace", "create", "dev"]);
    let output = run.strace(&world.outside("strace"), &full).run();
    output
        .exits(7)
        .prints("")
        .says("the token that came with it was revoked again")
        .says("Hint: ntcli workspace sync");
    world.ntcli(&["workspace", "sync"]).run().exits(0);
    let id = named(&world, "dev")["workspace_id"].as_str().unwrap().to_owned();
    assert!(world.plane.live_tokens(&id).is_empty());
    assert_eq!(named(&world, "dev")["known_here"], true);
}

/// Killed at any call from the first record on: the next run names the workspace, and stores or
/// names the token that came with it. Once the journal holds that, it is stored.
#[test]
fn killed_on_the_way() {
    let fresh = || {
        let world = world();
        world.plane.configure(|o| o.workspace_create_includes_token = true);
        (world, ())
    };
    let mut records = 0;
    let later = |call: &Call| {
        let before = records > 0;
        records += usize::from(call.name == "fdatasync" && call.line.contains("rotation.journal"));
        before
    };
    let create = |(): &()| kill::words(&["workspace", "create", "dev"]);
    kill::at_every_call(fresh, create, later, |world, ()| {
        let journal = std::fs::read_to_string(world.journal_path()).unwrap_or_default();
        let in_hand = journal.contains("\"created\"");
        let pending = world.ntcli(&["token", "revoke", "--pending"]).run();
        pending.exits(0);
        let found = named(world, "dev");
        let Some(id) = found["workspace_id"].as_str() else {
            world.assert_settled();
            return;
        };
        let live = world.plane.live_tokens(id);
        assert_eq!(live.len(), 1, "{}", world.describe());
        let stored = &world.config()["workspaces"]["items"][id]["jti"];
        if *stored == live[0].as_str() {
            world.refresh(&["-w", "dev"]).exits(0);
            assert_eq!(world.plane.live_tokens(id).len(), 1);
            world.assert_settled();
        } else {
            assert!(!in_hand, "{}", world.describe());
            pending.says("ntcli workspace select dev").says(&live[0]);
        }
        world.assert_private();
    });
}
