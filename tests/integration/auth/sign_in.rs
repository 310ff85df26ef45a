//! Signing in with the browser.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};

use crate::auth::browser::{begin, login};
use crate::control_plane::{Route, Userinfo};
use crate::harness::world::World;
use crate::ports::free_port;

/// Somebody is signed in already, whose session is not to be lost.
pub(crate) fn world_with_session() -> World {
    let (world, _) = World::ready();
    let user = json!({"id": "user_0", "email": "old@example.com", "imageUrl": "kept"});
    world.set_config("/auth/user", user);
    world
}

#[test]
fn a_sign_in_through_the_browser() {
    for userinfo in [Userinfo::Oidc, Userinfo::Clerk] {
        let world = World::new();
        world.plane.configure(|o| o.userinfo = userinfo);
        let sign_in = begin(&world, login(&world, &["--debug"]));
        let page = sign_in.visit();
        assert_eq!(page.status, 200);
        assert!(page.text.contains("You are signed in as ada@example.com."), "{}", page.text);
        let url = sign_in.url.clone();
        let output = sign_in.finish(&world);
        output.exits(0).says(&url);
        assert!(output.stdout.starts_with("Signed in as ada@example.com until "));
        assert!(output.stdout.ends_with("; the session renews itself.\n"));

        let auth = world.config()["auth"].clone();
        let user = json!({"id": "user_1", "email": "ada@example.com", "firstName": "Ada",
            "lastName": "Lovelace", "organizationId": "org_1"});
        assert_eq!(auth["user"], user);
        assert_eq!(auth["refreshToken"], world.plane.live_refresh_tokens()[0]);
        assert!(auth["expiresAt"].as_u64().unwrap() > 1_700_000_000_000);
        world.assert_private();
        world.ntcli(&["workspace", "list"]).run().exits(0);
        let status = world.ntcli(&["auth", "status", "--format", "json"]).run();
        let status = status.exits(0).json();
        assert_eq!(status["user"]["email"], "ada@example.com");
        assert_eq!((&status["source"], &status["renews_itself"]), (&json!("config"), &json!(true)));
    }
}

#[test]
fn json_is_one_object_and_signup_is_the_same() {
    let world = World::new();
    let run =
        world.ntcli(&["auth", "signup", "--format", "json", "--port", &free_port().to_string()]);
    let sign_in = begin(&world, run);
    assert_eq!(sign_in.visit().status, 200);
    let output = sign_in.finish(&world);
    let json = output.exits(0).json();
    assert_eq!((&json["signed_in"], &json["user"]["id"]), (&json!(true), &json!("user_1")));
}

#[test]
fn a_signed_in_user_stays_signed_in() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    sign_in.visit();
    sign_in.finish(&world).exits(0);
    let before = fs::read(world.config_path()).unwrap();
    world.plane.clear_requests();
    let again = login(&world, &[]).run();
    again.exits(0).says("ntcli auth login --force");
    assert!(again.stdout.starts_with("Already signed in as ada@example.com until "));
    assert_eq!(fs::read(world.config_path()).unwrap(), before);
    assert_eq!(world.count(Route::OauthToken), 0);

    // But not if the server no longer accepts the session.
    let bearer = world.config()["auth"]["bearerToken"].as_str().unwrap().to_owned();
    world.plane.drop_session(&bearer);
    let sign_in = begin(&world, login(&world, &[]));
    sign_in.visit();
    sign_in.finish(&world).exits(0);
    assert_ne!(world.config()["auth"]["bearerToken"], bearer.as_str());
}

#[test]
fn another_user_leaves_nothing_of_the_one_before() {
    let world = world_with_session();
    let sign_in = begin(&world, login(&world, &["--force"]));
    sign_in.visit();
    sign_in.finish(&world).exits(0);
    let user = world.config()["auth"]["user"].clone();
    assert_eq!((&user["email"], user.get("imageUrl")), (&json!("ada@example.com"), None));
    assert!(world.config()["workspaces"]["items"].as_object().is_some_and(|i| i.len() == 1));
}

#[test]
fn without_a_browser_the_address_is_printed() {
    let world = World::new();
    let port = free_port().to_string();
    let run = login(&world, &["--no-browser", "--timeout", "200", "--port", &port]);
    let output = run.env("BROWSER", "/bin/false").env("DISPLAY", ":0").run();
    output.exits(4).prints("");
    output.says(&format!("{}/oauth/authorize?client_id=96WRYcxabFktp9wn&", world.plane.base_url()));
    output.says(&format!("ssh -L {port}:localhost:{port} "));
    output.says("Error: No sign-in within 1 s; nothing has changed\nHint: ntcli auth login\n");
    // No terminal, so no user at the display.
    let run = login(&world, &["--format", "json"]).env("NTCLI_OAUTH_TIMEOUT", "100");
    let output = run.env("DISPLAY", ":0").run();
    let json = output.exits(4).json();
    assert_eq!(
        (&json["error"]["code"], &json["error"]["exit_code"]),
        (&json!("sign_in_timeout"), &json!(4))
    );
}

