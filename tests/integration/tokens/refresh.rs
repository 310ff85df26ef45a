//! What a refresh prints, requests and stores if nothing goes wrong.

use serde_json::{Value, json};

use crate::control_plane::{Options, Route, TokenShape};
use crate::crash::races::wait_until_it_waits;
use crate::harness::gate::Gate;
use crate::harness::world::{Workspace, World};
use crate::monitoring::check::now_ms;

const DATE: &str = "2030-03-17T17:46:40Z";
const UNIX: &str = "1900000000";

fn jti(world: &World, workspace: &Workspace) -> String {
    let jti = world.item(workspace)["jti"].clone();
    jti.as_str().expect("a jti in the config").to_owned()
}

#[test]
fn the_text_to_the_letter() {
    let (world, workspace) = World::ready();
    let output = world.refresh(&["--expires-at", UNIX]);
    let (old, new, end) = (&workspace.token.jti, jti(&world, &workspace), world.end(&workspace));
    let text = format!(
        "Token refreshed successfully.\nOld token ({old}) has been revoked.\n\
         New token expires: {end}\nNew token JTI: {new}\n"
    );
    output.exits(0).prints(&text).says_only("");
    assert_ne!(*old, new);
    world.assert_one_live_token(&workspace);
    world.assert_private();
    assert!(!world.has_journal());
    assert_eq!(world.plane.requests().len(), 3);
}

#[test]
fn the_json_to_the_letter() {
    let (world, workspace) = World::ready();
    let output = world.refresh(&["--expires-at", UNIX, "--format", "json"]);
    output.exits(0).says_only("");
    let (old, new, end) = (&workspace.token.jti, jti(&world, &workspace), world.end(&workspace));
    let revoked_at = output.json()["old_token"]["revoked_at"].clone();
    let revoked_at = revoked_at.as_str().expect("a date");
    assert_eq!((revoked_at.len(), &revoked_at[19..]), (20, "Z"), "{output}");
    let (id, name) = (&workspace.id, "prod");
    output.prints(&format!(
        r#"{{
  "new_token": {{
    "jti": "{new}",
    "expires_at": "{end}"
  }},
  "old_token": {{
    "jti": "{old}",
    "revoked_at": "{revoked_at}"
  }},
  "message": "Token refreshed successfully",
  "outcome": "refreshed",
  "workspace": {{
    "name": "{name}",
    "id": "{id}"
  }},
  "verified": true,
  "orphans": []
}}
"#
    ));
}

#[test]
fn print_shows_the_token_and_nothing_else_does() {
    let (world, workspace) = World::ready();
    let refresh = world.ntcli(&["token", "refresh", "--print"]);
    let output = refresh.prints_secrets().run();
    let token = world.current(&workspace);
    let last = output.stdout.lines().last().unwrap_or_default();
    assert_eq!(last, format!("Token: {token}"), "{output}");

    let refresh = world.ntcli(&["token", "refresh", "--print", "--format=json"]);
    let output = refresh.prints_secrets().run();
    let token = world.current(&workspace);
    assert_eq!(output.json()["new_token"]["access_token"], token.as_str());
}

/// The same moment as [`DATE`].
const SAME_DATE: &str = "--expires-at=2030-03-17T18:46:40+01:00";

