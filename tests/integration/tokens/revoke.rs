//! `ntcli token revoke`, of one token.

use std::fs;

use crate::control_plane::{Fault, Route, Times};
use crate::crash::inside::Inside;
use crate::harness::world::World;
use crate::tokens::local::run;
use crate::tokens::pending_revocations::pending_revocation;

#[test]
fn another_token_is_revoked() {
    let (world, workspace) = World::ready();
    let other = world.plane.issue_token(&workspace.id, None);
    let output = run(&world, &["revoke", &other.jti, "--force", "--format", "json"]);
    let json = output.exits(0).says_only("").json();
    assert_eq!(json["jti"], other.jti.as_str());
    assert_eq!(json["status"], "revoked");
    assert_eq!(json["was_current"], false);
    assert!(json["revoked_at"].as_str().unwrap().ends_with('Z'));
    world.assert_one_live_token(&workspace);
    let again = run(&world, &["revoke", &other.jti, "--force"]);
    again.exits(1).says(&format!("Error: Token with JTI '{}' not found", other.jti));
    again.says("Hint: ntcli token list");
}

/// The moment is the server's, whatever our clock says.
#[test]
fn the_server_says_when() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.clock_offset_s = -1_577_836_800); // fifty years
    let output = run(&world, &["revoke", &workspace.token.jti, "--force", "--format", "json"]);
    let json = output.exits(0).json();
    assert!(json["revoked_at"].as_str().unwrap().starts_with("19"), "{output}");
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
    world.refresh(&[]).exits(1).says("No current token to refresh");
    let create = world.ntcli(&["token", "create", "--save"]);
    create.prints_secrets().run().exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn revoking_asks_first() {
    let (world, workspace) = World::ready();
    let jti = &workspace.token.jti;
    let revoke = |typed: &str| Inside::new(&world).typing(typed).run(&["token", "revoke", jti]);
    for typed in ["", "\n", "n\n", "no\n", "y\n"] {
        let done = revoke(typed);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{done:?}");
        assert!(done.stderr.contains("It is the current token"), "{done:?}");
    }
    world.assert_nothing_sent();
    world.assert_current_is_live(&workspace);
    assert_eq!(revoke("yes\n").code, 0);
    assert!(world.plane.live_tokens(&workspace.id).is_empty());
}

/// A lost answer is requested again; an unknown outcome is not called done.
#[test]
fn a_lost_answer_to_revoke() {
    for fault in [Fault::CloseAfter, Fault::Truncate, Fault::Body("<html>".to_owned())] {
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenRevoke, Times::Once, fault);
        run(&world, &["revoke", &workspace.token.jti, "--force"]).exits(0);
        assert_eq!(world.item(&workspace)["access_token"], "no-token");
    }
    for apply in [false, true] {
        let (world, workspace) = World::ready();
        world.plane.fault(Route::TokenRevoke, Times::Once, Fault::Stall { apply });
        let broken = Fault::Status(500, String::new(), Vec::new());
        world.plane.fault(Route::TokenList, Times::Always, broken);
        let revoke = world.ntcli(&["token", "revoke", &workspace.token.jti, "--force"]);
        let output = revoke.env("NTCLI_TIMEOUT", "1").run();
        let jti = &workspace.token.jti;
        output.fails(
            8,
            &format!("Token {jti} may still be live; every later run tries to revoke it again"),
            "ntcli token revoke --pending",
        );
        assert_eq!(world.current(&workspace), workspace.token.access_token);
        assert!(world.has_pending_work());
        world.plane.clear_faults();
        // Either way it is done now, as requested.
        let again = run(&world, &["revoke", jti, "--force"]);
        again.exits(0).says_only("Next: ntcli token create --save\n");
        assert_eq!(world.item(&workspace)["access_token"], "no-token");
        assert!(!world.has_journal());
    }
}

/// Done, the answer lost, and the list tells so: that is a proof.
#[test]
fn a_list_without_it_proves_it() {
    let (world, workspace) = World::ready();
    let stall = Fault::Stall { apply: true };
    world.plane.fault(Route::TokenRevoke, Times::Once, stall);
    let revoke = world.ntcli(&["token", "revoke", &workspace.token.jti, "--force"]);
    revoke.env("NTCLI_TIMEOUT", "1").run().exits(0);
    assert_eq!(world.item(&workspace)["access_token"], "no-token");
    assert!(!world.has_journal());
}

