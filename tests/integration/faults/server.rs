//! Every fault of a server, at each of the four calls of a refresh: the right exit code, the old
//! token kept unless a new one is stored, and an undisturbed run that repairs it.

use std::time::Duration;

use serde_json::Value;

use crate::control_plane::{ControlPlane, Fault, Route, Times};
use crate::faults::fault_list::{all_cases, broken_answers, refusals};
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, Workspace, World};
use crate::ports::free_port;

/// Most cases wait for a time-out or between attempts.
const WIDTH: usize = 12;
/// A refresh that meets a fault. Only what times out needs a short time-out: on a loaded machine
/// the others would meet it too.
fn refresh(world: &World, name: &str, args: &[&str]) -> Output {
    let args = [&["token", "refresh", "--format", "json"], args].concat();
    let seconds =
        if matches!(name, "drip" | "no answer, applied" | "no answer") { "2" } else { "30" };
    let refresh = world.ntcli(&args).env("NTCLI_TIMEOUT", seconds);
    refresh.limit(Duration::from_secs(60)).run()
}

/// Undisturbed, the next run leaves one live token, the one in the config, and nothing to do.
fn assert_repaired(world: &World, workspace: &Workspace) {
    world.plane.clear_faults();
    world.refresh(&["--revoke-orphans"]).exits(0);
    world.assert_one_live_token(workspace);
    world.assert_settled();
    world.assert_private();
}

/// The failure says what happened and what to do, and the old token is as it was.
fn assert_failed(world: &World, workspace: &Workspace, output: &Output, code: i32) {
    output.exits(code).says("Error: ").says("Hint: ntcli ");
    let error = &output.json()["error"];
    assert_eq!(error["exit_code"], code, "{output}");
    let retryable = matches!(code, 5 | 10);
    assert_eq!(error["retryable"], retryable, "{output}");
    assert_eq!(output.json().get("new_token"), None, "{output}");
    assert_eq!(world.current(workspace), workspace.token.access_token);
    world.assert_current_is_live(workspace);
}

#[test]
fn a_refused_create() {
    for_each(WIDTH, &refusals(), |(name, times, fault)| {
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenCreate, *times, fault.clone());
        let output = refresh(&world, name, &[]);
        let code = match *name {
            "429 small" | "503 once" => 0,
            "401" | "403" => 4,
            "400" | "404" | "409" | "422" => 1,
            // A gateway says so too, after its upstream has done it.
            _ => 10,
        };
        if code == 0 {
            output.exits(0);
        } else {
            assert_failed(&world, &workspace, &output, code);
            output.says(name.split(' ').next().unwrap());
            world.assert_one_live_token(&workspace);
        }
        match *name {
            "429 huge" => {
                output.says("86400 s");
                assert_eq!(world.count(Route::TokenCreate), 1, "it must not wait");
            }
            // Each after a look at the list: nothing may have come of the one before.
            "429 for ever" | "503 for ever" => {
                assert_eq!(world.count(Route::TokenCreate), 4);
                assert_eq!(world.count(Route::TokenList), 4);
            }
            "502 html" | "504" => {
                output.says("HTML").does_not_say("<");
            }
            _ => {}
        }
        world.assert_settled();
        if code == 10 {
            assert_still_open(&world, &workspace, *name == "504");
        } else {
            assert_eq!(world.has_journal(), code == 0, "{}", world.describe());
            assert_repaired(&world, &workspace);
        }
    });
}

/// Every create whose answer cannot be used: the list shows its outcome.
#[test]
fn a_create_without_a_usable_answer() {
    for_each(WIDTH, &broken_answers(), |((name, times, fault), applied)| {
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenCreate, *times, fault.clone());
        let output = refresh(&world, name, &[]);
        assert_failed(&world, &workspace, &output, 10);
        assert_eq!(world.count(Route::TokenCreate), 1, "a create must not be repeated");
        let live = world.plane.live_tokens(&workspace.id);
        assert_eq!(live.len(), if *applied { 2 } else { 1 }, "{live:?}");
        if *applied {
            output.says(&live[1]).says("Hint: ntcli token refresh --revoke-orphans\n");
            let message = output.json()["error"]["message"].clone();
            assert!(message.as_str().unwrap().contains(&live[1]), "{output}");
            // Not silently: another machine may have made it. It is named until it is gone.
            world.plane.clear_faults();
            world.refresh(&[]).exits(0).says(&live[1]);
            assert!(world.plane.live_tokens(&workspace.id).contains(&live[1]));
        }
        if *name == "60 MB" {
            output.says("more than 1024 KiB");
        }
        if *applied {
            assert_repaired(&world, &workspace);
            world.assert_settled();
        } else {
            assert_still_open(&world, &workspace, *name == "no answer");
        }
    });
}

/// A server that may still be working on it is asked again by every run until its time is up, which
/// delays nothing else.
fn assert_still_open(world: &World, workspace: &Workspace, no_answer: bool) {
    world.plane.clear_faults();
    world.refresh(&["--revoke-orphans"]).exits(0).says_only("");
    world.assert_one_live_token(workspace);
    world.assert_settled();
    assert!(world.has_journal());

    // It is carried out late, after all.
    let late = world.plane.issue_token(&workspace.id, Some(31_536_000));
    world.refresh(&[]).exits(0).says(&late.jti);
    assert!(world.plane.is_live(&late.access_token));
    if !no_answer {
        // There was an answer before it: somebody else may have made it, and the user decides.
        let revoke = ["token", "revoke", &late.jti, "--force"];
        world.ntcli(&revoke).run().exits(0);
    }
    assert_repaired(world, workspace);
}

