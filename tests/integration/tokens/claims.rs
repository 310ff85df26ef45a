//! A token's own claims win over the fields beside it, which other programs leave stale.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::control_plane::{Fault, Issued, Route, Times};
use crate::harness::world::{Workspace, World};
use crate::monitoring::check::now_ms;
use crate::tokens::local::run;

/// The date that is written beside `never_expires`.
const FAR_AHEAD: i64 = 253_402_300_799_000;

/// As the existing client does it: another token, and the fields of the one before.
fn replaced(world: &World, workspace: &Workspace) -> Issued {
    let token = world.plane.issue_token(&workspace.id, Some(86_400));
    set(world, workspace, "access_token", json!(token.access_token));
    set(world, workspace, "never_expires", json!(true));
    token
}

fn set(world: &World, workspace: &Workspace, field: &str, value: Value) {
    let pointer = format!("/workspaces/items/{}/{field}", workspace.key);
    world.set_config(&pointer, value);
}

fn jwt(claims: &Value) -> String {
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("e30.{payload}.c2lnbmF0dXJlLW9mLWEtdG9rZW4")
}

#[test]
fn a_refresh_revokes_the_token_that_it_replaces() {
    let (world, prod) = World::ready();
    let current = replaced(&world, &prod);
    let shown = run(&world, &["show", "--format", "json"]).json();
    assert_eq!(shown["jti"], current.jti.as_str());
    assert_eq!(shown["never_expires"], false);
    let due = run(&world, &["needs-refresh", "--within", "2d"]);
    due.exits(0);

    let output = world.refresh(&["--format", "json"]);
    let json = output.exits(0).json();
    assert_eq!(json["old_token"]["jti"], current.jti.as_str());
    assert!(!world.plane.is_live(&current.access_token));
    // The other one is not ours to end.
    assert!(world.plane.is_live(&prod.token.access_token));
    world.assert_current_is_live(&prod);
}

#[test]
fn logout_revokes_the_token_that_is_stored() {
    let (world, prod) = World::ready();
    let current = replaced(&world, &prod);
    let output = world.ntcli(&["auth", "logout", "--all", "--force", "--format=json"]);
    assert_eq!(output.run().exits(0).json()["revoked"][0]["jti"], json!(current.jti));
    assert_eq!(world.plane.live_tokens(&prod.id), [prod.token.jti]);
}

/// By a clock that is behind nothing is due, for ever: that is seen without asking the server.
#[test]
fn a_token_from_the_future() {
    let (world, prod) = World::ready();
    let now = now_ms() / 1000;
    for (ahead, code) in [(60, 0), (86_400, 2)] {
        let claims = json!({"jti": "jti_ahead", "iat": now + ahead, "exp": now + 300 * 86_400});
        set(&world, &prod, "access_token", json!(jwt(&claims)));
        let check = world.ntcli(&["check"]).run();
        check.exits(code);
        assert_eq!(check.stdout.contains("this machine's clock says"), code > 0, "{check}");
        let renew = world.ntcli(&["-q", "renew", "--no-network"]).run();
        assert_eq!(renew.stderr.contains("so nothing looks due: timedatectl"), code > 0, "{renew}");
    }
    world.ntcli(&["doctor", "--offline"]).run().exits(1);
}

/// The journal of an older version holds what the fields said.
#[test]
fn a_journal_with_a_stale_id() {
    let (world, prod) = World::ready();
    let old = replaced(&world, &prod);
    let new = world.plane.issue_token(&prod.id, None);
    set(&world, &prod, "access_token", json!(new.access_token));
    let workspace = json!({"key": prod.key, "id": prod.id, "name": "prod"});
    let token = |token: &Issued, jti: &str| {
        json!({"access_token": token.access_token, "jti": jti, "expiry": "never",
            "token_type": "Bearer", "scope": []})
    };
    let created = json!({"created": {"place": workspace, "at": 1, "token": token(&new, &new.jti),
        "old": token(&old, &prod.token.jti), "hand_over": false, "grace_s": null}});
    let promoted = json!({"promoted": {"workspace": prod.id}});
    world.write("rotation.journal", format!("{created}\n{promoted}\n").as_bytes());
    run(&world, &["revoke", "--pending"]).exits(0);
    assert!(!world.plane.is_live(&old.access_token));
    assert!(world.plane.is_live(&prod.token.access_token));
}

/// What is known of a token, by its claims and the fields beside it.
#[test]
fn claims_and_fields() {
    let (world, prod) = World::ready();
    let (soon, later) = (4_000_000_000_i64, 4_100_000_000_i64);
    let at = |secs: i64| json!(ntcli::time::Timestamp::from_secs(secs).to_string());
    let opaque = "wst_0123456789abcdef0123456789";
    for (token, expires_at, never, jti, end, is_never) in [
        // Its own claims.
        (
            jwt(&json!({"jti": "own", "exp": soon})),
            json!(later * 1000),
            true,
            "own",
            at(soon),
            false,
        ),
        (jwt(&json!({"jti": "own", "exp": soon})), json!(FAR_AHEAD), true, "own", at(soon), false),
        // What they do not say, the fields do.
        (jwt(&json!({"exp": soon})), Value::Null, false, "field", at(soon), false),
        (jwt(&json!({"jti": ""})), json!(later * 1000), true, "field", at(later), false),
        (jwt(&json!({"jti": 5})), json!(FAR_AHEAD), true, "field", Value::Null, true),
        // A JWT without an end has none.
        (jwt(&json!({"jti": "own"})), Value::Null, false, "own", Value::Null, true),
        // Only the fields say anything about an opaque one.
        (opaque.to_owned(), json!(FAR_AHEAD), true, "field", Value::Null, true),
        (opaque.to_owned(), json!(later * 1000), true, "field", at(later), false),
        (opaque.to_owned(), Value::Null, true, "field", Value::Null, false),
    ] {
        set(&world, &prod, "access_token", json!(token));
        set(&world, &prod, "expires_at", expires_at.clone());
        set(&world, &prod, "never_expires", json!(never));
        set(&world, &prod, "jti", json!("field"));
        let shown = run(&world, &["show", "--format", "json"]).json();
        assert_eq!(
            (&shown["jti"], &shown["expires_at"], &shown["never_expires"]),
            (&json!(jti), &end, &json!(is_never)),
            "{expires_at} {never} {token}"
        );
    }
}

/// Python's JSON writes whole floats with a point.
#[test]
fn a_lifetime_with_a_point_is_a_number() {
    let (world, prod) = World::ready();
    for (n, expires_in, known) in [(1, "3600.0", true), (2, "\"3600\"", false)] {
        let body = format!(
            r#"{{"access_token":"wst_0123456789abcdef012345678{n}","jti":"jti_{n}","expires_in":{expires_in}}}"#
        );
        world.plane.fault(Route::TokenCreate, Times::Once, Fault::Body(body));
        // The second time the list lacks the current token, so it proves nothing about the old one.
        world.refresh(&["--no-verify"]).exits(if n == 1 { 0 } else { 8 });
        let expires_at = &world.item(&prod)["expires_at"];
        assert_eq!(expires_at.is_i64(), known, "{expires_in}: {expires_at}");
        // The server does not know that token, so its end cannot fail.
        world.plane.clear_requests();
    }
}
