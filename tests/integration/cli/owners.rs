//! Several users and one folder: who owns the files, who may change them, who may read.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::process::Command;

use crate::harness::skip::{can_mount, is_root, skipped};
use crate::harness::world::{Run, SESSION, World, program};

/// Two users that need not have an account.
pub(super) const USER: u32 = 12_341;
pub(super) const OTHER: u32 = 12_342;

pub(crate) fn as_user(run: Run<'_>, uid: u32, gid: u32) -> Run<'_> {
    let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
    run.under(&["setpriv", &uid, &gid, "--clear-groups", "--"])
}

/// Only root can become another user, and the program must be accessible to that user.
pub(crate) fn others_can_run_it() -> bool {
    // By way of a shell: setpriv itself still has root's capabilities when it looks for the program.
    let trial = Command::new("setpriv")
        .args(["--reuid=12341", "--regid=12341", "--clear-groups", "--"])
        .args(["sh", "-c", "exec \"$0\" --version"])
        .arg(program())
        .output();
    let can = trial.is_ok_and(|output| output.status.success());
    if !can && is_root() {
        skipped("other users cannot run the program where it is");
    }
    can
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn give(path: &Path, uid: u32) {
    lchown(path, Some(uid), Some(uid)).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

/// What root may not do where another user decides what is done.
const DEEDS: [&[&str]; 12] = [
    &["auth", "login", "--token-stdin"],
    &["token", "show", "--check"],
    &["token", "refresh"],
    &["token", "refresh", "--all"],
    &["token", "refresh", "--dry-run"],
    &["token", "create", "--save"],
    &["token", "revoke", "--pending"],
    &["token", "rollback"],
    &["token", "list"],
    &["target", "deliver"],
    &["target", "check"],
    &["workspace", "list"],
];

/// Every file and folder with owner, mode and contents.
fn state_of(dir: &Path) -> Vec<(String, u32, u32, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        let bytes = fs::read(&path).unwrap_or_default();
        all.push((path.display().to_string(), found.uid(), found.mode(), bytes));
    }
    all.sort();
    all
}

#[test]
fn root_may_look_into_a_users_folder_and_no_more() {
    if !others_can_run_it() {
        return;
    }
    let (world, _) = World::ready();
    let ran = world.outside("ran");
    let command = format!("id -u >> {}", ran.display());
    world.ntcli(&["target", "add", "--exec", &command]).run();
    fs::remove_file(&ran).ok();
    world.refresh(&["--exec", "false"]);
    fs::remove_file(&ran).ok();
    world.plane.clear_requests();
    give(&world.dir, USER);
    set_mode(&world.dir, 0o755);
    set_mode(&world.config_path(), 0o644);
    let before = state_of(&world.dir);
    for deed in DEEDS {
        let run = world.ntcli(deed).env("NTCLI_SESSION_TOKEN", SESSION).stdin(SESSION).run();
        run.exits(2).prints("").says("belongs to another user (uid 12341)");
        run.says("Hint: sudo -u '#12341' ntcli");
    }
    for look in LOOKS {
        let code = world.ntcli(look).run().code();
        assert!(matches!(code, Some(0 | 1)), "{look:?}: {code:?}");
    }
    world.ntcli(&["token", "print"]).prints_secrets().run().exits(0);
    world.ntcli(&["check"]).run();
    world.ntcli(&["doctor"]).run().exits(1);
    world.ntcli(&["health"]).run().exits(2).says("belongs to another user");
    world.assert_nothing_sent();
    assert!(!ran.exists());
    assert_eq!(state_of(&world.dir), before);
    // A folder that is not there yet would be the user's as well.
    let dir = world.dir.join("new/config");
    let login = world.ntcli(&["auth", "login", "--token-stdin"]).stdin(SESSION);
    login.env("NTCLI_CONFIG_DIR", &dir).run().exits(2).says("Hint: sudo -u '#12341' ntcli");
    assert!(!world.dir.join("new").exists());
}

#[test]
fn a_link_does_not_lead_root_elsewhere() {
    if !others_can_run_it() {
        return;
    }
    let (world, _) = World::ready();
    let victim = world.outside("victim");
    fs::copy(world.config_path(), &victim).unwrap();
    fs::remove_file(world.config_path()).unwrap();
    symlink(&victim, world.config_path()).unwrap();
    give(&world.dir, USER);
    for command in [&["token", "print"][..], &["config", "show"], &["token", "exec", "--", "true"]]
    {
        world.ntcli(command).run().says("a link that another user").prints("");
    }

    // Nor does a link to root's own folder.
    let (world, _) = World::ready();
    let link = world.outside("link");
    symlink(&world.dir, &link).unwrap();
    for deed in [&["token", "refresh"][..], &["token", "show"], &["target", "deliver"]] {
        lchown(&link, Some(USER), Some(USER)).unwrap();
        let run = world.ntcli(deed).env("NTCLI_CONFIG_DIR", &link).run();
        run.exits(2).says("a link that another user");
        world.assert_nothing_sent();
    }
    lchown(&link, Some(0), Some(0)).unwrap();
    world.ntcli(&["token", "refresh"]).env("NTCLI_CONFIG_DIR", &link).run().exits(0);

    // Nor does one in the place of a session.
    let secret = world.outside("secret");
    fs::write(&secret, "something-only-root-reads").unwrap();
    symlink(&secret, world.outside("session")).unwrap();
    lchown(world.outside("session"), Some(USER), Some(USER)).unwrap();
    world.plane.clear_requests();
    let list = world.ntcli(&["token", "list"]);
    let run = list.env("NTCLI_SESSION_TOKEN_FILE", world.outside("session")).run();
    run.exits(2).says("a link that another user");
    world.assert_nothing_sent();

    // A user's link to a file of their own is theirs.
    let (world, workspace) = World::ready();
    fs::rename(world.config_path(), world.outside("real.json")).unwrap();
    symlink("../real.json", world.config_path()).unwrap();
    give(&world.outside("real.json"), USER);
    give(&world.dir, USER);
    set_mode(world.dir.parent().unwrap(), 0o777);
    as_user(world.ntcli(&["token", "refresh"]), USER, USER).run().exits(0);
    assert_eq!(fs::metadata(world.outside("real.json")).unwrap().uid(), USER);
    world.assert_one_live_token(&workspace);
}

/// As Kubernetes' `fsGroup` does at every mount.
fn open_all(world: &World, folder: u32, file: u32) {
    for entry in fs::read_dir(&world.dir).unwrap() {
        set_mode(&entry.unwrap().path(), file);
    }
    set_mode(&world.dir, folder);
}

#[test]
fn a_folder_that_somebody_elses_tool_opened() {
    let (world, workspace) = World::ready();
    world.refresh(&[]).exits(0);
    world.plane.clear_requests();
    for mode in [0o2770, 0o720, 0o702, 0o777, 0o1777] {
        for command in [&["token", "print"][..], &["workspace", "list"], &["token", "refresh"]] {
            open_all(&world, mode, 0o660);
            world.ntcli(command).prints_secrets().run().exits(0).says("it is closed now");
            world.assert_private();
            assert_eq!(fs::metadata(&world.dir).unwrap().mode() & 0o7777, 0o700);
            world.ntcli(command).prints_secrets().run().exits(0).says_only("");
        }
    }
    world.assert_one_live_token(&workspace);
}

#[test]
fn an_open_folder_in_which_not_all_is_ours() {
    if !others_can_run_it() {
        return;
    }
    let (world, _) = World::ready();
    world.refresh(&[]).exits(0);
    world.plane.clear_requests();
    let config = fs::read(world.config_path()).unwrap();
    world.write("planted", b"");
    give(&world.path("planted"), USER);
    for mode in [0o2770, 0o720, 0o702, 0o777] {
        open_all(&world, mode, 0o660);
        for command in [&["token", "refresh"][..], &["workspace", "list"], &["target", "deliver"]] {
            let output = world.ntcli(command).run();
            output.exits(2).prints("").says("other users can write");
            output.says(&format!("Hint: chmod go-w {}", world.dir.display()));
        }
        for command in
            [&["token", "print"][..], &["token", "show"], &["token", "exec", "--", "true"]]
        {
            world.ntcli(command).prints_secrets().run().exits(0);
        }
        assert_eq!(fs::metadata(&world.dir).unwrap().mode() & 0o7777, mode);
    }
    // A config file of another user is not read there.
    fs::remove_file(world.config_path()).unwrap();
    world.write("config.json", &config);
    give(&world.config_path(), USER);
    for command in [&["token", "print"][..], &["token", "show"], &["domain", "set", "example.org"]]
    {
        world.ntcli(command).run().exits(2).prints("").says("other users can write");
    }
    world.assert_nothing_sent();
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