#[test]
fn settings_that_make_no_sense() {
    let world = World::new();
    for (name, value) in [
        ("NTCLI_DEFAULT_PORT", "0"),
        ("NTCLI_DEFAULT_PORT", "x"),
        ("NTCLI_DEFAULT_PORT", "65536"),
        ("NTCLI_OAUTH_TIMEOUT", "0"),
        ("NTCLI_OAUTH_TIMEOUT", "soon"),
        ("CLERK_OAUTH_DOMAIN", "http://example.com"),
        ("NIMBLEBRAIN_API_URL", "example.com"),
    ] {
        login(&world, &[]).env(name, value).run().exits(2).says(name);
    }
    world.assert_nothing_sent();
}

#[test]
fn a_taken_port() {
    let world = World::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = login(&world, &["--port", &port.to_string()]).run();
    output.exits(1).says(&format!("Cannot listen on port {port}"));
    world.assert_nothing_sent();

    let run = login(&world, &[]).env("NTCLI_DEFAULT_PORT", port.to_string());
    let sign_in = begin(&world, run);
    assert!(sign_in.port > port && sign_in.port <= port + 10, "{}", sign_in.port);
    sign_in.visit();
    sign_in.finish(&world).exits(0);
}

#[test]
fn ctrl_c_frees_the_port() {
    let world = world_with_session();
    let before = fs::read(world.config_path()).unwrap();
    let port = free_port();
    // If the tests run in the background of a shell, this signal is ignored.
    let run = login(&world, &["--force", "--port", &port.to_string()])
        .under(&["env", "--default-signal=INT"]);
    let sign_in = begin(&world, run);
    let pid = sign_in.running.pid().to_string();
    let script = ["-c", "kill -s INT \"$1\"", "sh", &pid];
    std::process::Command::new("/bin/sh").args(script).status().unwrap();
    sign_in.running.finish().exits(130).says("Ended by signal 2; nothing is left half done");
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port that is free again");
    assert_eq!(fs::read(world.config_path()).unwrap(), before);
}

#[test]
fn the_provider_says_no() {
    let world = world_with_session();
    let before = fs::read(world.config_path()).unwrap();
    let sign_in = begin(&world, login(&world, &["--force"]));
    let target = format!(
        "/callback?error=access_denied&error_description=%3Cb%3Eno%1b%5B2J&state={}",
        sign_in.state()
    );
    let page = sign_in.get(&target);
    assert_eq!(page.status, 400);
    assert!(
        page.text.contains("Not signed in") && page.text.contains("&lt;b&gt;no"),
        "{}",
        page.text
    );
    let output = sign_in.finish(&world);
    output.exits(4).prints("").says("Error: The sign-in was refused; nothing has changed");
    output.says("Caused by: <b>no\\u{1b}[2J (access_denied)");
    assert_eq!(fs::read(world.config_path()).unwrap(), before);
}

#[test]
fn an_account_without_access() {
    let world = world_with_session();
    world.plane.configure(|o| o.cli_access = false);
    let sign_in = begin(&world, login(&world, &["--force"]));
    let page = sign_in.visit();
    assert!(page.status == 400 && page.text.contains("this account has no CLI access"));
    let output = sign_in.finish(&world);
    output.exits(4).says("this account has no CLI access");
}

#[test]
fn the_sign_in_holds_no_lock() {
    let (world, workspace) = World::ready();
    let sign_in = begin(&world, login(&world, &["--force"]));
    world.refresh(&["--lock-wait", "0"]).exits(0);
    let token = world.current(&workspace);
    sign_in.visit();
    sign_in.finish(&world).exits(0);
    assert_eq!(world.current(&workspace), token);
}

#[test]
fn status_tells_without_the_network() {
    let world = World::new();
    let status = |args: &[&str]| world.ntcli(&[&["auth", "status"], args].concat());
    let output = status(&[]).run();
    output
        .exits(4)
        .prints("")
        .says("Error: Authentication required\n")
        .says("\nHint: ntcli auth login\n");
    let json = status(&["--format", "json"]).run().exits(4).json();
    assert_eq!(json["signed_in"], false);
    assert_eq!(json["error"]["code"], "authentication_required");

    let output = status(&["--format", "json"]).env("NTCLI_TOKEN", "opaque-bearer-1234").run();
    let json = output.exits(0).json();
    assert_eq!((&json["source"], &json["expires_at"]), (&json!("environment"), &Value::Null));

    world.make_dir();
    let auth = json!({"bearerToken": "bearer-that-is-stored", "expiresAt": 1_700_000_000_000_u64});
    world.write_config(&json!({"auth": auth}));
    let output = status(&[]).run();
    output.exits(4).prints("").says("ended 2023-11-14T22:13:20Z");
    world.set_config("/auth/refreshToken", json!("refresh-token-that-is-stored"));
    world.set_config("/auth/user", json!({"email": "a\u{1b}[2J@b.c"}));
    let output = status(&[]).run();
    output.exits(0).prints(&format!(
        "Signed in as a\\u{{1b}}[2J@b.c\n\
         \x20 Organization:  -\n\
         \x20 Session from:  {}\n\
         \x20 Expires:       2023-11-14T22:13:20Z (the next command renews it)\n\
         \x20 Renews itself: yes\n",
        world.config_path().display()
    ));
    world.assert_nothing_sent();
}

#[test]
fn the_time_limit_is_kept() {
    let world = World::new();
    let run = login(&world, &["--timeout", "700"]).limit(Duration::from_secs(5));
    let sign_in = begin(&world, run);
    // A client that never ends must not stretch it.
    let idle = sign_in.connect();
    sign_in.finish(&world).exits(4);
    drop(idle);
}
