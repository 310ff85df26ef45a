//! Which tokens of a list a lost request may have created: named widely, revoked narrowly.

use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{Dates, Fault, Route, Times};
use crate::harness::kill;
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, Workspace, World};
use crate::workspaces::manage::delete_elsewhere;

const YEAR: u64 = 31_536_000;
const WIDTH: usize = 6;

fn lost(world: &World, fault: Fault) -> Output {
    world.plane.fault(Route::TokenCreate, Times::Once, fault);
    world.refresh(&[])
}

/// A refresh whose create is carried out; the token of it.
fn orphaned(world: &World, workspace: &Workspace) -> String {
    lost(world, Fault::CloseAfter).exits(10);
    let live = world.plane.live_tokens(&workspace.id);
    live.last().expect("a token").clone()
}

/// A refresh that is killed before its create is carried out: no search has been made yet.
fn killed(world: &World) {
    let refresh = ["token", "refresh"];
    kill::at_request(world, Route::TokenCreate, Times::Once, false, &refresh);
}

/// How `orphans` in the answer tells of each token: whether it was revoked.
fn told(output: &Output) -> Vec<(String, bool)> {
    let orphans = output.json()["orphans"].as_array().unwrap().clone();
    let told = |o: &Value| (o["jti"].as_str().unwrap().to_owned(), o["revoked"] == true);
    orphans.iter().map(told).collect()
}

#[track_caller]
fn assert_only_named(world: &World, workspace: &Workspace, jtis: &[&str]) {
    let output = world.refresh(&["--revoke-orphans", "--format", "json"]);
    let mut named: Vec<_> = jtis.iter().map(|jti| ((*jti).to_owned(), false)).collect();
    named.sort(); // by their ids
    assert_eq!(told(output.exits(0)), named, "{output}");
    // Several are one line.
    let which = if let [one] = jtis { one } else { "JTI" };
    output.says("may be ours").says(&format!("ntcli token revoke {which} -w {}", workspace.id));
    assert_eq!(output.stderr.matches("Warning: ").count(), 1, "{output}");
    for jti in jtis {
        output.says(jti);
        let live = world.plane.live_tokens(&workspace.id);
        assert!(live.iter().any(|live| live == jti), "{live:?}");
    }
}

/// Gateways say "busy" after the work was done, too: a create is not repeated before its token was
/// searched for.
#[test]
fn a_busy_answer_to_a_create_that_was_carried_out() {
    let answers = [(503, ""), (503, "upstream connect error"), (429, "{}"), (503, "<html>")];
    for_each(WIDTH, &answers, |(status, body)| {
        let busy = Fault::AppliedStatus(*status, (*body).to_owned(), Vec::new());
        let (world, workspace) = World::ready();
        let fault = |times, fault| world.plane.fault(Route::TokenCreate, times, fault);
        fault(Times::Always, busy.clone());
        let output = world.refresh(&["--format", "json"]);
        output.exits(10);
        assert_eq!(world.count(Route::TokenCreate), 1);
        let live = world.plane.live_tokens(&workspace.id);
        assert_eq!(told(&output), [(live[1].clone(), false)], "{output}");
        world.refresh(&["--revoke-orphans"]).exits(10);
        world.assert_one_live_token(&workspace);
        world.assert_settled();

        // A list that cannot be read allows no other attempt either.
        let broken = Fault::Status(500, String::new(), Vec::new());
        world.plane.fault(Route::TokenList, Times::Always, broken);
        world.plane.clear_requests();
        world.refresh(&[]).exits(10);
        assert_eq!(world.count(Route::TokenCreate), 1);
        world.plane.clear_faults();
        let live = world.plane.live_tokens(&workspace.id);
        world.refresh(&["--revoke-orphans"]).exits(0).says(&live[1]);
        world.assert_one_live_token(&workspace);
        world.assert_settled();
    });
}

