//! `ntcli token revoke`, of one token and of what is owed.

use serde_json::Value;

use crate::control_plane::{Fault, Route, Times};
use crate::crash::inside::Inside;
use crate::harness::world::{Workspace, World};
use crate::tokens::local::run;

#[test]
fn another_token_is_revoked() {
    let (world, workspace) = World::ready();
    let other = world.plane.issue_token(&workspace.id, None);
    let output = run(
        &world,
        &["revoke", &other.jti, "--force", "--format", "json"],
    );
    let json = output.exits(0).says_only("").json();
    assert_eq!(json["jti"], other.jti.as_str());
    assert_eq!(json["status"], "revoked");
    assert_eq!(json["was_current"], false);
    assert!(json["revoked_at"].as_str().unwrap().ends_with('Z'));
    world.assert_one_live_token(&workspace);
    let again = run(&world, &["revoke", &other.jti, "--force"]);
    again
        .exits(1)
        .says(&format!("Error: Token with JTI '{}' not found", other.jti));
    again.says("Hint: ntcli token list");
}

#[test]
fn the_current_token_is_revoked_and_then_forgotten() {
    let (world, workspace) = World::ready();
    let jti = &workspace.token.jti;
    let output = run(&world, &["revoke", jti, "--force"]);
    output.exits(0).says("Next: ntcli token create --save").prints(&format!(
        "Token {jti} has been revoked.\nIt was the current token of 'prod', which has none now.\n"
    ));
    assert_eq!(world.item(&workspace)["access_token"], "no-token");
    assert!(world.plane.live_tokens(&workspace.id).is_empty());
    world
        .refresh(&[])
        .exits(1)
        .says("No current token to refresh");
    let create = world.ntcli(&["token", "create", "--save"]);
    create.prints_secrets().run().exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn revoking_asks_first() {
    let (world, workspace) = World::ready();
    let jti = &workspace.token.jti;
    let revoke = |typed: &str| {
        Inside::new(&world)
            .typing(typed)
            .run(&["token", "revoke", jti])
    };
    for typed in ["", "\n", "n\n", "no\n"] {
        let done = revoke(typed);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{done:?}");
        assert!(
            done.stderr.contains("is the current token of 'prod'"),
            "{done:?}"
        );
    }
    world.assert_nothing_sent();
    world.assert_current_is_live(&workspace);
    assert_eq!(revoke("y\n").code, 0);
    assert!(world.plane.live_tokens(&workspace.id).is_empty());
}

/// What was lost on the way back is asked for again; what is not known is not called done.
#[test]
fn a_lost_answer_to_revoke() {
    for fault in [
        Fault::CloseAfter,
        Fault::Truncate,
        Fault::Body("<html>".to_owned()),
    ] {
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenRevoke, Times::Once, fault);
        run(&world, &["revoke", &workspace.token.jti, "--force"]).exits(0);
        assert_eq!(world.item(&workspace)["access_token"], "no-token");
    }
    for apply in [false, true] {
        let (world, workspace) = World::ready();
        world
            .plane
            .fault(Route::TokenRevoke, Times::Once, Fault::Stall { apply });
        let revoke = world.ntcli(&["token", "revoke", &workspace.token.jti, "--force"]);
        let output = revoke.env("NTCLI_TIMEOUT", "1").run();
        output
            .exits(5)
            .prints("")
            .says("It is not known whether the server could revoke the token");
        assert_eq!(world.current(&workspace), workspace.token.access_token);
        let again = run(&world, &["revoke", &workspace.token.jti, "--force"]);
        again.exits(i32::from(apply));
        assert_eq!(world.item(&workspace)["access_token"], "no-token");
    }
}

/// A 404 of something that is not this server must not cost the token.
#[test]
fn not_found_by_another_server() {
    let (world, workspace) = World::ready();
    let page = Fault::Status(404, "<html>nothing here</html>".to_owned(), Vec::new());
    world
        .plane
        .fault(Route::TokenRevoke, Times::Once, page.clone());
    run(&world, &["revoke", &workspace.token.jti, "--force"]).exits(1);
    world
        .plane
        .fault(Route::TokenRevoke, Times::Once, page.clone());
    world.plane.fault(Route::TokenList, Times::Once, page);
    run(&world, &["revoke", &workspace.token.jti, "--force"]).exits(1);
    world.assert_one_live_token(&workspace);
}

