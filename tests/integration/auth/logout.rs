//! Signing out.

use serde_json::{Value, json};

use crate::auth::browser::keeps_secrets;
use crate::control_plane::{Fault, Route, Times};
use crate::harness::kill;
use crate::harness::world::World;

#[test]
fn logout_forgets_the_session_alone() {
    let (world, workspace) = World::ready();
    world.ntcli(&["auth", "logout"]).run().exits(0).prints("Signed out.\n");
    assert_eq!(world.config().get("auth"), None);
    world.assert_current_is_live(&workspace);
    world.assert_nothing_sent();
    world.ntcli(&["auth", "logout"]).run().exits(0).prints("No one was signed in.\n");
}

#[test]
fn logout_all_revokes_then_forgets() {
    let (world, workspace) = World::ready();
    let other = world.add_workspace("staging");
    let output = world.ntcli(&["auth", "logout", "--all", "--force"]).run();
    output.exits(0).prints("Signed out.\nWorkspace tokens revoked and forgotten: 2\n");
    for workspace in [&workspace, &other] {
        assert_eq!(world.plane.live_tokens(&workspace.id), [""; 0]);
        assert_eq!(world.item(workspace)["access_token"], "no-token");
    }
    assert_eq!(world.config().get("auth"), None);
}

#[test]
fn logout_all_keeps_what_is_still_live() {
    let (world, workspace) = World::ready();
    let other = world.add_workspace("staging");
    let refused = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault_in(&other.id, Route::TokenRevoke, Times::N(2), refused);
    let output = world.ntcli(&["auth", "logout", "--all", "--force", "--format", "json"]).run();
    let json = output.exits(8).json();
    let revoked = json["revoked"].as_array().unwrap();
    assert_eq!((&json["signed_out"], revoked.len()), (&json!(false), 1), "{output}");
    assert_eq!(revoked[0]["jti"], json!(workspace.token.jti));
    assert_eq!(revoked[0]["workspace"]["name"], "prod");
    output.says(&format!("staging: {}", other.token.jti));
    assert_eq!(world.item(&workspace)["access_token"], "no-token");
    world.assert_one_live_token(&other);
    assert!(world.config()["auth"]["bearerToken"].is_string());
    world.ntcli(&["auth", "logout", "--all", "--force"]).run().exits(0);
    assert_eq!(world.plane.live_tokens(&other.id), [""; 0]);
}

#[test]
fn logout_all_needs_a_session_for_it() {
    let (world, workspace) = World::ready();
    world.set_config("/auth", Value::Null);
    world.ntcli(&["auth", "logout", "--all", "--force"]).run().exits(4).says("ntcli auth login");
    world.assert_one_live_token(&workspace);
}

#[test]
fn logout_all_does_the_pending_work() {
    let (world, workspace) = World::ready();
    let down = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, down);
    world.refresh(&[]).exits(8);
    let output = world.ntcli(&["auth", "logout", "--all", "--force"]).run();
    output.exits(8);
    assert!(world.has_journal() && world.config()["auth"]["bearerToken"].is_string());
    world.plane.clear_faults();
    world.ntcli(&["auth", "logout", "--all", "--force"]).run().exits(0);
    assert_eq!(world.plane.live_tokens(&workspace.id), [""; 0]);
    assert!(!world.has_journal());
}

#[test]
fn a_kill_during_logout_is_repaired_by_the_next_one() {
    for after in [false, true] {
        let (world, workspace) = World::ready();
        let logout = ["auth", "logout", "--all", "--force"];
        kill::at_request(&world, Route::TokenRevoke, Times::Once, after, &logout);
        assert!(world.config()["auth"]["bearerToken"].is_string());
        let output = world.ntcli(&["auth", "logout", "--all", "--force"]).run();
        output.exits(0);
        keeps_secrets(&world, &output);
        assert_eq!(world.plane.live_tokens(&workspace.id), [""; 0]);
        assert_eq!(world.config().get("auth"), None);
    }
}
