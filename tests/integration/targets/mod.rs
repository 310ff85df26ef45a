//! What must get a token, remembered with the workspace; and the rollback.

mod bounds;
mod commands;
mod consumers;
mod earlier;
mod in_place;
mod kept;
mod kills;
mod new_files;
mod progress;
mod put_back;
mod readers;
mod remembered;
mod rollback;
mod soak;

use std::fs;

use crate::harness::world::{Workspace, World};

/// An MCP client's configuration with the token in it.
fn mcp(token: &str) -> String {
    format!(
        "{{\n  \"args\": [\"bridge\", \"--token\", \"{token}\"],\n  \"env\": {{\"T\": \"{token}\"}}\n}}"
    )
}

/// A workspace with a target of every kind, each of which has the current token.
fn ready() -> (World, Workspace) {
    let (world, prod) = World::ready();
    let token = &prod.token.access_token;
    fs::write(world.outside("mcp.json"), mcp(token)).unwrap();
    add(&world, &["--file", "token"]).exits(0);
    add(&world, &["--env", "TOKEN=app.env"]).exits(0);
    add(&world, &["--replace", "mcp.json"]).exits(0);
    let command = "cd \"$HERE\" && echo \"$NTCLI_NEW_TOKEN\" > hook.new && mv hook.new hook; \
                   echo \"$NTCLI_ATTEMPT $NTCLI_NEW_JTI\" >> log";
    add(&world, &["--exec", command]).exits(0);
    world.ntcli(&["target", "deliver"]).run().exits(0);
    fs::remove_file(world.outside("log")).unwrap();
    (world, prod)
}

/// Remembers a target; whoever tests deliveries begins them.
fn add(world: &World, args: &[&str]) -> crate::harness::world::Output {
    world.ntcli(&[&["target", "add", "--later"], args].concat()).run()
}

fn add_now(world: &World, args: &[&str]) -> crate::harness::world::Output {
    world.ntcli(&[&["target", "add"], args].concat()).run()
}

fn read(world: &World, name: &str) -> String {
    fs::read_to_string(world.outside(name)).unwrap_or_default()
}

/// The tokens that the targets hold: file, env file, JSON, command.
fn held(world: &World) -> [String; 4] {
    let mcp_text = read(world, "mcp.json");
    let token = mcp_text.split('"').nth(7).unwrap_or_default().to_owned();
    assert_eq!(mcp_text, mcp(&token), "another byte was changed");
    let env = read(world, "app.env");
    let env = env.strip_prefix("TOKEN=").unwrap_or_default();
    let [file, env, hook] =
        [&read(world, "token"), env, &read(world, "hook")].map(|text| text.trim().to_owned());
    [file, env, token, hook]
}

#[track_caller]
fn assert_all_hold_current(world: &World, workspace: &Workspace) {
    assert_eq!(held(world), [(); 4].map(|()| world.current(workspace)));
}

/// At every moment.
#[track_caller]
fn assert_held_are_live(world: &World) {
    for token in held(world) {
        assert!(world.plane.is_live(&token), "{token}: {}", world.describe());
    }
}
