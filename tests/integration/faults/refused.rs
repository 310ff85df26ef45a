//! The errors that users know, word for word, which comes first, and how a server's refusal is
//! reported.

use serde_json::{Value, json};

use crate::control_plane::{ErrorStyle, Fault, Issued, Route, Times, TokenAuth};
use crate::harness::world::{SESSION, Workspace, World};

const AUTH: (&str, &str) = ("Authentication required", "ntcli auth login");
const NO_WORKSPACE: (&str, &str) =
    ("No workspace selected", "ntcli workspace select <name>, and ntcli workspace list");
const NO_TOKEN: (&str, &str) = ("No current token to refresh", "ntcli token create");
const BAD_EXPIRY: (&str, &str) =
    ("Invalid expiration time", "ntcli token refresh --expires-in 31536000");

/// In text and in JSON.
#[track_caller]
fn assert_fails(world: &World, args: &[&str], code: i32, (message, hint): (&str, &str)) {
    world.refresh(args).fails(code, message, hint);
    let output = world.refresh(&[args, &["--format", "json"]].concat());
    let error = &output.exits(code).says(&format!("Error: {message}\n")).json()["error"];
    assert_eq!(error["message"], message, "{output}");
    assert_eq!(error["hint"], hint, "{output}");
    assert_eq!(error["exit_code"], code, "{output}");
    assert!(error["code"].is_string() && error["retryable"] == false, "{output}");
}

/// Arguments first, then the session, the workspace, the token.
#[test]
fn the_documented_errors_in_their_order() {
    let world = World::new();
    assert_fails(&world, &["--expires-in", "abc"], 2, BAD_EXPIRY);
    assert_fails(&world, &[], 4, AUTH);
    world.sign_in();
    world.plane.clear_requests();
    assert_fails(&world, &["--expires-in", "abc"], 2, BAD_EXPIRY);
    assert_fails(&world, &[], 1, NO_WORKSPACE);
    let workspace = world.add_workspace("prod");
    let item = format!("/workspaces/items/{}", workspace.key);
    world.set_config("/workspaces/activeWorkspaceId", json!(workspace.key));
    for nothing in [json!("no-token"), json!(""), Value::Null] {
        world.set_config(&format!("{item}/access_token"), nothing);
        assert_fails(&world, &[], 1, NO_TOKEN);
        assert_fails(&world, &["--expires-in", "abc"], 2, BAD_EXPIRY);
    }
    world.set_config(&item, json!({"workspace_name": "prod"}));
    assert_fails(&world, &[], 1, NO_TOKEN);
    world.set_config("/workspaces/activeWorkspaceId", json!("gone"));
    assert_fails(&world, &[], 1, NO_WORKSPACE);
    world.set_config("/auth/bearerToken", Value::Null);
    assert_fails(&world, &[], 4, AUTH);
    world.assert_nothing_sent();
}

#[test]
fn bad_expiries() {
    let (world, _) = World::ready();
    let before = world.config();
    let bad = [
        "abc",
        "-5",
        "0",
        "1.5",
        "",
        "1e3",
        "0x10",
        " 60",
        "60 ",
        "99999999999999999999999",
        "12x",
        "+5",
        "0d",
        "d",
        "Never",
        "1d1x",
        "٣",
    ];
    for text in bad {
        let joined = format!("--expires-in={text}");
        for args in [&["--expires-in", text][..], &[&joined]] {
            world.refresh(args).fails(2, BAD_EXPIRY.0, BAD_EXPIRY.1);
        }
    }
    for text in
        ["abc", "", "0", "-1", "1000", "2020-01-01T00:00:00Z", "2030-13-01T00:00:00Z", "2030-13-01"]
    {
        world.refresh(&["--expires-at", text]).fails(2, BAD_EXPIRY.0, BAD_EXPIRY.1);
    }
    world.assert_nothing_sent();
    assert_eq!(world.config(), before);
}

#[test]
fn a_session_that_has_ended() {
    let (world, _) = World::ready();
    world.set_config("/auth/expiresAt", json!(1_700_000_000_000_u64));
    assert_fails(&world, &[], 4, AUTH);
    world.refresh(&[]).says("Caused by: the session ended 2023-11-14T22:13:20Z\n");
    world.assert_nothing_sent();

    // The environment's bearer wins over the stored one.
    let refresh = world.ntcli(&["token", "refresh"]);
    refresh.env("NTCLI_TOKEN", SESSION).run().exits(0);
    let (world, _) = World::ready();
    let refresh = world.ntcli(&["token", "refresh"]);
    let output = refresh.env("NTCLI_TOKEN", "another-session-bearer-0000").run();
    // To sign in again would not help: the variable wins.
    let hint = "unset NTCLI_TOKEN, or put a fresh session token into it";
    output.fails(4, AUTH.0, hint);
}

#[test]
fn a_session_that_the_server_does_not_know() {
    for style in [ErrorStyle::Detail, ErrorStyle::Coded] {
        let (world, workspace) = World::ready();
        world.plane.configure(|o| o.error_style = style);
        world.plane.drop_session(SESSION);
        assert_fails(&world, &[], 4, AUTH);
        world.refresh(&[]).says("401");
        assert_untouched(&world, &workspace);
    }
}

