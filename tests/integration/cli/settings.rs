//! `ntcli config …`, `ntcli domain …` and `ntcli health`.

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::crash::inside::Inside;
use crate::harness::world::{Output, SESSION, World};

fn run(world: &World, args: &[&str]) -> Output {
    world.ntcli(args).run()
}

/// The harness looks for secrets in everything that is printed; this looks for the rest.
#[test]
fn the_config_without_its_secrets() {
    let (world, workspace) = World::ready();
    world.set_config("/auth/refreshToken", json!("refresh-1f2e3d4c5b6a7988"));
    world.set_config("/x_api_key", json!("key-0011223344"));
    world.set_config("/x_note", json!("plain"));
    let output = run(&world, &["config", "show", "--format", "json"]);
    let shown = output.exits(0).json();
    assert_eq!(shown["auth"]["bearerToken"], "[redacted]");
    assert_eq!(shown["auth"]["refreshToken"], "[redacted]");
    assert_eq!(shown["x_api_key"], "[redacted]");
    assert_eq!(shown["x_note"], "plain");
    assert_eq!(shown["domain"], "nimbletools.ai");
    let item = &shown["workspaces"]["items"][&workspace.key];
    assert_eq!(item["access_token"], "[redacted]");
    assert_eq!(item["jti"], workspace.token.jti.as_str());
    let output = run(&world, &["config", "show"]);
    output.exits(0);
    for text in ["nimbletools.ai", "prod", &workspace.id, &workspace.token.jti, "[redacted]"] {
        assert!(output.stdout.contains(text), "{text}: {output}");
    }
    assert!(!output.stdout.contains(SESSION));
}

#[test]
fn without_a_config_file() {
    let world = World::new();
    let path = world.config_path();
    run(&world, &["config", "path"]).exits(0).prints(&format!("{}\n", path.display()));
    run(&world, &["config", "show"]).exits(0).says("There is no config file yet");
    assert_eq!(run(&world, &["config", "show", "--format=json"]).json(), json!({}));
    run(&world, &["domain", "show"]).exits(0);
    assert!(!world.dir.exists(), "looking makes no folder");
}

#[test]
fn a_reset_names_what_stays_live() {
    let (world, workspace) = World::ready();
    let before = world.config();
    let output = run(&world, &["config", "reset"]);
    output.exits(2).prints("").says(&workspace.token.jti).says("Hint: ntcli config reset --force");
    for typed in ["", "\n", "y\n"] {
        let done = Inside::new(&world).typing(typed).run(&["config", "reset"]);
        assert_eq!(done.code, 1, "{done:?}");
        assert!(done.stderr.contains(&workspace.token.jti), "{done:?}");
    }
    assert_eq!(world.config(), before);

    let output = run(&world, &["config", "reset", "--force", "--format", "json"]);
    let report = output.exits(0).json();
    assert_eq!(report["still_live"][0]["jti"], workspace.token.jti.as_str());
    assert_eq!(report["still_live"][0]["workspace"]["id"], workspace.id.as_str());
    let after = world.config();
    assert_eq!(after["auth"], Value::Null);
    assert_eq!(after["workspaces"], json!({"items": {}}));
    assert!(world.plane.is_live(&workspace.token.access_token), "nothing is revoked");
    world.assert_nothing_sent();
    world.assert_private();
    run(&world, &["token", "list"]).exits(4);
}

/// The journal would bring back what a reset forgets.
#[test]
fn a_reset_forgets_the_journal_too() {
    let (world, workspace) = World::ready();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::N(2), broken);
    world.refresh(&[]).exits(8);
    let output = run(&world, &["config", "reset", "--force"]);
    output.exits(0);
    for jti in world.plane.live_tokens(&workspace.id) {
        assert!(output.stdout.contains(&jti), "{jti} is live: {output}");
    }
    assert!(!world.has_journal());
    run(&world, &["token", "revoke", "--pending"]).exits(0);
}

#[test]
fn a_damaged_config_is_never_reset() {
    let (world, _) = World::ready();
    world.write("config.json", b"{\"auth\":");
    run(&world, &["config", "reset", "--force"]).exits(2).says("mv ");
    assert_eq!(std::fs::read(world.config_path()).unwrap(), b"{\"auth\":");
}

#[test]
fn the_domain() {
    let world = World::new();
    let domain = |args: &[&str]| {
        world.ntcli(&[&["domain"], args].concat()).without_env("NTCLI_API_URL").run()
    };
    domain(&["show"])
        .exits(0)
        .prints("Domain: nimbletools.ai\nAPI:    https://api.nimbletools.ai\n");
    domain(&["set", "corp.example", "--insecure"])
        .exits(0)
        .prints("Domain: corp.example\nAPI:    http://api.corp.example\n");
    domain(&["set", "localhost:8080"]).exits(0);
    let json = domain(&["show", "--format", "json"]).json();
    assert_eq!(
        json,
        json!({"domain": "localhost:8080", "insecure": false, "api": "http://localhost:8080",
            "variable": null})
    );
    for bad in ["ftp://a.b", "a b", "a.b/c", "", "u@a.b", "a.b?x"] {
        domain(&["set", bad]).exits(2).prints("");
    }
    assert_eq!(world.config()["domain"], "localhost:8080");
}

#[test]
fn health_carries_no_bearer() {
    let (world, _) = World::ready();
    let output = run(&world, &["health"]);
    output.exits(0).says_only("");
    assert!(output.stdout.contains("Status:  healthy\n"), "{output}");
    let json = run(&world, &["health", "--format", "json"]).json();
    assert_eq!((json["status"].as_str(), json["healthy"].as_bool()), (Some("healthy"), Some(true)));
    assert!(world.plane.requests().iter().all(|r| r.bearer.is_none()));
}

#[test]
fn a_server_that_is_not_well() {
    let world = World::new();
    let sick = Fault::Body("{\"status\": \"degraded\\u001b[31m\"}".to_owned());
    world.plane.fault(Route::Health, Times::Once, sick);
    let output = run(&world, &["health", "--format", "json"]);
    let json = output.exits(5).says("The server says that it is 'degraded\\u{1b}[31m'").json();
    assert_eq!(
        (json["healthy"].as_bool(), json["error"]["exit_code"].as_i64()),
        (Some(false), Some(5))
    );
    world.plane.fault(Route::Health, Times::Once, Fault::Body("{}".to_owned()));
    run(&world, &["health"]).exits(1).prints("");
    let nowhere = world.ntcli(&["health"]).env("NTCLI_API_URL", "http://127.0.0.1:1");
    let nowhere = nowhere.run();
    nowhere.exits(5).prints("").says("Hint: ntcli domain show\n");
    nowhere.says("Error: Could not get the health of the server; nothing has changed\n");
}

/// A command that failed must not be its own hint.
#[test]
fn no_hint_is_the_command_itself() {
    for status in [404, 410, 500, 503] {
        for (route, args, hint) in [
            (Route::Health, &["health"][..], "ntcli domain show"),
            (
                Route::WorkspaceList,
                &["workspace", "list"],
                if status < 500 { "ntcli domain show" } else { "ntcli health" },
            ),
        ] {
            let world = World::new();
            world.sign_in();
            let answer = Fault::Status(status, String::new(), Vec::new());
            world.plane.fault(route, Times::Always, answer);
            let output = world.ntcli(args).run();
            output.says(&format!("Hint: {hint}\n"));
        }
    }
}
