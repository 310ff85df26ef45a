//! Faults of this machine: a disk that is full or broken, a folder that is closed, no more open
//! files. The same promise as for a kill, and the message names the file.

use std::fs;

use crate::control_plane::{Route, Times};
use crate::harness::kill;
use crate::harness::parallel::for_each;
use crate::harness::strace::{self, Call};
use crate::harness::world::{Output, SESSION, Workspace, World};

/// These cases work rather than wait.
const WIDTH: usize = 4;
const REFRESH: [&str; 2] = ["token", "refresh"];
const REPAIR: [&str; 3] = ["token", "refresh", "--revoke-orphans"];
const FILE_ERRORS: [&str; 4] = ["ENOSPC", "EIO", "EACCES", "EMFILE"];

fn on_a_file(world: &World, call: &Call) -> bool {
    call.line.contains(world.dir.to_str().unwrap())
}

/// A call that is made to fail: how, and whether every later one of its name does too.
#[derive(Debug)]
struct Case {
    call: Call,
    error: &'static str,
    from_then_on: bool,
    /// Whether it comes before the server has been asked for anything.
    early: bool,
}

fn cases(
    set_up: fn() -> (World, Workspace),
    args: &[&str],
    errors: &[&'static str],
    concerned: impl Fn(&World, &Call) -> bool,
) -> Vec<Case> {
    let (world, _) = set_up();
    let calls = strace::calls_of(&world, args);
    let asked = calls.iter().position(|call| call.name == "sendto");
    let asked = asked.expect("a request");
    let mut cases = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        if !concerned(&world, call) {
            continue;
        }
        for (error, from_then_on) in errors.iter().flat_map(|e| [(*e, false), (*e, true)]) {
            // Nothing but an open can run out of descriptors; and with every write failing
            // there would be no message either.
            if (error == "EMFILE" && !call.name.starts_with("open"))
                || (from_then_on && call.name == "write")
            {
                continue;
            }
            // If later ones fail too, it need not be this one that ends the run.
            let (call, early) = (call.clone(), at < asked && !from_then_on);
            cases.push(Case { call, error, from_then_on, early });
        }
    }
    assert!(cases.len() > 20, "{cases:?}");
    cases
}

/// The promise: the config holds a live token, an undisturbed run leaves no other, and the code
/// says which it was.
pub(crate) fn assert_kept(world: &World, workspace: &Workspace, output: &Output) {
    // A request whose answer was given up may be with the server, and not be read yet.
    world.plane.settle();
    world.assert_current_is_live(workspace);
    world.assert_private();
    let refreshed = world.current(workspace) != workspace.token.access_token;
    match output.code() {
        Some(0 | 8) => assert!(refreshed, "{output}"),
        Some(2) => {
            world.assert_nothing_sent();
            assert!(!refreshed, "{output}");
        }
        Some(5) => {
            assert!(!refreshed, "{output}");
            world.assert_one_live_token(workspace);
        }
        Some(7) if output.stderr.contains("was revoked again") => {
            assert!(!refreshed, "{output}");
            world.assert_one_live_token(workspace);
        }
        Some(7 | 10) => {}
        // The result could not be written: the work is done.
        Some(1) => assert!(refreshed && output.stderr.contains("The work is done"), "{output}"),
        _ => panic!("not a code of the table: {output}"),
    }
    assert_repaired(world, workspace);
}

#[track_caller]
fn assert_repaired(world: &World, workspace: &Workspace) {
    world.refresh(&REPAIR[2..]).exits(0);
    world.assert_one_live_token(workspace);
    world.assert_settled();
    world.assert_no_leftover();
}

fn fail_at(world: &World, args: &[&str], case: &Case) -> Output {
    let refresh = world.ntcli(args);
    let when = if case.from_then_on { "+" } else { "" };
    let what = format!("error={}", case.error);
    case.call.inject(refresh, world, &what, when).run()
}

#[test]
fn at_every_call_on_a_file() {
    if !strace::is_available() {
        return;
    }
    let cases = cases(World::ready, &REFRESH, &FILE_ERRORS, on_a_file);
    for_each(WIDTH, &cases, |case| {
        let (world, workspace) = World::ready();
        let output = fail_at(&world, &REFRESH, case);
        if output.code() != Some(0) {
            output.says(world.dir.to_str().unwrap());
            if case.early {
                world.assert_nothing_sent();
            }
        }
        assert_kept(&world, &workspace, &output);
    });
}

