//! What proves that a token is revoked, or a workspace gone: never a 404 by itself.

use serde_json::Value;

use crate::control_plane::{ControlPlane, Fault, Route, Times, TokenAuth};
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, SESSION, Workspace, World};
use crate::workspaces::manage;

const WIDTH: usize = 4;
const STRANGER: &str = "session-of-another-account-0123";

/// How gateways, other routes and other accounts answer about something that exists.
const NO_PROOF: [(u16, &str); 9] = [
    (404, "<html><body>nothing here</body></html>"),
    (404, "404 page not found"),
    (404, "default backend - 404"),
    (404, ""),
    (404, r#"{"detail":"Not Found"}"#),
    (410, r#"{"error":{"code":"TOKEN_NOT_FOUND","message":"Token not found"}}"#),
    (404, r#"{"detail":"Workspace 74e4f895 not found"}"#),
    (200, "<html><title>Sign in</title></html>"),
    (200, "revoked"),
];

fn says((status, body): (u16, &str)) -> Fault {
    Fault::Status(status, body.to_owned(), Vec::new())
}

fn run(world: &World, args: &[&str]) -> Output {
    world.ntcli(args).run()
}

/// The token is live, and this and every later run names it.
#[track_caller]
fn assert_named(world: &World, workspace: &Workspace, jti: &str) {
    let live = world.plane.live_tokens(&workspace.id);
    assert!(live.iter().any(|live| live == jti), "{live:?}");
    let shown = run(world, &["token", "show", "-w", &workspace.key]);
    assert!(shown.stdout.contains(jti), "{shown}");
}

#[test]
fn of_the_old_token() {
    for_each(WIDTH, &NO_PROOF, |answer| {
        for list_fails in [false, true] {
            let (world, workspace) = World::ready();
            let old = workspace.token.jti.as_str();
            world.plane.fault(Route::TokenRevoke, Times::Always, says(*answer));
            if list_fails {
                world.plane.fault(Route::TokenList, Times::Always, says(*answer));
            }
            let output = world.refresh(&["--format", "json"]);
            let json = output.exits(8).json();
            assert_eq!(json["old_token"]["revoked_at"], Value::Null, "{output}");
            assert_eq!(json["outcome"], "refreshed_old_live", "{output}");
            assert_named(&world, &workspace, old);
            run(&world, &["token", "revoke", "--pending"]).exits(8).prints("").says(old);
            world.refresh(&["--if-expires-within", "1d"]).exits(8).says(old);
            assert_named(&world, &workspace, old);

            world.plane.clear_faults();
            run(&world, &["token", "revoke", "--pending"]).exits(0);
            world.assert_one_live_token(&workspace);
            assert!(!world.has_journal());
        }
    });
}

/// A list that cannot contain the token yet proves nothing about a new one.
#[test]
fn of_a_new_token_that_is_given_up() {
    for_each(WIDTH, &NO_PROOF, |answer| {
        let (world, workspace) = World::ready();
        world.plane.configure(|o| {
            o.token_auth = TokenAuth::Lagging(usize::MAX);
            o.list_lag = 1000;
        });
        world.refresh(&["--verify-wait", "0"]).exits(8);
        let new = world.plane.live_tokens(&workspace.id).remove(1);
        world.plane.fault(Route::TokenRevoke, Times::Always, says(*answer));
        world.refresh(&["--verify-wait", "0"]).exits(1).says(&new).says("must still be revoked");
        assert_named(&world, &workspace, &new);
        world.plane.clear_faults();
        run(&world, &["token", "revoke", "--pending"]).exits(0);
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal());
    });
}

#[test]
fn of_an_orphan() {
    for_each(WIDTH, &NO_PROOF, |answer| {
        let (world, workspace) = World::ready();
        let lost = Fault::CloseAfter;
        world.plane.fault(Route::TokenCreate, Times::Once, lost);
        world.refresh(&[]).exits(10);
        let orphan = world.plane.live_tokens(&workspace.id).remove(1);
        world.plane.fault_in(&orphan, Route::TokenRevoke, Times::Always, says(*answer));
        let output = world.refresh(&["--revoke-orphans", "--format", "json"]);
        let named = &output.exits(0).json()["orphans"][0];
        assert_eq!(named["jti"], orphan.as_str(), "{output}");
        assert_eq!(named["revoked"], false, "{output}");
        assert_named(&world, &workspace, &orphan);
        world.plane.clear_faults();
        world.refresh(&["--revoke-orphans"]).exits(0).says(&orphan);
        world.assert_one_live_token(&workspace);
        world.assert_settled();
    });
}

#[test]
fn on_signing_out() {
    for_each(WIDTH, &NO_PROOF, |answer| {
        let (world, workspace) = World::ready();
        let other = world.add_workspace("other");
        let jti = workspace.token.jti.as_str();
        world.plane.fault_in(&workspace.id, Route::TokenRevoke, Times::Always, says(*answer));
        let output = run(&world, &["auth", "logout", "--all", "--force", "--format", "json"]);
        let json = output.json();
        assert!(output.code() != Some(0), "{output}");
        assert_eq!(json["signed_out"], false, "{output}");
        assert_eq!(json["revoked"][0]["jti"], other.token.jti.as_str());
        assert_eq!(json["revoked"].as_array().unwrap().len(), 1);
        output.says(&format!("prod: {jti}"));
        assert_named(&world, &workspace, jti);
        assert_eq!(world.current(&workspace), workspace.token.access_token);
        assert!(world.config()["auth"]["bearerToken"].is_string());

        // Without --all the session goes, and the token stays.
        run(&world, &["auth", "logout"]).exits(0);
        assert_eq!(world.config().get("auth"), None);
        assert!(world.plane.is_live(&workspace.token.access_token));
    });
}

#[test]
fn that_a_workspace_is_deleted() {
    for_each(WIDTH, &NO_PROOF, |answer| {
        for list_fails in [false, true] {
            let (world, workspace) = World::ready();
            world.plane.fault(Route::WorkspaceDelete, Times::Always, says(*answer));
            if list_fails {
                world.plane.fault(Route::WorkspaceList, Times::Always, says(*answer));
            }
            let output = manage::run(&world, &["delete", "prod", "--force"]);
            assert!(output.code() != Some(0), "{output}");
            output
                .prints("")
                .says("It is unknown whether the server could delete the workspace")
                .says("Hint: ntcli workspace list\n");
            assert_eq!(world.current(&workspace), workspace.token.access_token);
            world.assert_current_is_live(&workspace);
        }
    });
}

/// The session of another account gets "not found" for all that is here.
#[test]
fn another_account() {
    let (world, workspace) = World::ready();
    world.plane.add_stranger(STRANGER);
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken);
    world.refresh(&[]).exits(8);
    world.plane.clear_faults();
    let lost = Fault::CloseAfter;
    world.plane.fault(Route::TokenCreate, Times::Once, lost);
    let other = world.add_workspace("other");
    world.refresh(&["-w", "other"]).exits(10);
    let orphan = world.plane.live_tokens(&other.id).remove(1);
    // That run has done the pending revocation.
    world.assert_one_live_token(&workspace);
    let old = world.plane.issue_token(&workspace.id, None).jti;
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken);
    run(&world, &["token", "revoke", &old, "--force"]).exits(8);
    world.plane.clear_faults();

    let current = world.current(&workspace);
    let as_stranger = |args: &[&str]| {
        let run = world.ntcli(args);
        run.env("NTCLI_SESSION_TOKEN", STRANGER).run()
    };
    as_stranger(&["token", "revoke", "--pending"]).exits(8).says(&old);
    as_stranger(&["token", "refresh", "--revoke-orphans"]).exits(1).says(&old).says(&orphan);
    as_stranger(&["workspace", "delete", "prod", "--force"]).exits(1);
    let revoke = ["token", "revoke", &workspace.token.jti, "--force"];
    assert!(as_stranger(&revoke).code() != Some(0));
    assert!(as_stranger(&["auth", "logout", "--all", "--force"]).code() != Some(0));

    assert_eq!(world.current(&workspace), current);
    world.assert_current_is_live(&workspace);
    world.assert_current_is_live(&other);
    assert_named(&world, &workspace, &old);
    assert_named(&world, &other, &orphan);
}

