//! `ntcli workspace …`: what the server has, what is known here, and how they are brought together.

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::crash::inside::Inside;
use crate::harness::world::{Output, SESSION, World};

/// Signed in, with no workspace known here.
pub(crate) fn world() -> World {
    let world = World::new();
    world.sign_in();
    world.plane.clear_requests();
    world
}

pub(crate) fn named(world: &World, name: &str) -> Value {
    let output = world.ntcli(&["workspace", "list", "--format", "json"]).run();
    let list = output.exits(0).json()["workspaces"].clone();
    let mut found = list.as_array().unwrap().iter();
    let found = found.find(|w| w["workspace_name"] == name);
    found.cloned().unwrap_or_default()
}

pub(crate) fn active(world: &World) -> Value {
    world.config()["workspaces"]["activeWorkspaceId"].clone()
}

pub(crate) fn run(world: &World, args: &[&str]) -> Output {
    world.ntcli(&[&["workspace"], args].concat()).run()
}

/// Somebody else deletes it.
pub(crate) fn delete_elsewhere(world: &World, id: &str) {
    let other = World::new();
    other.make_dir();
    let run = other.ntcli(&["workspace", "delete", id, "--force"]);
    let run = run.env("NTCLI_API_URL", world.plane.base_url());
    run.env("NTCLI_TOKEN", SESSION).run().exits(0);
}

#[test]
fn the_list_tells_where_each_one_is() {
    let (world, _) = World::ready();
    world.plane.add_workspace("remote");
    let gone = "0c1d2e3f-0a1b-4c2d-8e3f-405162738495";
    world.set_config(
        &format!("/workspaces/items/{gone}"),
        json!({"workspace_id": gone, "workspace_name": "gone"}),
    );
    for (name, active, token, server, here) in [
        ("prod", true, true, true, true),
        ("remote", false, false, true, false),
        ("gone", false, false, false, true),
    ] {
        let workspace = named(&world, name);
        assert_eq!(workspace["active"], active, "{name}");
        assert_eq!(workspace["has_token"], token, "{name}");
        assert_eq!(workspace["on_server"], server, "{name}");
        assert_eq!(workspace["known_here"], here, "{name}");
    }
    let output = run(&world, &["ls"]);
    output.exits(0).says("ntcli workspace sync");
    let rows: Vec<Vec<&str>> =
        output.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["Active", "Name", "ID", "Token", "Status"]);
    assert_eq!(rows[1][..2], ["yes", "prod"]);
    assert_eq!(rows[1][3..], ["yes", "active"]);
    assert_eq!(rows[2][3..], ["-", "active"]);
    assert_eq!(rows[3], ["-", "gone", gone, "-", "only-here"]);
    let drawn = Inside::new(&world).typing("").run(&["ws", "list"]).stdout;
    assert!(drawn.contains("✓       prod"), "{drawn}");
}

#[test]
fn selected_by_any_of_its_names() {
    let world = world();
    let id = world.plane.add_workspace("prod");
    world.plane.add_workspace("staging");
    let full = format!("ws-prod-{id}");
    for name in ["prod", &id, &full, &id.to_uppercase()] {
        run(&world, &["clear"]).exits(0);
        let output = run(&world, &["select", name]);
        output.exits(0).prints(&format!("Active workspace: prod ({id})\n"));
        assert_eq!(active(&world), id.as_str(), "{name}");
    }
    run(&world, &["use", "staging"]).exits(0);
    run(&world, &["select", "nowhere"])
        .exits(1)
        .says("No workspace 'nowhere' is known here")
        .says("Hint: ntcli workspace list");
    assert_eq!(world.config()["workspaces"]["items"].as_object().unwrap().len(), 2);
}

#[test]
fn what_stays_and_what_goes_is_told() {
    let (world, prod) = World::ready();
    let said = "No workspace is active any more. All tokens and targets stay.\n";
    let clear = || run(&world, &["clear"]);
    clear().exits(0).prints(said);
    run(&world, &["use", "prod"]).exits(0);
    for path in ["a", "b"] {
        world.ntcli(&["target", "add", "--file", path]).run().exits(0);
    }
    clear().exits(0).prints(said);
    clear().exits(0).prints("No workspace was active.\n");
    let empty = world.plane.add_workspace("empty");
    run(&world, &["use", "empty"]).exits(0);
    clear().exits(0).prints(said);

    delete_elsewhere(&world, &empty);
    delete_elsewhere(&world, &prod.id);
    let sync = run(&world, &["sync"]);
    let removed: Vec<&str> =
        sync.exits(0).stdout.lines().filter(|line| line.starts_with("Removed")).collect();
    let of = |name: &str| {
        removed.iter().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {sync}"))
    };
    assert!(of("'prod'").contains(", with its dead token jti_"), "{sync}");
    assert!(of("'prod'").ends_with(" and 2 targets"), "{sync}");
    assert!(of("'empty'").ends_with(')'), "{sync}");
}

#[test]
fn a_slip_in_a_name() {
    let (world, _) = World::ready();
    for slip in ["prdo", "pro", "prodd"] {
        let output = world.ntcli(&["token", "show", "-w", slip]).run();
        output.exits(1).says("is known here; did you mean 'prod'?");
    }
    world.ntcli(&["token", "show", "-w", "dev"]).run().exits(1).does_not_say("did you mean");
}

/// One that is known here is selected without a request.
#[test]
fn a_known_one_needs_no_network() {
    let (world, workspace) = World::ready();
    run(&world, &["clear"]).exits(0);
    run(&world, &["select", "prod"]).exits(0);
    assert_eq!(active(&world), workspace.key.as_str());
    world.assert_nothing_sent();
}

