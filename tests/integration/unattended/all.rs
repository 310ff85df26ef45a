//! `--all`: every workspace that has a token here, independently of the others.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, SESSION, Workspace, World};
use crate::ports::free_port;

/// Signed in, with the workspaces `a0`, `a1`, … and so on.
pub(crate) fn world_of(count: usize) -> (World, Vec<Workspace>) {
    let (world, _) = World::ready();
    world.set_config("/workspaces/items", json!({}));
    let names: Vec<_> = (0..count).map(|n| format!("a{n:04}")).collect();
    let workspaces = world.add_workspaces(&names);
    (world, workspaces)
}

fn status(code: u16, body: &str) -> Fault {
    Fault::Status(code, body.to_owned(), Vec::new())
}

#[test]
fn the_text_and_the_lines() {
    let (world, workspaces) = world_of(3);
    let output = world.refresh(&["--all", "--expires-at", "1900000000"]);
    output.exits(0).says_only("");
    let line = |workspace: &Workspace| {
        let item = world.item(workspace);
        let text = |name: &str| item[name].as_str().unwrap().to_owned();
        let (name, jti) = (text("workspace_name"), text("jti"));
        format!("{name}: refreshed, {jti}, expires {}\n", world.end(workspace))
    };
    let lines: Vec<_> = workspaces.iter().map(line).collect();
    output.prints(&lines.concat());
    for workspace in &workspaces {
        world.assert_one_live_token(workspace);
    }
    assert!(!world.has_journal());
}

#[test]
fn the_json() {
    let (world, workspaces) = world_of(3);
    let output = world.refresh(&["--all", "--format", "json"]);
    let answer = output.exits(0).json();
    assert_eq!(answer["orphans"], json!([]));
    assert_eq!(answer.get("error"), None);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for (result, workspace) in results.iter().zip(&workspaces) {
        assert_eq!(result["workspace"]["id"], workspace.id.as_str());
        assert_eq!(result["outcome"], "refreshed");
        assert_eq!(result["old_token"]["jti"], workspace.token.jti.as_str());
        assert_eq!(result["new_token"]["jti"], world.item(workspace)["jti"]);
    }

    let output = world.refresh(&["--all", "--if-expires-within", "1d", "--format", "json"]);
    let answer = output.exits(0).json();
    assert_eq!(answer["results"][2]["outcome"], "not_due");
    let output = world.refresh(&["--all", "--if-expires-within", "1d"]);
    assert_eq!(output.exits(0).stdout.matches(": not due before 20").count(), 3, "{output}");
}

/// One session, one connection, and no old token ends before every new one is stored.
#[test]
fn what_is_sent() {
    let (world, workspaces) = world_of(4);
    world.refresh(&["--all"]).exits(0);
    let requests = world.plane.requests();
    let connections: BTreeSet<_> = requests.iter().map(|r| r.connection).collect();
    assert_eq!(connections.len(), 1, "{requests:#?}");
    let routes: Vec<_> = requests.iter().filter_map(|r| r.route).collect();
    let steps = [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke];
    let expected = steps.map(|route| vec![route; 4]).concat();
    assert_eq!(routes, expected);
    let with_session = requests.iter().filter(|r| r.bearer.as_deref() == Some(SESSION));
    assert_eq!(with_session.count(), 8);
    for workspace in &workspaces {
        world.assert_one_live_token(workspace);
    }
}

#[test]
fn a_workspace_without_a_token_is_left_out() {
    let (world, workspaces) = world_of(2);
    let item = format!("/workspaces/items/{}", workspaces[0].key);
    world.set_config(&format!("{item}/access_token"), json!("no-token"));
    let output = world.refresh(&["--all"]);
    assert!(output.exits(0).stdout.starts_with("a0001: refreshed, jti_"), "{output}");
    let item = format!("/workspaces/items/{}", workspaces[1].key);
    world.set_config(&format!("{item}/access_token"), json!(""));
    let output = world.refresh(&["--all"]);
    output.fails(1, "No current token to refresh", "ntcli token create");
}

/// The worst code is the one to act on, and the successful part is done anyway.
#[test]
fn one_that_fails_does_not_stop_the_others() {
    let (world, workspaces) = world_of(4);
    let fault = |n: usize, route, times, fault| {
        world.plane.fault_in(&workspaces[n].id, route, times, fault);
    };
    fault(0, Route::TokenCreate, Times::Once, status(403, "{}"));
    fault(2, Route::TokenRevoke, Times::N(2), status(500, "{}"));
    let output = world.refresh(&["--all", "--format", "json"]);
    let answer = output.exits(8).json();
    assert_eq!(answer["error"]["message"], "2 of 4 workspaces need attention");
    assert_eq!(answer["error"]["exit_code"], 8);
    let outcomes: Vec<_> = (0..4).map(|n| answer["results"][n]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["failed", "refreshed", "refreshed_old_live", "refreshed"]);
    assert_eq!(answer["results"][0]["error"]["exit_code"], 4);
    assert_eq!(answer["results"][0]["error"]["http_status"], 403);
    assert_eq!(answer["results"][2]["error"]["exit_code"], 8);
    let wrong = &answer["results"][0]["error"]["message"];
    assert_eq!(wrong, "Could not create a token; nothing has changed");
    for n in [0, 1, 3] {
        world.assert_one_live_token(&workspaces[n]);
    }
    world.refresh(&["--all"]).exits(0);
    world.assert_one_live_token(&workspaces[2]);
}

