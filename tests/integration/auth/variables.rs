//! A session from the environment: which variable holds one, and the message if it does not.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::auth::browser::login;
use crate::control_plane::{Route, TokenShape};
use crate::harness::world::{Output, Run, SESSION, World, wait_until};

const VARIABLES: [&str; 2] = ["NTCLI_SESSION_TOKEN", "NTCLI_TOKEN"];
const NOTE: &str = "NTCLI_TOKEN holds a workspace token";

fn with<'a>(world: &'a World, args: &[&str], variable: &str, value: &str) -> Run<'a> {
    world.ntcli(args).env(variable, value)
}

/// No request that needs a session carried this.
#[track_caller]
fn assert_no_session(world: &World, bearer: &str) {
    let requests = world.plane.requests();
    let mut asked = requests.iter().filter(|r| r.route != Some(Route::TokenAuth));
    assert!(
        asked.all(|r| r.bearer.as_deref() != Some(bearer)),
        "{bearer} went as the session: {requests:#?}"
    );
}

#[test]
fn the_session_variable_wins() {
    let (world, workspace) = World::ready();
    world.set_config("/auth/bearerToken", json!("a-stored-bearer-unknown-to-the-server"));
    let refresh = with(&world, &["token", "refresh"], VARIABLES[0], SESSION);
    let output = refresh.env(VARIABLES[1], &workspace.token.access_token).run();
    output.exits(0).does_not_say("NTCLI_TOKEN");
    let refresh = with(&world, &["token", "refresh"], VARIABLES[0], SESSION);
    refresh.env(VARIABLES[1], "another-bearer-unknown-to-the-server").run().exits(0);
    // Messages about the variable that is used have its name.
    let output = with(&world, &["token", "list"], VARIABLES[0], "a b").run();
    output.exits(2).says("NTCLI_SESSION_TOKEN cannot be used: it holds a character");
}

/// Workspace tokens in each shape they come in, and a world that may know them.
fn workspace_tokens() -> Vec<(World, String)> {
    let mut found = Vec::new();
    // The current token, by its claims.
    let (world, workspace) = World::ready();
    let token = workspace.token.access_token;
    found.push((world, token));
    // One of an unknown workspace, by its claims alone.
    let (world, _) = World::ready();
    let id = world.plane.add_workspace("elsewhere");
    let token = world.plane.issue_token(&id, Some(3600)).access_token;
    found.push((world, token));
    // An opaque one, by its prefix.
    let (world, _) = World::ready();
    world.plane.configure(|o| {
        o.token_shape = TokenShape::Opaque;
        o.jti_in_answer = true;
    });
    let id = world.plane.add_workspace("elsewhere");
    let token = world.plane.issue_token(&id, Some(3600)).access_token;
    assert!(token.starts_with("wst_"));
    found.push((world, token));
    // One without a known form, which the config file holds.
    let (world, _) = World::ready();
    let other = world.add_workspace("staging");
    let item = format!("/workspaces/items/{}/access_token", other.key);
    world.set_config(&item, json!("a-token-in-no-shape-0123456789"));
    found.push((world, "a-token-in-no-shape-0123456789".to_owned()));
    found
}

#[test]
fn a_workspace_token_is_no_session() {
    for (world, token) in workspace_tokens() {
        let refresh = ["token", "refresh", "-w", "prod"];
        // A file that was read into the variable ends with a line break.
        let output = with(&world, &refresh, VARIABLES[1], &format!("{token}\n")).run();
        output.exits(0).says(NOTE);
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
        let list = with(&world, &["workspace", "list"], VARIABLES[1], &token).run();
        list.exits(0).says(NOTE);
        assert_no_session(&world, &token);
    }
}

#[test]
fn a_workspace_token_without_a_session() {
    for (world, token) in workspace_tokens() {
        let mut config = world.config();
        config.as_object_mut().unwrap().remove("auth");
        world.write_config(&config);
        let refresh = ["token", "refresh", "-w", "prod"];
        let output = with(&world, &refresh, VARIABLES[1], &token).run();
        output.fails(4, "Authentication required", "ntcli auth login");
        output.says(NOTE);
        world.assert_nothing_sent();
        // A server that may not need a session is asked without one.
        let list = ["workspace", "list", "--format", "json"];
        let output = with(&world, &list, VARIABLES[1], &token).run();
        let causes = output.exits(4).json()["error"]["causes"].to_string();
        assert!(causes.contains(NOTE), "{causes}");
        let status = with(&world, &["auth", "status"], VARIABLES[1], &token).run();
        status.exits(4).says(NOTE).says("Hint: ntcli auth login");
        assert_no_session(&world, &token);
    }
}

