//! `ntcli renew`: what a timer runs brings about what is wanted, whatever happened in between.

use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times, TokenShape};
use crate::harness::kill;
use crate::harness::run::Output;
use crate::harness::world::{Workspace, World};

pub(crate) fn renew(world: &World, args: &[&str]) -> Output {
    world.ntcli(&[&["renew"], args].concat()).run()
}

/// A nightly run in which there is nothing to do: silent, 0, and no request.
#[track_caller]
pub(crate) fn assert_quiet_night(world: &World) {
    world.plane.clear_requests();
    let night = world.ntcli(&["-q", "renew"]).run();
    night.exits(0).prints("").says_only("");
    world.assert_nothing_sent();
}

fn result<'a>(json: &'a Value, name: &str) -> &'a Value {
    let results = json["results"].as_array().unwrap();
    results.iter().find(|r| r["workspace"]["name"] == name).unwrap_or_else(|| panic!("{json:#}"))
}

fn actions(result: &Value) -> Vec<&str> {
    let actions = result["actions"].as_array().unwrap().iter();
    actions.map(|action| action["action"].as_str().unwrap()).collect()
}

/// A current token of whose lifetime only the end is known, which is near.
pub(crate) fn give_due(world: &World, workspace: &Workspace) {
    world.plane.configure(|o| o.token_shape = TokenShape::Opaque);
    give(world, workspace, 100);
    world.plane.configure(|o| o.token_shape = TokenShape::Jwt);
}

/// Sets the lifetime of a new current token, made now.
fn give(world: &World, workspace: &Workspace, lifetime_s: u64) {
    let token = world.plane.issue_token(&workspace.id, Some(lifetime_s));
    let item = format!("/workspaces/items/{}", workspace.key);
    world.set_config(&format!("{item}/access_token"), token.access_token.as_str().into());
    world.set_config(&format!("{item}/jti"), token.jti.as_str().into());
    world.set_config(&format!("{item}/expires_at"), token.expires_at.map(|s| s * 1000).into());
    world.plane.revoke_token(&workspace.id, &workspace.token.jti);
}

fn add_target(world: &World, workspace: &str, file: &str) {
    world.ntcli(&["target", "add", workspace, "--file", file]).run().exits(0);
}

#[test]
fn nothing_is_due() {
    let (world, prod) = World::ready();
    world.plane.clear_requests();
    let first = renew(&world, &["--format", "json"]).exits(0).json();
    assert_eq!(actions(result(&first, "prod")), ["none"]);
    assert_eq!(result(&first, "prod")["outcome"], "not_due");
    // The server is asked once a week whether it still knows the token.
    assert_eq!((world.count(Route::TokenAuth), world.count(Route::TokenCreate)), (1, 0));
    assert_quiet_night(&world);
    let line = renew(&world, &[]);
    assert!(line.exits(0).stdout.starts_with("prod: not due before 20"), "{line}");
    let path = world.path("last-run.json");
    let mut last: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    last["looked"][&prod.id] = json!(1_000);
    fs::write(&path, last.to_string()).unwrap();
    world.plane.clear_requests();
    renew(&world, &["--no-network"]).exits(0);
    world.assert_nothing_sent();
    renew(&world, &[]).exits(0);
    assert_eq!(world.count(Route::TokenAuth), 1);
    assert_quiet_night(&world);
}

/// The active workspace and the variable are no matter, and each is looked at.
#[test]
fn every_workspace_by_its_own_need() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    let dev = world.add_workspace("dev");
    world.set_config("/workspaces/activeWorkspaceId", json!(dev.key));
    give_due(&world, &prod);
    world.set_config(&format!("/workspaces/items/{}/access_token", staging.key), json!("no-token"));
    let planned = renew(&world, &["--dry-run", "--format", "json"]).exits(0).json();
    let run = world.ntcli(&["renew", "--format", "json"]).env("NTCLI_WORKSPACE", "dev");
    let done = run.run().exits(0).json();
    assert_eq!(done["results"].as_array().unwrap().len(), 2, "staging has no token here");
    for json in [&planned, &done] {
        assert_eq!(actions(result(json, "prod")), ["refresh"], "{json:#}");
        assert_eq!(actions(result(json, "dev")), ["none"], "{json:#}");
    }
    world.assert_one_live_token(&prod);
    world.assert_one_live_token(&dev);
    assert_quiet_night(&world);
    // Those named alone.
    give_due(&world, &dev);
    renew(&world, &["prod"]).exits(0);
    world.assert_current_is_live(&prod);
    let json = renew(&world, &["dev", "prod", "--format", "json"]).exits(0).json();
    assert_eq!(json["results"].as_array().unwrap().len(), 2);
    world.assert_one_live_token(&dev);
    assert_quiet_night(&world);
}

