//! `ntcli token create`: a token without a recipient is revoked, or named by the next run.

use std::fs::{self, File, OpenOptions};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::pipe::pipe;

use crate::control_plane::{Fault, Route, Times, TokenShape};
use crate::harness::kill;
use crate::harness::parallel::for_each;
use crate::harness::strace::{self, Call};
use crate::harness::world::{Output, Workspace, World};

const CREATE: [&str; 2] = ["token", "create"];
const MAY_BE_LOST: &str = "is live, and ntcli token create may never have printed it";

/// A disk that is full, and a pipe without a reader.
fn broken_outputs() -> [Stdio; 2] {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    [full.into(), writer.into()]
}

#[test]
fn what_cannot_be_printed_is_revoked() {
    for format in ["text", "json"] {
        for stdout in broken_outputs() {
            let (world, workspace) = World::ready();
            let create = world.ntcli(&["token", "create", "--format", format]);
            let output = create.stdout(stdout).run();
            output
                .exits(1)
                .says("could not be printed; it was revoked again\n")
                .says("Hint: ntcli token create\n");
            world.assert_one_live_token(&workspace);
            assert_eq!(world.count(Route::TokenRevoke), 1);
            assert!(!world.has_journal(), "{}", world.describe());
            world.refresh(&[]).exits(0).says_only("");
        }
    }
}

#[test]
fn what_cannot_be_revoked_either_is_named() {
    for stdout in broken_outputs() {
        let (world, workspace) = World::ready();
        let broken = Fault::Status(500, String::new(), Vec::new());
        world.plane.fault(Route::TokenRevoke, Times::Always, broken);
        let output = world.ntcli(&CREATE).stdout(stdout).run();
        let made = world.plane.live_tokens(&workspace.id).remove(1);
        output
            .exits(1)
            .says(&made)
            .says("could not be revoked and may be live")
            .says("Hint: ntcli token revoke --pending\n");
        world.plane.clear_faults();
        let pending = world.ntcli(&["token", "revoke", "--pending"]).run();
        assert!(pending.exits(0).stdout.contains(&made), "{pending}");
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal());
    }
}

/// With `--save` it is not lost: it is the current token.
#[test]
fn what_is_saved_and_cannot_be_printed() {
    for stdout in broken_outputs() {
        let (world, workspace) = World::ready();
        let create = world.ntcli(&["token", "create", "--save"]);
        let output = create.stdout(stdout).run();
        output
            .exits(1)
            .says("could not be printed; it is stored as the current token\n")
            .says("Hint: ntcli token show --show-token\n");
        assert_ne!(world.current(&workspace), workspace.token.access_token);
        world.assert_current_is_live(&workspace);
        assert!(world.plane.is_live(&workspace.token.access_token));
        assert!(!world.has_journal());
    }
}

/// The request was lost: somebody may hold its token, so it is never revoked unasked.
#[test]
fn a_lost_answer() {
    type Way = (&'static str, fn(&World));
    let ways: [Way; 2] = [
        ("cut", |world| {
            let cut = Fault::CloseAfter;
            world.plane.fault(Route::TokenCreate, Times::Once, cut);
            world.ntcli(&CREATE).run().exits(10);
        }),
        ("killed", |world| {
            kill::at_request(world, Route::TokenCreate, Times::Once, true, &CREATE);
        }),
    ];
    for (way, lose) in ways {
        let (world, workspace) = World::ready();
        lose(&world);
        let made = world.plane.live_tokens(&workspace.id).remove(1);
        for _ in 0..2 {
            let output = world.refresh(&["--revoke-orphans"]);
            output.exits(0).says(&made).says(MAY_BE_LOST);
            assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2, "{way}");
        }
        let revoke = ["token", "revoke", &made, "-w", &workspace.id, "--force"];
        world.ntcli(&revoke).run().exits(0);
        world.refresh(&[]).exits(0).says_only("");
        world.assert_one_live_token(&workspace);
        world.assert_settled();
    }
}

/// A recipient who did get it dismisses it, and it is not named again.
#[test]
fn one_that_was_received_after_all() {
    let (world, workspace) = World::ready();
    kill::at_request(&world, Route::TokenCreate, Times::Once, true, &CREATE);
    let made = world.plane.live_tokens(&workspace.id).remove(1);
    world
        .refresh(&[])
        .exits(0)
        .says(&format!("{made} -w {} (with --forget: keep it)", workspace.id));
    let forget = ["token", "revoke", &made, "-w", &workspace.id, "--forget"];
    world.ntcli(&forget).run().exits(0);
    world.refresh(&["--revoke-orphans"]).exits(0).says_only("");
    world.assert_settled();
    assert!(world.plane.live_tokens(&workspace.id).contains(&made));
}

/// We cannot revoke a token without an id; it is reported anyway.
#[test]
fn one_without_an_id() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.token_shape = TokenShape::Opaque);
    let [full, _] = broken_outputs();
    let output = world.ntcli(&CREATE).stdout(full).run();
    output.exits(1).says("could not be revoked and may be live").says("Hint: ntcli token list\n");
    assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2);
}

/// Killed at any call: every live token is the current one, or was printed, or is named by the next
/// run.
#[test]
fn killed_on_the_way() {
    if !strace::is_available() {
        return;
    }
    for args in [&CREATE[..], &["token", "create", "--save"]] {
        let (world, _) = World::ready();
        let mut seen = false;
        let mut calls = strace::calls_of(&world, args);
        calls.retain(|call| {
            seen |= call.line.contains("rotation.journal");
            seen && call.changes_something()
        });
        let killed = AtomicUsize::new(0);
        for_each(kill::WIDTH, &calls, |call| {
            let (world, workspace) = World::ready();
            let (output, printed) = run_to(call, &world, args);
            killed.fetch_add(usize::from(output.signal() == Some(9)), Ordering::Relaxed);
            let next = world.refresh(&["--revoke-orphans"]);
            next.exits(0);
            assert_nothing_lost(&world, &workspace, &printed, &next);
        });
        let (killed, all) = (killed.into_inner(), calls.len());
        assert!(killed > 10 && killed * 2 > all, "killed at {killed} of {all} calls");
    }
}

/// Kills a run as it enters that call; what it had printed by then.
fn run_to(call: &Call, world: &World, args: &[&str]) -> (Output, String) {
    let path = world.outside("stdout");
    let run = world.ntcli(args).stdout(File::create(&path).unwrap());
    let output = call.inject(run, world, "signal=KILL", "").run();
    (output, fs::read_to_string(path).unwrap())
}

#[track_caller]
fn assert_nothing_lost(world: &World, workspace: &Workspace, printed: &str, next: &Output) {
    let current = world.item(workspace)["jti"].clone();
    for jti in world.plane.live_tokens(&workspace.id) {
        let known = current == jti.as_str() || jti == workspace.token.jti;
        let told = printed.contains(&jti) || next.stderr.contains(&jti);
        assert!(known || told, "{jti} is lost: {next} {}", world.describe());
    }
    world.assert_current_is_live(workspace);
    world.assert_private();
}