/// The list learns of a token late: in the end every token of several attempts is named.
#[test]
fn every_attempt_was_carried_out_and_the_list_is_late() {
    let (world, workspace) = World::ready();
    world.plane.configure(|o| o.list_lag = 1);
    let busy = Fault::AppliedStatus(503, String::new(), Vec::new());
    world.plane.fault(Route::TokenCreate, Times::N(2), busy);
    world.refresh(&[]).exits(10);
    let made = world.plane.live_tokens(&workspace.id)[1..].to_vec();
    assert_eq!(made.len(), 2);
    let output = world.refresh(&["--revoke-orphans"]);
    output.exits(0).says(&made[0]).says(&made[1]);
    world.assert_one_live_token(&workspace);
    world.assert_settled();
}

#[test]
fn dates_of_every_kind() {
    let kinds = [
        (Dates::Seconds, true),
        (Dates::Millis, true),
        (Dates::Zoned, true),
        (Dates::Ahead, true),
        (Dates::Unzoned, true),
        (Dates::Rfc1123, true),
        (Dates::Missing, false),
        (Dates::Garbage, false),
    ];
    for_each(WIDTH, &kinds, |(dates, is_certain)| {
        let (world, workspace) = World::ready();
        world.plane.configure(|o| o.list_dates = *dates);
        let orphan = orphaned(&world, &workspace);
        if *is_certain {
            let output = world.refresh(&["--revoke-orphans", "--format", "json"]);
            assert_eq!(told(output.exits(0)), [(orphan, true)], "{output}");
            world.assert_one_live_token(&workspace);
            world.assert_settled();
        } else {
            assert_only_named(&world, &workspace, &[&orphan]);
        }
    });
}

/// The clock of the list is another than that of the `Date` header, and behind both ours.
#[test]
fn clocks_that_differ() {
    for (behind_s, is_certain) in [(0, true), (4, false)] {
        let (world, workspace) = World::ready();
        world.plane.configure(|o| {
            (o.clock_offset_s, o.date_offset_s) = (-behind_s, behind_s);
        });
        let orphan = orphaned(&world, &workspace);
        if is_certain {
            world.refresh(&["--revoke-orphans"]).exits(0).says(&orphan);
            world.assert_one_live_token(&workspace);
        } else {
            assert_only_named(&world, &workspace, &[&orphan]);
        }
    }
}

/// Between two runs our clock was set, by an hour: the uptime tells how long ago it was.
#[test]
fn our_clock_was_set() {
    for shift_ms in [-3_600_000_i64, 3_600_000] {
        let (world, workspace) = World::ready();
        let refresh = ["token", "refresh"];
        kill::at_request(&world, Route::TokenCreate, Times::Once, true, &refresh);
        let orphan = world.plane.live_tokens(&workspace.id).remove(1);
        let journal = fs::read_to_string(world.journal_path()).unwrap();
        let records = journal.lines().filter(|line| !line.is_empty());
        let shifted = records.map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            let fields = &mut record["creating"];
            for name in ["at", "until"] {
                fields[name] = json!(fields[name].as_i64().unwrap() + shift_ms);
            }
            format!("{record}\n")
        });
        let shifted: String = shifted.collect();
        world.write("rotation.journal", shifted.as_bytes());
        world.refresh(&["--revoke-orphans"]).exits(0).says(&orphan);
        world.assert_one_live_token(&workspace);
        world.assert_settled();
    }
}

/// One request was lost and two tokens fit: neither is revoked unasked, and the user decides.
#[test]
fn more_candidates_than_lost_requests() {
    let (world, workspace) = World::ready();
    let refresh = ["token", "refresh"];
    kill::at_request(&world, Route::TokenCreate, Times::Once, true, &refresh);
    let ours = world.plane.live_tokens(&workspace.id).remove(1);
    let theirs = world.plane.issue_token(&workspace.id, Some(YEAR)).jti;
    assert_only_named(&world, &workspace, &[&ours, &theirs]);

    // A dismissed token is no longer named, though the request is still open.
    let forget = ["token", "revoke", &theirs, "-w", &workspace.id, "--forget"];
    world.ntcli(&forget).run().exits(0).says_only("");
    world.plane.clear_requests();
    let output = world.refresh(&["--revoke-orphans"]);
    output.exits(0).says(&ours).does_not_say(&theirs);
    assert_eq!(world.count(Route::TokenList), 1, "one list, not one for each");
    let revoke = ["token", "revoke", &ours, "-w", &workspace.id, "--force"];
    world.ntcli(&revoke).run().exits(0);
    world.refresh(&["--revoke-orphans"]).exits(0).says_only("");
    world.assert_settled();
    let mut live = world.plane.live_tokens(&workspace.id);
    live.retain(|jti| *jti != world.item(&workspace)["jti"].as_str().unwrap());
    assert_eq!(live, [theirs]);
}