/// Whoever did not get the token gets it, though no refresh is due: never delivered, put back by its
/// application, left behind by another client.
#[test]
fn targets_that_lack_the_token() {
    let (world, prod) = World::ready();
    add_target(&world, "prod", "token");
    let place = world.outside("").display().to_string();
    let command = format!("cp '{place}/token' '{place}/got'");
    world.ntcli(&["target", "add", "prod", "--exec", &command]).run().exits(0);
    renew(&world, &[]).exits(0);
    let holds = |name: &str| fs::read_to_string(world.outside(name)).unwrap_or_default();
    assert_eq!(holds("token").trim(), world.current(&prod));
    assert_quiet_night(&world);

    world.refresh(&[]).exits(0);
    for night in 0..3 {
        if night == 1 {
            let old = world.item(&prod)["jti"].as_str().unwrap().to_owned();
            world.issue_elsewhere(&prod);
            world.plane.revoke_token(&prod.id, &old);
        } else {
            fs::write(world.outside("token"), &prod.token.access_token).unwrap();
        }
        let planned = renew(&world, &["--dry-run", "--format", "json"]).exits(0).json();
        assert!(actions(result(&planned, "prod")).contains(&"deliver"), "{planned:#}");
        let done = renew(&world, &["--format", "json"]).exits(0).json();
        assert_eq!(result(&done, "prod")["outcome"], "delivered", "{done:#}");
        assert_eq!(holds("token").trim(), world.current(&prod), "night {night}");
        assert_eq!(holds("got").trim(), world.current(&prod), "the command comes after its file");
        assert_quiet_night(&world);
    }
}

/// A file that cannot be written is exit 9, and heals by itself.
#[test]
fn a_target_that_cannot_be_served() {
    let (world, prod) = World::ready();
    renew(&world, &[]).exits(0);
    fs::create_dir(world.outside("folder")).unwrap();
    add_target(&world, "prod", "folder/token");
    fs::remove_dir_all(world.outside("folder")).unwrap();
    let output = renew(&world, &[]);
    output.exits(9).says("Error: ");
    assert!(output.stdout.starts_with("prod: "), "{output}");
    world.assert_current_is_live(&prod);
    fs::create_dir(world.outside("folder")).unwrap();
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);
}

/// What an earlier run left live is revoked though nothing is due.
#[test]
fn what_an_earlier_run_left() {
    let (world, prod) = World::ready();
    let fault = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, fault);
    world.refresh(&[]).exits(8);
    renew(&world, &["--no-network"]).exits(8);
    world.plane.clear_faults();
    let json = renew(&world, &["--no-network", "--format", "json"]).exits(0).json();
    assert_eq!(actions(result(&json, "prod")), ["revoke"], "{json:#}");
    world.assert_one_live_token(&prod);
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);
}

/// A workspace that was deleted on the server is one line, and no failure of the others.
#[test]
fn a_workspace_that_is_gone() {
    let (world, prod) = World::ready();
    let dev = world.add_workspace("dev");
    give_due(&world, &prod);
    crate::workspaces::manage::delete_elsewhere(&world, &dev.id);
    let output = renew(&world, &[]);
    output.exits(1);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{output}");
    assert!(lines.iter().any(|line| line.starts_with("prod: refreshed")), "{output}");
    let gone = "dev: dev is no longer on the server; ntcli workspace sync";
    assert!(lines.contains(&gone), "{output}");
    world.assert_one_live_token(&prod);
    world.ntcli(&["workspace", "sync"]).run().exits(0);
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);
}

/// Another machine with a copy of the folder has refreshed: the token here is dead, though not due.
#[test]
fn a_copied_folder() {
    let (world, prod) = World::ready();
    renew(&world, &[]).exits(0);
    add_target(&world, "prod", "token");
    renew(&world, &[]).exits(0);
    world.plane.revoke_token(&prod.id, world.item(&prod)["jti"].as_str().unwrap());
    let path = world.path("last-run.json");
    let mut last: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    last["looked"][&prod.id] = json!(1_000);
    fs::write(&path, last.to_string()).unwrap();
    let output = renew(&world, &[]);
    output.exits(8).says("that the server no longer knew");
    world.assert_current_is_live(&prod);
    let delivered = fs::read_to_string(world.outside("token")).unwrap();
    assert_eq!(delivered.trim(), world.current(&prod));
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);
}

/// A run that finishes an interrupted refresh asks about the token that is current then.
#[test]
fn a_finished_refresh_is_no_copy() {
    let (world, prod) = World::ready();
    kill::at_request(&world, Route::TokenAuth, Times::Once, false, &["token", "refresh"]);
    let output = renew(&world, &[]);
    output.exits(0).does_not_say("no longer knew");
    assert_eq!(world.count(Route::TokenCreate), 1);
    world.assert_one_live_token(&prod);
    assert_quiet_night(&world);
}

