//! Where nothing can be stored, a UUID and the session of the environment are enough.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::world::{Output, SESSION, World};

fn temporary(world: &World) -> PathBuf {
    let dir = world.outside("tmp");
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn run(world: &World, dir: &Path, args: &[&str]) -> Output {
    let run = world.ntcli(args).env("NTCLI_CONFIG_DIR", dir).env("NTCLI_SESSION_TOKEN", SESSION);
    run.env("TMPDIR", temporary(world)).prints_secrets().run()
}

#[test]
fn a_token_is_made_listed_and_revoked() {
    let world = World::new();
    let id = world.plane.add_workspace("prod");
    // Nobody, root neither, makes a folder in it.
    let dir = Path::new("/proc/none");
    let jti = run(&world, dir, &["token", "create", &id, "--no-save", "--format", "json"]);
    let jti = jti.exits(0).json()["jti"].as_str().unwrap().to_owned();
    assert_eq!(world.plane.live_tokens(&id), [jti.as_str()]);
    assert!(run(&world, dir, &["token", "list", &id]).exits(0).stdout.contains(&jti));
    run(&world, dir, &["token", "revoke", &jti, "-w", &id, "--force"]).exits(0);
    assert!(world.plane.live_tokens(&id).is_empty());
    assert_eq!(fs::read_dir(temporary(&world)).unwrap().count(), 0, "nothing is left");
}

/// What nobody would finish is said, with the command that does.
#[test]
fn what_is_pending_stays() {
    use crate::control_plane::{Fault, Route, Times};
    let world = World::new();
    let id = world.plane.add_workspace("prod");
    world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
    let dir = Path::new("/proc/none");
    let output = run(&world, dir, &["token", "create", &id, "--no-save"]);
    output.exits(10).says("ntcli token revoke --pending");
    let left = fs::read_dir(temporary(&world)).unwrap().next().unwrap().unwrap().path();
    assert!(output.stderr.contains(&format!("NTCLI_CONFIG_DIR={}", left.display())), "{output}");
}

/// What must be stored is not done, nor what names no UUID.
#[test]
fn no_more_than_that() {
    let world = World::new();
    let id = world.plane.add_workspace("prod");
    let dir = Path::new("/proc/none");
    run(&world, dir, &["token", "create", &id, "--save"]).exits(1);
    run(&world, dir, &["token", "create", "prod", "--no-save"]).exits(1);
    let run = world.ntcli(&["token", "create", &id, "--no-save"]);
    run.env("NTCLI_CONFIG_DIR", dir).run().exits(4);
    world.assert_nothing_sent();
}
