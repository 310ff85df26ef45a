//! A file that its application put back with a token from before is healed; any other token stays.

use std::fs;

use super::{add_now, mcp, read};
use crate::control_plane::TokenShape;
use crate::harness::world::{Workspace, World};

/// As [`World::ready`], with tokens that say nothing themselves.
fn opaque() -> (World, Workspace) {
    let world = World::signed_in();
    world.plane.configure(|o| {
        o.token_shape = TokenShape::Opaque;
        o.jti_in_answer = true;
    });
    let prod = world.add_workspace("prod");
    world.set_config("/workspaces/activeWorkspaceId", prod.key.as_str().into());
    (world, prod)
}

/// One that `token create` hands out.
fn hand_out(world: &World) -> String {
    let create = world.ntcli(&["token", "create", "--no-save", "--format", "json"]);
    let json = create.prints_secrets().run().exits(0).json();
    json["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_from_before_is_replaced() {
    token_from_before(World::ready());
    token_from_before(opaque());
}

fn token_from_before((world, prod): (World, Workspace)) {
    let first = prod.token.access_token.clone();
    fs::write(world.outside("mcp.json"), mcp(&first)).unwrap();
    add_now(&world, &["--replace", "mcp.json"]).exits(0);
    for _ in 0..3 {
        world.refresh(&[]).exits(0);
    }
    // What the application read at its start, three tokens ago.
    fs::write(world.outside("mcp.json"), mcp(&first)).unwrap();
    world.ntcli(&["target", "deliver"]).run().exits(0);
    assert_eq!(read(&world, "mcp.json"), mcp(&world.current(&prod)));
    fs::write(world.outside("mcp.json"), mcp(&first)).unwrap();
    world.refresh(&[]).exits(0);
    assert_eq!(read(&world, "mcp.json"), mcp(&world.current(&prod)));
    world.assert_one_live_token(&prod);
}

/// The same of a file that holds the token alone.
#[test]
fn a_file_of_the_bare_token() {
    bare_token(World::ready());
    bare_token(opaque());
}

fn bare_token((world, prod): (World, Workspace)) {
    let staging = world.add_workspace("staging");
    let first = prod.token.access_token.clone();
    add_now(&world, &["--file", "token"]).exits(0);
    world.refresh(&[]).exits(0);
    world.refresh(&[]).exits(0);
    for args in [&["target", "deliver"][..], &["token", "refresh"]] {
        fs::write(world.outside("token"), &first).unwrap();
        world.ntcli(args).run().exits(0);
        assert_eq!(read(&world, "token"), world.current(&prod));
    }
    let handed_out = hand_out(&world);
    let unknown = world.plane.issue_token(&prod.id, Some(9)).access_token;
    // A token from before is known by its id, and what stands beside it is not.
    let beside = format!("{first}\nDB_PASSWORD=secret\n");
    fs::write(world.outside("token"), &beside).unwrap();
    world.ntcli(&["target", "deliver"]).run().exits(9).says("which would be lost");
    assert_eq!(read(&world, "token"), beside);
    for other in [&handed_out, &staging.token.access_token, &unknown] {
        fs::write(world.outside("token"), other).unwrap();
        world.ntcli(&["target", "deliver"]).run().exits(9).says("--overwrite");
        add_now(&world, &["--file", "token"]).exits(2).says("--overwrite");
        assert_eq!(read(&world, "token"), *other);
    }
    add_now(&world, &["--file", "token", "--overwrite"]).exits(0);
    assert_eq!(read(&world, "token"), world.current(&prod));
}

#[test]
fn a_token_that_is_not_ours_stays() {
    not_ours(World::ready());
    not_ours(opaque());
}

fn not_ours((world, prod): (World, Workspace)) {
    let staging = world.add_workspace("staging");
    fs::write(world.outside("mcp.json"), mcp(&prod.token.access_token)).unwrap();
    add_now(&world, &["--replace", "mcp.json"]).exits(0);
    world.refresh(&[]).exits(0);
    world.ntcli(&["token", "refresh", "staging"]).run().exits(0);
    let handed_out = hand_out(&world);
    for other in [
        &handed_out,
        &staging.token.access_token,
        &world.plane.issue_token(&prod.id, Some(9)).access_token,
    ] {
        fs::write(world.outside("mcp.json"), mcp(other)).unwrap();
        world.ntcli(&["target", "deliver"]).run().exits(9);
        assert_eq!(read(&world, "mcp.json"), mcp(other));
    }
}

/// Made by `token create --save`: it was printed, and it went to the targets.
#[test]
fn one_that_was_handed_out_and_delivered() {
    for (world, prod) in [World::ready(), opaque()] {
        add_now(&world, &["--file", "token"]).exits(0);
        world.ntcli(&["token", "create", "--save"]).prints_secrets().run().exits(0);
        let saved = read(&world, "token");
        assert_eq!(saved.trim(), world.current(&prod));
        world.issue_elsewhere(&prod);
        world.ntcli(&["renew"]).run().exits(0);
        assert_eq!(read(&world, "token").trim(), world.current(&prod));
    }
}

/// An opaque token that the workspace had, but that was never delivered from here.
#[test]
fn one_that_was_only_held() {
    let (world, prod) = opaque();
    let first = prod.token.access_token.clone();
    world.refresh(&[]).exits(0);
    fs::write(world.outside("token"), &first).unwrap();
    let text = format!("{{\"a\": \"x\\n{first}\"}}\nThis is {first}.\n");
    fs::write(world.outside("text"), &text).unwrap();
    add_now(&world, &["--file", "token"]).exits(0);
    add_now(&world, &["--replace", "text"]).exits(0);
    let current = world.current(&prod);
    assert_eq!(read(&world, "token"), current);
    assert_eq!(read(&world, "text"), text.replace(&first, &current));
    // The history holds no token.
    let history = fs::read_to_string(world.path("history.jsonl")).unwrap();
    assert!(history.contains("sha256") && !history.contains(&first) && !history.contains(&current));
}
