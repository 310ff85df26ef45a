//! A session that renews itself.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::auth::browser::keeps_secrets;
use crate::control_plane::{Fault, Route, Times};
use crate::harness::gate::Gate;
use crate::harness::kill;
use crate::harness::world::{Workspace, World};

const PAST: u64 = 1_700_000_000_000;

/// Signed in yesterday: the session has ended, the refresh token is good.
pub(crate) fn world_of_yesterday() -> (World, Workspace) {
    let (world, workspace) = World::ready();
    let refresh_token = world.plane.grant_refresh_token();
    let user = json!({"id": "user_1", "email": "ada@example.com", "imageUrl": "kept"});
    let auth = json!({"bearerToken": "the-bearer-of-yesterday", "expiresAt": PAST,
        "refreshToken": refresh_token, "user": user, "extra": [1]});
    world.set_config("/auth", auth);
    (world, workspace)
}

pub(crate) fn auth(world: &World, name: &str) -> Value {
    world.config()["auth"][name].clone()
}

#[track_caller]
pub(crate) fn refreshes(world: &World, workspace: &Workspace) {
    let output = world.refresh(&["--debug"]);
    output.exits(0);
    keeps_secrets(world, &output);
    world.assert_one_live_token(workspace);
}

#[test]
fn an_ended_session_is_renewed() {
    let (world, workspace) = world_of_yesterday();
    let old = auth(&world, "refreshToken");
    refreshes(&world, &workspace);
    assert_ne!(auth(&world, "refreshToken"), old);
    assert_eq!(auth(&world, "refreshToken"), world.plane.live_refresh_tokens()[0]);
    assert!(auth(&world, "expiresAt").as_u64().unwrap() > 1_750_000_000_000);
    assert_eq!(
        (auth(&world, "extra"), &auth(&world, "user")["imageUrl"]),
        (json!([1]), &json!("kept"))
    );
    world.plane.clear_requests();
    refreshes(&world, &workspace);
    assert_eq!(world.count(Route::OauthToken), 0, "it was renewed once");
}

#[test]
fn a_refresh_token_that_stays_is_kept() {
    let (world, workspace) = world_of_yesterday();
    world.plane.configure(|o| o.rotate_refresh_tokens = false);
    let old = auth(&world, "refreshToken");
    refreshes(&world, &workspace);
    assert_eq!(auth(&world, "refreshToken"), old);
}

#[test]
fn reading_commands_renew_too() {
    let (world, _) = world_of_yesterday();
    world.ntcli(&["workspace", "list"]).run().exits(0);
    assert_ne!(auth(&world, "bearerToken"), "the-bearer-of-yesterday");
}

/// What one part of a run has sent must not show in the answer to another part.
#[test]
fn one_client_does_it_all() {
    let (world, _) = world_of_yesterday();
    world.ntcli(&["workspace", "list"]).run().exits(0);
    let requests = world.plane.requests();
    let first = requests[0].connection;
    assert!(requests.iter().all(|r| r.connection == first), "{requests:#?}");

    let (world, _) = world_of_yesterday();
    let spent = auth(&world, "refreshToken").as_str().unwrap().to_owned();
    let echo = Fault::Status(400, json!({"detail": spent}).to_string(), Vec::new());
    world.plane.fault(Route::WorkspaceList, Times::Once, echo);
    let output = world.ntcli(&["workspace", "list"]).run();
    output.exits(1).says("[redacted]");
    keeps_secrets(&world, &output);
}

#[test]
fn a_session_about_to_end_is_renewed_if_that_can_be_done() {
    let (world, workspace) = world_of_yesterday();
    let year = 31_536_000;
    let now = workspace.token.expires_at.unwrap() - year; // it was made a moment ago
    world.plane.add_session("the-bearer-of-yesterday");
    world.set_config("/auth/expiresAt", json!((now + 30) * 1000));
    // It is valid for another half a minute: no reason to fail.
    world.plane.fault(Route::OauthToken, Times::Once, Fault::CloseBefore);
    let output = world.refresh(&[]);
    output.exits(0).says("the present session is used until it ends");
    assert_eq!(auth(&world, "bearerToken"), "the-bearer-of-yesterday");
    refreshes(&world, &workspace);
    assert_ne!(auth(&world, "bearerToken"), "the-bearer-of-yesterday");
}

