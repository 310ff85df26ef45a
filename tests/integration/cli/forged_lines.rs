//! No id and no name, from any source, makes a line of its own in what people read.

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::{Output, Workspace, World};

const HOSTILE: &str = "x\nFORGED: revoked\r\u{2028}FORGED\u{1b}[2J";
const OPAQUE: &str = "wst_0123456789abcdef0123456789";

/// A workspace with a hostile name and a token with a hostile id.
fn world() -> (World, Workspace) {
    let (world, prod) = World::ready();
    let item = format!("/workspaces/items/{}", prod.key);
    world.set_config(&format!("{item}/access_token"), json!(OPAQUE));
    world.set_config(&format!("{item}/jti"), json!(HOSTILE));
    world.set_config(&format!("{item}/workspace_name"), json!(HOSTILE));
    (world, prod)
}

#[track_caller]
fn assert_no_forged_line(output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        let forged = text
            .split(['\n', '\r', '\u{2028}', '\u{2029}', '\u{85}'])
            .any(|line| line.starts_with("FORGED"));
        assert!(!forged && !text.contains('\u{1b}'), "{output:?}");
    }
}

#[test]
fn what_is_local() {
    let (world, prod) = world();
    let workspace = json!({"key": prod.key, "id": prod.id, "name": HOSTILE});
    let token = json!({"access_token": OPAQUE, "jti": HOSTILE, "expiry": "unknown",
        "token_type": "Bearer", "scope": []});
    let records = [
        json!({"owed": {"place": workspace, "jti": HOSTILE, "not_before": 4_000_000_000_000_u64}}),
        json!({"orphan": {"place": workspace, "jti": format!("{HOSTILE}2"), "born": null}}),
        json!({"created": {"place": workspace, "at": 1, "token": token, "old": token,
            "hand_over": true, "grace_s": null}}),
        json!({"promoted": {"workspace": prod.id}}),
    ];
    let lines = records.map(|record| format!("{record}\n"));
    world.write("rotation.journal", lines.concat().as_bytes());
    let history = json!({"at": HOSTILE, "event": HOSTILE, "workspace": HOSTILE,
        "workspace_id": prod.id, "jti": HOSTILE, "old_jti": HOSTILE, "expires_at": HOSTILE,
        "reason": HOSTILE});
    world.write("history.jsonl", format!("{history}\n").as_bytes());
    for args in [
        &["check", "--format", "prometheus"][..],
        &["check"],
        &["doctor"],
        &["renew", "--dry-run"],
        &["target", "list"],
        &["token", "show"],
        &["token", "needs-refresh"],
        &["token", "history"],
        &["token", "refresh", "--dry-run"],
        &["token", "refresh"],
        &["token", "revoke", HOSTILE],
        &["token", "revoke", "--pending"],
        &["token", "list"],
        &["workspace", "list"],
        &["workspace", "sync"],
        &["workspace", "select", HOSTILE],
        &["workspace", "clear"],
        &["workspace", "delete", HOSTILE],
        &["token", "refresh", HOSTILE],
        &["token", "show", "FORGED"],
        &["config", "show"],
        &["config", "reset"],
        &["auth", "logout", "--all", "--force"],
    ] {
        let output = world.ntcli(args).run();
        assert_no_forged_line(&output);
    }
}

#[test]
fn what_the_server_sends() {
    let answers = |world: &World, route, body: serde_json::Value| {
        let fault = Fault::Body(body.to_string());
        world.plane.fault(route, Times::Once, fault);
    };
    let issued = json!({"access_token": OPAQUE, "jti": HOSTILE, "token_type": HOSTILE});
    let (world, prod) = World::ready();
    answers(&world, Route::TokenCreate, issued.clone());
    assert_no_forged_line(&world.refresh(&["--no-verify"]));
    assert_no_forged_line(&world.refresh(&["--no-verify", "--expires-in", "9"]));
    for options in [&["--save"][..], &["--no-save"]] {
        answers(&world, Route::TokenCreate, issued.clone());
        let create = world.ntcli(&[&["token", "create"], options].concat());
        assert_no_forged_line(&create.prints_secrets().run());
    }
    let tokens =
        json!({"tokens": [{"jti": HOSTILE, "created_at": HOSTILE, "expires_at": HOSTILE}]});
    answers(&world, Route::TokenList, tokens.clone());
    assert_no_forged_line(&world.ntcli(&["token", "list", "--show-expired"]).run());

    // A lost create, and a list with such a token as its possible result.
    let lost = Fault::CloseAfter;
    world.plane.fault(Route::TokenCreate, Times::Once, lost);
    answers(&world, Route::TokenList, tokens);
    assert_no_forged_line(&world.refresh(&[]));
    for args in [&["token", "show"][..], &["token", "refresh", "--revoke-orphans"]] {
        assert_no_forged_line(&world.ntcli(args).run());
    }

    let workspaces = json!({"workspaces": [
        {"workspace_id": prod.id, "workspace_name": HOSTILE, "status": HOSTILE},
        {"workspace_id": HOSTILE, "workspace_name": HOSTILE, "created_at": HOSTILE}]});
    for args in
        [&["workspace", "list"][..], &["workspace", "sync"], &["workspace", "select", "nowhere"]]
    {
        answers(&world, Route::WorkspaceList, workspaces.clone());
        assert_no_forged_line(&world.ntcli(args).run());
    }
    let health = json!({"status": HOSTILE, "version": HOSTILE, "service": HOSTILE});
    answers(&world, Route::Health, health);
    assert_no_forged_line(&world.ntcli(&["health"]).run());
    world.plane.clear_faults();
}

/// A token in place of its id: the hint holds the id that the token claims.
#[test]
fn a_hint_that_repeats_a_claim() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (world, _) = World::ready();
    let payload = URL_SAFE_NO_PAD.encode(json!({"jti": HOSTILE}).to_string());
    let jwt = format!("e30.{payload}.c2lnbmF0dXJl");
    let output = world.ntcli(&["token", "revoke", &jwt]).run();
    assert_no_forged_line(output.exits(2));
}
