//! `ntcli token list`, `needs-refresh` and `history`.

use serde_json::{Value, json};

use crate::control_plane::TokenShape;
use crate::crash::inside::Inside;
use crate::harness::world::{Output, World};

pub(crate) fn run(world: &World, args: &[&str]) -> Output {
    world.ntcli(&[&["token"], args].concat()).run()
}

/// The columns of the row that has this first cell.
fn row(output: &Output, first: &str) -> Vec<String> {
    let mut lines = output.stdout.lines();
    let line = lines.find(|line| line.starts_with(first)).unwrap_or_else(|| panic!("{output}"));
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_list_marks_the_current_one() {
    let (world, workspace) = World::ready();
    let other = world.plane.issue_token(&workspace.id, None);
    let output = run(&world, &["list"]);
    output.exits(0).says_only("");
    assert_eq!(row(&output, "JTI"), ["JTI", "Created", "Expires", "Current"]);
    let current = row(&output, &workspace.token.jti);
    assert!(current[2].ends_with('Z') && current[3] == "yes", "{output}");
    assert_eq!(row(&output, &other.jti)[2..], ["Never", "-"]);

    let json = run(&world, &["list", "--format", "json"]).json();
    assert_eq!(json["tokens"].as_array().unwrap().len(), 2);
    assert_eq!(json["workspace"], json!({"name": "prod", "id": workspace.id}));
    assert_eq!(json["tokens"][0]["current"], true);
    assert_eq!(json["tokens"][1]["expires_at"], Value::Null);
    assert_eq!(json["tokens"][1]["never_expires"], true);

    let drawn = Inside::new(&world).typing("").run(&["token", "list"]).stdout;
    assert!(drawn.contains("Z  ✓"), "{drawn}");
}

/// A list that does not say when tokens end: we know it of ours, and of what we made.
#[test]
fn an_expiry_that_the_list_leaves_out() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| {
        o.list_has_expiry = false;
        o.token_shape = TokenShape::Opaque;
        o.jti_in_answer = true;
    });
    let unknown = world.plane.issue_token(&workspace.id, Some(60));
    let made = world.ntcli(&["token", "create", "--format", "json"]);
    let made = made.prints_secrets().run().json()["jti"].as_str().unwrap().to_owned();
    let output = run(&world, &["list", "--show-expired"]);
    assert_eq!(row(&output, &unknown.jti)[2], "-");
    assert!(row(&output, &workspace.token.jti)[2].ends_with('Z'), "{output}");
    assert!(row(&output, &made)[2].ends_with('Z'), "{output}");
    assert_eq!(row(&output, &made)[4], "active");
}

/// The server forgets what has ended; we remember what we made.
#[test]
fn expired_ones_are_remembered() {
    let (world, workspace) = World::ready();
    let line = |event: &str, of: &str, jti: &str, expires_at: &str| {
        let line = json!({"at": "2026-01-01T00:00:00Z", "event": event, "workspace": "prod",
            "workspace_id": of, "jti": jti, "expires_at": expires_at});
        format!("{line}\n")
    };
    let (id, past, future) = (&workspace.id, "2026-01-02T00:00:00Z", "2126-01-02T00:00:00Z");
    let history = [
        line("handed_out", id, "jti_ended", past),
        line("refreshed", id, "jti_revoked", past),
        line("revoked", id, "jti_revoked", past),
        line("handed_out", id, "jti_gone", future),
        line("handed_out", "another", "jti_other", past),
    ];
    world.write("history.jsonl", history.concat().as_bytes());
    let json = run(&world, &["list", "--format", "json"]).json();
    assert_eq!(json["tokens"].as_array().unwrap().len(), 1);
    let output = run(&world, &["list", "--show-expired"]);
    let expected = ["jti_ended", "2026-01-01T00:00:00Z", past, "-", "expired"];
    assert_eq!(row(&output, "jti_ended"), expected);
    assert_eq!(output.stdout.lines().count(), 3, "{output}");
}

#[test]
fn a_current_token_that_the_server_does_not_list() {
    let (world, workspace) = World::ready();
    let at = |key: &str| format!("/workspaces/items/{}/{key}", workspace.key);
    world.set_config(&at("access_token"), json!("wst_opaque"));
    world.set_config(&at("jti"), json!("jti_gone"));
    run(&world, &["list"])
        .exits(0)
        .says("The current token is not among the live ones: ntcli token show --check");
}