/// The old token is kept and live, there is no other, and nothing is pending.
#[track_caller]
fn assert_untouched(world: &World, workspace: &Workspace) {
    assert_eq!(world.current(workspace), workspace.token.access_token);
    world.assert_one_live_token(workspace);
    assert!(!world.has_journal(), "{}", world.describe());
}

#[test]
fn workspaces_that_are_not_there() {
    let (world, _) = World::ready();
    assert_fails(
        &world,
        &["nowhere"],
        1,
        ("No workspace 'nowhere' is known here", "ntcli workspace select nowhere"),
    );
    let twin = world.add_workspace("prod");
    let output = world.refresh(&["prod"]);
    output.exits(2).prints("").says("Several workspaces are named 'prod'").says(&twin.key);
    world.assert_nothing_sent();

    // One that was deleted on the server, which is not the same as a server without tokens.
    for style in [ErrorStyle::Detail, ErrorStyle::Coded] {
        let (world, workspace) = World::ready();
        let id = "00000000-0000-4000-a000-000000000000";
        world.plane.configure(|o| o.error_style = style);
        let mut config = world.config();
        config["workspaces"]["items"][id] = world.item(&workspace);
        world.write_config(&config);
        let output = world.refresh(&[id]);
        output.exits(1).says("404").says(&format!("Workspace {id} not found"));
        output.says("Hint: ntcli workspace list\n").does_not_say("/tokens routes");
    }
}

#[test]
fn the_core_edition_has_no_tokens() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| (o.accounts, o.token_routes) = (false, false));
    let output = world.refresh(&[]);
    output.exits(1).says("has no /tokens routes; nothing has changed").prints("");
    assert_untouched(&world, &workspace);
}

/// The server's reason for a refusal is shown, in both of its styles.
#[test]
fn a_no_is_passed_on() {
    let coded = r#"{"error":{"code":"INVALID_REQUEST","message":"Too many tokens",
        "details":{"field":"expires_in","reason":"quota","error_id":"e-17"}}}"#;
    let detail = r#"{"detail":[{"loc":["body","expires_in"],"msg":"Too many tokens","type":"x"}]}"#;
    for (status, body, parts) in [
        (422, coded, &["Too many tokens", "INVALID_REQUEST", "expires_in", "quota", "e-17"][..]),
        (422, detail, &["body.expires_in: Too many tokens"]),
        // What a gateway refuses before it passes anything on.
        (413, "<html><title>Too Large</title></html>", &["HTML"]),
    ] {
        let (world, workspace) = World::ready();
        let fault = Fault::Status(status, body.to_owned(), Vec::new());
        world.plane.fault(Route::TokenCreate, Times::Always, fault);
        let output = world.refresh(&[]);
        output.exits(1).says(&status.to_string()).says("nothing has changed");
        for part in parts {
            output.says(part);
        }
        assert_untouched(&world, &workspace);
    }
}

#[test]
fn news_of_a_token_travels_slowly() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(2));
    let output = world.refresh(&["--format", "json"]);
    assert_eq!(output.exits(0).json()["verified"], true);
    assert_eq!(world.count(Route::TokenAuth), 3);
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_server_that_never_says_yes_to_a_token() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_auth = TokenAuth::Rejects401All);
    let output = world.refresh(&["--format", "json"]);
    assert_eq!(output.exits(0).json()["verified"], false);
    world.assert_one_live_token(&workspace);

    world.plane.clear_requests();
    let output = world.refresh(&["--no-verify", "--format", "json"]);
    assert_eq!(output.exits(0).json()["verified"], Value::Null);
    assert_eq!(world.count(Route::TokenAuth), 0);
}

#[test]
fn a_new_token_that_does_not_work() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(usize::MAX));
    let not_yet = "The server has not accepted the new token";
    world.refresh(&[]).exits(8).prints("").says(not_yet);
    assert_eq!(world.current(&workspace), workspace.token.access_token);
    assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2);
    let output = world.refresh(&[]);
    output.exits(1).prints("").says("was revoked again").says("the old token still works");
    output.says("Hint: ntcli token refresh\n");
    assert_untouched(&world, &workspace);
    assert_eq!(world.count(Route::TokenCreate), 1);

    // It could not be revoked either: that is pending, and the next run does it.
    let failing = Fault::Status(500, String::new(), Vec::new());
    world.refresh(&[]).exits(8).says(not_yet);
    world.plane.fault(Route::TokenRevoke, Times::N(2), failing);
    world.refresh(&[]).exits(1).says("must still be revoked");
    assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2);
    world.plane.configure(|o| o.token_auth = TokenAuth::Normal);
    world.refresh(&[]).exits(0).says("has been revoked");
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
}

/// A token that somebody else created is not ours, and stays live.
#[test]
fn tokens_of_others_are_left_alone() {
    let (world, workspace) = World::ready();
    let theirs: Issued = world.plane.issue_token(&workspace.id, None);
    let output = world.refresh(&["--revoke-orphans"]);
    output.exits(0).says_only("");
    assert!(world.plane.is_live(&theirs.access_token));
    assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2);
}
