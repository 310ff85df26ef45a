//! Files that are written over: their inode stays, and a run that is killed within is finished.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{add, add_now, mcp, read};
use crate::harness::kill;
use crate::harness::run::wait_until;
use crate::harness::skip::can_mount;
use crate::harness::world::{Workspace, World};

/// What is written in a delivery in place.
const FILES: [&str; 4] = ["app.env", "mcp.json", "/token", "unfinished-write"];

/// What stands in the env file around the token; its value is longer than a token at first.
fn env(value: &str) -> String {
    format!("A='x y'\nT={value}\n# {}\nB=1\n", "much ".repeat(2000))
}

/// A target of every kind of file, all written in place; the first delivery is still to come.
fn ready() -> (World, Workspace) {
    let (world, prod) = World::ready();
    fs::write(world.outside("app.env"), env(&"old".repeat(500))).unwrap();
    fs::write(world.outside("mcp.json"), mcp(&prod.token.access_token)).unwrap();
    fs::write(world.outside("token"), format!("{}\n\n\n", prod.token.access_token)).unwrap();
    for kind in [["--file", "token"], ["--env", "T=app.env"], ["--replace", "mcp.json"]] {
        add(&world, &[&kind[..], &["--in-place"]].concat()).exits(0);
    }
    (world, prod)
}

#[track_caller]
fn assert_all_hold(world: &World, token: &str) {
    assert_eq!(read(world, "token"), format!("{token}\n\n\n"));
    assert_eq!(read(world, "app.env"), env(token));
    assert_eq!(read(world, "mcp.json"), mcp(token));
    assert!(!world.path("unfinished-write").exists());
}

#[test]
fn the_inode_stays() {
    let (world, prod) = ready();
    let names = ["token", "app.env", "mcp.json"];
    let inodes = || names.map(|name| fs::metadata(world.outside(name)).unwrap().ino());
    let before = inodes();
    fs::hard_link(world.outside("token"), world.outside("other name")).unwrap();
    for _ in 0..2 {
        world.refresh(&[]).exits(0);
        assert_all_hold(&world, &world.current(&prod));
    }
    assert_eq!(inodes(), before);
    assert_eq!(read(&world, "other name"), read(&world, "token"));
    world.ntcli(&["target", "check"]).run().exits(0).says_only("");
    world.assert_one_live_token(&prod);
    // One that is not there is made.
    fs::remove_file(world.outside("token")).unwrap();
    world.ntcli(&["target", "deliver"]).run().exits(0);
    assert_eq!(read(&world, "token"), format!("{}\n", world.current(&prod)));
}

#[test]
fn what_a_person_is_told() {
    let (world, _) = World::ready();
    fs::write(world.outside("token"), "").unwrap();
    let output = add_now(&world, &["--file", "token", "--in-place"]);
    output.exits(0).says("a reader may see a part of it while it is written");
    assert!(output.stdout.contains("writes the token to token, in place"), "{output}");
    let output = add(&world, &["--exec", "true", "--in-place"]);
    output.exits(2).says("--in-place needs --file or --env or --replace");
}

/// Killed at any call, the next run finishes what was being written, before it revokes anything.
#[test]
fn killed_at_every_call() {
    let torn = AtomicUsize::new(0);
    kill::at_every_call(
        ready,
        |_: &Workspace| kill::words(&["token", "refresh"]),
        |call| FILES.iter().any(|name| call.line.contains(name)) && call.changes_something(),
        |world, prod| {
            let whole = |value: &str| read(world, "app.env") == env(value);
            if !whole(&"old".repeat(500)) && !whole(&world.current(prod)) {
                torn.fetch_add(1, Ordering::Relaxed);
                assert!(world.plane.is_live(&prod.token.access_token));
                // Any run that takes the lock.
                world.ntcli(&["target", "remove", "3"]).run().exits(0);
                assert!(whole(&world.current(prod)), "{}", world.describe());
                add(world, &["--replace", "mcp.json", "--in-place"]).exits(0);
            }
            world.refresh(&["--revoke-orphans", "--if-expires-within", "1"]).exits(0);
            assert_all_hold(world, &world.current(prod));
            world.assert_no_leftover();
            world.let_time_pass(7200);
            world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
            world.assert_one_live_token(prod);
        },
    );
    assert!(torn.into_inner() > 0, "no file was left half written");
}

