//! The recipe of the guide for many workspaces: each group is renewed, whatever the shell had exported.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};

use super::GUIDE;
use crate::harness::world::{SESSION, World};

#[test]
fn each_group_is_renewed() {
    let (world, _) = World::ready();
    world.plane.add_workspace("staging");
    symlink(&world.program, world.outside("ntcli")).unwrap();
    fs::create_dir_all(world.outside("groups")).unwrap();
    fs::write(world.outside("ntcli.session"), SESSION).unwrap();
    let (_, chapter) = GUIDE.split_once("\n## Many workspaces\n").expect("its chapter");
    let (_, block) = chapter.split_once("```sh\n").expect("its block");
    let block = block.split("```").next().unwrap_or_default();
    let here = world.outside("");
    let block = block.replace("/etc/", here.to_str().unwrap());
    let block = block.replace("/var/lib/", here.to_str().unwrap());
    let (set_up, nightly) = block.split_once("done\n").expect("a loop, and what a timer runs");
    let sh = |lines: &str| {
        let run = world.ntcli(&[""; 0]).under(&["/bin/sh", "-ec", lines]);
        run.env("NTCLI_SESSION_TOKEN_FILE", world.outside("ntcli.session")).run()
    };
    sh(&format!("{set_up}done")).exits(0);
    let groups = ["prod", "staging"].map(|name| world.outside("groups").join(name));
    sh(nightly).exits(0);
    for group in &groups {
        assert!(group.join("last-run.json").exists(), "{} was left out", group.display());
    }
    // A folder that was wiped is said, and holds up no other.
    fs::DirBuilder::new().mode(0o700).create(world.outside("groups").join("wiped")).unwrap();
    for group in &groups {
        fs::remove_file(group.join("last-run.json")).unwrap();
    }
    sh(nightly).exits(123).says("groups/wiped");
    assert!(groups.iter().all(|group| group.join("last-run.json").exists()));
}
