//! A session goes to the server it was made for, and to no other.

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::auth::browser::{begin, login};
use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::{Output, SESSION, Workspace, World};

/// As [`World::ready`], with the world's server as the config's domain.
fn ready() -> (World, Workspace) {
    let (world, workspace) = World::ready();
    world.set_config("/domain", json!(domain(&world)));
    (world, workspace)
}

/// The domain that makes the URL of this world's server.
fn domain(world: &World) -> String {
    let url = world.plane.base_url();
    url.strip_prefix("http://").unwrap().to_owned()
}

/// As users run it, without a URL.
fn run(world: &World, args: &[&str]) -> Output {
    world.ntcli(args).without_env("NTCLI_API_URL").run()
}

#[track_caller]
fn is_not_signed_in(world: &World, elsewhere: &World) {
    let url = world.plane.base_url();
    let output = run(world, &["token", "refresh"]);
    output.fails(4, "Authentication required", "ntcli auth login");
    output.says(&format!("the stored session is for {url}"));
    elsewhere.assert_nothing_sent();

    let output = run(world, &["auth", "status", "--format", "json"]);
    assert_eq!(output.exits(4).says(&url).json()["signed_in"], false);
    // Without a session, since some servers need none; the message says why there was none.
    run(world, &["workspace", "list"]).exits(4).says(&url);
    run(world, &["token", "list"]).exits(4).says(&url);
    let requests = elsewhere.plane.requests();
    assert!(requests.iter().all(|r| r.bearer.is_none()), "{requests:#?}");
}