#[track_caller]
fn names_the_variable(output: &Output, variable: &str) {
    output.exits(4).says("Error: Authentication required\n");
    output.says(&format!("Hint: unset {variable}, or "));
    output.does_not_say("ntcli auth login");
}

#[test]
fn a_variable_that_is_turned_down_is_named() {
    for variable in VARIABLES {
        let (world, workspace) = World::ready();
        let bearer = "a-bearer-unknown-to-the-server";
        for args in [
            &["token", "refresh"][..],
            &["token", "create"],
            &["token", "list"],
            &["token", "revoke", "jti_other", "--force"],
            &["workspace", "list"],
            &["workspace", "create", "new"],
        ] {
            names_the_variable(&with(&world, args, variable, bearer).run(), variable);
        }
        let all = ["token", "refresh", "--all", "--format", "json"];
        let output = with(&world, &all, variable, bearer).run();
        let error = output.exits(4).json()["results"][0]["error"].clone();
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.starts_with(&format!("unset {variable}, or ")), "{hint}");
        assert_eq!(
            (&error["code"], &error["http_status"]),
            (&json!("authentication_required"), &json!(401))
        );
        assert_eq!(world.count(Route::OauthToken), 0);
        world.assert_one_live_token(&workspace);
    }
    // This variable is not documented to hold a workspace token, so it is tried; then it is
    // reported.
    let (world, workspace) = World::ready();
    let token = &workspace.token.access_token;
    let output = with(&world, &["token", "list"], VARIABLES[0], token).run();
    names_the_variable(&output, VARIABLES[0]);
    output.says("NTCLI_SESSION_TOKEN holds a workspace token");
}

#[test]
fn status_tells_the_source() {
    let (world, workspace) = World::ready();
    let status = ["auth", "status", "--format", "json"];
    for variable in VARIABLES {
        let output = with(&world, &status, variable, "opaque-bearer-1234").run();
        let json = output.exits(0).json();
        assert_eq!((&json["source"], &json["variable"]), (&json!("environment"), &json!(variable)));
        let text = with(&world, &status[..2], variable, "opaque-bearer-1234").run();
        let line = format!("Session from:  {variable}\n");
        assert!(text.stdout.contains(&line), "{text}");
    }
    let token = &workspace.token.access_token;
    let output = with(&world, &status, VARIABLES[1], token).run();
    let json = output.exits(0).says(NOTE).json();
    assert_eq!((&json["source"], json.get("variable")), (&json!("config"), Some(&Value::Null)));
    world.assert_nothing_sent();
}

#[test]
fn the_browser_gets_neither() {
    let world = World::new();
    let script = world.outside("browser");
    fs::write(&script, "#!/bin/sh\nenv > \"$0.part\"; mv \"$0.part\" \"$0.env\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mut run = login(&world, &["--timeout", "100"]).env("BROWSER", &script);
    for variable in VARIABLES {
        run = run.env(variable, "opaque-bearer-1234");
    }
    run.run().exits(4);
    let seen = world.outside("browser.env");
    wait_until("the browser was opened", || seen.exists());
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.contains("NTCLI_CONFIG_DIR="), "{seen}");
    assert!(!seen.contains("opaque-bearer-1234"), "{seen}");
}

#[test]
fn a_sign_in_says_what_goes_on_being_used() {
    let world = World::new();
    let stdin = ["auth", "login", "--token-stdin"];
    let output = with(&world, &stdin, VARIABLES[0], "opaque-bearer-1234").stdin(SESSION).run();
    output
        .exits(0)
        .says("NTCLI_SESSION_TOKEN is set: commands keep using it instead of this session");
    // A workspace token is not in the way.
    let output = with(&world, &stdin, VARIABLES[1], "wst_0123456789abcdef").stdin(SESSION).run();
    output.exits(0).does_not_say("go on using it");
}
