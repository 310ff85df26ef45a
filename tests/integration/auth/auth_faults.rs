//! A sign-in that fails, or dies, leaves the old session as it was.

use std::fs;
use std::thread;

use crate::auth::browser::{begin, get, login};
use crate::auth::sign_in::world_with_session;
use crate::control_plane::{Fault, Route, Times};
use crate::harness::kill;
use crate::harness::world::World;

/// Faults at the provider and at the token exchange, and the resulting exit codes.
fn faults() -> Vec<(Fault, i32)> {
    let status = |status, body: &str| Fault::Status(status, body.to_owned(), Vec::new());
    vec![
        (status(400, r#"{"detail":"bad request"}"#), 1),
        (status(401, r#"{"error":"invalid_client"}"#), 4),
        (status(403, ""), 4),
        (status(404, r#"{"detail":"Not Found"}"#), 1),
        (status(429, r#"{"detail":"slow down"}"#), 5),
        (status(500, "<html>oops"), 5),
        (status(502, ""), 5),
        (status(503, ""), 5),
        (Fault::Body("<html><body>Welcome to the hotel</body></html>".to_owned()), 1),
        (Fault::Body("{\"access".to_owned()), 1),
        (Fault::Body("{}".to_owned()), 1),
        (Fault::Body(String::new()), 1),
        (Fault::Truncate, 1),
        (Fault::CloseBefore, 5),
        (Fault::CloseAfter, 5),
        (Fault::Stall { apply: true }, 5),
        (Fault::Huge(60 << 20), 1),
        (Fault::Redirect("http://127.0.0.1:9/elsewhere".to_owned()), 1),
    ]
}

fn faults_keep_the_old_session(route: Route) {
    let world = world_with_session();
    let before = fs::read(world.config_path()).unwrap();
    for (fault, code) in faults() {
        if matches!(&fault, Fault::Body(body) if route == Route::OauthUserinfo && body == "{}") {
            continue; // a name is optional
        }
        let what = format!("{route:?}: {fault:?}");
        world.plane.clear_requests();
        world.plane.fault(route, Times::Always, fault);
        let run = login(&world, &["--force", "--debug", "--format", "json"]);
        let sign_in = begin(&world, run.env("NTCLI_TIMEOUT", "1"));
        let page = sign_in.visit();
        assert!(page.status == 400 && page.text.contains("Not signed in"), "{what}: {}", page.text);
        let output = sign_in.finish(&world);
        assert_eq!(output.code(), Some(code), "{what}: {output}");
        assert_eq!(output.json()["error"]["exit_code"], code, "{what}: {output}");
        output.says("nothing has changed");
        assert_eq!(fs::read(world.config_path()).unwrap(), before, "{what}");
        world.plane.clear_faults();
    }
}

#[test]
fn faults_of_the_token_endpoint() {
    faults_keep_the_old_session(Route::OauthToken);
}

#[test]
fn faults_of_userinfo() {
    faults_keep_the_old_session(Route::OauthUserinfo);
}

#[test]
fn faults_of_the_token_exchange() {
    faults_keep_the_old_session(Route::TokenExchange);
}

#[test]
fn a_rejected_code_is_reported() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    sign_in.get(&format!("/callback?code=code_made_up&state={}", sign_in.state()));
    let output = sign_in.finish(&world);
    output.exits(4).says("(invalid_grant)");
}

#[test]
fn a_kill_leaves_the_old_session() {
    for (route, after) in [
        (Route::OauthToken, false),
        (Route::OauthToken, true),
        (Route::OauthUserinfo, true),
        (Route::TokenExchange, false),
        (Route::TokenExchange, true),
    ] {
        let world = world_with_session();
        let before = fs::read(world.config_path()).unwrap();
        let sign_in = begin(&world, login(&world, &["--force"]));
        let (fault, victim) = kill::fault(after);
        victim.set(sign_in.running.pid()).unwrap();
        world.plane.fault(route, Times::Once, fault);
        let location = sign_in.location();
        let tab = thread::spawn(move || std::panic::catch_unwind(|| get(&location)).is_ok());
        sign_in.running.finish().is_killed();
        tab.join().unwrap();
        assert_eq!(fs::read(world.config_path()).unwrap(), before);
        world.ntcli(&["workspace", "list"]).run().exits(0);
    }
}
