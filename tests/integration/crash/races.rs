//! Several runs at once, and the lock between them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::gate::Gate;
use crate::harness::kill;
use crate::harness::strace;
use crate::harness::world::{Running, World, wait_until};

/// Waits until the run sleeps with the lock file open: it has found the lock taken.
pub(crate) fn wait_until_it_waits(running: &Running) {
    let proc = PathBuf::from(format!("/proc/{}", running.pid()));
    let is_lock = |link: &Path| fs::read_link(link).is_ok_and(|file| file.ends_with("ntcli.lock"));
    let sleeps = || fs::read_to_string(proc.join("stat")).is_ok_and(|stat| stat.contains(") S "));
    wait_until("a run waits for the lock", || {
        let mut files = fs::read_dir(proc.join("fd")).into_iter().flatten().flatten();
        files.any(|file| is_lock(&file.path())) && sleeps()
    });
}

#[test]
fn sixteen_at_once() {
    let (world, workspace) = World::ready();
    let refresh = || world.ntcli(&["token", "refresh", "--format", "json"]).spawn();
    let running: Vec<_> = (0..16).map(|_| refresh()).collect();
    let outputs: Vec<_> = running.into_iter().map(|running| running.finish()).collect();
    let mut refreshed = 0;
    for output in &outputs {
        output.exits(0);
        let answer = output.json();
        match answer["outcome"].as_str() {
            Some("refreshed") => refreshed += 1,
            Some("already_refreshed") => {
                assert_eq!(answer["verified"], serde_json::Value::Null, "{output}");
            }
            _ => panic!("{output}"),
        }
    }
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
    // One that had not begun when another ended does its own.
    assert_eq!(refreshed, world.count(Route::TokenCreate));
    assert_eq!(refreshed, world.count(Route::TokenRevoke));
}

#[test]
fn eight_workspaces_at_once() {
    let (world, first) = World::ready();
    let names = ["b", "c", "d", "e", "f", "g", "h"];
    let mut workspaces: Vec<_> = names.iter().map(|name| world.add_workspace(name)).collect();
    workspaces.push(first);
    let refresh = |id: &String| world.ntcli(&["token", "refresh", id]).spawn();
    let running: Vec<_> = workspaces.iter().map(|w| refresh(&w.id)).collect();
    for running in running {
        running.finish().exits(0).says_only("");
    }
    for workspace in &workspaces {
        world.assert_one_live_token(workspace);
        assert_ne!(world.current(workspace), workspace.token.access_token);
    }
    assert_eq!(world.count(Route::TokenCreate), 8);
    assert!(!world.has_journal());
}

/// A run that waits for the lock sees what was done meanwhile, and does not repeat it.
#[test]
fn a_run_that_waited_finds_it_done() {
    let (world, workspace) = World::ready();
    let gate = Gate::before_a_loss(&world, Route::TokenAuth);
    let first = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    let text = world.ntcli(&["token", "refresh"]).spawn();
    let json = world.ntcli(&["token", "refresh", "--format", "json"]).spawn();
    wait_until_it_waits(&text);
    wait_until_it_waits(&json);
    gate.open();
    first.finish().exits(0);
    let (text, json) = (text.finish(), json.finish());
    let said = "Token was refreshed by another run while this one waited.\n";
    assert!(text.exits(0).stdout.starts_with(said), "{text}");
    assert_eq!(json.exits(0).json()["outcome"], "already_refreshed");
    assert_eq!(json.json()["old_token"]["jti"], workspace.token.jti.as_str());
    assert_eq!(world.count(Route::TokenCreate), 1);
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
}

/// The run that held the lock failed: the run that waited repairs that, and refreshes.
#[test]
fn a_run_that_waited_for_a_failure() {
    let (world, workspace) = World::ready();
    let gate = Gate::before_a_loss(&world, Route::TokenCreate);
    let first = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    let second = world.ntcli(&["token", "refresh"]).spawn();
    wait_until_it_waits(&second);
    gate.open();
    first.finish().exits(10);
    let second = second.finish();
    assert!(second.exits(0).stdout.starts_with("Token refreshed"), "{second}");
    world.assert_one_live_token(&workspace);
    world.assert_settled();
}

