//! A target that cannot receive a token is detected before one is requested: exit 2, nothing sent.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::cli::folders::bound_by_permissions;
use crate::harness::skip::can_mount;
use crate::harness::world::{Output, World};

/// Refused with words and a hint, and the world is as it was.
#[track_caller]
fn assert_refused(world: &World, args: &[&str], what: &str) -> Output {
    let args = [&["token", "refresh"], args].concat();
    let output = bound_by_permissions(world.ntcli(&args), world).run();
    output.exits(2).prints("").says(what).says("Hint: ");
    world.assert_nothing_sent();
    assert!(!world.has_journal(), "{}", world.describe());
    output
}

#[track_caller]
fn assert_file_refused(world: &World, path: &str, what: &str) {
    for to in [path.to_owned(), format!("env:TOKEN={path}")] {
        assert_refused(world, &["--token-file", &to], what);
    }
}

#[test]
fn what_is_no_file() {
    let (world, _) = World::ready();
    fs::create_dir(world.outside("folder")).unwrap();
    fs::write(world.outside("file"), "").unwrap();
    let made = Command::new("mkfifo").arg(world.outside("pipe")).status();
    assert!(made.unwrap().success());
    let _socket = UnixListener::bind(world.outside("socket")).unwrap();
    symlink("pipe", world.outside("to-pipe")).unwrap();
    symlink("/dev/null", world.outside("to-null")).unwrap();
    symlink("/dev", world.outside("dev")).unwrap();
    symlink("/proc/self/fd/1", world.outside("to-stdout")).unwrap();
    for (path, what) in [
        ("missing/token", "/missing is missing"),
        ("folder", "not a regular file"),
        ("folder/.", "not a regular file"),
        ("file/token", "Not a directory"),
        ("pipe", "not a regular file"),
        ("to-pipe", "not a regular file"),
        ("socket", "not a regular file"),
        ("to-null", "the system's own"),
        ("dev/token", "the system's own"),
        ("/dev/token", "not a device"),
        ("/dev/stdout", "not a device"),
        ("/proc/self/fd/1", "not a device"),
        ("to-stdout", ""),
        ("-", "--print"),
    ] {
        assert_file_refused(&world, path, what);
    }
    let output = assert_refused(&world, &["--token-file", "no such/token"], "");
    output.says(&format!("Hint: mkdir -p '{}'\n", world.outside("no such").display()));
}

#[test]
fn a_folder_that_cannot_be_written() {
    let (world, _) = World::ready();
    let folder = world.outside("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("app.env"), "").unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    for path in ["folder/token", "folder/app.env"] {
        assert_file_refused(&world, path, "Permission denied");
    }
    let output = assert_refused(&world, &["--token-file", "folder/token"], "");
    let folder = folder.display();
    output.says(&format!("Hint: ls -ld {folder} {folder}/token\n"));
}

#[test]
fn our_own_files() {
    let (world, _) = World::ready();
    world.refresh(&[]).exits(0); // now there are a history and a lock
    world.plane.clear_requests();
    symlink("config", world.outside("other")).unwrap();
    symlink("config/history.jsonl", world.outside("linked")).unwrap();
    fs::hard_link(world.path("ntcli.lock"), world.outside("second")).unwrap();
    for path in [
        "config/config.json",
        "./config//config.json",
        "config/../other/config.json",
        "other/rotation.journal", // which is not there now
        "config/ntcli.lock",
        "config/history.jsonl",
        "linked",
        "second",
    ] {
        assert_file_refused(&world, path, "one of ntcli's own files");
    }
    // Beside them there is room.
    world.refresh(&["--token-file", "config/token"]).exits(0);
}

#[test]
fn two_tokens_for_one_file() {
    let (world, _) = World::ready();
    world.add_workspace("staging");
    let mixed = "two targets would write";
    fs::write(world.outside("file"), "").unwrap();
    symlink("file", world.outside("link")).unwrap();
    for args in [
        ["file", "./link"],
        ["env:A=file", "file"],
        ["file", "env:A=link"],
        ["env:A=file", "env:A=link"],
    ] {
        let args = ["--token-file", args[0], "--token-file", args[1], "prod"];
        assert_refused(&world, &args, mixed);
    }
    let of_one = "A target belongs to one workspace";
    let output = assert_refused(&world, &["--all", "--token-file", "other"], of_one);
    output.says("Hint: ntcli target add --help\n");
    assert_refused(&world, &["--all", "--exec", "true"], of_one);
}

