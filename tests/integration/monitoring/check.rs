//! `ntcli check`: exit code, one line, performance data.

use std::fs;

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::wait::hold;
use crate::harness::world::{Workspace, World};

pub(super) const DAY: i64 = 86_400_000;

#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

fn set_token(world: &World, workspace: &Workspace, field: &str, value: serde_json::Value) {
    world.set_config(&format!("/workspaces/items/{}/{field}", workspace.key), value);
}

/// No claim says otherwise.
pub(super) fn set_end(world: &World, workspace: &Workspace, end_ms: i64) {
    set_token(world, workspace, "access_token", json!("wst_without_claims_0123456789"));
    set_token(world, workspace, "expires_at", json!(end_ms));
}

#[track_caller]
fn check(world: &World, args: &[&str], exit: i32, begins: &str) -> String {
    let output = world.ntcli(&[&["check"], args].concat()).run();
    output.exits(exit);
    let line = output.stdout.clone();
    assert!(line.starts_with(begins), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert_eq!(output.stderr, "", "monitoring reads stdout");
    line
}

#[test]
fn all_is_well() {
    let (world, prod) = World::ready();
    set_end(&world, &prod, now_ms() + 364 * DAY + DAY * 255 / 1000);
    let line = check(&world, &[], 0, "NTCLI OK: the token of prod expires in 364 days (");
    assert!(
        line.ends_with(
            "| 'prod days_left'=364.25;28:;15: 'prod pending'=0;0 'prod targets_drifted'=0;;0\n"
        ),
        "{line}"
    );
    let line = check(&world, &["--all", "--warning", "2w", "--critical", "1d"], 0, "NTCLI OK: ");
    assert!(line.contains("=364.25;14:;1: "), "{line}");
    let json = world.ntcli(&["check", "--format", "json"]).run().exits(0).json();
    assert_eq!(json["status"], "ok");
    assert_eq!(json["findings"], json!([]));
    assert_eq!(json["workspaces"][0]["days_until_expiry"], 364);
    world.assert_nothing_sent();
    world.assert_no_leftover();
}

#[test]
fn a_token_that_ends() {
    let (world, prod) = World::ready();
    for (days, exit, said) in [
        (29, 0, "NTCLI OK: the token of prod expires in 28 days ("),
        (28, 1, "NTCLI WARNING: prod: the token expires in 27 days ("),
        (15, 2, "NTCLI CRITICAL: prod: the token expires in 14 days ("),
        (-1, 2, "NTCLI CRITICAL: prod: the token expired "),
    ] {
        set_end(&world, &prod, now_ms() + days * DAY - 1000);
        let line = check(&world, &[], exit, said);
        assert_eq!(line.contains(": ntcli renew prod | "), exit > 0, "{line}");
    }
    world.assert_nothing_sent();
}

#[test]
fn what_is_pending() {
    let (world, _) = World::ready();
    let fault = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, fault);
    world.refresh(&[]).exits(8);
    let line = check(&world, &[], 1, "NTCLI WARNING: prod: pending since 20");
    assert!(line.contains("must still be revoked: ntcli renew prod | "), "{line}");
    assert!(line.contains("'prod pending'=1;0"), "{line}");
    world.plane.clear_faults();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    check(&world, &[], 0, "NTCLI OK: ");
    // What only waits for its moment is as it should be.
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    check(&world, &[], 0, "NTCLI OK: ");
}

#[test]
fn a_session_that_ends() {
    let (world, _) = World::ready();
    let was = world.config()["auth"].clone();
    world.set_config("/auth", json!(null));
    check(&world, &[], 2, "NTCLI CRITICAL: not signed in: ntcli auth login | ");
    world.set_config("/auth", was);
    for (days, exit, said) in [
        (20, 1, "NTCLI WARNING: the session ends in 19 days ("),
        (3, 2, "NTCLI CRITICAL: the session ends in 2 days ("),
        (-1, 2, "NTCLI CRITICAL: "),
    ] {
        world.set_config("/auth/expiresAt", json!(now_ms() + days * DAY - 1000));
        let line = check(&world, &[], exit, said);
        assert!(line.contains(": ntcli auth login | "), "{line}");
    }
    // One that renews itself ends every few minutes.
    world.set_config("/auth/refreshToken", json!("a-refresh-token"));
    check(&world, &[], 0, "NTCLI OK: ");
}