#[test]
fn a_full_disk() {
    if !can_mount() {
        return;
    }
    let (world, prod) = World::ready();
    let folder = world.outside("disk");
    fs::create_dir(&folder).unwrap();
    let text = format!("T=\n#{}\n", "x".repeat(4085));
    fs::write(world.outside("app.env"), &text).unwrap();
    fs::write(folder.join("app.env"), &text).unwrap();
    add(&world, &["--env", "T=disk/app.env", "--in-place"]).exits(0);
    let script = r#"mount -t tmpfs -o size=4k none "$0" && cp "$0/../app.env" "$0" && "$@"
                    code=$?; cmp "$0/../app.env" "$0/app.env" || exit 99; exit $code"#;
    let deliver = world.ntcli(&["target", "deliver"]);
    let output =
        deliver.under(&["unshare", "-rm", "sh", "-c", script, folder.to_str().unwrap()]).run();
    output.exits(9).says("No space left");
    assert!(!world.path("unfinished-write").exists());
    world.assert_one_live_token(&prod);
}

/// As a container with the file mounted by itself.
struct Container(Child);

impl Container {
    fn start(world: &World) -> Self {
        let script = r#"mount --bind "$0" "$1" && touch "$1.ready" && exec sleep 600"#;
        let [from, to] = ["host", "inside"].map(|name| world.outside(name).join("token"));
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script]).args([&from, &to]).stdin(Stdio::null());
        let container = Self(command.spawn().unwrap());
        wait_until("the file is mounted", || world.outside("inside/token.ready").exists());
        fs::remove_file(world.outside("inside/token.ready")).unwrap();
        container
    }

    /// What is read there.
    fn read(&self, world: &World) -> String {
        let root = format!("/proc/{}/root{}", self.0.id(), world.outside("inside/token").display());
        fs::read_to_string(root).unwrap().trim().to_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_file_that_a_container_has_by_itself() {
    if !can_mount() {
        return;
    }
    let (world, prod) = World::ready();
    for name in ["host", "inside"] {
        fs::create_dir(world.outside(name)).unwrap();
        fs::write(world.outside(name).join("token"), "").unwrap();
    }
    let container = Container::start(&world);
    let says = format!("mounted by itself at {}", world.outside("inside/token").display());
    let fix = format!(
        "ntcli target add prod --file {} --in-place",
        world.outside("host/token").display()
    );
    // Replaced, the token does not arrive, and that is named before and after.
    add(&world, &["--file", "host/token"]).exits(0).says(&says);
    world.ntcli(&["target", "check"]).run().says(&says);
    world.ntcli(&["target", "deliver"]).run().exits(0);
    assert_eq!(container.read(&world), "");
    world.ntcli(&["target", "check"]).run().exits(0).says(&says).says(&fix);
    let doctor = world.ntcli(&["doctor", "--format", "json"]).run();
    let found = doctor.json()["checks"].as_array().unwrap().clone();
    let found = found.iter().find(|check| check["text"].as_str().unwrap().contains(&says));
    assert_eq!(found.unwrap()["fix"], fix.as_str());
    drop(container);

    let container = Container::start(&world);
    let words: Vec<&str> = fix.split(' ').skip(1).collect();
    world.ntcli(&words).run().exits(0);
    for _ in 0..2 {
        assert_eq!(container.read(&world), world.current(&prod));
        world.refresh(&[]).exits(0);
    }
    world.ntcli(&["target", "check"]).run().exits(0).says_only("");
}

/// Inside, where the file is mounted, nothing can be renamed over it.
#[test]
fn a_file_that_is_a_mount_itself() {
    if !can_mount() {
        return;
    }
    let (world, prod) = World::ready();
    fs::write(world.outside("token"), "").unwrap();
    let token = world.outside("token").display().to_string();
    let script = r#"mount --bind "$0" "$0" && exec "$@""#;
    let inside = |args: &[&str]| {
        world.ntcli(args).under(&["unshare", "-rm", "sh", "-c", script, &token]).run()
    };
    let add = ["target", "add", "--file", &token];
    inside(&add).exits(2).says("or add the target with --in-place");
    inside(&[&add[..], &["--in-place"]].concat()).exits(0);
    inside(&["token", "refresh"]).exits(0);
    assert_eq!(read(&world, "token").trim(), world.current(&prod));
}