#[test]
fn the_core_edition_has_no_tokens() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_routes = false);
    for args in [&["list"][..], &["revoke", &workspace.token.jti, "--force"]] {
        run(&world, args)
            .exits(1)
            .says("This server does not manage tokens");
    }
    assert_eq!(world.current(&workspace), workspace.token.access_token);
}

#[test]
fn a_hostile_jti_stays_one_segment() {
    let (world, _) = World::ready();
    for jti in [
        "../../health",
        "..",
        ".",
        "a/b?c#d",
        "\u{1b}[31m",
        "%2e%2e",
        "x\\..\\y",
        " ",
    ] {
        let output = run(&world, &["revoke", "--force", "--", jti]);
        assert!(matches!(output.code(), Some(1 | 2)), "{output}");
        assert!(!output.stderr.contains('\u{1b}'), "{output:?}");
    }
    run(&world, &["revoke", "", "--force"]).exits(2);
    for request in world.plane.requests() {
        assert!(
            matches!(request.route, Some(Route::TokenRevoke | Route::TokenList)),
            "{request:?}"
        );
    }
}

/// The token itself is a secret, and no part of a path.
#[test]
fn a_token_in_place_of_its_id() {
    let (world, workspace) = World::ready();
    let token = &workspace.token;
    let output = run(&world, &["revoke", &token.access_token, "--force"]);
    let hint = format!("ntcli token revoke {}", token.jti);
    output.fails(2, "That is a token, not its JTI; nothing was sent", &hint);
    world.assert_nothing_sent();
}

/// A refresh whose old token could not be revoked.
fn owing() -> (World, Workspace) {
    let (world, workspace) = World::ready();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Once, broken);
    world
        .refresh(&[])
        .exits(8)
        .says("Hint: ntcli token revoke --pending");
    (world, workspace)
}

#[test]
fn what_is_owed_is_revoked() {
    let (world, workspace) = owing();
    let output = run(&world, &["revoke", "--pending"]);
    output.exits(0).says_only("").prints(&format!(
        "Token {} of 'prod' has been revoked.\nNothing is owed any more.\n",
        workspace.token.jti
    ));
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
    // Nothing owed needs no session.
    world.set_config("/auth", Value::Null);
    run(&world, &["revoke", "--pending"])
        .exits(0)
        .prints("Nothing is owed.\n");
}

#[test]
fn what_is_owed_may_have_to_wait() {
    let (world, workspace) = owing();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Once, broken);
    let output = run(&world, &["revoke", "--pending", "--format", "json"]);
    let json = output.exits(8).says("could not be revoked").json();
    assert_eq!(json["status"], "still_owed");
    assert_eq!(json["error"]["exit_code"], 8);
    run(&world, &["revoke", "--pending", "-w", "nowhere"]).exits(1);
    run(&world, &["revoke", "--pending", "-w", "prod"]).exits(0);
    world.assert_one_live_token(&workspace);
}

/// Asked to revoke what was owed anyway: done once, told once.
#[test]
fn the_owed_one_is_named() {
    let (world, workspace) = owing();
    world.plane.clear_requests();
    let output = run(&world, &["revoke", &workspace.token.jti, "--force"]);
    output.exits(0).says_only("").prints(&format!(
        "Token {} has been revoked.\n",
        workspace.token.jti
    ));
    assert_eq!(world.count(Route::TokenRevoke), 1);
    assert!(!world.has_journal());
}

/// A token that is still to be handed on: only a refresh can do that, unless the token is revoked;
/// then the old one is what is left to revoke.
#[test]
fn what_is_to_be_handed_on() {
    let (world, workspace) = World::ready();
    world.refresh(&["--exec", "false"]).exits(9);
    let output = run(&world, &["revoke", "--pending"]);
    output
        .exits(8)
        .says("still to be handed on")
        .says("Hint: ntcli token refresh, with the --token-file or --exec it had");
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