#[test]
fn what_is_asked_for() {
    let (world, workspace) = World::ready();
    let scope = world.item(&workspace)["scope"].clone();
    let bodies = [
        (&[][..], r#"{"expires_in":31536000}"#),
        (&["--expires-in", "86400"], r#"{"expires_in":86400}"#),
        (&["--expires-in=86400"], r#"{"expires_in":86400}"#),
        (&["--expires-in", "1"], r#"{"expires_in":1}"#),
        (&["--expires-in", "90s"], r#"{"expires_in":90}"#),
        (&["--expires-in", "15m"], r#"{"expires_in":900}"#),
        (&["--expires-in", "12h"], r#"{"expires_in":43200}"#),
        (&["--expires-in", "30d"], r#"{"expires_in":2592000}"#),
        (&["--expires-in", "52w"], r#"{"expires_in":31449600}"#),
        (&["--expires-in", "never"], r#"{"expires_in":null}"#),
    ];
    for (args, body) in bodies {
        world.plane.clear_requests();
        world.refresh(args).exits(0);
        let request = &world.plane.requests()[0];
        let mut body: Value = serde_json::from_str(body).unwrap();
        body["scope"] = scope.clone();
        let sent: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!((request.route, sent), (Some(Route::TokenCreate), body));
    }
    // A date is sent as that many seconds, by the server's clock.
    for args in [&["--expires-at", UNIX][..], &["--expires-at", DATE], &[SAME_DATE]] {
        world.refresh(args).exits(0);
        let end = world.item(&workspace)["expires_at"].as_i64().unwrap();
        assert!((end / 1000 - 1_900_000_000).abs() <= 2, "{args:?}: {end}");
    }
    world.assert_one_live_token(&workspace);
}

/// What is stored is what was granted, not what was asked.
#[test]
fn a_server_that_grants_other_rights_and_a_shorter_life() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| (o.drops_scope, o.longest_lifetime) = (true, Some(864_000)));
    world.refresh(&["--expires-in", "30d"]);
    let item = world.item(&workspace);
    assert_eq!(item["scope"], json!(["workspace:read", "workspace:write"]));
    let lifetime_s = item["expires_at"].as_i64().unwrap() / 1000 - now_ms() / 1000;
    assert!((863_000..=864_000).contains(&lifetime_s), "{lifetime_s}");
}

/// The old token stays live until the user accepts that the new one may do less, whichever run comes.
#[test]
fn a_right_that_is_lost_is_accepted_or_the_old_token_stays() {
    let (world, prod) = World::ready();
    let rights = json!(["workspace:read", "workspace:admin"]);
    world.set_config(&format!("/workspaces/items/{}/scope", prod.key), rights);
    world.plane.configure(|o| o.drops_scope = true);
    let hint = "ntcli token refresh prod --if-expires-within 1 --accept-scope";
    let output = world.refresh(&["--format", "json"]);
    let json = output.exits(8).says(hint).json();
    assert_eq!(json["granted"]["lacks_scope"], json!(["workspace:admin"]));
    assert_eq!(json["outcome"], "refreshed_old_live");
    assert_eq!(json["error"]["code"], "loses_scope");
    let current = world.current(&prod);
    let due = ["token", "refresh", "--if-expires-within", "1"];
    for later in [&due[..], &["renew"], &["token", "revoke", "--pending"]] {
        let output = world.ntcli(later).run();
        output.exits(8).says(&prod.token.jti);
        assert!(world.plane.is_live(&prod.token.access_token), "{output}");
    }
    world.ntcli(&due).run().exits(8).says(hint);
    let shown = world.ntcli(&["token", "show"]).run();
    assert!(shown.stdout.contains("the one that replaced it lacks a right"), "{shown}");
    world.ntcli(&[&due[..], &["--accept-scope"]].concat()).run().exits(0).says(&prod.token.jti);
    assert_eq!(world.current(&prod), current);
    world.assert_one_live_token(&prod);
    world.assert_settled();
    // Accepted beforehand, there is nothing to wait for.
    let rights = json!(["workspace:read", "workspace:admin"]);
    world.set_config(&format!("/workspaces/items/{}/scope", prod.key), rights);
    world.refresh(&["--accept-scope"]).exits(0).says("workspace:admin");
    world.assert_one_live_token(&prod);
}

/// Said once of a workspace, it holds for every run, until the policy is forgotten.
#[test]
fn a_right_that_its_policy_does_without() {
    let (world, prod) = World::ready();
    let lose = || {
        let rights = json!(["workspace:read", "workspace:admin"]);
        world.set_config(&format!("/workspaces/items/{}/scope", prod.key), rights);
    };
    let policy = |args: &[&str]| world.ntcli(&[&["policy", "prod"], args].concat()).run();
    world.plane.configure(|o| o.drops_scope = true);
    lose();
    world.refresh(&[]).exits(8);
    let shown = policy(&["--accept-scope", "--format", "json"]).exits(0).json();
    assert_eq!((&shown["accept_scope"], &shown["is_default"]), (&json!(true), &json!(false)));
    world.ntcli(&["renew"]).run().exits(0);
    world.assert_one_live_token(&prod);
    lose();
    world.refresh(&[]).exits(0).says("workspace:admin");
    world.assert_one_live_token(&prod);
    assert!(policy(&["--expires-in", "90d"]).exits(0).stdout.contains("lost rights accepted"));
    assert_eq!(policy(&["--default", "--format", "json"]).exits(0).json()["accept_scope"], false);
    lose();
    world.refresh(&[]).exits(8);
}

/// What is accepted for one workspace is not accepted for another, whose consumer may need the right.
#[test]
fn a_lost_right_is_accepted_for_the_workspace_that_is_named() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    for workspace in [&prod, &staging] {
        let rights = json!(["workspace:read", "workspace:admin"]);
        world.set_config(&format!("/workspaces/items/{}/scope", workspace.key), rights);
    }
    world.plane.configure(|o| o.drops_scope = true);
    world.refresh(&["staging"]).exits(8);
    world.refresh(&["prod", "--accept-scope"]);
    world.assert_one_live_token(&prod);
    assert!(world.plane.is_live(&staging.token.access_token));
    // Nor by a run that finds its work done by another one.
    let gate = Gate::before(&world, Route::TokenAuth);
    let first = world.ntcli(&["token", "refresh", "prod"]).spawn();
    gate.wait_for_request();
    let second = world.ntcli(&["token", "refresh", "prod", "--accept-scope"]).spawn();
    wait_until_it_waits(&second);
    gate.open();
    first.finish();
    second.finish();
    assert!(world.plane.is_live(&staging.token.access_token));
    let args = ["staging", "--if-expires-within", "1", "--accept-scope"];
    world.refresh(&args).exits(0);
    world.assert_one_live_token(&staging);
    world.assert_settled();
}

#[test]
fn a_token_that_never_expires() {
    let (world, workspace) = World::ready();
    let text = world.refresh(&["--expires-in", "never"]);
    assert!(text.stdout.contains("\nNew token expires: Never\n"), "{text}");
    let item = world.item(&workspace);
    assert_eq!(item["never_expires"], true);
    // The existing client has no such value: it gets a date far in the future.
    assert!(item["expires_at"].as_u64() > Some(4_000_000_000_000), "{item}");
    let output = world.refresh(&["--expires-in", "never", "--format", "json"]);
    assert_eq!(output.json().pointer("/new_token/expires_at"), Some(&Value::Null));

    world.refresh(&["--expires-in", "1h"]).exits(0);
    assert_eq!(world.item(&workspace).get("never_expires"), None);
    world.assert_one_live_token(&workspace);
}

#[test]
fn the_workspace_that_is_meant() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    let named = |world: &World, args: &[&str], env: Option<&str>| {
        world.plane.clear_requests();
        let mut refresh = world.ntcli(&[&["token", "refresh"], args].concat());
        if let Some(name) = env {
            refresh = refresh.env("NTCLI_WORKSPACE", name);
        }
        refresh.run().exits(0);
        let path = &world.plane.requests()[0].path;
        path.split('/').nth(3).map(str::to_owned)
    };
    let (id, key) = (staging.id.as_str(), staging.key.as_str());
    for (args, env, meant) in [
        (&[][..], None, &prod),
        (&["staging"], None, &staging),
        (&[id], None, &staging),
        (&[key], None, &staging),
        (&["-w", "staging"], None, &staging),
        (&["--workspace=staging"], None, &staging),
        (&[], Some("staging"), &staging),
        (&["prod"], Some("staging"), &prod),
    ] {
        let met = named(&world, args, env);
        assert_eq!(met.as_ref(), Some(&meant.id), "{args:?} {env:?}");
    }
    world.assert_one_live_token(&prod);
    world.assert_one_live_token(&staging);
}

/// In every form of the server's answers, the same token is found.
#[test]
fn every_shape_of_an_answer() {
    use crate::control_plane::RevokeAnswer;
    type Change = fn(&mut Options);
    let shapes: [(&str, Change); 5] = [
        ("jti also in the answer", |o| o.jti_in_answer = true),
        ("opaque with a jti", |o| {
            (o.token_shape, o.jti_in_answer) = (TokenShape::Opaque, true);
        }),
        ("200 for what was created", |o| o.created_status = 200),
        ("a revocation that only has a message", |o| {
            o.revoke_answer = RevokeAnswer::MessageOnly;
        }),
        ("a server whose clock is an hour ahead", |o| {
            o.clock_offset_s = 3600;
        }),
    ];
    for (shape, change) in shapes {
        let (world, workspace) = World::ready();
        world.plane.configure(change);
        let output = world.refresh(&["--format", "json"]);
        assert_eq!(output.exits(0).json()["verified"], true, "{shape}: {output}");
        let live = world.plane.live_tokens(&workspace.id);
        assert_eq!(output.json()["new_token"]["jti"], live[0].as_str(), "{shape}");
        assert!(output.json()["old_token"]["revoked_at"].is_string(), "{shape}: {output}");
        world.assert_one_live_token(&workspace);
        let item = world.item(&workspace);
        assert_eq!(item["scope"], json!(["workspace:read"]), "{shape}: that of the old token");
        assert_eq!(item["token_type"], "Bearer", "{shape}");
    }
}

#[test]
fn a_token_without_any_id() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_shape = TokenShape::Opaque);
    let output = world.refresh(&[]);
    output.exits(0).says("has no id");
    assert_eq!(output.stdout.lines().count(), 4, "{output}");
    world.assert_one_live_token(&workspace);
    assert_eq!(world.item(&workspace).get("jti"), None);

    // It cannot be revoked: the user is told, and the new one is stored anyway.
    let output = world.refresh(&["--format", "json"]);
    output.exits(8).says("it has no id").says("Hint: ntcli token list\n");
    let answer = output.json();
    assert_eq!(answer["old_token"], json!({"jti": null, "revoked_at": null}));
    assert_eq!(answer["outcome"], "refreshed_old_live");
    assert_eq!(answer["error"]["exit_code"], 8);
    world.assert_current_is_live(&workspace);
    assert!(!world.has_journal(), "nothing can be done about it: {}", world.describe());
}

/// A token that is dead already is revoked by a 404.
#[test]
fn an_old_token_that_has_expired() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.clock_offset_s = 2 * 31_536_000);
    assert!(!world.plane.is_live(&workspace.token.access_token));
    let output = world.refresh(&[]);
    output.exits(0).says_only("");
    assert!(output.stdout.contains("has been revoked."), "{output}");
    world.assert_one_live_token(&workspace);
}

#[test]
fn unknown_fields_survive_in_their_order() {
    let (world, workspace) = World::ready();
    let text = format!(
        r#"{{
  "zeta": [1, {{"b": 1, "a": 18446744073709551615}}],
  "version": "1.0.0",
  "auth": {{"theirs": {{"y": 1, "x": 2}}, "bearerToken": "{session}", "user": {{"nick": "A", "id": "u"}}}},
  "alpha": null,
  "workspaces": {{
    "sorted": false,
    "items": {{
      "{key}": {{"colour": "blue", "access_token": "{token}", "jti": "{jti}", "workspace_name": "prod", "mark": {{"z": 1.5, "a": "é"}}}}
    }},
    "activeWorkspaceId": "{key}"
  }}
}}"#,
        session = crate::harness::world::SESSION,
        key = workspace.key,
        token = workspace.token.access_token,
        jti = workspace.token.jti,
    );
    world.write("config.json", text.as_bytes());
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&workspace);

    let after = std::fs::read_to_string(world.config_path()).unwrap();
    let mut rest = after.as_str();
    for part in [
        "{\n  \"zeta\": [",
        "\"b\": 1",
        "\"a\": 18446744073709551615",
        "\"version\"",
        "\"auth\"",
        "\"theirs\"",
        "\"y\": 1",
        "\"x\": 2",
        "\"bearerToken\"",
        "\"user\"",
        "\"nick\": \"A\"",
        "\"alpha\": null",
        "\"workspaces\"",
        "\"sorted\": false",
        "\"items\"",
        "\"colour\": \"blue\"",
        "\"access_token\"",
        "\"mark\"",
        "\"z\": 1.5",
        "\"a\": \"é\"",
        "\"activeWorkspaceId\"",
        "\"lastUpdated\"",
    ] {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{part} is not where it was: {after}"));
        rest = &rest[at + part.len()..];
    }
}
