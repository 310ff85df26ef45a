//! The history: one line per action, never a token, and never in the way.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times, TokenAuth};
use crate::harness::strace;
use crate::harness::world::{Workspace, World};

fn lines(world: &World) -> Vec<Value> {
    let text = fs::read_to_string(world.path("history.jsonl")).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON"));
    lines.collect()
}

fn events(world: &World) -> Vec<String> {
    let lines = lines(world);
    let events = lines.iter().map(|line| line["event"].as_str().unwrap().to_owned());
    events.collect()
}

/// One line for each refresh, in an unbroken chain from the first token to the current one, and
/// one for the end of each token that is dead. No token in any of it.
#[track_caller]
pub(crate) fn assert_consistent(world: &World, workspace: &Workspace) {
    let lines = lines(world);
    let mut lines: Vec<_> =
        lines.iter().filter(|l| l["workspace_id"] == workspace.id.as_str()).collect();
    let mut current = workspace.token.jti.clone();
    let mut ended = BTreeMap::<String, usize>::new();
    let mut replaced = Vec::new();
    for line in lines.drain(..) {
        let jti = line["jti"].as_str().unwrap_or_default().to_owned();
        match line["event"].as_str().unwrap() {
            "refreshed" | "recovered" => {
                assert_eq!(line["old_jti"], current.as_str(), "{}", world.describe());
                replaced.push(std::mem::replace(&mut current, jti));
            }
            "revoked" => *ended.entry(jti).or_default() += 1,
            _ => {}
        }
    }
    assert_eq!(world.item(workspace)["jti"], current.as_str());
    let live = world.plane.live_tokens(&workspace.id);
    for jti in replaced {
        let times = ended.get(&jti).copied().unwrap_or_default();
        assert_eq!(times, usize::from(!live.contains(&jti)), "{jti}: {}", world.describe());
    }
    let text = fs::read_to_string(world.path("history.jsonl")).unwrap_or_default();
    for secret in world.secrets().iter().filter(|secret| secret.len() > 16) {
        assert!(!text.contains(secret.as_str()), "a token is in the history");
    }
}

#[test]
fn a_line_for_each() {
    let (world, prod) = World::ready();
    world.refresh(&[]).exits(0);
    world.refresh(&["--if-expires-within", "1d"]).exits(0);
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    let command =
        "cd \"$HERE\"; [ -e killed ] || { [ -e fixed ] && touch killed && kill -9 $PPID; }";
    world.refresh(&["--exec", command]).exits(9);
    world.ntcli(&["target", "remove", "1"]).run().exits(0);
    world.refresh(&["--exec", "true"]).exits(0);
    fs::write(world.outside("fixed"), "").unwrap();
    world.refresh(&["--exec", command]).is_killed();
    let expected = [
        "refreshed",
        "revoked",
        "refreshed",
        "grace",
        "refreshed",
        "failed",
        "delivered",
        "revoked",
        "refreshed",
        "delivered",
    ];
    assert_eq!(events(&world), expected);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    assert_consistent(&world, &prod);

    let all = lines(&world);
    let first = &all[0];
    assert_eq!(first["workspace"], "prod");
    assert_eq!(first["workspace_id"], prod.id.as_str());
    assert_eq!(first["old_jti"], prod.token.jti.as_str());
    assert!(first["at"].is_string() && first["expires_at"].is_string());
    assert_eq!(all[1]["jti"], prod.token.jti.as_str());
    assert!(all[5]["reason"].as_str().unwrap().contains("ended with 1"));
    world.assert_private();

    let shown = world.ntcli(&["token", "history", "--format", "json"]).run();
    let shown = shown.exits(0).json()["history"].clone();
    let mut newest_first = shown.as_array().unwrap().clone();
    newest_first.reverse();
    assert_eq!(newest_first.len(), all.len());
    for (shown, line) in newest_first.iter().zip(&all) {
        let workspace = json!({"name": line["workspace"], "id": line["workspace_id"]});
        assert_eq!(shown["workspace"], workspace);
        for name in ["at", "event", "jti", "old_jti", "expires_at", "reason"] {
            assert_eq!(shown[name], line[name], "{name}");
        }
    }
    let text = world.ntcli(&["token", "history"]).run();
    assert_eq!(text.exits(0).stdout.lines().count(), all.len() + 1, "{text}");
}

