//! `--if-expires-within`: a timer may call every hour, and only what is due is done.

use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Issued, Route, Times};
use crate::harness::world::{Workspace, World};

/// A world whose current token ends that many seconds from now.
fn world_with(expires_in: Option<u64>) -> (World, Workspace) {
    let (world, mut prod) = World::ready();
    let Issued { access_token, jti, expires_at } = world.plane.issue_token(&prod.id, expires_in);
    let item = format!("/workspaces/items/{}", prod.key);
    world.set_config(&format!("{item}/access_token"), json!(access_token));
    world.set_config(&format!("{item}/jti"), json!(jti));
    prod.token = Issued { access_token, jti, expires_at };
    (world, prod)
}

/// Whole seconds since the epoch, rounded down.
fn now(world: &World, workspace: &Workspace) -> u64 {
    world.plane.issue_token(&workspace.id, Some(0)).expires_at.unwrap()
}

fn needs_refresh(world: &World, within: &str) -> bool {
    let asked = world.ntcli(&["token", "needs-refresh", "--within", within]).run();
    match asked.code() {
        Some(0) => true,
        Some(1) => false,
        _ => panic!("{asked}"),
    }
}

/// Whether a run with that limit refreshes.
fn refreshes(world: &World, workspace: &Workspace, within: &str) -> bool {
    let output = world.refresh(&["--if-expires-within", within, "--format", "json"]);
    let outcome = output.exits(0).says_only("").json()["outcome"].clone();
    let changed = world.current(workspace) != workspace.token.access_token;
    assert_eq!(changed, outcome == "refreshed", "{output}");
    assert!(changed || outcome == "not_due", "{output}");
    changed
}

/// The error says all that is a limit, and all that is a lifetime.
#[test]
fn what_is_no_limit() {
    let (world, _) = world_with(Some(86_400));
    let wrong = world.ntcli(&["token", "needs-refresh", "--within", "2001-12-01"]).run();
    wrong.exits(255).says("--within takes seconds, or a duration such as 90s, 1h or 30d\n");
    let wrong = world.refresh(&["--expires-in", "2001-12-01"]);
    wrong
        .exits(2)
        .says("Caused by: it must be seconds, 90s 15m 12h 30d 52w 1y 1d12h, a future date");
}

#[test]
fn to_the_second_and_as_needs_refresh_says() {
    for off in -3..=3_i64 {
        let (world, prod) = world_with(Some(5_000));
        let end = prod.token.expires_at.unwrap();
        let before = now(&world, &prod);
        let within = (end - before).checked_add_signed(off).unwrap();
        let text = within.to_string();
        let asked = needs_refresh(&world, &text);
        let (mut done, again) = (refreshes(&world, &prod, &text), now(&world, &prod) + 1);
        // Due for sure, or not for sure, independent of the time that has passed meanwhile.
        if end <= before + within {
            assert!(asked && done, "{off}");
        } else if end > again + within {
            assert!(!asked && !done, "{off}");
        } else if asked != done {
            // A second has passed between the two: the later one says due.
            assert!(!asked, "{off}");
            done = needs_refresh(&world, &text);
            assert!(!done, "the new token lasts");
        }
    }
}

#[test]
fn the_forms_of_the_limit() {
    let (world, prod) = world_with(Some(86_400 * 10));
    for within in ["1", "90s", "15m", "12h", "9d", "1w"] {
        assert!(!needs_refresh(&world, within) && !refreshes(&world, &prod, within), "{within}");
    }
    assert!(needs_refresh(&world, "11d") && refreshes(&world, &prod, "11d"));
}