#[test]
fn a_refused_renewal() {
    let (world, workspace) = world_of_yesterday();
    let before = fs::read(world.config_path()).unwrap();
    for (status, body) in
        [(401, ""), (403, ""), (400, r#"{"error":"invalid_grant","error_description":"gone"}"#)]
    {
        let fault = Fault::Status(status, body.to_owned(), Vec::new());
        world.plane.fault(Route::OauthToken, Times::Once, fault);
        let output = world.refresh(&[]);
        output.exits(4).prints("").says("Error: Authentication required\nCaused by: ");
        output.says("Hint: ntcli auth login\n");
        output.says(&format!("the server answered {status}"));
        if status == 400 {
            // Only this is certain: the grant is not offered again.
            let mut expected: Value = serde_json::from_slice(&before).unwrap();
            expected["auth"].as_object_mut().unwrap().remove("refreshToken");
            expected["lastUpdated"] = world.config()["lastUpdated"].clone();
            assert_eq!(world.config(), expected);
        } else {
            assert_eq!(fs::read(world.config_path()).unwrap(), before);
        }
    }
    world.assert_one_live_token(&workspace);
    assert_eq!(world.count(Route::TokenCreate), 0);
}

#[test]
fn an_ended_session_without_a_refresh_token() {
    let (world, _) = World::ready();
    world.set_config("/auth/expiresAt", json!(PAST));
    let output = world.refresh(&[]);
    output.exits(4).says("Caused by: the session ended 2023-11-14T22:13:20Z\n");
    world.assert_nothing_sent();
}

#[test]
fn a_provider_that_cannot_be_reached() {
    let (world, workspace) = world_of_yesterday();
    let before = fs::read(world.config_path()).unwrap();
    let run = world.ntcli(&["token", "refresh"]);
    let output = run.env("CLERK_OAUTH_DOMAIN", "http://127.0.0.1:1").run();
    output.exits(5).says("Error: Could not renew the session; nothing has changed");
    assert_eq!(fs::read(world.config_path()).unwrap(), before);
    world.assert_nothing_sent();
    refreshes(&world, &workspace);
}

#[test]
fn an_answer_that_is_lost() {
    for (fault, code) in [
        (Fault::CloseBefore, 5),
        (Fault::Status(500, String::new(), Vec::new()), 5),
        (Fault::Status(502, "<html>".to_owned(), Vec::new()), 5),
        (Fault::Stall { apply: false }, 5),
        (Fault::Status(200, "<html>".to_owned(), Vec::new()), 1),
        (Fault::Status(200, String::new(), Vec::new()), 1),
    ] {
        let (world, workspace) = world_of_yesterday();
        let before = fs::read(world.config_path()).unwrap();
        world.plane.fault(Route::OauthToken, Times::Once, fault);
        let output = world.ntcli(&["token", "refresh"]).env("NTCLI_TIMEOUT", "1").run();
        output.exits(code).says("the refresh token, which the next run tries again");
        assert_eq!(fs::read(world.config_path()).unwrap(), before);
        assert_eq!(world.count(Route::OauthToken), 1, "sent once, never again unasked");
        refreshes(&world, &workspace);
    }
}

#[test]
fn a_spent_refresh_token_is_reported_plainly() {
    for fault in [Fault::CloseAfter, Fault::Truncate] {
        let (world, workspace) = world_of_yesterday();
        world.plane.fault(Route::OauthToken, Times::Once, fault);
        assert_ne!(world.refresh(&[]).code(), Some(0));
        world.refresh(&[]).exits(4).says("invalid_grant");
        world.assert_one_live_token(&workspace);
    }
}

#[test]
fn faults_of_the_exchange_lose_nothing() {
    for (fault, code) in [
        (Fault::Status(400, String::new(), Vec::new()), 1),
        (Fault::Status(401, String::new(), Vec::new()), 4),
        (Fault::Status(403, String::new(), Vec::new()), 4),
        (Fault::Status(500, String::new(), Vec::new()), 5),
        (Fault::Status(503, String::new(), Vec::new()), 5),
        (Fault::CloseAfter, 5),
        (Fault::Body("<html>".to_owned()), 1),
        (Fault::Body("{}".to_owned()), 1),
        (Fault::Stall { apply: true }, 5),
        (Fault::Huge(60 << 20), 1),
        (Fault::Redirect("http://127.0.0.1:9/".to_owned()), 1),
    ] {
        let (world, workspace) = world_of_yesterday();
        let what = format!("{fault:?}");
        world.plane.fault(Route::TokenExchange, Times::Always, fault);
        let output = world.ntcli(&["token", "refresh"]).env("NTCLI_TIMEOUT", "1").run();
        assert_eq!(output.code(), Some(code), "{what}: {output}");
        // The new refresh token is there, the old session too.
        assert_eq!(auth(&world, "refreshToken"), world.plane.live_refresh_tokens()[0]);
        assert_eq!(auth(&world, "bearerToken"), "the-bearer-of-yesterday");
        assert_eq!(world.count(Route::TokenCreate), 0);
        world.plane.clear_faults();
        refreshes(&world, &workspace);
    }
}

#[test]
fn a_kill_at_any_step_loses_no_more_than_it_must() {
    for (route, after) in [
        (Route::OauthToken, false),
        (Route::TokenExchange, false),
        (Route::TokenExchange, true),
        (Route::TokenCreate, false),
    ] {
        let (world, workspace) = world_of_yesterday();
        kill::at_request(&world, route, Times::Once, after, &["token", "refresh"]);
        world.config();
        refreshes(&world, &workspace);
    }
    // Between the provider's step and ours nothing can be done: sign in again.
    let (world, workspace) = world_of_yesterday();
    kill::at_request(&world, Route::OauthToken, Times::Once, true, &["token", "refresh"]);
    world.refresh(&[]).exits(4).says("Hint: ntcli auth login");
    world.assert_one_live_token(&workspace);
}

#[test]
fn two_runs_renew_once() {
    let (world, workspace) = world_of_yesterday();
    let slow = Fault::Delay(Duration::from_millis(300));
    world.plane.fault(Route::OauthToken, Times::Once, slow);
    let args = ["token", "refresh"];
    let (one, other) = (world.ntcli(&args).spawn(), world.ntcli(&args).spawn());
    let third = world.ntcli(&["workspace", "list"]).spawn();
    one.finish().exits(0);
    other.finish().exits(0);
    third.finish().exits(0);
    assert_eq!(world.count(Route::OauthToken), 1);
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_config_that_cannot_be_written_spends_no_refresh_token() {
    let (world, _) = world_of_yesterday();
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(&world.dir, mode(0o500)).unwrap();
    let mut refresh = world.ntcli(&["token", "refresh"]);
    if fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0) {
        // Otherwise root can write everywhere.
        refresh = refresh.under(&["setpriv", "--bounding-set=-dac_override", "--"]);
    }
    refresh.run().exits(2);
    world.assert_nothing_sent();
    fs::set_permissions(&world.dir, mode(0o700)).unwrap();
}

#[test]
fn a_sign_in_of_another_program_meanwhile_stays() {
    let (world, _) = world_of_yesterday();
    let gate = Gate::before(&world, Route::TokenExchange);
    let run = world.ntcli(&["workspace", "list"]).spawn();
    gate.wait_for_request();
    world.set_config("/auth", json!({"bearerToken": "somebody-else-signed-in"}));
    gate.open();
    run.finish().exits(0);
    assert_eq!(world.config()["auth"], json!({"bearerToken": "somebody-else-signed-in"}));
}