#[test]
fn orphans_are_revoked_on_request() {
    for_each(WIDTH, &broken_answers(), |((name, times, fault), applied)| {
        if !applied {
            return;
        }
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenCreate, *times, fault.clone());
        let output = refresh(&world, name, &["--revoke-orphans"]);
        // That token fits; whether another one comes is not known yet.
        assert_failed(&world, &workspace, &output, 10);
        output.says("has been revoked");
        world.assert_one_live_token(&workspace);
        world.assert_settled();
        assert_repaired(&world, &workspace);
    });
}

/// Only a 401 means no; after any other failure, the new token is stored.
#[test]
fn a_verification_that_fails() {
    let cases = all_cases();
    for_each(WIDTH, &cases, |(name, times, fault)| {
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenAuth, *times, fault.clone());
        let output = refresh(&world, name, &[]);
        // A 2xx is a yes if it is an answer of this API and does not deny it.
        let yes = matches!(*name, "429 small" | "503 once" | "nulls");
        assert_eq!(output.exits(0).json()["verified"], yes, "{output}");
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal(), "{}", world.describe());
        assert_ne!(world.current(&workspace), workspace.token.access_token);
    });
}

/// The new token is stored, the old one stays live and is pending: the next run revokes it.
#[test]
fn a_revocation_that_fails() {
    let cases = all_cases();
    for_each(WIDTH, &cases, |(name, times, fault)| {
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenRevoke, *times, fault.clone());
        let output = refresh(&world, name, &[]);
        assert_ne!(world.current(&workspace), workspace.token.access_token);
        world.assert_current_is_live(&workspace);
        // If it was done and the answer is lost, the list tells. An empty 2xx means yes.
        let is_done =
            broken_answers().iter().any(|((other, ..), applied)| *applied && other == name);
        if is_done || matches!(*name, "429 small" | "503 once" | "empty, not applied") {
            assert!(output.exits(0).json()["old_token"]["revoked_at"].is_string());
            assert!(!world.has_journal(), "{}", world.describe());
            return;
        }
        assert!(world.plane.is_live(&workspace.token.access_token));
        let live = format!("Error: Token {} may still be live", workspace.token.jti);
        output.exits(8).says(&live).says("Hint: ntcli token revoke --pending\n");
        let answer = output.json();
        assert_eq!(answer["old_token"]["jti"], workspace.token.jti.as_str(), "{output}");
        assert_eq!(answer["old_token"]["revoked_at"], Value::Null, "{output}");
        assert_eq!(answer["outcome"], "refreshed_old_live", "{output}");
        assert_eq!(answer["error"]["exit_code"], 8, "{output}");
        assert!(answer["new_token"]["jti"].is_string(), "{output}");
        assert!(world.has_journal());
        world.plane.clear_faults();
        world.refresh(&[]).exits(0).says(&workspace.token.jti);
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal(), "{}", world.describe());
    });
}

/// The list is read if an answer was lost. If it cannot be read, the journal remembers.
#[test]
fn a_list_that_fails() {
    let cases = all_cases();
    for_each(WIDTH, &cases, |(name, times, fault)| {
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
        world.plane.fault(Route::TokenList, *times, fault.clone());
        let output = refresh(&world, name, &[]);
        assert_failed(&world, &workspace, &output, 10);
        assert!(world.has_journal());
        let lost = world.plane.live_tokens(&workspace.id)[1].clone();
        if matches!(*name, "429 small" | "503 once") {
            output.says(&lost);
        } else {
            // Still not readable: no run forgets about it.
            output.says("Hint: ntcli renew prod\n");
            refresh(&world, name, &[]).exits(8).says("could not be finished");
            assert!(world.has_journal());
            world.assert_current_is_live(&workspace);
        }
        world.plane.clear_faults();
        world.refresh(&[]).exits(0).says(&lost);
        assert_repaired(&world, &workspace);
    });
}

/// A bearer never goes to another host.
#[test]
fn redirects_are_not_followed() {
    let elsewhere = ControlPlane::start();
    let there = format!("{}/v1/workspaces", elsewhere.base_url());
    let routes = [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke, Route::TokenList];
    for_each(WIDTH, &routes, |route| {
        let (world, workspace) = World::ready();
        if *route == Route::TokenList {
            world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
        }
        world.plane.fault(*route, Times::Always, Fault::Redirect(there.clone()));
        let output = refresh(&world, "redirect", &[]);
        match route {
            Route::TokenCreate => {
                assert_failed(&world, &workspace, &output, 10);
                output.says(&there);
                world.assert_one_live_token(&workspace);
            }
            Route::TokenAuth => assert_eq!(output.exits(0).json()["verified"], false),
            Route::TokenRevoke => {
                output.exits(8).says(&there);
            }
            _ => assert_failed(&world, &workspace, &output, 10),
        }
        assert_repaired(&world, &workspace);
    });
    assert!(elsewhere.requests().is_empty(), "{:#?}", elsewhere.requests());
}

/// There is no server at all, or one that speaks another protocol.
#[test]
fn no_server() {
    let (world, workspace) = World::ready();
    let address = format!("127.0.0.1:{}", free_port());
    let refresh = world.ntcli(&["token", "refresh", "--format", "json"]);
    let output = refresh.env("NTCLI_API_URL", format!("http://{address}")).run();
    assert_failed(&world, &workspace, &output, 5);
    output.says(&address).says("nothing has changed");
    assert!(!world.has_journal());

    let refresh = world.ntcli(&["token", "refresh", "--format", "json"]);
    let base = world.plane.base_url().replace("http:", "https:");
    let output = refresh.env("NTCLI_API_URL", base).run();
    assert_failed(&world, &workspace, &output, 5);
    assert!(!world.has_journal());
    world.assert_one_live_token(&workspace);
}