#[test]
fn one_line_and_not_a_word_to_the_server() {
    let (world, prod) = world_with(Some(86_400 * 90));
    let history = world.path("history.jsonl");
    let output = world.refresh(&["--if-expires-within", "30d"]);
    output.exits(0).says_only("");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    assert!(output.stdout.starts_with("Token of 'prod' is not due: it expires 2"), "{output}");

    let output = world.refresh(&["--if-expires-within", "30d", "--format", "json"]);
    let answer = output.exits(0).json();
    assert_eq!(answer["outcome"], "not_due");
    assert_eq!(answer["new_token"], json!({"jti": null, "expires_at": null}));
    assert_eq!(answer["old_token"], json!({"jti": null, "revoked_at": null}));
    assert_eq!(answer["current_token"]["jti"], prod.token.jti.as_str());
    world.assert_nothing_sent();
    assert!(!history.exists(), "a skip is no line in the history");
}

#[test]
fn what_never_expires_is_never_due() {
    let (world, prod) = world_with(None);
    let item = format!("/workspaces/items/{}", prod.key);
    world.set_config(&format!("{item}/never_expires"), json!(true));
    let far_ahead = json!(253_402_300_799_000_u64);
    world.set_config(&format!("{item}/expires_at"), far_ahead);
    for within in ["1", "5000w"] {
        assert!(!needs_refresh(&world, within) && !refreshes(&world, &prod, within), "{within}");
    }
    let output = world.refresh(&["--if-expires-within", "5000w"]);
    output.prints("Token of 'prod' is not due: it never expires.\n");
    world.assert_nothing_sent();
}

#[test]
fn what_cannot_be_told_is_due() {
    let cases: [(&str, Value, Value); 2] = [
        ("its end is unknown", json!("wst_opaque"), Value::Null),
        ("it has ended", json!("wst_opaque"), json!(1_700_000_000_000_u64)),
    ];
    for (case, token, end) in cases {
        let (world, prod) = World::ready();
        let item = format!("/workspaces/items/{}", prod.key);
        world.set_config(&format!("{item}/access_token"), token);
        world.set_config(&format!("{item}/expires_at"), end);
        assert!(needs_refresh(&world, "1"), "{case}");
        assert!(refreshes(&world, &prod, "1"), "{case}");
        world.assert_one_live_token(&prod);
    }
}

/// A token that no server takes is a mistake in the file, for both of them.
#[test]
fn a_text_that_is_not_a_token() {
    let (world, prod) = World::ready();
    let item = format!("/workspaces/items/{}", prod.key);
    world.set_config(&format!("{item}/access_token"), json!("a b"));
    world.ntcli(&["token", "needs-refresh"]).run().exits(255);
    world.refresh(&["--if-expires-within", "1"]).exits(2).says("config.json");
    world.assert_nothing_sent();
}

#[test]
fn pending_work_is_done_although_nothing_is_due() {
    let (world, prod) = World::ready();
    let broken = Fault::Status(500, "{}".to_owned(), Vec::new());
    // A lost answer is asked for once more at once.
    world.plane.fault(Route::TokenRevoke, Times::N(2), broken);
    world.refresh(&[]).exits(8);
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 2);
    let output = world.refresh(&["--if-expires-within", "1d", "--format", "json"]);
    output.exits(0).says(&prod.token.jti).says("has been revoked");
    assert_eq!(output.json()["outcome"], "not_due");
    world.assert_one_live_token(&prod);
    assert!(!world.has_journal());

    // The code reports what still cannot be done.
    let broken = Fault::Status(500, "{}".to_owned(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::N(4), broken);
    world.refresh(&[]).exits(8);
    let output = world.refresh(&["--if-expires-within", "1d"]);
    output.exits(8).says("may still be live").says("Hint: ntcli token revoke --pending\n");
    world.refresh(&["--if-expires-within", "1d"]).exits(0);
    world.assert_one_live_token(&prod);
}

#[test]
fn a_pending_delivery_is_made_although_nothing_is_due() {
    let (world, prod) = World::ready();
    world.refresh(&["--exec", "test -e \"$HERE/fixed\""]).exits(9);
    fs::write(world.outside("fixed"), "").unwrap();
    let args = ["--if-expires-within", "1d", "--format", "json"];
    let output = world.refresh(&args);
    assert_eq!(output.exits(0).json()["outcome"], "delivered");
    assert_eq!(world.count(Route::TokenCreate), 1);
    world.assert_one_live_token(&prod);
}
