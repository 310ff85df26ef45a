//! Metrics for Prometheus: `check --format prometheus`, and a file that every renewal writes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::skip::skipped;
use crate::harness::world::{Output, World};
use crate::unattended::renew::{give_due, renew};

/// Prometheus's own tool finds nothing wrong, if it is there.
#[track_caller]
fn assert_well_formed(text: &str) {
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn();
    let Ok(mut promtool) = promtool else {
        return skipped("promtool is not installed");
    };
    std::io::Write::write_all(&mut promtool.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(promtool.wait().unwrap().success(), "{text}");
}

fn value(text: &str, name: &str) -> Option<i64> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let line = lines.find(|line| line.split(['{', ' ']).next() == Some(name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn what_check_tells_as_metrics() {
    let (world, prod) = World::ready();
    world.set_config(&format!("/workspaces/items/{}/workspace_name", prod.key), json!("a\"\\\nb"));
    world.ntcli(&["target", "add", "--later", "--file", "token"]).run().exits(0);
    let output = world.ntcli(&["check", "--all", "--format", "prometheus"]).run();
    let text = &output.exits(2).stdout;
    assert_well_formed(text);
    let end = prod.token.expires_at.and_then(|secs| i64::try_from(secs).ok());
    assert_eq!(value(text, "ntcli_token_expiry_timestamp_seconds"), end);
    for (name, expected) in [
        ("token_usable", Some(1)),
        ("pending_operations", Some(0)),
        ("targets", Some(1)),
        ("targets_drifted", Some(1)),
        ("session_usable", Some(1)),
        ("session_renews", Some(0)),
        ("last_run_exit_code", None),
    ] {
        assert_eq!(value(text, &format!("ntcli_{name}")), expected, "{name} of {text}");
    }
    world.assert_nothing_sent();
}

/// A renewal that writes its metrics there.
fn renew_and_write(world: &World, path: &str) -> Output {
    renew(world, &["--metrics", path])
}

/// Every run leaves its metrics: what is not due, what failed, what never began.
#[test]
fn a_file_that_every_renewal_writes() {
    let (world, prod) = World::ready();
    let path = world.outside("ntcli.prom");
    let of_run = |args: &[&str], exit: i32| {
        let _ = fs::remove_file(&path);
        renew(&world, &[&["--metrics", path.to_str().unwrap()], args].concat()).exits(exit);
        let text = fs::read_to_string(&path).unwrap();
        assert_well_formed(&text);
        assert_eq!(value(&text, "ntcli_last_run_exit_code"), Some(exit.into()));
        assert!(value(&text, "ntcli_last_run_timestamp_seconds") > Some(1_700_000_000));
        // The collector runs as another user.
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        text
    };
    let text = of_run(&[], 0);
    assert!(value(&text, "ntcli_last_success_timestamp_seconds").is_some());
    of_run(&["--no-network"], 0);
    give_due(&world, &prod);
    world.plane.fault(Route::TokenRevoke, Times::Once, Fault::CloseAfter);
    world.plane.fault(Route::TokenList, Times::Always, Fault::CloseAfter);
    let text = of_run(&[], 8);
    assert_eq!(value(&text, "ntcli_pending_operations"), Some(1));
    world.plane.clear_faults();
    // A mistyped value or name is no run.
    fs::remove_file(&path).unwrap();
    for (mistyped, exit) in [(["--lock-wait", "soon"], 2), (["-w", "nowhere"], 1)] {
        let args = [&["--metrics", path.to_str().unwrap()][..], &mistyped].concat();
        renew(&world, &args).exits(exit);
        assert!(!path.exists(), "{mistyped:?}");
    }
    world.set_config("/auth", json!(null));
    let text = of_run(&[], 4);
    assert_eq!(value(&text, "ntcli_session_usable"), Some(0));
    assert_eq!(value(&text, "ntcli_token_usable"), Some(1));
    world.write("config.json", b"{");
    let text = of_run(&[], 2);
    assert_eq!(value(&text, "ntcli_token_usable"), None);
}

/// The run itself is not spoiled by a file that cannot be written, and spoils none of its own.
#[test]
fn a_file_that_cannot_be_written() {
    let (world, prod) = World::ready();
    for path in ["no/such/folder", "."] {
        renew_and_write(&world, path).exits(0).says("Warning: The metrics were not written");
        world.assert_one_live_token(&prod);
    }
    for own in ["config.json", "rotation.journal", "history.jsonl", "targets.json", "last-run.json"]
    {
        let path = format!("config/{own}");
        renew_and_write(&world, &path).exits(2).says("one of ntcli's own files");
    }
    std::os::unix::fs::symlink("config/config.json", world.outside("link")).unwrap();
    renew_and_write(&world, "link").exits(2).says("one of ntcli's own files");
    renew_and_write(&world, "-").exits(2).says("ntcli check --format prometheus");
    for empty in [&["--metrics", ""][..], &["--metrics="]] {
        renew(&world, empty).exits(2).says("--metrics is empty");
    }
    renew(&world, &["--dry-run", "--metrics", "dry"]).exits(0);
    assert!(!world.outside("dry").exists());
    world.assert_settled();
}

/// Not even one that the same run has delivered the token to.
#[test]
fn a_file_that_holds_something_else() {
    let (world, prod) = World::ready();
    fs::write(world.outside("notes"), "mine").unwrap();
    renew_and_write(&world, "notes").exits(2).says("holds something else");
    world.ntcli(&["target", "add", "--later", "--env", "A=app.env"]).run().exits(0);
    world.ntcli(&["target", "deliver"]).run().exits(0);
    renew_and_write(&world, "app.env").exits(2).says("holds something else");
    world.assert_nothing_sent();
    world.ntcli(&["target", "add", "--later", "--file", "new"]).run().exits(0);
    let output = renew_and_write(&world, "new");
    output.exits(0).says("Warning: The metrics were not written").says("holds something else");
    assert_eq!(fs::read_to_string(world.outside("new")).unwrap().trim(), world.current(&prod));
    assert_eq!(fs::read_to_string(world.outside("notes")).unwrap(), "mine");
}

/// What the caller sees, even if it could not be told what was done.
#[test]
fn the_exit_code_is_the_real_one() {
    let (world, _) = World::ready();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = world.ntcli(&["renew", "--metrics", "ntcli.prom"]).stdout(full);
    run.run().exits(1);
    let text = fs::read_to_string(world.outside("ntcli.prom")).unwrap();
    assert_eq!(value(&text, "ntcli_last_run_exit_code"), Some(1));
}

/// The config file may have two entries of one workspace.
#[test]
fn each_workspace_is_there_once() {
    let (world, prod) = World::ready();
    let mut config = world.config();
    let item = world.item(&prod);
    let other = world.plane.issue_token(&prod.id, Some(86_400));
    config["workspaces"]["items"][&prod.id] = item;
    config["workspaces"]["items"][&prod.id]["access_token"] = json!(other.access_token);
    config["workspaces"]["items"][&prod.id]["jti"] = json!(other.jti);
    world.write_config(&config);
    renew_and_write(&world, "ntcli.prom").exits(0);
    let text = fs::read_to_string(world.outside("ntcli.prom")).unwrap();
    assert_eq!(text.matches("ntcli_token_usable{").count(), 1, "{text}");
}
