//! `--revoke-after`: the old token lives for as long as it was promised, with any clock.

use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::{Output, SESSION, Workspace, World};

const HOUR: i64 = 3600;

fn ahead(world: &World, offset_s: i64) {
    world.plane.configure(|options| options.clock_offset_s = offset_s);
}

/// Changes the pending revocations of the journal.
fn edit(world: &World, change: impl Fn(&mut Value)) {
    let text = fs::read_to_string(world.journal_path()).unwrap();
    let mut lines = String::new();
    for line in text.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap_or_default();
        if let Some(revocation) = record.get_mut("owed") {
            change(revocation);
            lines += &format!("{record}\n");
        } else {
            lines += &format!("{line}\n");
        }
    }
    world.write("rotation.journal", lines.as_bytes());
}

fn subtract(value: &mut Value, secs: i64) {
    *value = json!(value.as_i64().unwrap() - secs);
}

/// As if our clock had been set ahead by this much.
fn our_clock(world: &World, secs: i64) {
    edit(world, |revocation| {
        subtract(&mut revocation["not_before"], 1000 * secs);
        subtract(&mut revocation["since"], 1000 * secs);
    });
}

/// As if the machine had been rebooted since: its uptime tells nothing.
fn reboot(world: &World) {
    edit(world, |revocation| revocation["boot"]["id"] = json!("another boot"));
}

/// Every command that does pending work, none of which has other work to do.
fn runs(world: &World) -> [Output; 3] {
    let pending = ["token", "revoke", "--pending"];
    [
        world.refresh(&["--if-expires-within", "1"]),
        world.refresh(&["--if-expires-within", "1", "--all"]),
        world.ntcli(&pending).run(),
    ]
}

#[track_caller]
fn assert_both_live(world: &World, workspace: &Workspace) {
    world.assert_current_is_live(workspace);
    let live = world.plane.live_tokens(&workspace.id);
    assert!(live.contains(&workspace.token.jti), "{}", world.describe());
    assert_eq!(live.len(), 2, "{}", world.describe());
}

#[test]
fn it_is_told_everywhere() {
    let (world, prod) = World::ready();
    let old = &prod.token.jti;
    let output = world.refresh(&["--revoke-after", "1h"]);
    output.exits(0).says_only("");
    let second = output.stdout.lines().nth(1).unwrap();
    let until = second
        .strip_prefix(&format!("Old token ({old}) stays live until "))
        .and_then(|rest| rest.strip_suffix("; the first run after that revokes it."))
        .unwrap_or_else(|| panic!("{output}"));
    let show = world.ntcli(&["token", "show"]).run();
    let pending = format!("  Pending:   token {old} will be revoked after {until}\n");
    assert!(show.exits(0).stdout.ends_with(&pending), "{show}");
    let history = world.ntcli(&["token", "history", "--format", "json"]).run();
    let grace = &history.json()["history"][0];
    assert_eq!(grace["event"], "grace");
    assert_eq!(grace["jti"], old.as_str());
    assert_eq!(grace["reason"], format!("left live until {until}"));

    let (world, prod) = World::ready();
    let output = world.refresh(&["--revoke-after", "30d", "--format", "json"]);
    let old = &output.exits(0).json()["old_token"];
    assert_eq!(old["jti"], prod.token.jti.as_str());
    assert!(old["revoked_at"].is_null() && old["revoke_after"].is_string());
    assert_both_live(&world, &prod);
}

/// A server's clock may be minutes off, or a day; neither makes the grace longer or shorter.
#[test]
fn on_time_with_any_clock() {
    for offset in [0, 600, -600, 24 * HOUR, -24 * HOUR] {
        for (last, rebooted) in (0..3).flat_map(|last| [(last, false), (last, true)]) {
            let (world, prod) = World::ready();
            ahead(&world, offset);
            world.refresh(&["--revoke-after", "1h"]).exits(0);
            if rebooted {
                reboot(&world);
            }
            for passed in [0, HOUR / 2, HOUR / 2 - 60] {
                world.let_time_pass(passed);
                for output in runs(&world) {
                    output.exits(0).does_not_say("has been revoked");
                }
                assert_both_live(&world, &prod);
                assert!(world.has_journal());
            }
            world.let_time_pass(61);
            // Each of the commands is the first to come once.
            let first = match last {
                0 => world.refresh(&["--if-expires-within", "1"]),
                1 => world.refresh(&["--all"]),
                _ => world.ntcli(&["token", "revoke", "--pending"]).run(),
            };
            first.exits(0);
            world.assert_one_live_token(&prod);
            assert!(!world.has_journal(), "{}", world.describe());
        }
    }
}

