//! A session that the server rejects during a run, and a token that it does not know.

use std::fs;

use serde_json::{Value, json};

use crate::auth::renewal::{auth, refreshes, world_of_yesterday};
use crate::control_plane::{Fault, Route, Times};

#[test]
fn a_401_in_the_middle_renews_once() {
    let (world, workspace) = world_of_yesterday();
    world.set_config("/auth/expiresAt", Value::Null);
    refreshes(&world, &workspace);
    let creates = world.count(Route::TokenCreate);
    assert_eq!((creates, world.count(Route::OauthToken)), (2, 1));
    assert_ne!(auth(&world, "bearerToken"), "the-bearer-of-yesterday");
}

#[test]
fn a_401_between_create_and_revoke() {
    let (world, workspace) = world_of_yesterday();
    world.plane.add_session("the-bearer-of-yesterday");
    world.set_config("/auth/expiresAt", json!(4_000_000_000_000_u64));
    let expired = Fault::Status(401, r#"{"detail":"Token has expired"}"#.to_owned(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Once, expired);
    refreshes(&world, &workspace);
    let counts = (world.count(Route::TokenCreate), world.count(Route::TokenRevoke));
    assert_eq!((counts, world.count(Route::OauthToken)), ((1, 2), 1));
}

#[test]
fn a_401_that_stays_is_told() {
    let (world, workspace) = world_of_yesterday();
    world.set_config("/auth/expiresAt", Value::Null);
    let never = Fault::Status(401, r#"{"detail":"Never heard of you"}"#.to_owned(), Vec::new());
    world.plane.fault(Route::TokenCreate, Times::Always, never);
    world.refresh(&[]).exits(4).says("Error: Authentication required");
    assert_eq!((world.count(Route::TokenCreate), world.count(Route::OauthToken)), (2, 1));
    world.assert_one_live_token(&workspace);

    // The session is rejected and cannot be renewed: the message includes why.
    let (world, workspace) = world_of_yesterday();
    world.set_config("/auth/expiresAt", Value::Null);
    world.set_config("/auth/refreshToken", json!("refresh-token-unknown-to-the-server"));
    let output = world.refresh(&[]);
    output.exits(4).says("Authentication required").says("invalid_grant");
    world.assert_one_live_token(&workspace);

    // Or not at the moment: no token was requested, and nothing has changed.
    let (world, workspace) = world_of_yesterday();
    world.set_config("/auth/expiresAt", Value::Null);
    let run = world.ntcli(&["token", "refresh"]);
    let output = run.env("CLERK_OAUTH_DOMAIN", "http://127.0.0.1:1").run();
    output.exits(5).says("nothing has changed");
    assert!(!world.has_journal());
    refreshes(&world, &workspace);
}

#[test]
fn ntcli_token_is_never_renewed() {
    let (world, workspace) = world_of_yesterday();
    let before = fs::read(world.config_path()).unwrap();
    let run = world.ntcli(&["token", "refresh"]);
    let output = run.env("NTCLI_TOKEN", "a-bearer-unknown-to-the-server").run();
    output.exits(4).says("Error: Authentication required");
    assert_eq!(world.count(Route::OauthToken), 0);
    assert_eq!(fs::read(world.config_path()).unwrap(), before);
    world.assert_one_live_token(&workspace);
}

#[test]
fn the_check_of_a_workspace_token_renews_nothing() {
    let (world, workspace) = world_of_yesterday();
    world.plane.add_session("the-bearer-of-yesterday");
    world.set_config("/auth/expiresAt", json!(4_000_000_000_000_u64));
    let dead = Fault::Status(401, String::new(), Vec::new());
    world.plane.fault(Route::TokenAuth, Times::N(2), dead);
    refreshes(&world, &workspace);
    assert_eq!(world.count(Route::OauthToken), 0);
}
