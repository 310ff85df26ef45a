//! A user who exchanges folders, links, files and pipes while root delivers into that user's folder.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::owners::{OTHER, USER, give, others_can_run_it, set_mode};
use crate::harness::world::{World, wait_until};

/// In a loop, as fast as a shell does it. What it should not be able to read, it reports.
const EXCHANGE: &str = r#"
    reset() {
        if [ -f a/.env ] && timeout 1 grep -qs TOPSECRET a/.env 2> /dev/null && [ ! a/.env -ef ../public/.env ]; then echo leaked > leaked; fi
        rm -rf a e 2> /dev/null
    }
    made() { reset; mkdir a; echo "A=1" > a/.env; }
    while [ -e go ]; do
        made
        mv a e; ln -s ../secret a; rm a; mv e a
        reset; ln -s ../public a
        made; ln -sf ../../secret/.env a/.env
        made; ln -sf ../../public/.env a/.env
        made; rm a/.env; mkfifo a/.env
        made; rm a/.env; mkdir a/.env
        made; ln -s /etc/hostname a/x; mv a/x a/.env
        made; rm a/.env; ln ../public/.env a/.env 2> /dev/null
        made; mv a e; ln -s e a
        echo >> rounds
    done
"#;

fn root_folder(path: &Path, mode: u32, file_mode: u32) {
    fs::create_dir(path).unwrap();
    fs::write(path.join(".env"), "PASSWORD=TOPSECRET\n").unwrap();
    set_mode(&path.join(".env"), file_mode);
    set_mode(path, mode);
}

/// That nothing in it was touched.
fn assert_untouched(path: &Path, file_mode: u32) {
    let names: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [".env"], "{}", path.display());
    let file = path.join(".env");
    assert_eq!(fs::read_to_string(&file).unwrap(), "PASSWORD=TOPSECRET\n");
    let found = fs::metadata(&file).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o7777), (0, file_mode));
}

/// How many deliveries of each kind are tried.
const TIMES: usize = 20;

fn times() -> usize {
    #[expect(clippy::disallowed_methods, reason = "for the tests' user, not the program's")]
    let asked = std::env::var("NTCLI_TEST_EXCHANGES").ok();
    asked.map_or(TIMES, |text| text.parse().expect("a number of deliveries"))
}

const WAYS: [&[&str]; 3] = [
    &["--env", "TOKEN=theirs/a/.env"],
    &["--env", "TOKEN=theirs/a/.env", "--in-place"],
    &["--file", "theirs/a/.env", "--overwrite"],
];

#[test]
fn nothing_of_roots_goes_to_who_exchanges_files() {
    if !others_can_run_it() {
        return;
    }
    for way in WAYS {
        exchanged_while_root_delivers(way);
    }
}

fn exchanged_while_root_delivers(way: &[&str]) {
    let (world, _) = World::ready();
    let (secret, public) = (world.outside("secret"), world.outside("public"));
    root_folder(&secret, 0o700, 0o600);
    root_folder(&public, 0o755, 0o644);
    let theirs = world.outside("theirs");
    fs::create_dir_all(theirs.join("a")).unwrap();
    for name in ["a/.env", "go"] {
        fs::write(theirs.join(name), "").unwrap();
    }
    give(&theirs, USER);
    world.ntcli(&[&["target", "add"], way].concat()).run().exits(0);

    let mut user = Command::new("setpriv")
        .args([format!("--reuid={USER}"), format!("--regid={USER}")])
        .args(["--clear-groups", "--", "sh", "-c", EXCHANGE])
        .current_dir(&theirs)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the user exchanges files", || theirs.join("rounds").exists());
    for _ in 0..times() {
        let deliver = world.ntcli(&["target", "deliver"]).limit(Duration::from_secs(30));
        deliver.run();
        // Otherwise it would be refused once and for all.
        assert!(!theirs.join("leaked").exists());
        assert_untouched(&secret, 0o600);
        assert_untouched(&public, 0o644);
    }
    fs::remove_file(theirs.join("go")).unwrap();
    assert!(user.wait().is_ok());
}

