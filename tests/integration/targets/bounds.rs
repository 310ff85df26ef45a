//! Which file is written is found out in the writing itself: not one of ours, not another workspace's, not
//! one that another user put there.

use std::fs;
use std::os::unix::fs::{chown, symlink};

use super::{add, add_now, read, ready};
use crate::cli::owners::{others_can_run_it, set_mode};
use crate::harness::skip::can_mount;
use crate::harness::strace;
use crate::harness::world::{Output, World};

const USER: u32 = 12_341;

/// Makes the file of a target a link to another one.
fn exchange(world: &World, name: &str, to: &std::path::Path) {
    fs::remove_file(world.outside(name)).ok();
    symlink(to, world.outside(name)).unwrap();
}

#[test]
fn a_link_to_a_file_of_ours() {
    for own in ["config.json", "targets.json", "history.jsonl", "ntcli.lock"] {
        let (world, _) = World::ready();
        add_now(&world, &["--file", "token", "--overwrite"]).exits(0);
        world.refresh(&["--revoke-after", "1h"]).exits(0);
        let own = world.path(own);
        let before = fs::read(&own).unwrap_or_default();
        exchange(&world, "token", &own);
        let deliver = world.ntcli(&["target", "deliver"]).run();
        deliver.exits(9).says("it is one of ntcli's own files");
        assert_eq!(fs::read(&own).unwrap_or_default(), before, "{}", own.display());
    }
}

#[test]
fn a_rollback_through_a_link_to_the_config_file() {
    let (world, prod) = World::ready();
    add_now(&world, &["--file", "token", "--overwrite"]).exits(0);
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    exchange(&world, "token", &world.config_path());
    let rollback = world.ntcli(&["token", "rollback"]).run();
    rollback.exits(9).says("it is one of ntcli's own files");
    // It holds the session and every token as before.
    assert_eq!(world.current(&prod), prod.token.access_token);
    world.ntcli(&["auth", "status"]).run().exits(0);
    fs::remove_file(world.outside("token")).unwrap();
    world.refresh(&[]);
    assert_eq!(read(&world, "token").trim(), world.current(&prod));
}

#[test]
fn a_link_to_another_workspaces_target() {
    let (world, _) = World::ready();
    world.add_workspace("staging");
    add_now(&world, &["--file", "token", "--overwrite"]).exits(0);
    add_now(&world, &["staging", "--file", "other", "--overwrite"]).exits(0);
    let before = read(&world, "token");
    exchange(&world, "other", &world.outside("token"));
    let deliver = world.ntcli(&["target", "deliver", "2"]).run();
    deliver.exits(9).says("two targets would write to this file");
    assert_eq!(read(&world, "token"), before);
    // A variable each is no collision.
    let (world, _) = ready();
    world.add_workspace("staging");
    add(&world, &["staging", "--env", "OTHER=app.env"]).exits(0);
    world.ntcli(&["target", "deliver"]).run().exits(0);
}

/// `target deliver` where `from` is also mounted at `to`, by paths in the world.
fn deliver_with(world: &World, from: &str, to: &str) -> Output {
    let script = r#"mount --bind "$0" "$1" && shift && exec "$@""#;
    let [from, to] = [from, to].map(|name| world.outside(name).display().to_string());
    let deliver = world.ntcli(&["target", "deliver"]);
    deliver.under(&["unshare", "-rm", "sh", "-c", script, &from, &to]).run()
}

