//! Who may read a file that is made; one that is there keeps its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use super::{add, add_now, read};
use crate::cli::owners::{others_can_run_it, set_mode};
use crate::harness::skip::skipped;
use crate::harness::world::World;
use crate::unattended::shared_files::{SET_DEFAULT, python};

const USER: u32 = 12_341;

/// Mode, user and group.
fn attributes(world: &World, name: &str) -> (u32, u32, u32) {
    let found = fs::metadata(world.outside(name)).unwrap();
    (found.mode() & 0o7777, found.uid(), found.gid())
}

#[test]
fn the_mode_that_was_asked_for() {
    let (world, prod) = World::ready();
    let output = add_now(&world, &["--file", "token", "--mode", "0640"]);
    assert!(output.exits(0).says_only("").stdout.contains(" 0640: the token"), "{output}");
    add_now(&world, &["--env", "T=app.env", "--mode", "600"]).exits(0);
    for _ in 0..2 {
        assert_eq!(attributes(&world, "token").0, 0o640);
        assert_eq!(attributes(&world, "app.env").0, 0o600);
        assert_eq!(read(&world, "token").trim(), world.current(&prod));
        // Made anew too.
        fs::remove_file(world.outside("token")).unwrap();
        world.refresh(&[]).exits(0);
    }
    fs::write(world.outside("old"), "").unwrap();
    set_mode(&world.outside("old"), 0o604);
    let output = add_now(&world, &["--file", "old", "--mode", "0640"]);
    output.exits(0).says("old: it is there already, and keeps its mode and its owner");
    assert_eq!(attributes(&world, "old").0, 0o604);
    for bad in ["0", "rw", "0888", "4755", "0040"] {
        add(&world, &["--file", "bad", "--mode", bad]).exits(2).says("--mode takes an octal mode");
    }
    let output = add(&world, &["--replace", "old", "--mode", "0640"]);
    output.exits(2).says("--mode needs --file or --env");
}

#[test]
fn the_owner_that_was_asked_for() {
    let (world, _) = World::ready();
    add(&world, &["--file", "bad", "--owner", "nobody-of-that-name"]).exits(2).says("/etc/passwd");
    add(&world, &["--file", "bad", "--owner", "0:no-such-group"]).exits(2).says("/etc/group");
    assert!(!world.outside("bad").exists());
    if !others_can_run_it() {
        return;
    }
    let owner = format!("{USER}:{}", USER + 1);
    add_now(&world, &["--file", "token", "--owner", &owner, "--mode", "0440"]).exits(0);
    add_now(&world, &["--file", "other", "--owner", "root"]).exits(0);
    for _ in 0..2 {
        assert_eq!(attributes(&world, "token"), (0o440, USER, USER + 1));
        assert_eq!(attributes(&world, "other"), (0o600, 0, 0));
        world.refresh(&[]).exits(0);
    }
    // Whose it has become since, that one keeps it.
    chown(world.outside("token"), Some(USER + 2), None).unwrap();
    world.refresh(&[]).exits(0);
    assert_eq!(attributes(&world, "token"), (0o440, USER + 2, USER + 1));
}

#[test]
fn a_folder_that_hands_something_down() {
    let (world, _) = World::ready();
    for (folder, mode, wanted) in [
        ("closed", 0o700, 0o600),
        ("plain", 0o755, 0o600),
        ("group", 0o2770, 0o640),
        ("group of none", 0o2700, 0o600),
    ] {
        fs::create_dir(world.outside(folder)).unwrap();
        set_mode(&world.outside(folder), mode);
        let file = format!("{folder}/token");
        add_now(&world, &["--file", &file]).exits(0);
        assert_eq!(attributes(&world, &file).0, wanted, "{folder}");
        let file = format!("{folder}/asked");
        add_now(&world, &["--file", &file, "--mode", "0604"]).exits(0);
        assert_eq!(attributes(&world, &file).0, 0o604, "{folder}");
    }
    fs::create_dir(world.outside("list")).unwrap();
    if python(SET_DEFAULT, &world.outside("list")).is_none() {
        return skipped("no python3, or no access control lists on this file system");
    }
    add_now(&world, &["--file", "list/token"]).exits(0);
    // Of the list that is handed down (user 1234 and the group r-x, others r-x), and never others.
    let acl = "import os, sys; print(os.getxattr(sys.argv[1], 'system.posix_acl_access').hex())";
    let acl = python(acl, &world.outside("list/token")).unwrap();
    assert_eq!(
        acl.trim(),
        "0200000001000600ffffffff02000500d204000004000500ffffffff10000400ffffffff20000000ffffffff"
    );
    assert_eq!(attributes(&world, "list/token").0, 0o640);
    world.refresh(&[]).exits(0);
    assert_eq!(attributes(&world, "list/token").0, 0o640);
}