/// Pending work belongs to one server: a copy of it gets none of it and ends none of it.
#[test]
fn another_server() {
    let (world, workspace) = World::ready();
    let old = workspace.token.jti.as_str();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken);
    world.refresh(&[]).exits(8);
    world.plane.clear_faults();
    let journal = std::fs::read_to_string(world.journal_path()).unwrap();

    let copy = ControlPlane::start();
    copy.add_session(SESSION);
    copy.restore(&world.plane.saved());
    let there = world.plane.base_url();
    let command = format!("NTCLI_API_URL={there} ntcli token revoke --pending");
    for args in
        [&["token", "revoke", "--pending"][..], &["token", "refresh", "--if-expires-within", "1d"]]
    {
        let run = world.ntcli(args).env("NTCLI_API_URL", copy.base_url());
        let output = run.run();
        output.exits(8).says("is left alone here").says(&format!("Hint: {command}\n"));
        let revoked = copy.requests().iter().any(|r| r.method == "DELETE");
        assert!(!revoked, "{:#?}", copy.requests());
        let after = std::fs::read_to_string(world.journal_path()).unwrap();
        assert_eq!(after, journal);
        assert_named(&world, &workspace, old);
    }
    // Where it belongs it is done.
    let pending = world.ntcli(&["token", "revoke", "--pending"]);
    pending.env("NTCLI_API_URL", there).run().exits(0);
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
}

/// With the workspace its tokens are gone: nothing is pending about it any more.
#[test]
fn what_was_pending_for_a_deleted_workspace_ends() {
    let (world, workspace) = World::ready();
    let gone = world.add_workspace("gone");
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken);
    world.refresh(&["-w", "gone"]).exits(8);
    world.plane.clear_faults();
    manage::delete_elsewhere(&world, &gone.id);

    world.refresh(&[]).exits(0);
    world.refresh(&[]).exits(0).says_only("");
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal(), "{}", world.describe());
}