#[test]
fn what_failed_after_the_token_was_made() {
    let (world, prod) = World::ready();
    let of_last = |world: &World| lines(world).pop().unwrap()["reason"].clone();
    world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(usize::MAX));
    world.refresh(&[]).exits(8);
    assert_eq!(events(&world), ["failed"]);
    let reason = of_last(&world);
    assert!(reason.as_str().unwrap().contains("has not accepted"), "{reason}");
    world.refresh(&[]).exits(1);
    assert_eq!(events(&world), ["failed", "revoked", "failed"]);
    let reason = of_last(&world);
    assert!(reason.as_str().unwrap().contains("was undone"), "{reason}");
    world.plane.configure(|o| o.token_auth = TokenAuth::Normal);
    world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
    world.refresh(&["--revoke-orphans"]);
    assert_eq!(events(&world)[3..], ["orphan_found", "revoked", "failed"]);
    // Before that there is nothing to tell of.
    let refused = Fault::Status(403, "{}".to_owned(), Vec::new());
    world.plane.fault(Route::TokenCreate, Times::Once, refused);
    world.refresh(&[]).exits(4);
    assert_eq!(events(&world).len(), 6);
    assert_consistent(&world, &prod);
}

/// By hand and later, too; what was never there was not revoked.
#[test]
fn a_line_for_each_revocation() {
    let (world, prod) = World::ready();
    let revoke = |jti: &str| world.ntcli(&["token", "revoke", jti, "--force"]).run();
    revoke("jti_unknown").exits(1);
    assert_eq!(events(&world), [""; 0]);
    revoke(&world.plane.issue_token(&prod.id, None).jti).exits(0);
    assert_eq!(events(&world), ["revoked"]);
    let refused = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, refused);
    world.refresh(&[]);
    assert_eq!(events(&world)[1..], ["refreshed"]);
    world.plane.clear_faults();
    world.refresh(&[]).exits(0);
    assert_eq!(events(&world)[2..], ["revoked", "refreshed", "revoked"]);
    assert_consistent(&world, &prod);
}

#[test]
fn it_does_not_grow_forever() {
    let (world, prod) = World::ready();
    let line = |n: usize| {
        let line = json!({"at": "2026-01-01T00:00:00Z", "event": "refreshed", "workspace": "prod",
            "workspace_id": prod.id, "jti": format!("jti_{n:08}"), "reason": "x".repeat(n % 700)});
        format!("{line}\n")
    };
    let long: String = (0..4000).map(line).collect();
    assert!(long.len() > 1 << 20);
    world.write("history.jsonl", long.as_bytes());
    world.refresh(&[]).exits(0).says_only("");
    let text = fs::read_to_string(world.path("history.jsonl")).unwrap();
    assert!(text.len() < long.len() / 2 + 2000 && text.len() > long.len() / 3);
    let all = lines(&world); // each of them whole
    assert_eq!(all[all.len() - 3]["jti"], "jti_00003999");
    assert_eq!(all[all.len() - 2]["event"], "refreshed");
    assert_eq!(all[all.len() - 1]["event"], "revoked");
    world.assert_private();
}

#[test]
fn a_damaged_line_is_passed_over() {
    let (world, _) = World::ready();
    world.write("history.jsonl", b"{\"at\": \xff}\nnonsense\n{\"half");
    world.refresh(&[]).exits(0).says_only("");
    let shown = world.ntcli(&["token", "history", "--format", "json"]).run();
    assert_eq!(shown.exits(0).json()["history"].as_array().unwrap().len(), 2);
}

#[test]
fn one_that_cannot_be_written_fails_nothing() {
    let (world, prod) = World::ready();
    fs::create_dir(world.path("history.jsonl")).unwrap();
    let output = world.refresh(&["--format", "json"]);
    output.exits(0).says("history.jsonl").says("a line is missing from the history");
    assert_eq!(output.stderr.matches("Warning").count(), 1, "{output}");
    assert_eq!(output.json()["outcome"], "refreshed");
    world.assert_one_live_token(&prod);
    assert!(!world.has_journal());
}

#[test]
fn a_full_disk_beneath_it_fails_nothing() {
    if !strace::is_available() {
        return;
    }
    let (world, _) = World::ready();
    let calls = strace::calls_of(&world, &["token", "refresh"]);
    let calls: Vec<_> = calls.into_iter().filter(|c| c.line.contains("history.jsonl")).collect();
    assert!(calls.iter().any(|call| call.name == "write"), "{calls:#?}");
    for call in
        calls.iter().filter(|call| ["open", "openat", "write"].contains(&call.name.as_str()))
    {
        let (world, prod) = World::ready();
        let refresh = world.ntcli(&["token", "refresh"]);
        let output = call.inject(refresh, &world, "error=ENOSPC", "").run();
        output.exits(0);
        // What cannot be opened once is opened again for the line.
        if call.name == "write" {
            output.says("No space left").says("a line is missing from the history");
        }
        world.assert_one_live_token(&prod);
        assert!(!world.has_journal());
        world.refresh(&[]).exits(0);
        lines(&world);
    }
}