/// Killed after the server had created a token: a run that searches for it and cannot read or write
/// its files does not lose track of it.
#[test]
fn at_every_call_on_a_file_of_a_repair() {
    if !strace::is_available() {
        return;
    }
    let set_up = || {
        let (world, workspace) = World::ready();
        kill::at_request(&world, Route::TokenCreate, Times::Once, true, &REFRESH);
        world.plane.clear_requests();
        (world, workspace)
    };
    let cases = cases(set_up, &REPAIR, &["EIO", "EMFILE"], on_a_file);
    for_each(WIDTH, &cases, |case| {
        let (world, workspace) = set_up();
        let output = fail_at(&world, &REPAIR, case);
        world.plane.settle();
        world.assert_current_is_live(&workspace);
        world.assert_private();
        match output.code() {
            Some(2) => world.assert_nothing_sent(),
            Some(0 | 1 | 5 | 7 | 8 | 10) => {}
            _ => panic!("not a code of the table: {output}"),
        }
        assert_repaired(&world, &workspace);
    });
}

#[test]
fn at_every_call_on_a_socket() {
    if !strace::is_available() {
        return;
    }
    let names = ["socket", "connect", "poll", "ioctl", "setsockopt", "sendto", "recvfrom"];
    let cases = cases(World::ready, &REFRESH, &["EIO"], |_, call| {
        names.contains(&call.name.as_str()) && call.line.to_lowercase().contains("sock")
    });
    // They wait between attempts.
    for_each(3 * WIDTH, &cases, |case| {
        let (world, workspace) = World::ready();
        let output = fail_at(&world, &REFRESH, case);
        assert_kept(&world, &workspace, &output);
    });
}

/// Everything that must be durable is, before the step that relies on it.
#[test]
fn durable_before_the_next_step() {
    if !strace::is_available() {
        return;
    }
    let (world, _) = World::ready();
    let calls = strace::calls_of(&world, &["token", "refresh"]);
    let mut rest = calls.iter();
    for (name, part) in [
        ("open", "rotation.journal"),
        ("fsync", "/config>"),
        ("write", "creating"),
        ("fdatasync", "rotation.journal"),
        ("sendto", "POST "),
        ("write", "created"),
        ("fdatasync", "rotation.journal"),
        ("sendto", "GET /v1/token_auth"),
        ("write", ".config.json.ntcli-"),
        ("fsync", ".config.json.ntcli-"),
        ("rename", "config.json"),
        ("fsync", "/config>"),
        ("sendto", "DELETE "),
    ] {
        let next = rest.find(|call| call.name.starts_with(name) && call.line.contains(part));
        assert!(next.is_some(), "no {name} of {part} in its place: {calls:#?}");
    }
}

/// So that a power cut does not take the folder away with everything in it.
#[test]
fn a_new_folder_is_durable() {
    if !strace::is_available() {
        return;
    }
    let world = World::new();
    let (log, dir) = (world.outside("strace"), world.outside("a/b"));
    let login = world.ntcli(&["auth", "login", "--token-stdin"]);
    let login = login.env("NTCLI_CONFIG_DIR", &dir).stdin(SESSION);
    login.strace(&log, &["-y"]).run().exits(0);
    let log = fs::read_to_string(log).unwrap();
    let root = dir.parent().unwrap().parent().unwrap();
    let root = root.to_str().unwrap();
    let mut calls = log.lines();
    for (name, end) in [
        ("mkdir(", "/a\", 0700) = 0".to_owned()),
        ("fsync(", format!("<{root}>) = 0")),
        ("mkdir(", "/a/b\", 0700) = 0".to_owned()),
        ("fsync(", format!("<{root}/a>) = 0")),
        ("open", "ntcli.lock>".to_owned()),
    ] {
        let next = calls.find(|call| {
            let call = call.split_whitespace().collect::<Vec<_>>().join(" ");
            call.starts_with(name) && call.ends_with(&end)
        });
        assert!(next.is_some(), "no {name} {end} in its place: {log}");
    }
}