#[test]
fn a_session_stays_with_its_server() {
    let (world, workspace) = ready();
    let elsewhere = World::new();
    world.set_config("/auth/bearerToken", json!("a-bearer-unknown-to-the-server"));
    let login = world.ntcli(&["auth", "login", "--token-stdin"]);
    let login = login.without_env("NTCLI_API_URL").stdin(SESSION);
    login.run().exits(0);
    assert_eq!(world.config()["auth"]["server"], world.plane.base_url());

    run(&world, &["domain", "set", &domain(&elsewhere)]).exits(0).says("ntcli auth login");
    is_not_signed_in(&world, &elsewhere);

    run(&world, &["domain", "set", &domain(&world)]).exits(0);
    run(&world, &["token", "refresh"]).exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_session_of_the_existing_client_stays_too() {
    let (world, workspace) = ready();
    let elsewhere = World::new();
    assert_eq!(world.config()["auth"].get("server"), None);
    run(&world, &["domain", "set", &domain(&elsewhere)]).exits(0);
    assert_eq!(world.config()["auth"]["server"], world.plane.base_url());
    is_not_signed_in(&world, &elsewhere);
    // A second change does not move it.
    run(&world, &["domain", "set", "example.com"]).exits(0);
    assert_eq!(world.config()["auth"]["server"], world.plane.base_url());
    run(&world, &["domain", "set", &domain(&world)]).exits(0);
    run(&world, &["token", "refresh"]).exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn the_same_domain_in_other_words_is_no_change() {
    let (world, _) = ready();
    let output = run(&world, &["domain", "set", &domain(&world)]);
    output.exits(0).says_only("");
    assert_eq!(world.config()["auth"].get("server"), None);
    // A slash at the end, and letters in capitals, are the same server.
    let url = world.plane.base_url().replace("http", "HTTP") + "/";
    world.set_config("/auth/server", json!(url));
    run(&world, &["token", "refresh"]).exits(0);
}

#[test]
fn the_url_of_the_environment_is_a_server_too() {
    let (world, _) = World::ready();
    let elsewhere = World::new();
    // The session names no server: the user who sets the URL decides.
    world.ntcli(&["token", "refresh"]).run().exits(0);
    world.set_config("/auth/server", json!(world.plane.base_url()));
    world.ntcli(&["token", "refresh"]).run().exits(0);
    let refresh = world.ntcli(&["token", "refresh"]);
    let refresh = refresh.env("NTCLI_API_URL", elsewhere.plane.base_url());
    refresh.run().exits(4).says(&world.plane.base_url());
    elsewhere.assert_nothing_sent();
    // A session that was given for this run is sent to this run's server.
    elsewhere.plane.add_session("a-session-for-elsewhere");
    let list = world.ntcli(&["workspace", "list"]);
    let list = list.env("NTCLI_API_URL", elsewhere.plane.base_url());
    let list = list.env("NTCLI_SESSION_TOKEN", "a-session-for-elsewhere");
    list.run().exits(0);
}

#[test]
fn another_server_is_another_sign_in() {
    let (world, _) = World::ready();
    world.set_config("/auth/server", json!("https://api.example.com"));
    let sign_in = begin(&world, login(&world, &[]));
    assert_eq!(sign_in.visit().status, 200);
    sign_in.finish(&world).exits(0);
    assert_eq!(world.config()["auth"]["server"], world.plane.base_url());
    world.ntcli(&["token", "refresh"]).run().exits(0);
}

#[test]
fn only_the_session_of_this_server_is_renewed() {
    let (world, workspace) = World::ready();
    let refresh_token = world.plane.grant_refresh_token();
    world.set_config("/auth/refreshToken", json!(refresh_token));
    world.set_config("/auth/expiresAt", json!(1_700_000_000_000_u64));
    world.set_config("/auth/server", json!("https://api.example.com"));
    for args in [&["token", "refresh"][..], &["workspace", "list"]] {
        let output = world.ntcli(args).run();
        output.exits(4).says("https://api.example.com");
    }
    assert_eq!(world.count(Route::OauthToken), 0);
    world.set_config("/auth/server", json!(world.plane.base_url()));
    world.refresh(&[]).exits(0);
    assert_eq!(world.count(Route::OauthToken), 1);
    assert_eq!(world.config()["auth"]["server"], world.plane.base_url());
    world.assert_one_live_token(&workspace);
}

/// Another program points the config to another server while a request is under way: the session
/// that it adds is not sent to the server of this run.
#[test]
fn a_session_that_comes_in_the_middle_goes_nowhere_else() {
    let (world, _) = ready();
    world.set_config("/auth/bearerToken", json!("a-bearer-unknown-to-the-server"));
    let mut config = world.config();
    config["domain"] = json!("example.com");
    config["auth"] = json!({"bearerToken": "the-bearer-of-example-com",
        "server": "https://api.example.com"});
    let (path, text) = (world.config_path(), config.to_string());
    let f = Arc::new(move || fs::write(&path, &text).unwrap());
    let moved = Fault::Call { after: false, f };
    world.plane.fault(Route::WorkspaceList, Times::Once, moved);
    let output = run(&world, &["workspace", "list"]);
    output.exits(4).says("https://api.example.com");
    let requests = world.plane.requests();
    let first = Some("a-bearer-unknown-to-the-server");
    assert!(requests.iter().all(|r| r.bearer.as_deref() == first), "{requests:#?}");
}

#[test]
fn pending_work_is_named_on_a_change_of_server() {
    let (world, workspace) = ready();
    let down = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::N(2), down);
    run(&world, &["token", "refresh"]).exits(8);
    run(&world, &["domain", "set", &domain(&world)]).exits(0).does_not_say("pending");
    let url = world.plane.base_url();
    let output = run(&world, &["domain", "set", "example.com"]);
    output.exits(0).says("ntcli token revoke --pending");
    output.says(&format!("NTCLI_API_URL={url} ntcli token revoke --pending"));
    // What it says can be pasted.
    let run = world.ntcli(&["token", "revoke", "--pending"]);
    run.env("NTCLI_API_URL", url).run().exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_server_that_is_not_text_is_a_damaged_file() {
    let (world, _) = World::ready();
    for damage in [json!(1), json!(["https://api.example.com"])] {
        world.set_config("/auth/server", damage);
        world.refresh(&[]).exits(2).says("auth.server");
    }
    world.set_config("/auth/server", Value::Null);
    world.refresh(&[]).exits(0);
}