/// The answer is the exit code: 0 due, 1 not, 255 everything else. The network is left alone.
#[test]
fn whether_a_refresh_is_due() {
    let (world, workspace) = World::ready();
    let at = |key: &str| format!("/workspaces/items/{}/{key}", workspace.key);
    world.set_config(&at("access_token"), json!("wst_opaque"));
    let now = std::fs::metadata(world.config_path()).unwrap().modified().unwrap();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let day: u128 = 86_400_000;
    for (expires_at, args, code) in [
        (json!(u64::try_from(now + 31 * day).unwrap()), &[][..], 1),
        (json!(u64::try_from(now + 29 * day).unwrap()), &[], 0),
        (json!(u64::try_from(now + 31 * day).unwrap()), &["--within", "40d"], 0),
        (json!(u64::try_from(now + day).unwrap()), &["--within=1h"], 1),
        (json!(u64::try_from(now - 1).unwrap()), &["--within", "1"], 0),
        (Value::Null, &[], 0),
    ] {
        world.set_config(&at("expires_at"), expires_at);
        run(&world, &[&["needs-refresh"], args].concat()).exits(code);
        let output = run(&world, &[&["needs-refresh", "--format=json"], args].concat());
        assert_eq!(output.exits(code).json()["due"], code == 0);
    }
    world.set_config(&at("never_expires"), json!(true));
    world.set_config(&at("expires_at"), json!(253_402_300_799_000_u64));
    run(&world, &["needs-refresh", "--within", "9000w"]).exits(1);
    world.assert_nothing_sent();
}

#[test]
fn no_failure_of_needs_refresh_looks_like_an_answer() {
    let (world, workspace) = World::ready();
    for args in [
        &["--within", "soon"][..],
        &["--within", "0"],
        &["--within"],
        &["--nonsense"],
        &["a", "b"],
        &["nowhere"],
    ] {
        let output = run(&world, &[&["needs-refresh"], args].concat());
        output.exits(255).prints("").says("Error: ");
    }
    let pointer = format!("/workspaces/items/{}/access_token", workspace.key);
    world.set_config(&pointer, json!("no-token"));
    run(&world, &["needs-refresh"]).exits(255).says("Hint: ntcli token create");
    world.set_config("/workspaces/activeWorkspaceId", Value::Null);
    run(&world, &["needs-refresh"]).exits(255);
    world.write("config.json", b"{");
    run(&world, &["needs-refresh"]).exits(255);
    let no_home = world.ntcli(&["token", "needs-refresh"]).without_env("NTCLI_CONFIG_DIR");
    no_home.env("HOME", "/nowhere").run().exits(255);
}

#[test]
fn the_history_has_the_latest_first() {
    let (world, workspace) = World::ready();
    run(&world, &["history"]).exits(0).prints("").says("Nothing has been done yet.");
    world.refresh(&[]).exits(0);
    let current = world.item(&workspace)["jti"].as_str().unwrap().to_owned();
    run(&world, &["revoke", &current, "--force"]).exits(0);
    let json = run(&world, &["history", "--format", "json"]).json();
    let events: Vec<&str> =
        json["history"].as_array().unwrap().iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["revoked", "revoked", "refreshed"]);
    assert_eq!(json["history"][0]["jti"], current.as_str());
    let output = run(&world, &["history"]);
    assert_eq!(output.stdout.lines().count(), 4, "{output}");
    assert!(output.stdout.lines().nth(1).unwrap().contains(&current));
}

#[test]
fn the_history_of_one_workspace() {
    let (world, _) = World::ready();
    world.add_workspace("other");
    for name in ["prod", "other"] {
        world.refresh(&[name]).exits(0);
    }
    let names = |args: &[&str]| -> Vec<String> {
        let args = [&["history", "--format", "json"], args].concat();
        let json = run(&world, &args).json();
        let lines = json["history"].as_array().unwrap();
        lines.iter().map(|l| l["workspace"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["prod", "prod"]);
    assert_eq!(names(&["other"]), ["other", "other"]);
    world.ntcli(&["workspace", "clear"]).run().exits(0);
    assert_eq!(names(&[]), ["other", "other", "prod", "prod"]);
    // One that is gone from here has its history still.
    world.ntcli(&["workspace", "delete", "other", "--force"]).run().exits(0);
    assert_eq!(names(&["-w", "other"]), ["other", "other"]);
    run(&world, &["history", "-w", "nowhere"]).exits(1);
}

/// A damaged history is only history: its readable part is shown, and nothing unescaped.
#[test]
fn a_hostile_history() {
    let (world, _) = World::ready();
    let secret = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJ4In0.c2lnbmF0dXJl";
    let line = json!({"at": "\u{1b}[2J", "event": "refreshed", "workspace": "p\nq",
        "workspace_id": "x", "jti": secret, "reason": secret});
    world.write("history.jsonl", format!("{{torn\n{line}\n\u{0}\n").as_bytes());
    world.ntcli(&["workspace", "clear"]).run().exits(0);
    for format in ["text", "json"] {
        let output = run(&world, &["history", "--format", format]);
        output.exits(0);
        assert!(!output.stdout.contains('\u{1b}') && !output.stdout.contains(secret), "{output:?}");
    }
}