/// The same when they come one after the other.
#[test]
fn more_candidates_in_several_runs() {
    let (world, workspace) = World::ready();
    killed(&world);
    killed(&world);
    let pending = || world.ntcli(&["token", "revoke", "--pending"]).run();
    let issue = || world.plane.issue_token(&workspace.id, Some(YEAR)).jti;
    let first = issue();
    pending().exits(0).says(&first);
    let (second, third) = (issue(), issue());
    pending().exits(0).says(&second).says(&third);
    assert_only_named(&world, &workspace, &[&first, &second, &third]);
}

/// A token of another lifetime than was asked for is somebody else's, unless the server grants that
/// one whatever is asked for, as the current token shows: then it is named.
#[test]
fn another_lifetime() {
    for (asked, made) in
        [("1h", Some(YEAR)), ("365d", Some(3600)), ("365d", None), ("never", Some(YEAR))]
    {
        let (world, workspace) = World::ready();
        let refresh = ["token", "refresh", "--expires-in", asked];
        kill::at_request(&world, Route::TokenCreate, Times::Once, false, &refresh);
        let other = world.plane.issue_token(&workspace.id, made);
        if made == Some(YEAR) {
            assert_only_named(&world, &workspace, &[&other.jti]);
        } else {
            world.refresh(&["--revoke-orphans"]).exits(0).does_not_say(&other.jti);
            assert!(world.plane.is_live(&other.access_token));
        }
    }
    let (world, workspace) = World::ready();
    let refresh = ["token", "refresh", "--expires-in", "never"];
    kill::at_request(&world, Route::TokenCreate, Times::Once, true, &refresh);
    let orphan = world.plane.live_tokens(&workspace.id).remove(1);
    world.refresh(&["--revoke-orphans"]).exits(0).says(&orphan);
    world.assert_one_live_token(&workspace);
}

/// The connection was cut: what was made a minute later is somebody else's, or came late.
#[test]
fn made_after_the_request_had_ended() {
    let (world, workspace) = World::ready();
    lost(&world, Fault::CloseBefore).exits(10);
    world.plane.configure(|o| o.clock_offset_s = 60);
    let later = world.plane.issue_token(&workspace.id, Some(YEAR)).jti;
    world.plane.configure(|o| o.clock_offset_s = 0);
    assert_only_named(&world, &workspace, &[&later]);
}

#[test]
fn only_the_workspaces_of_this_run() {
    let (world, workspace) = World::ready();
    let other = world.add_workspace("other");
    let orphan = orphaned(&world, &workspace);
    let output = world.refresh(&["-w", "other", "--revoke-orphans", "--format", "json"]);
    assert_eq!(told(output.exits(0)), [(orphan, false)], "{output}");
    assert_eq!(world.plane.live_tokens(&workspace.id).len(), 2);
    world.refresh(&["--all", "--revoke-orphans"]).exits(0);
    world.assert_one_live_token(&workspace);
    world.assert_one_live_token(&other);
    world.assert_settled();
}

#[test]
fn an_orphan_of_a_deleted_workspace_ends() {
    let (world, workspace) = World::ready();
    let gone = world.add_workspace("gone");
    let lost = Fault::CloseAfter;
    world.plane.fault(Route::TokenCreate, Times::Once, lost);
    world.refresh(&["-w", "gone"]).exits(10);
    delete_elsewhere(&world, &gone.id);
    world.refresh(&[]).exits(0).says_only("");
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal(), "{}", world.describe());
}
