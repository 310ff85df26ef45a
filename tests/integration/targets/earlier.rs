//! A file that its application put back with a token from before is healed; any other token stays.

use std::fs;

use super::{add_now, mcp, read};
use crate::harness::world::World;

#[test]
fn a_token_from_before_is_replaced() {
    let (world, prod) = World::ready();
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

#[test]
fn a_token_that_is_not_ours_stays() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    fs::write(world.outside("mcp.json"), mcp(&prod.token.access_token)).unwrap();
    add_now(&world, &["--replace", "mcp.json"]).exits(0);
    world.refresh(&[]).exits(0);
    world.ntcli(&["token", "refresh", "staging"]).run().exits(0);
    let create =
        world.ntcli(&["token", "create", "--no-save", "--format", "json"]).prints_secrets();
    let handed_out = create.run().exits(0).json()["token"].as_str().unwrap().to_owned();
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