/// The run that waited retries what the lock holder could not do, and ends with the same code.
#[test]
fn a_run_that_waited_finds_work_left() {
    let (world, workspace) = World::ready();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken.clone());
    world.plane.fault(Route::TokenList, Times::Always, broken);
    let gate = Gate::before_a_loss(&world, Route::TokenAuth);
    let first = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    let args = ["token", "refresh", "--format", "json"];
    let second = world.ntcli(&args).spawn();
    wait_until_it_waits(&second);
    gate.open();
    first.finish().exits(8).says(&workspace.token.jti);
    let second = second.finish();
    let answer = second.exits(8).says(&workspace.token.jti).json();
    assert_eq!(answer["outcome"], "already_refreshed", "{second}");
    assert_eq!(answer["error"]["exit_code"], 8, "{second}");
    assert_eq!(world.count(Route::TokenCreate), 1);
    // What is to be revoked is known only by its id.
    let journal = fs::read_to_string(world.journal_path()).unwrap();
    assert!(journal.contains(&workspace.token.jti), "{journal}");
    assert!(!journal.contains("access_token"), "{journal}");

    world.plane.clear_faults();
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
}

/// Where locks do nothing, a second run finishes what the first one is about, and may remove its
/// temporary file.
#[test]
fn what_another_run_has_stored_is_not_revoked() {
    if !strace::is_available() {
        return;
    }
    let (world, workspace) = World::ready();
    let gate = Gate::before_a_loss(&world, Route::TokenAuth);
    let no_rename = ["-e", "inject=rename,renameat,renameat2:error=ENOENT"];
    let run = world.ntcli(&["token", "refresh"]).strace(&world.outside("strace"), &no_rename);
    let first = run.spawn();
    gate.wait_for_request();
    let journal = fs::read_to_string(world.journal_path()).unwrap();
    let (_, token) = journal.split_once("\"access_token\":\"").unwrap();
    let token = token.split('"').next().unwrap();
    world.set_config(&format!("/workspaces/items/{}/access_token", workspace.key), token.into());
    gate.open();
    first.finish().exits(7);
    world.assert_current_is_live(&workspace);
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_temporary_file_that_another_run_takes_for_a_leftover() {
    if !strace::is_available() {
        return;
    }
    let (world, workspace) = World::ready();
    let once = ["-e", "inject=rename,renameat,renameat2:error=ENOENT:when=1"];
    let run = world.ntcli(&["token", "refresh"]).strace(&world.outside("strace"), &once);
    run.run().exits(0);
    world.assert_one_live_token(&workspace);
    world.assert_no_leftover();
}

#[test]
fn a_lock_that_is_not_given_back() {
    let (world, workspace) = World::ready();
    let gate = Gate::before_a_loss(&world, Route::TokenCreate);
    let first = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    for wait in ["0", "1", "1s"] {
        let output = world.refresh(&["--lock-wait", wait]);
        output
            .exits(6)
            .prints("")
            .says("ntcli.lock")
            .says("nothing was done")
            .says("Hint: pgrep -a ntcli\n");
    }
    let output = world.refresh(&["--lock-wait=0", "--format=json"]);
    let error = &output.exits(6).json()["error"];
    assert_eq!((error["exit_code"].as_i64(), &error["retryable"]), (Some(6), &true.into()));
    assert_eq!(world.plane.requests().len(), 1, "those that wait ask for nothing");
    gate.open();
    first.finish().exits(10);
    world.refresh(&["--lock-wait", "0"]).exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn an_invalid_lock_wait() {
    let (world, _) = World::ready();
    for bad in ["abc", "-1", "1.5", ""] {
        let joined = format!("--lock-wait={bad}");
        world.refresh(&[&joined]).exits(2).prints("").says("--lock-wait");
    }
    world.assert_nothing_sent();
}

/// The lock of a killed run is free at once.
#[test]
fn a_killed_run_gives_its_lock_back() {
    let (world, workspace) = World::ready();
    let gate = Gate::before_a_loss(&world, Route::TokenCreate);
    let first = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    kill::process(first.pid());
    first.finish().is_killed();
    world.refresh(&["--lock-wait", "0"]).exits(0);
    gate.open();
    world.assert_one_live_token(&workspace);
}
