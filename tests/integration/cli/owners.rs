//! Several users and one folder: who owns the files, who may change them, who may read.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::process::Command;

use crate::harness::parallel::skipped;
use crate::harness::world::{Run, SESSION, World, program};

/// Two users that need not have an account.
const USER: u32 = 12_341;
const OTHER: u32 = 12_342;

fn as_user(run: Run<'_>, uid: u32, gid: u32) -> Run<'_> {
    let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
    run.under(&["setpriv", &uid, &gid, "--clear-groups", "--"])
}

/// Only root can become another user, and the program must be accessible to that user.
fn others_can_run_it() -> bool {
    // By way of a shell: setpriv itself still has root's capabilities when it looks for the program.
    let trial = Command::new("setpriv")
        .args(["--reuid=12341", "--regid=12341", "--clear-groups", "--"])
        .args(["sh", "-c", "exec \"$0\" --version"])
        .arg(program())
        .output();
    let can = trial.is_ok_and(|output| output.status.success());
    if !can {
        skipped("not root, or other users cannot run the program where it is");
    }
    can
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn give(path: &Path, uid: u32) {
    lchown(path, Some(uid), Some(uid)).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

/// The folder and everything in it are the user's, and nothing is missing.
#[track_caller]
fn assert_all_of(dir: &Path, uid: u32, names: &[&str]) {
    assert_eq!(fs::metadata(dir).unwrap().uid(), uid, "{}", dir.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().uid(), uid, "{entry:?}");
        found.push(entry.file_name().into_string().unwrap());
    }
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn root_does_not_lock_the_user_out() {
    if !others_can_run_it() {
        return;
    }
    let names = ["config.json", "history.jsonl", "last-run.json", "ntcli.lock"];
    let (world, workspace) = World::ready();
    give(&world.dir, USER);
    world.ntcli(&["token", "show"]).run().exits(0);
    world.refresh(&[]).exits(0);
    assert_all_of(&world.dir, USER, &names);
    let refresh = || as_user(world.ntcli(&["token", "refresh"]), USER, USER);
    refresh().run().exits(0).says_only("");
    world.assert_one_live_token(&workspace);

    // The user can finish a journal that root has begun.
    let failed = as_user(world.ntcli(&["token", "refresh", "--exec", "false"]), USER, USER);
    failed.run().exits(9);
    world.refresh(&["--exec", "false"]).exits(9);
    let journal = fs::metadata(world.journal_path()).unwrap();
    assert_eq!(journal.uid(), USER);
    let args = ["token", "refresh", "--exec", "true"];
    as_user(world.ntcli(&args), USER, USER).run().exits(0);
    world.assert_one_live_token(&workspace);

    let (world, workspace) = World::ready();
    give(&world.dir, USER);
    world.refresh(&["--exec", "false"]).exits(9);
    let names = ["config.json", "history.jsonl", "last-run.json", "ntcli.lock", "rotation.journal"];
    assert_all_of(&world.dir, USER, &names);
    as_user(world.ntcli(&args), USER, USER).run().exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_folder_that_root_makes_is_the_users() {
    if !others_can_run_it() {
        return;
    }
    let world = World::new();
    let home = world.outside("home");
    fs::create_dir(&home).unwrap();
    give(&home, USER);
    let dir = home.join("new/config");
    let login = world.ntcli(&["auth", "login", "--token-stdin"]);
    let login = login.env("NTCLI_CONFIG_DIR", &dir).stdin(SESSION);
    login.run().exits(0);
    assert_all_of(&home, USER, &["new"]);
    assert_all_of(&home.join("new"), USER, &["config"]);
    assert_all_of(&dir, USER, &["config.json", "ntcli.lock"]);
    let status = world.ntcli(&["auth", "status"]);
    let status = as_user(status.env("NTCLI_CONFIG_DIR", &dir), USER, USER);
    status.run().exits(0).says_only("");
}

#[test]
fn a_link_does_not_lead_root_elsewhere() {
    if !others_can_run_it() {
        return;
    }
    for name in ["ntcli.lock", "rotation.journal", "history.jsonl", "config.json"] {
        let (world, _) = World::ready();
        let (victim, new) = (world.outside("victim"), world.outside("new"));
        fs::copy(world.config_path(), &victim).unwrap();
        set_mode(&victim, 0o600);
        let before = fs::read(&victim).unwrap();
        for target in [&victim, &new] {
            fs::remove_file(world.path(name)).ok();
            symlink(target, world.path(name)).unwrap();
            give(&world.dir, USER);
            let output = world.refresh(&[]);
            assert!(output.code() == Some(2) || name == "history.jsonl", "{output}");
            output.says("a link that another user");
            if name != "history.jsonl" {
                world.assert_nothing_sent();
            }
        }
        assert_eq!(fs::read(&victim).unwrap(), before, "{name}");
        let found = fs::metadata(&victim).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o777), (0, 0o600), "{name}");
        assert!(!new.exists(), "{name}");
    }

    // To a file of their own it may.
    let (world, workspace) = World::ready();
    fs::rename(world.config_path(), world.outside("real.json")).unwrap();
    symlink("../real.json", world.config_path()).unwrap();
    give(&world.outside("real.json"), USER);
    give(&world.dir, USER);
    world.refresh(&[]).exits(0);
    assert_eq!(fs::metadata(world.outside("real.json")).unwrap().uid(), USER);
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_folder_that_others_can_write() {
    let (world, workspace) = World::ready();
    world.refresh(&[]).exits(0);
    world.plane.clear_requests();
    let commands: [&[&str]; 4] = [
        &["token", "refresh"],
        &["token", "show"],
        &["workspace", "list"],
        &["domain", "set", "example.org"],
    ];
    for mode in [0o770, 0o720, 0o702, 0o777] {
        set_mode(&world.dir, mode);
        for command in commands {
            let output = world.ntcli(command).run();
            output.exits(2).prints("").says("other users can write");
            output.says(&format!("Hint: chmod go-w {}", world.dir.display()));
        }
    }
    // In a sticky folder others cannot replace our files; nothing is written there anyway.
    set_mode(&world.dir, 0o1777);
    world.ntcli(&["token", "show"]).run().exits(0);
    world.refresh(&[]).exits(2).says("other users can write");
    world.assert_nothing_sent();
    set_mode(&world.dir, 0o750);
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_folder_of_another_user() {
    if !others_can_run_it() {
        return;
    }
    let (world, workspace) = World::ready();
    give(&world.dir, USER);
    set_mode(&world.dir, 0o755);
    set_mode(&world.config_path(), 0o644);
    let output = as_user(world.ntcli(&["token", "refresh"]), OTHER, OTHER).run();
    output.exits(2).says("belongs to another user (uid 12341)");
    output.says("Hint: sudo -u '#12341' ntcli");
    world.assert_nothing_sent();
    // One that root has put there is as good as the user's own.
    chown(&world.dir, Some(0), Some(0)).unwrap();
    let output = as_user(world.ntcli(&["token", "refresh"]), OTHER, OTHER).run();
    output.exits(2).says("Permission denied");
    world.assert_one_live_token(&workspace);
}

/// What needs no network and changes nothing.
const LOOKS: [&[&str]; 6] = [
    &["token", "show"],
    &["token", "show", "--format", "json"],
    &["token", "needs-refresh", "--within", "52w"],
    &["auth", "status"],
    &["config", "show"],
    &["token", "history"],
];

#[test]
fn a_reader_of_the_group() {
    if !others_can_run_it() {
        return;
    }
    let (world, _) = World::ready();
    world.refresh(&["--expires-in", "30d"]).exits(0);
    give(&world.dir, USER);
    set_mode(&world.dir, 0o750);
    set_mode(&world.config_path(), 0o640);
    set_mode(&world.path("history.jsonl"), 0o640);
    for command in LOOKS {
        let output = as_user(world.ntcli(command), OTHER, USER).run();
        output.exits(0);
        if command[1] != "history" {
            output.says("Warning: ").says("its mode stays as it is");
        }
    }
    let mode = fs::metadata(world.config_path()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_mount_that_is_read_only() {
    let script = r#"mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@""#;
    if !can_mount() {
        return;
    }
    let (world, _) = World::ready();
    world.refresh(&["--expires-in", "30d"]).exits(0);
    set_mode(&world.config_path(), 0o644);
    let read_only = |command| {
        let dir = world.dir.to_str().unwrap();
        let run = world.ntcli(command);
        run.under(&["unshare", "-rm", "sh", "-c", script, dir]).run()
    };
    for command in LOOKS {
        read_only(command).exits(0);
    }
    read_only(&["token", "show"]).says("Warning: ").says("its mode stays as it is");
    world.plane.clear_requests();
    read_only(&["token", "refresh"]).exits(2).says("Read-only");
    world.assert_nothing_sent();
}

fn can_mount() -> bool {
    let mut trial = Command::new("unshare");
    trial.args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]);
    let can = trial.output().is_ok_and(|output| output.status.success());
    if !can {
        skipped("mounts are forbidden");
    }
    can
}

/// As container tools mount a single file: nothing can be renamed over it.
#[test]
fn a_file_that_is_a_mount() {
    if !can_mount() {
        return;
    }
    let (world, workspace) = World::ready();
    fs::write(world.outside("my token"), "").unwrap();
    let token_file = world.outside("my token");
    let token_file = token_file.to_str().unwrap();
    let config = world.config_path();
    let config = config.to_str().unwrap();
    for (mount, args) in [
        (config, &["token", "refresh"][..]),
        (config, &["token", "refresh", "--dry-run"]),
        (token_file, &["token", "refresh", "--token-file", token_file]),
    ] {
        let script = r#"mount --bind "$0" "$0" && exec "$@""#;
        let run = world.ntcli(args);
        let output = run.under(&["unshare", "-rm", "sh", "-c", script, mount]).run();
        output.exits(2).says("a mount of its own");
        output.says("Hint: mount its folder instead of the file: ");
        world.assert_nothing_sent();
    }
    world.assert_one_live_token(&workspace);
}