/// A 404 that is not this server's, or another account's, proves nothing: the token stays named
/// until it is proven, or forgotten by name.
#[test]
fn a_not_found_that_proves_nothing() {
    let pages = [
        "<html>nothing here</html>",
        "404 page not found",
        "default backend - 404",
        "",
        r#"{"detail":"Token not found"}"#,
        r#"{"error":{"code":"TOKEN_NOT_FOUND","message":"Token not found"}}"#,
        r#"{"detail":"Workspace 74e4f895 not found"}"#,
    ];
    for (status, page) in pages.iter().flat_map(|page| [(404, page), (410, page)]) {
        for list_fails in [false, true] {
            let (world, workspace) = World::ready();
            let (fault, jti) =
                (Fault::Status(status, (*page).to_owned(), Vec::new()), &workspace.token.jti);
            if list_fails {
                let fault = fault.clone();
                world.plane.fault(Route::TokenList, Times::Once, fault);
            }
            world.plane.fault(Route::TokenRevoke, Times::Always, fault);
            run(&world, &["revoke", jti, "--force"])
                .exits(8)
                .prints("")
                .says(&format!("Token {jti} may still be live"));
            world.assert_one_live_token(&workspace);
            let shown = run(&world, &["show"]);
            let told = format!("token {jti} must still be revoked");
            assert!(shown.stdout.contains(&told), "{page}: {shown}");
            world.plane.clear_faults();
            run(&world, &["revoke", "--pending"]).exits(0);
            assert_eq!(world.plane.live_tokens(&workspace.id), [""; 0], "{page}");
            assert_eq!(world.item(&workspace)["access_token"], "no-token");
            assert!(!world.has_journal());
        }
    }
}

/// A certain refusal of a revocation by hand leaves nothing pending, except what was pending
/// before.
#[test]
fn a_certain_no() {
    let no = |status| Fault::Status(status, r#"{"detail":"no such luck"}"#.to_owned(), Vec::new());
    for (status, code) in [(401, 4), (403, 4), (400, 1), (405, 1), (409, 1)] {
        let (world, workspace) = World::ready();
        let jti = &workspace.token.jti;
        world.plane.fault(Route::TokenRevoke, Times::Always, no(status));
        run(&world, &["revoke", jti, "--force"]).exits(code);
        assert!(!world.has_journal(), "{status}: {}", world.describe());

        let (world, workspace) = pending_revocation();
        let jti = &workspace.token.jti;
        world.plane.fault(Route::TokenRevoke, Times::Always, no(status));
        run(&world, &["revoke", jti, "--force"]).exits(code);
        let shown = run(&world, &["show"]);
        assert!(shown.stdout.contains(jti.as_str()), "{status}: {shown}");
        world.plane.clear_faults();
        world.refresh(&[]).exits(0).says(jti);
        world.assert_one_live_token(&workspace);
    }
}

/// What was pending about it is as it was before, and named.
#[test]
fn a_certain_no_about_what_waits_for_its_delivery() {
    let (world, workspace) = World::ready();
    world.refresh(&["--exec", "test -e \"$HERE/fixed\""]).exits(9);
    let jti = &workspace.token.jti;
    let no = Fault::Status(403, r#"{"detail":"no such luck"}"#.to_owned(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, no);
    run(&world, &["revoke", jti, "--force"]).exits(4);
    let shown = run(&world, &["show"]);
    assert!(shown.stdout.contains(jti.as_str()), "{shown}");
    world.plane.clear_faults();
    fs::write(world.outside("fixed"), "").unwrap();
    let output = world.refresh(&["--if-expires-within", "1"]);
    output.exits(0);
    assert!(output.stdout.contains(&format!("Old token ({jti}) has been revoked")), "{output}");
    assert!(!world.has_journal());
    world.assert_one_live_token(&workspace);
}

#[test]
fn the_core_edition_has_no_tokens() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_routes = false);
    for args in [&["list"][..], &["revoke", &workspace.token.jti, "--force"]] {
        run(&world, args).exits(1).says("has no /tokens routes; nothing has changed");
        assert!(!world.has_journal());
    }
    assert_eq!(world.current(&workspace), workspace.token.access_token);
}

#[test]
fn a_hostile_jti_stays_one_segment() {
    let (world, _) = World::ready();
    for jti in ["../../health", "..", ".", "a/b?c#d", "\u{1b}[31m", "%2e%2e", "x\\..\\y", " "] {
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

/// The token itself is a secret, and not part of a path.
#[test]
fn a_token_in_place_of_its_id() {
    let (world, workspace) = World::ready();
    let token = &workspace.token;
    let said = "That is a token, not its JTI; nothing was sent";
    let output = run(&world, &["revoke", &token.access_token, "--force"]);
    output.fails(2, said, &format!("ntcli token revoke {}", token.jti));
    // Nor an opaque one, or one that was cut off: a path stands in everybody's logs.
    let jwt = token.access_token.as_str();
    let (cut, opaque) = (&jwt[..jwt.rfind('.').unwrap()], format!("wst_{}", "0123abcd".repeat(8)));
    for token in [jwt, cut, &opaque, &format!("Bearer {opaque}")] {
        for more in [&["--force"][..], &[], &["--forget"], &["--force", "--format", "json"]] {
            let output = run(&world, &[&["revoke", token], more].concat());
            output.exits(2).says(said);
            let shown = format!("{}{}", output.stdout, output.stderr);
            assert!(!shown.contains(&token[token.len() - 16..]), "{output}");
        }
    }
    world.assert_nothing_sent();
}