#[test]
fn two_of_one_name() {
    let world = world();
    let ids = [world.plane.add_workspace("twin"), world.plane.add_workspace("twin")];
    let output = run(&world, &["select", "twin"]);
    output.exits(2).says(&ids[0]).says(&ids[1]);
    for id in &ids {
        run(&world, &["select", id]).exits(0);
    }
    run(&world, &["delete", "twin", "--force"]).exits(2).says(&ids[1]);
    run(&world, &["delete", &ids[0], "--force"]).exits(0);
    run(&world, &["select", "twin"]).exits(0);
    assert_eq!(active(&world), ids[1].as_str());
}

#[test]
fn chosen_from_a_numbered_list() {
    let world = world();
    let ids = [world.plane.add_workspace("prod"), world.plane.add_workspace("staging")];
    let choose = |typed: &str| Inside::new(&world).typing(typed).run(&["workspace", "select"]);
    for (typed, id) in [("2\n", &ids[1]), ("1", &ids[0]), (" staging \n", &ids[1])] {
        let done = choose(typed);
        assert_eq!(done.code, 0, "{done:?}");
        assert!(done.stderr.contains("  2) 'staging'"), "{done:?}");
        assert_eq!(active(&world), id.as_str(), "{typed}");
    }
    for typed in ["", "\n", "0\n", "3\n", "-1\n", "nowhere\n"] {
        let done = choose(typed);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{typed:?} {done:?}");
        assert_eq!(active(&world), ids[1].as_str());
    }
}

#[test]
fn nothing_to_choose_from() {
    let world = world();
    let done = Inside::new(&world).typing("1\n").run(&["workspace", "select"]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("ntcli workspace create <name>"), "{done:?}");
}

/// What a server sends must not drive the terminal, nor lead a request astray.
#[test]
fn hostile_names_and_ids() {
    let world = world();
    let (name, id) = ("\u{1b}[31m\u{202e}evil\u{9b}", "../../health?x=#");
    let list = json!({"workspaces": [{"workspace_id": id, "workspace_name": name}]}).to_string();
    world.plane.fault(Route::WorkspaceList, Times::N(4), Fault::Body(list));
    let hostile =
        |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
    for args in [
        &["list"][..],
        &["list", "--format", "json"],
        &["select", id],
        &["list"],
        &["delete", id, "--force", "--format", "json"],
    ] {
        let output = run(&world, args);
        assert!(!hostile(&output.stdout), "{output:?}");
        assert!(!hostile(&output.stderr), "{output:?}");
    }
    let token = world.ntcli(&["token", "create", "-w", id]).run();
    assert!(!hostile(&token.stderr), "{token:?}");
    let prod = world.add_workspace("prod");
    let named = format!("/workspaces/items/{}/workspace_name", prod.key);
    world.set_config(&named, json!(name));
    let refresh =
        world.refresh(&["-w", &prod.key, "--if-expires-within", "1", "--token-file", "token"]);
    refresh.exits(0).says("evil");
    assert!(!hostile(&refresh.stderr), "{refresh:?}");
    for request in world.plane.requests() {
        let path = &request.path;
        assert!(!path.contains(".."), "{path}");
        assert!(path.split('/').count() <= 5, "{path}");
    }
}

#[test]
fn an_answer_without_an_id_is_unusable() {
    let world = world();
    for (id, name) in [("", "x"), ("x", "")] {
        let list =
            json!({"workspaces": [{"workspace_id": id, "workspace_name": name}]}).to_string();
        world.plane.fault(Route::WorkspaceList, Times::Once, Fault::Body(list));
        run(&world, &["list"]).exits(1).prints("");
    }
}

/// The open-source edition has no accounts: all this works signed out.
#[test]
fn without_accounts_and_without_a_session() {
    let world = World::new();
    world.plane.configure(|o| {
        o.accounts = false;
        o.token_routes = false;
    });
    run(&world, &["create", "dev"]).exits(0);
    run(&world, &["list"]).exits(0);
    run(&world, &["sync"]).exits(0);
    run(&world, &["delete", "dev", "--force"]).exits(0);
    world.assert_private();
}

/// A session that has ended, or that the server rejects during the run, is renewed on the way.
#[test]
fn the_session_renews_itself() {
    for (held, ends) in [(false, 4_000_000_000_000_u64), (true, 1_000)] {
        for args in [
            &["workspace", "list"][..],
            &["workspace", "select", "remote"],
            &["workspace", "create", "dev"],
            &["workspace", "delete", "prod", "--force"],
            &["workspace", "sync"],
            &["token", "list"],
            &["token", "revoke", "CURRENT", "--force"],
        ] {
            let (world, prod) = World::ready();
            world.plane.add_workspace("remote");
            let refresh_token = world.plane.grant_refresh_token();
            world.set_config("/auth/refreshToken", json!(refresh_token));
            world.set_config("/auth/expiresAt", json!(ends));
            if !held {
                world.plane.drop_session(crate::harness::world::SESSION);
            }
            let jti = &prod.token.jti;
            let args: Vec<&str> =
                args.iter().map(|a| if *a == "CURRENT" { jti } else { *a }).collect();
            world.ntcli(&args).run().exits(0);
            let renewed = &world.config()["auth"]["bearerToken"];
            assert_ne!(*renewed, crate::harness::world::SESSION, "{args:?}");
        }
    }
}