/// At each depth, and whichever way the token is delivered.
#[test]
fn a_link_of_another_user_on_the_way_to_a_target() {
    if !others_can_run_it() {
        return;
    }
    for way in WAYS {
        let (world, _) = World::ready();
        let (public, theirs) = (world.outside("public"), world.outside("theirs"));
        root_folder(&public, 0o755, 0o644);
        fs::create_dir_all(theirs.join("a")).unwrap();
        give(&theirs, USER);
        world.ntcli(&[&["target", "add"], way].concat()).run().exits(0);
        for (name, to) in [("a", "../public"), ("a/.env", "../../public/.env")] {
            let (link, kept) = (theirs.join(name), theirs.join("kept"));
            fs::rename(&link, &kept).unwrap();
            symlink(to, &link).unwrap();
            lchown(&link, Some(USER), Some(USER)).unwrap();
            for command in [&["target", "deliver"][..], &["token", "refresh"], &["renew"]] {
                world.ntcli(command).run().exits(9).says("a link that another user");
                assert_untouched(&public, 0o644);
            }
            fs::remove_file(&link).unwrap();
            fs::rename(&kept, &link).unwrap();
            world.ntcli(&["renew"]).run().exits(0);
        }
    }
}

/// A file that is there before the first delivery may be read by whoever put it there.
#[test]
fn a_planted_file_in_a_folder_of_all() {
    if !others_can_run_it() {
        return;
    }
    let (world, _) = World::ready();
    let folder = world.outside("shared");
    fs::create_dir(&folder).unwrap();
    for (mode, owner, code) in
        [(0o1777, OTHER, 2), (0o777, OTHER, 2), (0o1777, USER, 0), (0o755, OTHER, 0), (0o777, 0, 0)]
    {
        lchown(&folder, Some(USER), Some(USER)).unwrap();
        set_mode(&folder, mode);
        let file = folder.join("token");
        fs::write(&file, "").unwrap();
        lchown(&file, Some(owner), Some(owner)).unwrap();
        world.ntcli(&["target", "add", "--file", "shared/token"]).run().exits(code);
        assert_eq!(fs::read(&file).unwrap().is_empty(), code != 0, "{mode:o} {owner}");
        fs::remove_file(&file).unwrap();
        world.write("targets.json", b"{\"version\":1,\"targets\":[]}");
    }
}

/// A target that was exchanged after it was added, for a link to a file of ours.
#[test]
fn a_target_that_has_become_a_file_of_ours() {
    let (world, _) = World::ready();
    let token = world.outside("token");
    world.ntcli(&["target", "add", "--file", "token"]).run().exits(0);
    for name in ["config.json", "targets.json"] {
        fs::remove_file(&token).unwrap();
        symlink(world.path(name), &token).unwrap();
        let before = fs::read(world.path(name)).unwrap();
        let output = world.ntcli(&["target", "deliver"]).run();
        output.exits(9).says("one of ntcli's own files");
        assert_eq!(fs::read(world.path(name)).unwrap(), before);
    }
}

/// Where the kernel lets a user make hard links to files of others, one may stand in the place of a
/// target that is written over.
#[test]
fn a_hard_link_to_a_file_of_roots() {
    if !others_can_run_it() {
        return;
    }
    for (mode, owner) in [(0o755, USER), (0o1777, 0)] {
        let (world, _) = World::ready();
        let (theirs, file) = (world.outside("theirs"), world.outside("theirs/.env"));
        fs::create_dir(&theirs).unwrap();
        lchown(&theirs, Some(owner), Some(owner)).unwrap();
        set_mode(&theirs, mode);
        fs::write(&file, "A=1\n").unwrap();
        lchown(&file, Some(owner), Some(owner)).unwrap();
        let add = ["target", "add", "--in-place", "--env", "TOKEN=theirs/.env"];
        world.ntcli(&add).run().exits(0);
        let victim = world.outside("victim");
        fs::write(&victim, "PASSWORD=TOPSECRET\n").unwrap();
        fs::remove_file(&file).unwrap();
        fs::hard_link(&victim, &file).unwrap();
        world.ntcli(&["target", "deliver"]).run().exits(9).says("hard link");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "PASSWORD=TOPSECRET\n");
    }
}