#[test]
fn another_workspaces_file_under_another_name() {
    let (world, prod) = World::ready();
    world.add_workspace("staging");
    for (workspace, folder) in [("prod", "a"), ("staging", "b")] {
        fs::create_dir(world.outside(folder)).unwrap();
        let env = format!("T={folder}/app.env");
        world.ntcli(&["target", "add", workspace, "--env", &env]).run().exits(0);
    }
    let two = "two targets would write to this file";
    let of_prod = format!("T={}\n", world.current(&prod));
    if can_mount() {
        deliver_with(&world, "a", "b").exits(9).says(two);
        assert_eq!(read(&world, "a/app.env"), of_prod);
        deliver_with(&world, "a/app.env", "b/app.env").exits(9);
        assert_eq!(read(&world, "a/app.env"), of_prod);
    }
    fs::remove_file(world.outside("b/app.env")).unwrap();
    fs::hard_link(world.outside("a/app.env"), world.outside("b/app.env")).unwrap();
    world.ntcli(&["target", "deliver"]).run().exits(9).says(two);
    assert_eq!(read(&world, "a/app.env"), of_prod);
}

#[test]
fn a_file_of_ours_under_another_name() {
    let (world, _) = World::ready();
    fs::create_dir(world.outside("a")).unwrap();
    add_now(&world, &["--file", "a/token", "--overwrite"]).exits(0);
    let before = fs::read(world.config_path()).unwrap();
    if can_mount() {
        deliver_with(&world, "config/config.json", "a/token").exits(9).says("ntcli's own files");
    }
    fs::remove_file(world.outside("a/token")).unwrap();
    fs::hard_link(world.config_path(), world.outside("a/token")).unwrap();
    world.ntcli(&["target", "deliver"]).run().exits(9).says("ntcli's own files");
    assert_eq!(fs::read(world.config_path()).unwrap(), before);
}

#[test]
fn a_file_that_another_user_put_into_an_open_folder() {
    if !others_can_run_it() {
        return;
    }
    let (world, prod) = World::ready();
    let dir = world.outside("open");
    fs::create_dir(&dir).unwrap();
    let file = dir.join("token");
    let says = "another user (uid 12341) has put it into a folder";
    for mode in [0o777, 0o1777, 0o770] {
        set_mode(&dir, mode);
        fs::write(&file, "").unwrap();
        chown(&file, Some(USER), Some(USER)).unwrap();
        let planted = add_now(&world, &["--file", "open/token"]);
        planted.exits(2).says(says);
        world.refresh(&["--token-file", "open/token"]).exits(2).says(says);
        assert_eq!(fs::read_to_string(&file).unwrap(), "", "{mode:o}");
    }
    // Our own, a new one, and one of the folder's owner are as good as in any folder.
    chown(&file, Some(0), Some(0)).unwrap();
    add_now(&world, &["--file", "open/token"]).exits(0);
    chown(&dir, Some(USER), Some(USER)).unwrap();
    chown(&file, Some(USER), Some(USER)).unwrap();
    world.ntcli(&["target", "deliver"]).run().exits(0);
    // Exchanged after the first delivery.
    chown(&file, Some(USER + 1), Some(USER)).unwrap();
    let before = fs::read(&file).unwrap();
    world.ntcli(&["target", "deliver"]).run().exits(9).says("uid 12342");
    assert_eq!(fs::read(&file).unwrap(), before);
    // Nobody else can have put it into a folder that is closed.
    set_mode(&dir, 0o755);
    world.refresh(&[]).exits(0);
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), world.current(&prod));
}

/// What each target is compared with does not grow with their number: so many more take so many more
/// calls, however many there are.
#[test]
fn many_targets_cost_as_much_each_as_few() {
    if !strace::is_available() {
        return;
    }
    let (world, _) = World::ready();
    let calls = || strace::calls_of(&world, &["token", "refresh"]).len();
    let mut added = 0;
    let mut with_more = || {
        for _ in 0..12 {
            added += 1;
            add(&world, &["--file", &format!("token{added}")]).exits(0);
        }
        // A file that is there costs more than one that is made.
        world.refresh(&[]).exits(0);
        calls()
    };
    let (none, some, twice) = (calls(), with_more(), with_more());
    let (first, second) = (some - none, twice - some);
    assert!(second < first * 5 / 4, "{first} more calls for 12 targets, {second} for 12 more");
}