#[test]
fn a_target_that_drifted() {
    let (world, _) = World::ready();
    world.ntcli(&["target", "add", "--later", "--file", "token"]).run().exits(0);
    world.ntcli(&["target", "add", "--later", "--exec", "true"]).run().exits(0);
    check(&world, &[], 2, "NTCLI CRITICAL: prod: target 1 ");
    world.ntcli(&["target", "deliver"]).run().exits(0);
    check(&world, &[], 0, "NTCLI OK: ");
    fs::write(world.outside("token"), "another").unwrap();
    let line = check(&world, &[], 2, "NTCLI CRITICAL: prod: target 1 does not hold the current");
    assert!(line.contains(": ntcli target deliver 1 | "), "{line}");
}

/// A timer that has stopped is seen by the age of the last run that went well.
#[test]
fn the_refresh_does_not_run_any_more() {
    let (world, _) = World::ready();
    let asked = ["--max-age", "2d"];
    check(&world, &asked, 1, "NTCLI WARNING: prod: no successful refresh is known; does ");
    world.refresh(&["--if-expires-within", "1d"]).exits(0);
    check(&world, &asked, 0, "NTCLI OK: ");
    world.assert_private();
    let path = world.path("last-run.json");
    let mut last: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (_, at) in last["succeeded"].as_object_mut().unwrap() {
        *at = json!(now_ms() - 3 * DAY);
    }
    fs::write(&path, last.to_string()).unwrap();
    check(&world, &asked, 1, "NTCLI WARNING: prod: the last successful refresh ended 20");
    // A run that fails is none that went well.
    world.set_config("/auth", json!(null));
    world.refresh(&[]).exits(4);
    let line = check(&world, &asked, 2, "NTCLI CRITICAL: not signed in: ntcli auth login; prod: ");
    assert!(line.contains("with exit code 4: ntcli auth login"), "{line}");
    let json = world.ntcli(&["check", "--format", "json"]).run().json();
    assert_eq!(json["last_run"]["exit_code"], 4);
    check(&world, &[], 2, "NTCLI CRITICAL: not signed in");
    // What cannot be read is known to nobody.
    fs::write(&path, "{").unwrap();
    check(&world, &asked, 2, "NTCLI CRITICAL: not signed in");
}

#[test]
fn what_cannot_be_told() {
    let world = World::new();
    check(&world, &[], 3, "NTCLI UNKNOWN: No workspace has a token here");
    let (world, prod) = World::ready();
    check(&world, &["nowhere"], 3, "NTCLI UNKNOWN: ");
    check(&world, &["--warning", "soon"], 3, "NTCLI UNKNOWN: --warning takes ");
    check(&world, &["--wrong"], 3, "NTCLI UNKNOWN: Unknown option '--wrong'");
    world.ntcli(&["check", "--all", "prod"]).run().exits(3);
    world.ntcli(&["token", "show", "--format", "prometheus"]).run().exits(2).says("'ntcli check'");
    set_token(&world, &prod, "access_token", json!("no-token"));
    check(&world, &[], 3, "NTCLI UNKNOWN: ");
    fs::write(world.journal_path(), "{\"unknown\":1}\n\n").unwrap();
    let (world, _) = World::ready();
    world.write("rotation.journal", b"{\"unknown\":1}\n\n");
    check(&world, &[], 3, "NTCLI UNKNOWN: ");
    world.write("rotation.journal", b"");
    world.write("targets.json", b"{}");
    check(&world, &[], 3, "NTCLI UNKNOWN: ");
    world.write("config.json", b"{");
    check(&world, &[], 3, "NTCLI UNKNOWN: ");
    let json = world.ntcli(&["check", "--format", "json"]).run().exits(3).json();
    assert_eq!(
        (&json["status"], &json["error"]["code"]),
        (&json!("unknown"), &json!("damaged_file"))
    );
    world.ntcli(&["check", "--format", "prometheus"]).run().exits(3).prints("").says("UNKNOWN");
}

#[test]
fn names_that_would_end_the_line() {
    let (world, prod) = World::ready();
    set_token(&world, &prod, "workspace_name", json!("a|b'c=d\ne"));
    set_end(&world, &prod, 1000);
    let line = check(&world, &["--all"], 2, "NTCLI CRITICAL: a/b'c=d\\ne: ");
    assert_eq!(line.matches('|').count(), 1);
    assert!(line.contains(" | 'a/b_c_d\\ne days_left'="), "{line}");
}

