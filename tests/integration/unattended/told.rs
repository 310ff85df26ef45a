//! What runs say of what they leave, and what is no run.

use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::World;
use crate::unattended::renew::{assert_quiet_night, give_due, renew};

/// Tokens that may be ours are one line and exit 8, for monitoring too, until somebody decides.
#[test]
fn tokens_that_nothing_holds() {
    let (world, prod) = World::ready();
    for _ in 0..2 {
        world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
        world.refresh(&[]).exits(10);
    }
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 3);
    let by_hand = world.refresh(&["--if-expires-within", "1d"]);
    assert_eq!(by_hand.exits(0).stderr.matches("Warning").count(), 1, "{by_hand}");
    by_hand.says("2 live tokens of 'prod' may be ours");
    let metrics = world.outside("ntcli.prom");
    let output = world.ntcli(&["-q", "renew", "--metrics", metrics.to_str().unwrap()]).run();
    let line = "2 tokens of prod may live that nothing here holds";
    assert!(output.exits(8).stdout.contains(line), "{output}");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    output.does_not_say("Warning");
    let written = fs::read_to_string(&metrics).unwrap();
    assert!(written.contains("ntcli_last_run_exit_code 8\n"), "{written}");
    world.ntcli(&["check"]).run().exits(1);
    world.ntcli(&["token", "revoke", "--pending", "--forget"]).run().exits(0);
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);
}

/// A value that was mistyped, in a pipe too, is no run that failed.
#[test]
fn a_mistyped_value_is_no_run() {
    let (world, _) = World::ready();
    renew(&world, &[]).exits(0);
    let before = fs::read(world.path("last-run.json")).unwrap();
    world.refresh(&["--expires-in", "soon"]).exits(2);
    world.refresh(&["--if-expires-within", "soon"]).exits(2);
    assert_eq!(fs::read(world.path("last-run.json")).unwrap(), before);
    world.ntcli(&["check"]).run().exits(0);
}

/// What is wanted is forgotten with everything else.
#[test]
fn a_reset_forgets_policies() {
    let (world, _) = World::ready();
    world.ntcli(&["policy", "prod", "--expires-in", "90d"]).run().exits(0);
    world.ntcli(&["config", "reset", "--force"]).run().exits(0);
    let left: Value =
        serde_json::from_slice(&fs::read(world.path("policies.json")).unwrap()).unwrap();
    assert_eq!(left["policies"], json!({}), "{left}");
}

/// A grace ends with the token that it is for, and so does what is promised of it.
#[test]
fn a_grace_beyond_the_end_of_the_old_token() {
    let (world, prod) = World::ready();
    give_due(&world, &prod);
    let ends = world.end(&prod);
    let policy = ["policy", "prod", "--renew-before", "10d", "--revoke-after", "5d"];
    world.ntcli(&policy).run().exits(0);
    let output = renew(&world, &[]);
    assert!(
        output.exits(0).stdout.contains(&format!("the old one lives until {ends}\n")),
        "{output}"
    );
    let shown = world.ntcli(&["token", "show"]).run();
    assert!(shown.exits(0).stdout.contains(&format!("will be revoked after {ends}\n")), "{shown}");
    let history = fs::read_to_string(world.path("history.jsonl")).unwrap();
    assert!(history.contains(&format!("left live until {ends}")), "{history}");
}
