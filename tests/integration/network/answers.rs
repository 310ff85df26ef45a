//! Answers that are unusual, and for how long a run waits for better ones.

use crate::control_plane::{Fault, Route, Times};
use crate::crash::inside::Inside;
use crate::harness::world::{SESSION, World};

fn with_header(status: u16, body: &str, name: &str, value: &str) -> Fault {
    let header = (name.to_owned(), value.to_owned());
    Fault::Status(status, body.to_owned(), vec![header])
}

/// What one request has waited for, the next ones of the run cannot wait for again.
#[test]
fn all_waiting_of_a_run_is_bounded() {
    let (world, workspace) = World::ready();
    for route in [Route::TokenAuth, Route::TokenRevoke] {
        let busy = with_header(429, "{}", "Retry-After", "25");
        world.plane.fault(route, Times::Always, busy);
    }
    let done = Inside::new(&world).run(&["token", "refresh"]);
    assert_eq!(done.code, 8, "{done:?}");
    assert!(done.stderr.contains("it asks to wait 25 s"), "{done:?}");
    // 25 s and 25 s fit into a minute.
    assert_eq!(world.count(Route::TokenAuth), 3, "{}", world.describe());
    assert_eq!(world.count(Route::TokenRevoke), 1, "{}", world.describe());
    world.assert_current_is_live(&workspace);
    world.plane.clear_faults();
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn headers_of_64_kib() {
    let (world, workspace) = World::ready();
    let filler = "x".repeat(60 * 1024);
    let body = format!(r#"{{"workspace_id":"{}","tokens":[],"count":0}}"#, workspace.id);
    let fault = with_header(200, &body, "X-Filler", &filler);
    world.plane.fault(Route::TokenList, Times::Once, fault);
    let output = world.ntcli(&["token", "list"]).run();
    output.exits(0).says("has no tokens");

    let fault = with_header(200, &body, "X-Filler", &filler.repeat(2));
    world.plane.fault(Route::TokenList, Times::Always, fault);
    let output = world.ntcli(&["token", "list"]).run();
    output.exits(5).says("is not valid HTTP: ");
}

#[test]
fn an_encoding_that_was_not_requested() {
    let (world, workspace) = World::ready();
    let fault = with_header(200, "\u{1f}\u{8b}", "Content-Encoding", "gzip");
    world.plane.fault(Route::TokenRevoke, Times::Always, fault);
    let output = world.refresh(&[]);
    output.exits(8).says("answered 200 with something that cannot be used: it is no JSON object");
    world.plane.clear_faults();
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&workspace);
}

/// Gateways say these, in shapes of their own, of what exists.
#[test]
fn a_gateways_answer_to_a_revoke_is_no_proof() {
    for body in [
        r#"{"message":"Not Found"}"#,
        r#"{"message":"no Route matched with those values"}"#,
        r#"{"error":"Not Found","status":404}"#,
        "404 page not found",
        "",
    ] {
        let (world, workspace) = World::ready();
        let fault = Fault::Status(404, body.to_owned(), Vec::new());
        world.plane.fault(Route::TokenRevoke, Times::Always, fault);
        world.refresh(&[]).exits(8);
        world.plane.clear_faults();
        world.refresh(&[]).exits(0);
        world.assert_one_live_token(&workspace);
    }
}

/// What looks like many tokens is searched for secrets in one go, not once for each.
#[test]
fn a_body_full_of_what_looks_like_tokens() {
    let names: Vec<_> = (0..40).map(|n| format!("w{n}")).collect();
    let world = World::signed_in();
    world.add_workspaces(&names);
    let detail = format!("{{\"detail\": \"{}\"}}", "eyJ".repeat(21 * 1024));
    let fault = Fault::Status(400, detail, Vec::new());
    world.plane.fault(Route::TokenCreate, Times::Always, fault);
    // With a second for each it would not be over in time.
    let output = world.refresh(&["--all"]);
    output.exits(1).does_not_say("eyJ");
    assert_eq!(world.count(Route::TokenCreate), 40);
}

/// However many tokens of a workspace are looked for, one list tells of all.
#[test]
fn one_list_for_all_that_was_lost() {
    let (world, workspace) = World::ready();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenList, Times::Always, broken);
    for _ in 0..3 {
        let lost = Fault::CloseAfter;
        world.plane.fault(Route::TokenCreate, Times::Once, lost);
        world.refresh(&[]).exits(10);
    }
    world.plane.clear_faults();
    for _ in 0..2 {
        world.plane.clear_requests();
        let output = world.refresh(&["--if-expires-within", "1"]);
        let live = world.plane.live_tokens(&workspace.id);
        assert_eq!(live.len(), 4, "{}", world.describe());
        live[1..].iter().for_each(|jti| {
            output.says(jti);
        });
        output.exits(0);
        assert_eq!(world.count(Route::TokenList), 1, "{}", world.describe());
    }
}

/// The page of a gateway or a captive portal is named by its title, not shown.
#[test]
fn a_page_instead_of_an_answer() {
    let (world, _) = World::ready();
    let page = format!("<!DOCTYPE html><html><head><title>Sign in,\n {SESSION}</title><p>raw");
    let words = "a page of HTML, not an answer of the API";
    for (status, code) in [(400, 1), (502, 5), (200, 1)] {
        let fault = with_header(status, &page, "Content-Type", "text/html; charset=utf-8");
        world.plane.fault(Route::TokenList, Times::Always, fault);
        let output = world.ntcli(&["token", "list"]).run();
        output.exits(code).says(words).does_not_say("raw").does_not_say("<");
        world.plane.clear_faults();
    }
}