/// The uptime counts while the machine runs; after that the server's clock, unless it is hours off.
#[test]
fn clocks_that_are_set_meanwhile() {
    let not_yet = |world: &World, prod: &Workspace| {
        for output in runs(world) {
            output.exits(0).does_not_say("has been revoked");
        }
        assert_both_live(world, prod);
    };
    let over = |world: &World, prod: &Workspace| {
        world.refresh(&["--if-expires-within", "1"]).exits(0);
        world.assert_one_live_token(prod);
    };
    for set in [0, 600, -600, 24 * HOUR, -24 * HOUR] {
        let (world, prod) = World::ready();
        world.refresh(&["--revoke-after", "1h"]).exits(0);
        ahead(&world, set);
        our_clock(&world, 2 * HOUR);
        world.let_time_pass(HOUR - 60);
        not_yet(&world, &prod);
        our_clock(&world, -4 * HOUR);
        world.let_time_pass(61);
        over(&world, &prod);
    }
    for (set, early) in [(24 * HOUR, 60), (-24 * HOUR, 60), (600, 660), (-600, -540)] {
        let (world, prod) = World::ready();
        world.refresh(&["--revoke-after", "1h"]).exits(0);
        reboot(&world);
        ahead(&world, set);
        world.let_time_pass(HOUR - early);
        not_yet(&world, &prod);
        world.let_time_pass(61);
        over(&world, &prod);
    }
}

#[test]
fn pending_tells_what_is_not_due() {
    let (world, _) = World::ready();
    let pending = || world.ntcli(&["token", "revoke", "--pending"]).run();
    pending().exits(0).prints("Nothing is pending.\n");
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    let output = pending();
    assert!(output.exits(0).stdout.ends_with("\nNothing is due.\n"), "{output}");
    assert!(output.stdout.contains("will be revoked after"), "{output}");
}

/// One refresh after another, each with a grace of its own.
#[test]
fn several_at_a_time() {
    let (world, prod) = World::ready();
    for n in 1..=3_usize {
        world.refresh(&["--revoke-after", "1h"]).exits(0).says_only("");
        assert_eq!(world.plane.live_tokens(&prod.id).len(), n + 1);
    }
    // A refresh without one ends its own old token, not those of the others.
    world.refresh(&[]).exits(0).says_only("");
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 4);
    assert!(world.plane.is_live(&prod.token.access_token));
    world.let_time_pass(HOUR + 60);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_one_live_token(&prod);
    assert!(!world.has_journal());
}

/// The server's time is unknown: then it is not yet due.
#[test]
fn a_server_that_does_not_answer_revokes_nothing() {
    let (world, prod) = World::ready();
    ahead(&world, -600);
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    reboot(&world);
    // By our clock it is over, and by the server's it is not.
    world.let_time_pass(HOUR - 300);
    let broken = Fault::Status(500, "{}".to_owned(), Vec::new());
    world.plane.fault(Route::TokenList, Times::Always, broken);
    world.refresh(&["--if-expires-within", "1"]);
    assert_both_live(&world, &prod);
    world.plane.clear_faults();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert_both_live(&world, &prod);
    world.let_time_pass(301);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_one_live_token(&prod);
}

/// The workspace went away with its tokens. No answer gives the time, so our clock decides.
#[test]
fn a_workspace_that_was_deleted_meanwhile() {
    for rebooted in [false, true] {
        let (world, prod) = World::ready();
        world.refresh(&["--revoke-after", "1h"]).exits(0);
        if rebooted {
            reboot(&world);
        }
        world.let_time_pass(HOUR + 1);
        // Another account gets the same answer for an existing workspace: no proof.
        let pending = ["token", "revoke", "--pending"];
        world.plane.add_stranger("the-session-of-a-stranger");
        let stranger = world.ntcli(&pending);
        let stranger = stranger.env("NTCLI_SESSION_TOKEN", "the-session-of-a-stranger");
        stranger.run().exits(8).says(&prod.token.jti);
        assert_both_live(&world, &prod);

        let elsewhere = World::new();
        elsewhere.make_dir();
        let delete = elsewhere.ntcli(&["workspace", "delete", &prod.id, "--force"]);
        let delete = delete.env("NTCLI_API_URL", world.plane.base_url());
        delete.env("NTCLI_SESSION_TOKEN", SESSION).run().exits(0);
        world.ntcli(&pending).run().exits(0);
        assert!(!world.has_journal(), "{}", world.describe());
    }
}

/// Killed when the new token is stored and the grace is not: it is kept anyway.
#[test]
fn a_kill_before_the_grace_is_written_down() {
    for then in [&[][..], &["--if-expires-within", "1"]] {
        let (world, prod) = World::ready();
        let command = "cd \"$HERE\"; [ -e killed ] || { touch killed; kill -9 $PPID; }";
        let killed = world.refresh(&["--revoke-after", "1h", "--exec", command]);
        killed.is_killed();
        assert_both_live(&world, &prod);
        let output = world.refresh(&[then, &["--format", "json"]].concat());
        assert_eq!(output.exits(0).json()["outcome"], "delivered");
        assert!(output.json()["old_token"]["revoke_after"].is_string());
        for output in runs(&world) {
            output.exits(0);
        }
        assert_both_live(&world, &prod);
        world.let_time_pass(HOUR + 60);
        world.refresh(&["--if-expires-within", "1"]).exits(0);
        world.assert_one_live_token(&prod);
    }
}

/// A user who cannot wait says so.
#[test]
fn by_hand_it_ends_at_once() {
    let (world, prod) = World::ready();
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    let revoke = ["token", "revoke", &prod.token.jti, "--force"];
    world.ntcli(&revoke).run().exits(0);
    world.assert_one_live_token(&prod);
    assert!(!world.has_journal());
    let history = fs::read_to_string(world.path("history.jsonl")).unwrap();
    assert_eq!(history.matches("\"revoked\"").count(), 1, "{history}");
}