/// What another workspace's policy says keeps no delivery from being finished.
#[test]
fn deliveries_under_policies_that_differ() {
    let (world, prod) = World::ready();
    let dev = world.add_workspace("dev");
    for (workspace, name) in [(&prod, "prod"), (&dev, "dev")] {
        add_target(&world, name, name);
        kill::at_request(
            &world,
            Route::TokenRevoke,
            Times::Once,
            false,
            &["token", "refresh", name],
        );
        fs::write(world.outside(name), format!("{}\n", workspace.token.access_token)).unwrap();
    }
    world.ntcli(&["policy", "dev", "--expires-in", "90d"]).run().exits(0);
    renew(&world, &[]).exits(0);
    for (workspace, name) in [(&prod, "prod"), (&dev, "dev")] {
        let held = fs::read_to_string(world.outside(name)).unwrap();
        assert_eq!(held.trim(), world.current(workspace), "{name}");
        world.assert_one_live_token(workspace);
    }
}

/// A server that takes no token at all proves nothing about one that it lists.
#[test]
fn a_server_that_denies_every_token() {
    let (world, prod) = World::ready();
    world.plane.configure(|o| o.token_auth = crate::control_plane::TokenAuth::Rejects401All);
    let before = world.current(&prod);
    renew(&world, &[]).exits(0);
    assert_eq!(world.current(&prod), before);
    assert_quiet_night(&world);
}

/// The server grants ten days where a year was asked for: that is no refresh every night.
#[test]
fn less_is_granted_than_was_asked() {
    let (world, prod) = World::ready();
    give(&world, &prod, 10 * 86_400);
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);
    world.ntcli(&["token", "needs-refresh"]).run().exits(1);
    world.ntcli(&["check"]).run().exits(0);
}

#[test]
fn no_token_at_all() {
    let world = World::new();
    let folder = world.dir.display().to_string();
    renew(&world, &[]).exits(1).says("No workspace has a token here").says(&folder);
    let (world, prod) = World::ready();
    world.set_config(&format!("/workspaces/items/{}/access_token", prod.key), json!(""));
    renew(&world, &[]).exits(1).says(&world.dir.display().to_string());
    renew(&world, &["prod"]).exits(1).says(&world.dir.display().to_string());
}

/// A session that has ended is told in time, and what needs no server is done.
#[test]
fn without_a_session() {
    let (world, prod) = World::ready();
    renew(&world, &[]).exits(0);
    add_target(&world, "prod", "token");
    world.set_config("/auth", json!(null));
    let output = renew(&world, &[]);
    output.exits(4).says("ntcli auth login");
    let delivered = fs::read_to_string(world.outside("token")).unwrap();
    assert_eq!(delivered.trim(), world.current(&prod));
}

/// What is wanted is said once, and holds for a refresh by hand too.
#[test]
fn by_policy() {
    let (world, _) = World::ready();
    let policy = |args: &[&str]| world.ntcli(&[&["policy"], args].concat()).run();
    let shown = policy(&["--format", "json"]).exits(0).json();
    assert_eq!((&shown["is_default"], &shown["expires_in_s"]), (&json!(true), &Value::Null));
    for refused in [
        &["--expires-in", "20d", "--renew-before", "20d"][..],
        &["--renew-before", "1y"],
        &["--expires-in", "20d", "--revoke-after", "19d"],
        &["--expires-in", "soon"],
    ] {
        policy(refused).exits(2);
    }
    assert!(!world.path("policies.json").exists());
    policy(&["prod", "--expires-in", "120d", "--renew-before", "40d"]).exits(0);
    policy(&["--revoke-after", "1h"]).exits(0);
    let shown = policy(&["--format", "json"]).exits(0).json();
    assert_eq!(shown["expires_in_s"], 120 * 86_400);
    assert_eq!(shown["revoke_after_s"], 3600);
    world.assert_private();
    let json = world.refresh(&["--format", "json"]).exits(0).json();
    assert!(json["old_token"]["revoke_after"].is_string(), "{json:#}");
    let left = |world: &World| {
        let shown = world.ntcli(&["token", "show", "--format", "json"]).run().json();
        shown["days_until_expiry"].as_i64().unwrap()
    };
    assert_eq!(left(&world), 119);
    // The options of a run win.
    let json = world.refresh(&["--expires-in", "60d", "--revoke-after", "10s", "--format", "json"]);
    json.exits(0);
    assert_eq!(left(&world), 59);
    // A third of what was granted, since that is less than was wanted.
    world.ntcli(&["token", "needs-refresh"]).run().exits(1).says_only("");
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);
    policy(&["--default"]).exits(0);
    assert_eq!(policy(&["--format", "json"]).json()["is_default"], true);
}

/// A file that holds what must not be lost gets nothing, and nothing else is said of it.
#[test]
fn a_delivery_that_failed_is_not_told_as_one() {
    let (world, _) = World::ready();
    world.ntcli(&["target", "add", "--file", "token"]).run().exits(0);
    fs::write(world.outside("token"), "a=1\n").unwrap();
    let output = renew(&world, &[]);
    output.exits(9).says("which would be lost");
    assert!(!output.stdout.contains("delivered to target"), "{output}");
    let json = renew(&world, &["--format", "json"]).exits(9).json();
    assert_eq!(result(&json, "prod")["outcome"], "delivery_failed", "{json:#}");
}
