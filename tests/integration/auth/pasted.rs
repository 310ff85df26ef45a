//! A server without a browser; what signing out leaves; what a session that is given does not say.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::browser::login;
use super::renewal::{auth, world_of_yesterday};
use crate::control_plane::{Fault, Route, Times};
use crate::harness::run::Running;
use crate::harness::world::{SESSION, World, wait_until};

/// `login --no-browser`, with a pipe to paste into; and the address to open.
fn waiting(world: &World) -> (Running<'_>, fs::File, String) {
    let (fifo, said) = (world.outside("fifo"), world.outside("said"));
    std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    let script = format!("exec \"$@\" < {} 2> {}", fifo.display(), said.display());
    let running = login(world, &["--no-browser"]).under(&["sh", "-c", &script, "sh"]).spawn();
    let paste = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    let url = || {
        let said = fs::read_to_string(&said).unwrap_or_default();
        said.split_whitespace().find(|word| word.contains("/oauth/authorize?")).map(str::to_owned)
    };
    wait_until("it waits", || url().is_some());
    (running, paste, url().unwrap())
}

/// Where the browser ends, on a machine where nobody listens.
fn ended_at(url: &str) -> String {
    let output = std::process::Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{redirect_url}", url])
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn the_address_that_the_browser_ended_at_is_pasted() {
    use std::io::Write;
    if !crate::harness::skip::has_tool("curl", "--version") {
        return;
    }
    let world = World::new();
    let (running, mut paste, url) = waiting(&world);
    let address = ended_at(&url);
    assert!(address.contains("/callback?"), "{address}");
    // Of another sign-in, or nothing of the kind.
    let other = address.replace("state=", "state=x");
    writeln!(paste, "{other}\nwhat?\n{address}").unwrap();
    running.finish().exits(0);
    let said = fs::read_to_string(world.outside("said")).unwrap();
    assert_eq!(said.matches("not the end of this sign-in").count(), 2, "{said}");
    assert!(said.contains("paste the address here"), "{said}");
    world.ntcli(&["auth", "status"]).run().exits(0);
    assert_eq!(auth(&world, "refreshToken"), world.plane.live_refresh_tokens()[0]);
}

/// The end of the input is no end of the wait.
#[test]
fn nothing_is_pasted() {
    let world = World::new();
    let (running, paste, url) = waiting(&world);
    drop(paste);
    let page = std::process::Command::new("curl").args(["-sL", &url]).output().unwrap();
    assert!(String::from_utf8_lossy(&page.stdout).contains("You are signed in"));
    running.finish().exits(0);
}

/// Whoever reads "a browser was opened" looks for it.
#[test]
fn an_opener_that_fails_at_once() {
    let world = World::new();
    let run = login(&world, &["--timeout", "200"]).env("BROWSER", "/bin/false");
    let output = run.run();
    output.exits(4).says("Open this address in a browser to sign in:").says("/oauth/authorize?");
    output.does_not_say("was opened");
}

#[test]
fn a_session_that_is_given_can_be_used_by_the_other_client() {
    let world = World::new();
    let run = world.ntcli(&["auth", "login", "--token-stdin"]).stdin(SESSION);
    run.run().exits(0).says("timers work until the server rejects it");
    assert!(auth(&world, "expiresAt").as_u64().unwrap() > 1_790_000_000_000);
}

/// A refresh token that is over for certain: no run need ask again, and nobody is told otherwise.
#[test]
fn a_grant_that_is_over_is_remembered() {
    let (world, _) = world_of_yesterday();
    let status = |code: i32| {
        let output = world.ntcli(&["auth", "status", "--format", "json"]).run();
        output.exits(code).json()["signed_in"].clone()
    };
    // A gateway's word proves nothing.
    let gateway = Fault::Status(401, "<html>".to_owned(), Vec::new());
    world.plane.fault(Route::OauthToken, Times::Once, gateway);
    world.refresh(&[]).exits(4);
    assert_eq!(status(0), json!(true));
    let over = Fault::Status(400, json!({"error": "invalid_grant"}).to_string(), Vec::new());
    world.plane.fault(Route::OauthToken, Times::Once, over);
    world.refresh(&[]).exits(4);
    assert_eq!(status(4), json!(false));
    assert_eq!(auth(&world, "refreshToken"), Value::Null);
    world.plane.clear_requests();
    world.refresh(&[]).exits(4).says("ntcli auth login");
    world.assert_nothing_sent();
}

#[test]
fn what_signing_out_leaves() {
    let (world, prod) = World::ready();
    let asked = world.ntcli(&["auth", "logout", "--all"]).run();
    asked
        .exits(2)
        .says("1 workspace token would be revoked")
        .says("ntcli auth logout --all --force");
    world.assert_one_live_token(&prod);
    let output = world.ntcli(&["auth", "logout"]).run();
    output.exits(0).says("Workspace tokens stay here").says("ntcli auth logout --all");
    world.assert_one_live_token(&prod);
}

/// A browser is another program: it gets no session and no token.
#[test]
fn a_browser_gets_no_session() {
    let world = World::new();
    let opener = world.outside("opener");
    let env = world.outside("env");
    fs::write(&opener, format!("#!/bin/sh\nenv > {}\n", env.display())).unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let run = login(&world, &["--timeout", "200", "--force"]).env("BROWSER", &opener);
    let run = run.env("NTCLI_SESSION_TOKEN", SESSION).env("NTCLI_TOKEN", SESSION);
    run.env("NTCLI_WORKSPACE_TOKEN", "wst_0123456789abcdef").run().exits(4);
    let seen = fs::read_to_string(env).unwrap();
    assert!(!seen.contains(SESSION) && !seen.contains("wst_"), "{seen}");
}
