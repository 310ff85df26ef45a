//! Two entries of one workspace: the existing client adds one by the bare UUID, without a token.

use serde_json::{Value, json};

use crate::harness::world::{Workspace, World};
use crate::workspaces::manage::{active, named, run};

/// `prod` with its token, and the second entry, which is the active one.
fn twins() -> (World, Workspace) {
    let (world, prod) = World::ready();
    add(&world, &prod, "no-token");
    world.set_config("/workspaces/activeWorkspaceId", json!(prod.id));
    (world, prod)
}

fn add(world: &World, prod: &Workspace, token: &str) {
    let twin = json!({"workspace_id": prod.id, "workspace_name": "prod", "access_token": token,
        "token_type": "Bearer", "scope": [], "expires_at": null, "isActive": true,
        "colour": "blue", "mark": 1});
    world.set_config(&format!("/workspaces/items/{}", prod.id), twin);
}

fn items(world: &World) -> Vec<String> {
    let items = world.config()["workspaces"]["items"].clone();
    items.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_one_with_the_token_is_meant() {
    let (world, prod) = twins();
    for name in [None, Some("prod"), Some(prod.id.as_str()), Some(&prod.key)] {
        let args: Vec<&str> = name.into_iter().collect();
        let before = world.current(&prod);
        world.refresh(&args).exits(0);
        assert_ne!(world.current(&prod), before, "{name:?}");
        world.assert_one_live_token(&prod);
        let show = [&["token", "show", "--format=json"], &args[..]].concat();
        let shown = world.ntcli(&show).run().json();
        assert_eq!(shown["jti"], world.item(&prod)["jti"], "{name:?}");
    }
    let upper = prod.id.to_uppercase();
    for name in [upper.as_str(), "prod"] {
        let show = world.ntcli(&["token", "show"]).env("NTCLI_WORKSPACE", name);
        show.run().exits(0);
    }
    // The new name of a workspace that was renamed stands in the newer entry.
    world.set_config(&format!("/workspaces/items/{}/workspace_name", prod.id), json!("new"));
    world.ntcli(&["token", "show", "new"]).run().exits(0);
    world.ntcli(&["token", "show", "prod"]).run().exits(0);
    assert_eq!(items(&world).len(), 2);
}

#[test]
fn all_and_list_have_it_once() {
    let (world, prod) = twins();
    let json = world.refresh(&["--all", "--format", "json"]).exits(0).json();
    assert_eq!(json["results"].as_array().unwrap().len(), 1);
    world.assert_one_live_token(&prod);
    let list = run(&world, &["list", "--format", "json"]).json();
    assert_eq!(list["workspaces"].as_array().unwrap().len(), 1);
    let listed = named(&world, "prod");
    assert_eq!((&listed["active"], &listed["has_token"]), (&json!(true), &json!(true)));
    // Nor twice if the server no longer has it.
    let gone = world.ntcli(&["workspace", "list", "--format", "json"]);
    let empty = r#"{"workspaces": []}"#.to_owned();
    let fault = crate::control_plane::Fault::Body(empty);
    world.plane.fault(
        crate::control_plane::Route::WorkspaceList,
        crate::control_plane::Times::Once,
        fault,
    );
    let list = gone.run().json();
    assert_eq!(list["workspaces"].as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn selecting_it_selects_the_one_with_the_token() {
    let (world, prod) = twins();
    for name in ["prod", &prod.id, &prod.key] {
        run(&world, &["clear"]).exits(0);
        run(&world, &["select", name]).exits(0);
        assert_eq!(active(&world), prod.key.as_str(), "{name}");
    }
}

#[test]
fn sync_joins_them() {
    let (world, prod) = twins();
    let before = world.item(&prod);
    let output = run(&world, &["sync", "--format", "json"]);
    let json = output.exits(0).json();
    assert_eq!(json["joined"], json!([{"name": "prod", "id": prod.id, "entries": [prod.id]}]));
    assert_eq!(items(&world), [prod.key.as_str()]);
    assert_eq!(active(&world), prod.key.as_str());
    let after = world.item(&prod);
    for (name, value) in before.as_object().unwrap() {
        assert_eq!(&after[name], value, "{name}");
    }
    assert_eq!((&after["colour"], &after["mark"]), (&json!("blue"), &json!(1)));
    assert_eq!(after["isActive"], true);
    let again = run(&world, &["sync"]);
    again.exits(0).prints("The server has 1 workspace.\n");

    // Another workspace stays the active one.
    let (world, prod) = twins();
    let other = world.add_workspace("other");
    world.set_config("/workspaces/activeWorkspaceId", json!(other.key));
    let output = run(&world, &["sync"]);
    output.exits(0).prints(&format!(
        "Joined:  'prod' ({}): it has one entry now\nThe server has 2 workspaces.\n",
        prod.id
    ));
    assert_eq!(active(&world), other.key.as_str());
    assert_eq!(items(&world).len(), 2);
}

/// One token under two keys is one token.
#[test]
fn the_same_token_twice() {
    let (world, prod) = twins();
    add(&world, &prod, &prod.token.access_token);
    let json = world.refresh(&["--all", "--format", "json"]).exits(0).json();
    assert_eq!(json["results"].as_array().unwrap().len(), 1);
    let jti = world.item(&prod)["jti"].as_str().unwrap().to_owned();
    world.ntcli(&["token", "revoke", &jti, "--force"]).run().exits(0);
    for key in items(&world) {
        let pointer = format!("/workspaces/items/{key}/access_token");
        assert_eq!(world.config().pointer(&pointer), Some(&json!("no-token")), "{key}");
    }
    run(&world, &["sync"]).exits(0);
    assert_eq!(items(&world).len(), 1);
}

/// Two tokens of one workspace: the active entry counts, and none is lost.
#[test]
fn two_tokens() {
    let (world, prod) = twins();
    let second = world.plane.issue_token(&prod.id, None);
    add(&world, &prod, &second.access_token);
    let show = |args: &[&str]| {
        let args = [&["token", "show", "--format=json"], args].concat();
        world.ntcli(&args).run().exits(0).json()["jti"].clone()
    };
    for args in [&[][..], &["prod"], &[prod.id.as_str()]] {
        assert_eq!(show(args), second.jti.as_str(), "{args:?}");
    }
    assert_eq!(show(&[&prod.key]), prod.token.jti.as_str());
    let list = run(&world, &["list"]);
    list.exits(0).says("two tokens").says(&prod.key);
    let json = world.refresh(&["--all", "--format", "json"]);
    json.exits(0).says(&prod.key);
    assert_eq!(json.json()["results"].as_array().unwrap().len(), 1);
    assert!(!world.plane.is_live(&second.access_token));
    assert!(world.plane.is_live(&prod.token.access_token));

    // Both work: neither may go.
    let output = run(&world, &["sync", "--format", "json"]);
    output.exits(0).says(&prod.key).says(&prod.token.jti);
    assert_eq!(output.json()["joined"], json!([]));
    assert_eq!(items(&world).len(), 2);
    // If none is active, the one whose key is the id counts.
    run(&world, &["clear"]).exits(0);
    assert_eq!(show(&["prod"]), show(&[prod.id.as_str()]));
    assert_ne!(show(&["prod"]), prod.token.jti.as_str());

    // The server shows which of them is dead, since it accepts the other.
    let jti = &prod.token.jti;
    let revoke = ["token", "revoke", jti, "-w", &prod.key, "--force"];
    let token = world.current(&prod);
    world.ntcli(&revoke).run().exits(0);
    world.set_config(&format!("/workspaces/items/{}/access_token", prod.key), json!(token));
    run(&world, &["sync"]).exits(0).says_only("");
    assert_eq!(items(&world), [prod.id.as_str()]);
    let left = world.config()["workspaces"]["items"][&prod.id]["access_token"].clone();
    assert!(world.plane.is_live(left.as_str().unwrap()));
}

/// A server that rejects every token proves nothing about either.
#[test]
fn two_tokens_and_a_server_that_takes_none() {
    let (world, prod) = twins();
    let second = world.plane.issue_token(&prod.id, None);
    add(&world, &prod, &second.access_token);
    world.plane.configure(|o| o.token_auth = crate::control_plane::TokenAuth::Rejects401All);
    run(&world, &["sync"]).exits(0);
    assert_eq!(items(&world).len(), 2);
}

#[test]
fn both_go_with_the_workspace() {
    let (world, _) = twins();
    run(&world, &["delete", "prod", "--force"]).exits(0);
    assert_eq!(items(&world), [""; 0]);
    assert_eq!(active(&world), Value::Null);

    let (world, prod) = twins();
    let second = world.plane.issue_token(&prod.id, None);
    add(&world, &prod, &second.access_token);
    world.ntcli(&["auth", "logout", "--all", "--force"]).run().exits(0);
    assert_eq!(world.plane.live_tokens(&prod.id), [""; 0]);
}