/// What would keep the next refresh from working is found before it is due.
#[test]
fn a_refresh_that_could_not_work() {
    let (world, _) = World::ready();
    world.plane.drop_session(crate::harness::world::SESSION);
    world.refresh(&[]).exits(4);
    check(&world, &[], 1, "NTCLI WARNING: the last refresh ended 20");
    let run = |name: &str, value: &str| {
        let output = world.ntcli(&["check"]).env(name, value).run();
        output.exits(2);
        output.stdout.clone()
    };
    assert!(run("NTCLI_TIMEOUT", "abc").contains("NTCLI_TIMEOUT must be"));
    let line = run("NTCLI_SESSION_TOKEN", "wst_0123456789abcdef");
    assert!(line.contains("NTCLI_SESSION_TOKEN holds a workspace token, not a session"), "{line}");
    assert!(line.contains(": unset NTCLI_SESSION_TOKEN"), "{line}");
    let output = world.ntcli(&["check"]).env("NTCLI_API_URL", "ftp://x").run();
    assert!(output.exits(3).stdout.starts_with("NTCLI UNKNOWN: "), "{output}");
    let lock = fs::File::open(world.path("ntcli.lock")).unwrap();
    hold(&lock);
    let line = check(&world, &[], 1, "NTCLI WARNING: ");
    assert!(line.contains("another ntcli has been running for 5 s"), "{line}");
}

#[test]
fn limits_within_a_day() {
    let (world, prod) = World::ready();
    set_end(&world, &prod, now_ms() + 7 * 3_600_000);
    let line =
        check(&world, &["--critical", "12h"], 2, "NTCLI CRITICAL: prod: the token expires in ");
    assert!(line.contains("'prod days_left'=0.29;28:;0.5: "), "{line}");
    check(&world, &["--warning", "1d", "--critical", "2d"], 3, "NTCLI UNKNOWN: --warning must not");
}

/// Each is told from the other, and the hint works.
#[test]
fn two_of_one_name() {
    let (world, prod) = World::ready();
    let other = world.add_workspace("staging");
    set_token(&world, &other, "workspace_name", json!("prod"));
    set_end(&world, &other, 1000);
    let line = check(&world, &["--all"], 2, "NTCLI CRITICAL: ");
    assert!(line.contains(&format!(": ntcli renew {}", other.id)), "{line}");
    assert!(line.contains(&format!("'{} days_left'=", prod.id)), "{line}");
}

/// What is told of the last run is still so.
#[test]
fn what_is_over_is_not_told() {
    let (world, prod) = World::ready();
    world.refresh(&["typo"]).exits(1);
    world.ntcli(&["renew", "typo"]).run().exits(1);
    check(&world, &[], 0, "NTCLI OK: ");
    let fault = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, fault);
    world.refresh(&[]).exits(8);
    check(&world, &[], 1, "NTCLI WARNING: prod: pending since 20");
    world.plane.clear_faults();
    world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
    check(&world, &[], 0, "NTCLI OK: ");
    // Whichever workspace is active, all are looked at, unless one is named.
    let other = world.add_workspace("staging");
    set_end(&world, &other, 1000);
    check(&world, &[], 2, "NTCLI CRITICAL: staging: the token expired");
    check(&world, &["prod"], 0, "NTCLI OK: ");
    world.assert_current_is_live(&prod);
}

/// Of many, a line tells what is wrong, and has the data of as many as fit.
#[test]
fn a_summary_of_many() {
    let (world, _) = World::ready();
    let names: Vec<String> = (0..120).map(|n| format!("w{n}")).collect();
    let all = world.add_workspaces(&names);
    set_end(&world, &all[7], 1000);
    let line = check(&world, &[], 2, "NTCLI CRITICAL: w7: the token expired");
    assert_eq!(line.matches(" days_left'=").count(), 100, "{line}");
    for other in all.iter().skip(1).step_by(2) {
        set_end(&world, other, 1000);
    }
    let line = check(&world, &[], 2, "NTCLI CRITICAL: w1: the token expired");
    let told = line.split(" | ").next().unwrap_or_default().split("; ").collect::<Vec<_>>();
    assert_eq!(told.len(), 60, "{line}");
    for other in &all {
        set_end(&world, other, 1000);
    }
    let line = check(&world, &[], 2, "NTCLI CRITICAL: w0: the token expired");
    assert!(line.contains("; and 20 more: ntcli check --format json | "), "{line}");
}
