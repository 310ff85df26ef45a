//! A new token is verified by a positive answer of the API. One that the server does not accept yet
//! is kept.

use serde_json::Value;

use crate::control_plane::{Fault, Route, Times, TokenAuth};
use crate::harness::world::{Output, Workspace, World};

const DENIED: [&str; 4] = [
    r#"{"authenticated": false}"#,
    r#"{"authenticated":false,"user":null}"#,
    r#"{"valid": false}"#,
    r#"{"active": false}"#,
];

/// The next question is answered with this.
fn answer(world: &World, body: &str) {
    let fault = Fault::Status(200, body.to_owned(), Vec::new());
    world.plane.fault(Route::TokenAuth, Times::Once, fault);
}

fn at_once(world: &World) -> Output {
    world.refresh(&["--verify-wait", "0", "--format", "json"])
}

/// The old token is current and live, the new one is named.
#[track_caller]
fn assert_kept(world: &World, workspace: &Workspace, output: &Output) {
    let json = output.exits(8).json();
    assert_eq!(json["error"]["code"], "new_token_unconfirmed", "{output}");
    assert_eq!(json["error"]["hint"], "ntcli renew prod", "{output}");
    let live = world.plane.live_tokens(&workspace.id);
    assert_eq!(live.len(), 2, "{live:?}");
    output.says(&live[1]);
    assert_eq!(world.current(workspace), workspace.token.access_token);
    world.assert_current_is_live(workspace);
    let shown = world.ntcli(&["token", "show"]).run();
    assert!(shown.stdout.contains(&live[1]), "{shown}");
    let needs = ["token", "needs-refresh", "--format", "json"];
    let needs = world.ntcli(&needs).run().exits(0).json();
    assert_eq!(needs["reason"], "pending", "{needs}");
}

/// The token of the run before is the current one, and no other was made.
#[track_caller]
fn assert_completed(world: &World, workspace: &Workspace, output: &Output) {
    let json = output.exits(0).json();
    assert_eq!(json["outcome"], "refreshed", "{output}");
    assert_eq!(json["verified"], true, "{output}");
    assert_eq!(json["old_token"]["jti"], workspace.token.jti.as_str());
    assert!(json["old_token"]["revoked_at"].is_string(), "{output}");
    assert_eq!(json["new_token"]["jti"], world.item(workspace)["jti"]);
    world.assert_one_live_token(workspace);
    assert_eq!(world.count(Route::TokenCreate), 1);
    assert!(!world.has_journal(), "{}", world.describe());
}

#[test]
fn a_yes_that_is_none() {
    for mode in [TokenAuth::Html, TokenAuth::Denies] {
        let (world, workspace) = World::ready();
        world.plane.configure(|o| o.token_auth = mode);
        let output = at_once(&world);
        // The old one is denied too: this server cannot tell.
        assert_eq!(output.exits(0).json()["verified"], false, "{mode:?}");
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal());
    }
    for body in ["<html><title>Sign in</title></html>", "ok", "", "[]", "true"] {
        let (world, workspace) = World::ready();
        answer(&world, body);
        assert_eq!(at_once(&world).exits(0).json()["verified"], false, "{body}");
        world.assert_one_live_token(&workspace);
    }
}

#[test]
fn a_no_in_a_200() {
    for body in DENIED {
        let (world, workspace) = World::ready();
        answer(&world, body);
        let output = at_once(&world);
        assert_kept(&world, &workspace, &output);
        assert_completed(&world, &workspace, &at_once(&world));
    }
}

#[test]
fn news_that_takes_longer_than_the_wait() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(5));
    assert_kept(&world, &workspace, &world.refresh(&["--format", "json"]));
    let output = world.refresh(&["--format", "json"]);
    assert_completed(&world, &workspace, &output);

    // With a longer wait one run is enough.
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(5));
    let output = world.refresh(&["--verify-wait", "10s", "--format", "json"]);
    assert_completed(&world, &workspace, &output);
}

/// Any later run continues with it, not only a refresh.
#[test]
fn other_commands_go_on_with_it() {
    let (world, workspace) = World::ready();
    answer(&world, DENIED[0]);
    assert_kept(&world, &workspace, &at_once(&world));
    let pending = world.ntcli(&["token", "revoke", "--pending"]).run();
    pending.exits(0).says("An interrupted refresh of 'prod' was finished");
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
    assert_ne!(world.current(&workspace), workspace.token.access_token);
}

/// A server that does not answer the second question says neither yes nor no.
#[test]
fn no_answer_to_the_second_check() {
    let (world, workspace) = World::ready();
    answer(&world, DENIED[0]);
    assert_kept(&world, &workspace, &at_once(&world));
    let down = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenAuth, Times::Always, down);
    assert_eq!(at_once(&world).code(), Some(8));
    assert_eq!(world.current(&workspace), workspace.token.access_token);
    assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2);
    world.plane.clear_faults();
    assert_completed(&world, &workspace, &at_once(&world));
}

/// Denied twice, it is given up, and the run after that makes another.
#[test]
fn a_no_twice() {
    let (world, workspace) = World::ready();
    answer(&world, DENIED[0]);
    assert_kept(&world, &workspace, &at_once(&world));
    answer(&world, DENIED[0]);
    let output = at_once(&world);
    let json = output.exits(1).json();
    assert_eq!(json["error"]["code"], "new_token_rejected", "{output}");
    assert_eq!(world.current(&workspace), workspace.token.access_token);
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
    assert_eq!(at_once(&world).exits(0).json()["verified"], true);
    assert_eq!(world.count(Route::TokenCreate), 2);
}

#[test]
fn how_long_to_wait() {
    let (world, workspace) = World::ready();
    for wait in ["", "-1", "1.5", "soon", "1d1x"] {
        let output = world.refresh(&[&format!("--verify-wait={wait}")]);
        output.exits(2).says("--verify-wait");
    }
    world.assert_nothing_sent();
    world.plane.configure(|o| o.token_auth = TokenAuth::Rejects401All);
    let output = at_once(&world);
    assert_eq!(output.exits(0).json()["verified"], Value::Bool(false));
    // One question for the new token, one for the old.
    assert_eq!(world.count(Route::TokenAuth), 2);
    world.assert_one_live_token(&workspace);
}
