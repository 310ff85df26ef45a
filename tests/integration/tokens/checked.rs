//! `ntcli token show --check`: whether the server takes the token now, whoever has revoked it.

use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times, TokenAuth};
use crate::harness::gate::Gate;
use crate::harness::world::{Output, Workspace, World};

const SHOW: [&str; 3] = ["token", "show", "--check"];

/// In JSON and in text: the same answer, and one request each.
#[track_caller]
fn check(world: &World, code: i32, server: &str) -> [Output; 2] {
    let json = world.ntcli(&[&SHOW[..], &["--format", "json"]].concat()).run();
    let found = json.exits(code).json();
    assert_eq!(found["server"], server, "{json}");
    assert_eq!(found["is_valid"], !matches!(server, "revoked" | "expired"), "{json}");
    assert_eq!(found.get("error").is_some(), code != 0, "{json}");
    let text = world.ntcli(&SHOW).run();
    let line = format!("  Server:    {server}\n");
    assert!(text.exits(code).stdout.contains(&line), "{text}");
    [json, text]
}

fn at(workspace: &Workspace, field: &str) -> String {
    format!("/workspaces/items/{}/{field}", workspace.key)
}

#[test]
fn one_that_the_server_takes() {
    let (world, _) = World::ready();
    world.set_config("/auth", Value::Null); // no session is needed
    for output in check(&world, 0, "active") {
        output.says_only("");
    }
    let requests = world.plane.requests();
    assert!(requests.iter().all(|r| r.route == Some(Route::TokenAuth)), "{requests:#?}");
    // The open-source core takes every token; nothing tells that from here.
    world.plane.configure(|o| o.accounts = false);
    check(&world, 0, "active");
    // Without the option nothing is asked, and nothing is said of it.
    world.plane.clear_requests();
    let plain = world.ntcli(&["token", "show", "--format", "json"]).run().exits(0).json();
    assert_eq!(plain.get("server"), None);
    world.assert_nothing_sent();
}

/// A copy of the folder refreshes: the original holds a dead token and has nothing to do with it.
#[test]
fn another_machine_uses_a_copy_of_the_folder() {
    let (world, workspace) = World::ready();
    let copy = world.outside("clone");
    fs::create_dir(&copy).unwrap();
    fs::copy(world.config_path(), copy.join("config.json")).unwrap();
    world.ntcli(&["token", "refresh"]).env("NTCLI_CONFIG_DIR", &copy).run().exits(0);
    for output in check(&world, 1, "revoked") {
        output
            .says(&format!("The server denies the current token ({})", workspace.token.jti))
            .says("nothing here has revoked it")
            .says("another machine may use a copy of this folder")
            .says("Hint: ntcli token refresh\n");
    }
    let named = world.ntcli(&["token", "show", "prod", "--check"]).run();
    named.exits(1).says("Hint: ntcli token refresh\n");
    // What the hint says helps.
    world.refresh(&["-w", "prod"]).exits(0);
    check(&world, 0, "active");
}

/// The way a server denies it makes no difference.
#[test]
fn denied_in_the_body() {
    let (world, _) = World::ready();
    for denies in [TokenAuth::Denies, TokenAuth::Rejects401All] {
        world.plane.configure(|o| o.token_auth = denies);
        check(&world, 1, "revoked")[1].says("nothing here has revoked it");
    }
}

/// An older config file was put back: the history tells that its token was replaced here.
#[test]
fn one_that_was_replaced_from_here() {
    let (world, _) = World::ready();
    let backup = world.config();
    world.refresh(&[]).exits(0);
    world.write_config(&backup);
    for output in check(&world, 1, "revoked") {
        output.says("it was replaced or revoked from here").does_not_say("another machine");
    }
}

/// The journal tells it too, before the history does.
#[test]
fn one_that_is_still_to_be_revoked_from_here() {
    let (world, workspace) = World::ready();
    let place = json!({"key": workspace.key, "id": workspace.id, "name": "prod"});
    let owed = json!({"owed": {"place": place, "jti": workspace.token.jti, "not_before": null}});
    world.write("rotation.journal", format!("{owed}\n").as_bytes());
    world.plane.configure(|o| o.token_auth = TokenAuth::Denies);
    check(&world, 1, "revoked")[1].says("it was replaced or revoked from here");
}

/// Nobody can tell about a token without an id, so nothing is claimed.
#[test]
fn one_without_an_id() {
    let (world, workspace) = World::ready();
    world.set_config(&at(&workspace, "access_token"), json!("wst_0123456789abcdefghij"));
    world.set_config(&at(&workspace, "jti"), Value::Null);
    check(&world, 1, "revoked")[1].says("Error: The server denies the current token (no id)\n");
}

#[test]
fn one_whose_time_is_over() {
    let (world, workspace) = World::ready();
    world.set_config(&at(&workspace, "access_token"), json!("wst_0123456789abcdefghij"));
    world.set_config(&at(&workspace, "expires_at"), json!(1_000_000_000_000_u64));
    for output in check(&world, 1, "expired") {
        let message = "Error: The current token expired at 2001-09-09T01:46:40Z\n";
        output.says(message).says("Hint: ntcli token refresh\n");
    }
    world.assert_nothing_sent();
}

#[test]
fn no_answer_or_none_that_is_clear() {
    let (world, _) = World::ready();
    world.plane.configure(|o| o.token_auth = TokenAuth::Html);
    check(&world, 5, "unreachable")[1].says("Hint: ntcli health\n");
    for status in [403, 404, 500] {
        world.plane.clear_faults();
        let fault = Fault::Status(status, r#"{"detail":"no"}"#.to_owned(), Vec::new());
        world.plane.fault(Route::TokenAuth, Times::Always, fault);
        let [json, text] = check(&world, 5, "unreachable");
        assert_eq!(json.json()["error"]["http_status"], status, "{json}");
        text.says(&format!(" answered {status}"));
    }
    let run = world.ntcli(&SHOW).env("NTCLI_API_URL", "http://127.0.0.1:1").run();
    run.exits(5).says("Error: The server does not say whether it accepts the current token\n");
}

/// The token that was asked about is revoked while the question is under way; the new one works.
#[test]
fn a_refresh_meanwhile_is_no_alarm() {
    let (world, workspace) = World::ready();
    let gate = Gate::before(&world, Route::TokenAuth);
    let asking = world.ntcli(&SHOW).spawn();
    gate.wait_for_request();
    world.refresh(&[]).exits(0);
    gate.open();
    let output = asking.finish();
    output.exits(0).says_only("");
    let jti = world.item(&workspace)["jti"].as_str().unwrap().to_owned();
    assert!(output.stdout.contains(&jti) && jti != workspace.token.jti, "{output}");
}