#[test]
fn a_line_without_a_reader() {
    let (world, _) = World::ready();
    let file = world.outside("app.env");
    for (text, what) in [
        ("A=1\\\n", "line 1 ends in an open quote or a backslash"),
        ("A=1\nB=\"open\n", "line 2 ends in an open quote"),
        ("A='x\nTOKEN=old\n'\n", "line 1 ends in an open quote"),
        ("TOKEN=\"old\nmore\"\n", "in line 1 continues in the next line"),
        ("TOKEN=old\\\nmore\n", "in line 1 continues in the next line"),
    ] {
        fs::write(&file, text).unwrap();
        assert_refused(&world, &["--token-file", "env:TOKEN=app.env"], what);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    // Nor does the bare token take the place of all of it.
    assert_refused(&world, &["--token-file", "app.env"], "which would be lost");
    assert_eq!(fs::read_to_string(&file).unwrap(), "TOKEN=old\\\nmore\n");
}

/// Though nothing is due: a new target gets the current token.
#[test]
fn a_new_one_beside_a_token_that_is_not_due() {
    let (world, _) = World::ready();
    let args = ["--if-expires-within", "1d", "--token-file", "missing/token"];
    assert_refused(&world, &args, "/missing is missing");
    fs::create_dir(world.outside("missing")).unwrap();
    world.refresh(&args).exits(0);
    world.assert_nothing_sent();
}

/// A remembered one is named first, the others get the new token, and the old one stays live.
#[test]
fn a_remembered_one_stops_nothing_that_is_due() {
    let (world, prod) = World::ready();
    for name in ["one", "two"] {
        fs::create_dir(world.outside(name)).unwrap();
        let file = format!("{name}/token");
        world.ntcli(&["target", "add", "--file", &file]).run().exits(0);
    }
    let [one, two] = ["one/token", "two/token"].map(|name| world.outside(name));
    let others = "config/config.json";
    for lost in ["missing", others] {
        fs::remove_file(&one).ok();
        match lost {
            "missing" => fs::rename(world.outside("one"), world.outside("away")).unwrap(),
            other => symlink(world.outside(other), &one).unwrap(),
        }
        let before = world.current(&prod);
        let output = world.refresh(&[]);
        output.exits(9).says("ntcli target remove 1");
        let named =
            output.stderr.find("Warning: Not every target can get the new token: target 1:");
        assert!(named.is_some() && named < output.stderr.find("Error: "), "{output}");
        assert_ne!(world.current(&prod), before);
        assert_eq!(fs::read_to_string(&two).unwrap().trim(), world.current(&prod));
        assert!(world.plane.is_live(&before));
        // What it would be is no place for a token, and stays as it is.
        world.ntcli(&["token", "show"]).run().exits(0);
        if lost == "missing" {
            fs::rename(world.outside("away"), world.outside("one")).unwrap();
        } else {
            fs::remove_file(&one).unwrap();
        }
        world.refresh(&["--if-expires-within", "1"]).exits(0);
        assert_eq!(fs::read_to_string(&one).unwrap().trim(), world.current(&prod));
        world.assert_one_live_token(&prod);
        world.assert_settled();
    }
}

/// As in an image that holds the program alone.
#[test]
fn a_command_where_there_is_no_shell() {
    if !can_mount() {
        return;
    }
    let (world, prod) = World::ready();
    let without = |args: &[&str]| {
        let script = r#"mount -t tmpfs none /bin && exec "$@""#;
        let run = world.ntcli(args).env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        run.under(&["unshare", "-rm", "sh", "-c", script, "sh"]).run()
    };
    let says = "a command needs /bin/sh, which is not here";
    without(&["token", "refresh", "--exec", "true"]).exits(2).says(says);
    world.ntcli(&["target", "add", "--exec", "true"]).run().exits(0);
    world.assert_nothing_sent();
    assert!(!world.has_journal(), "{}", world.describe());
    without(&["token", "refresh"]).exits(9).says(says).says("ntcli target remove 1");
    assert!(world.plane.is_live(&prod.token.access_token));
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_one_live_token(&prod);
}