/// Work that waits for another user's hooks is not this run's to report.
#[test]
fn another_workspace_that_waits_for_its_hooks() {
    let (world, workspaces) = world_of(2);
    world.refresh(&["a0001", "--exec", "test -e \"$HERE/fixed\""]).exits(9);
    world.refresh(&["a0000"]).exits(0).says_only("");
    let output = world.refresh(&["--all"]);
    assert!(output.exits(9).stdout.starts_with("a0000: refreshed"), "{output}");
    fs::write(world.outside("fixed"), "").unwrap();
    world.refresh(&["a0001", "--if-expires-within", "1"]).exits(0);
    for workspace in &workspaces {
        world.assert_one_live_token(workspace);
    }
}

/// Each workspace has its own file, and the one whose file cannot be written keeps its old token.
#[test]
fn a_delivery_that_fails_for_one() {
    let (world, workspaces) = world_of(3);
    let command = "test $NTCLI_WORKSPACE_NAME != a0001 || test -e \"$HERE/fixed\" || exit 7";
    for workspace in &workspaces {
        let add = ["target", "add", &workspace.id, "--later", "--exec", command];
        world.ntcli(&add).run().exits(0);
    }
    let output = world.refresh(&["--all"]);
    for part in ["\na0001: not delivered, ", "not delivered to every target", "' ended with 7"] {
        assert!(output.exits(9).stdout.contains(part), "{output}");
    }
    for (n, live) in [(0, 1), (1, 2), (2, 1)] {
        assert_eq!(world.plane.live_tokens(&workspaces[n].id).len(), live);
    }
    world.plane.clear_requests();
    fs::write(world.outside("fixed"), "").unwrap();
    let output = world.refresh(&["--all", "--format", "json"]);
    assert_eq!(output.exits(0).json()["results"][1]["outcome"], "delivered");
    assert_eq!(world.count(Route::TokenCreate), 2);
    for workspace in &workspaces {
        world.assert_one_live_token(workspace);
    }
}

fn assert_given_up(output: &Output, tried: usize, of: usize) {
    let not_tried = output.stdout.matches("not tried, after 3 failures in a row");
    assert_eq!(not_tried.count(), of - tried, "{output}");
    let lines = output.stdout.lines().filter(|l| l.starts_with("a0"));
    assert_eq!(lines.count(), of, "a line each: {output}");
}

#[test]
fn a_server_that_is_not_there_is_not_looked_for_a_thousand_times() {
    let (world, _) = world_of(20);
    let unreachable = format!("http://127.0.0.1:{}", free_port());
    let away = world.ntcli(&["token", "refresh", "--all"]);
    let output = away.env("NTCLI_API_URL", unreachable).run();
    output.exits(5);
    assert_given_up(&output, 3, 20);
    assert!(!world.has_journal());
}

/// Nor is one that has forgotten our session, is busy, or cuts every connection.
#[test]
fn a_server_that_turns_everybody_away_is_not_asked_a_thousand_times() {
    let faults = [
        (status(401, "{}"), 4),
        // No proof that nothing was made, and no list that tells.
        (status(503, "{}"), 10),
        (Fault::CloseBefore, 10),
    ];
    for_each(3, &faults, |(fault, code)| {
        let (world, _) = world_of(20);
        for route in [Route::TokenCreate, Route::TokenList] {
            world.plane.fault(route, Times::Always, fault.clone());
        }
        let output = world.refresh(&["--all"]);
        output.exits(*code);
        assert!(output.stdout.contains("not tried, after 3 failures in a row"));
        assert!(world.count(Route::TokenCreate) <= 12, "{output}");
        world.plane.clear_faults();
        world.refresh(&["--all"]).exits(0);
        world.assert_settled();
    });
}

/// It went away between the new tokens and the end of the old ones.
#[test]
fn a_server_that_goes_away_half_way() {
    let (world, workspaces) = world_of(20);
    world.plane.fault(Route::TokenRevoke, Times::Always, Fault::CloseBefore);
    let output = world.refresh(&["--all"]);
    output.exits(8);
    assert_given_up(&output, 3, 20);
    world.plane.clear_faults();
    world.refresh(&["--all", "--if-expires-within", "1"]).exits(0);
    for workspace in &workspaces {
        world.assert_one_live_token(workspace);
    }
    assert!(!world.has_journal());
}

/// The existing client may have written a workspace under its bare UUID and as `ws-NAME-UUID`.
#[test]
fn two_keys_of_one_workspace() {
    let (world, workspaces) = world_of(2);
    let [one, other] = &workspaces[..] else { unreachable!("there are two") };
    // Each with a token of its own.
    let second = world.plane.issue_token(&one.id, Some(86_400));
    let mut item = world.item(one);
    item["access_token"] = json!(second.access_token);
    item["jti"] = json!(second.jti);
    world.set_config(&format!("/workspaces/items/{}", one.id), item);
    let bare = Workspace { id: one.id.clone(), key: one.id.clone(), token: second };
    // It is one workspace anyway: the active entry is the one that counts.
    world.set_config("/workspaces/activeWorkspaceId", json!(one.id));
    let output = world.refresh(&["--all"]);
    output.exits(0).says(&format!("not that of {}", one.key));
    assert_eq!(output.stdout.matches(": refreshed, jti_").count(), 2, "{output}");
    for workspace in [one, other, &bare] {
        world.assert_current_is_live(workspace);
    }
    assert_eq!(world.current(one), one.token.access_token);
    assert_eq!(world.plane.live_tokens(&one.id).len(), 2);
    assert!(!world.has_journal());

    // Both have the same one: a reader of either has a live token.
    world.set_config(&format!("/workspaces/items/{}", one.id), world.item(one));
    for (args, line) in [
        (&["-w", &one.key][..], "Token refreshed successfully.\n"),
        (&["--all"], "a0001: refreshed, jti_"),
    ] {
        let output = world.refresh(args);
        assert!(output.exits(0).stdout.contains(line), "{output}");
        world.assert_current_is_live(one);
        assert_eq!(world.current(one), world.current(&bare));
    }
}
