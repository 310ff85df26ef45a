//! Revocations that are pending: `ntcli token revoke --pending`, and with `--forget`.

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::{Workspace, World};
use crate::tokens::local::run;

/// A refresh whose old token could not be revoked.
pub(super) fn pending_revocation() -> (World, Workspace) {
    let (world, workspace) = World::ready();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::N(2), broken);
    world.refresh(&[]).exits(8).says("Hint: ntcli token revoke --pending");
    (world, workspace)
}

#[test]
fn pending_revocations_are_done() {
    let (world, workspace) = pending_revocation();
    let output = run(&world, &["revoke", "--pending"]);
    output.exits(0).says_only("").prints(&format!(
        "Token {} of 'prod' has been revoked.\nNothing is pending any more.\n",
        workspace.token.jti
    ));
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
    // Without pending work, no session is needed.
    world.set_config("/auth", Value::Null);
    run(&world, &["revoke", "--pending"]).exits(0).prints("Nothing is pending.\n");
}

#[test]
fn pending_revocations_may_have_to_wait() {
    let (world, workspace) = pending_revocation();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::N(2), broken);
    let output = run(&world, &["revoke", "--pending", "--format", "json"]);
    let json = output.exits(8).says("of 'prod' may still be live: 127.0.0.1 answered 500").json();
    assert_eq!(json["status"], "still_pending");
    assert_eq!(json["error"]["exit_code"], 8);
    run(&world, &["revoke", "--pending", "-w", "nowhere"]).exits(1);
    run(&world, &["revoke", "--pending", "-w", "prod"]).exits(0);
    world.assert_one_live_token(&workspace);
}

/// The user asks to revoke a token whose revocation is pending: done once, reported once.
#[test]
fn a_pending_revocation_is_requested_by_id() {
    let (world, workspace) = pending_revocation();
    world.plane.clear_requests();
    let output = run(&world, &["revoke", &workspace.token.jti, "--force"]);
    output
        .exits(0)
        .says_only("")
        .prints(&format!("Token {} has been revoked.\n", workspace.token.jti));
    assert_eq!(world.count(Route::TokenRevoke), 1);
    assert!(!world.has_journal());
}

/// A token that still has to be delivered: only a refresh can do that, unless the token is revoked;
/// then the old one is left to revoke.
#[test]
fn a_pending_delivery() {
    let (world, workspace) = World::ready();
    world.refresh(&["--exec", "false"]).exits(9);
    let output = run(&world, &["revoke", "--pending"]);
    output.exits(8).says("must still be delivered").says("Hint: ntcli renew prod\n");
    assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2);

    let current = world.item(&workspace)["jti"].as_str().unwrap().to_owned();
    run(&world, &["revoke", &current, "--force"]).exits(0);
    assert_eq!(world.item(&workspace)["access_token"], "no-token");
    let left = world.plane.live_tokens(&workspace.id);
    assert_eq!(left, [workspace.token.jti.as_str()]);
    run(&world, &["revoke", "--pending"]).exits(0);
    assert!(world.plane.live_tokens(&workspace.id).is_empty());
    assert!(!world.has_journal());
}

/// What the user dismisses is no longer named, though nothing was sent.
#[test]
fn what_is_forgotten_by_name() {
    for args in [&["revoke", "--pending", "--forget"][..], &["revoke", "JTI", "--forget"]] {
        let (world, workspace) = pending_revocation();
        let jti = workspace.token.jti.as_str();
        world.plane.clear_requests();
        let args: Vec<&str> = args.iter().map(|a| if *a == "JTI" { jti } else { *a }).collect();
        let text =
            format!("Token {jti} is forgotten. What is live stays live: nothing was sent.\n");
        run(&world, &args).exits(0).says_only("").prints(&text);
        world.assert_nothing_sent();
        assert!(!world.has_journal());
        world.refresh(&[]).exits(0).does_not_say(jti);
        assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2);
    }
}

/// Its token is live and known to nobody here: nothing must be said that denies it.
#[test]
fn a_request_without_an_answer_is_forgotten_too() {
    for format in ["text", "json"] {
        let (world, workspace) = World::ready();
        let broken = Fault::Status(500, String::new(), Vec::new());
        world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
        world.plane.fault(Route::TokenList, Times::Always, broken);
        world.refresh(&[]).exits(10);
        world.plane.clear_faults();
        world.plane.clear_requests();
        let output = run(&world, &["revoke", "--pending", "--forget", "--format", format]);
        output.exits(0).says_only("");
        if format == "text" {
            let told = " is forgotten. What is live stays live: nothing was sent.\n";
            assert!(output.stdout.starts_with("The request of 'prod' at 20"), "{output}");
            assert!(output.stdout.ends_with(told), "{output}");
        } else {
            let forgotten = output.json()["forgotten"].clone();
            let workspace = json!({"name": "prod", "id": workspace.id});
            assert_eq!(forgotten, json!([{"jti": null, "workspace": workspace}]));
        }
        world.assert_nothing_sent();
        assert!(!world.has_journal());
    }
}
