//! Lost requests of `renew`: what is proven ours is revoked, what may be ours is one line until somebody
//! decides, and what is others' is not mentioned.

use serde_json::Value;

use crate::control_plane::{Route, Times};
use crate::harness::kill;
use crate::harness::world::{Output, Workspace, World};
use crate::unattended::renew::{assert_quiet_night, renew};

const YEAR: u64 = 31_536_000;

/// A `renew` that is killed once its create is carried out; the lost token, and the lifetime that it
/// was asked for.
fn lost(world: &World, prod: &Workspace) -> (String, u64) {
    let policy = ["policy", "prod", "--renew-before", "364d"];
    world.ntcli(&[&policy[..], &["--expires-in", "365d"]].concat()).run().exits(0);
    world.plane.age_tokens(2 * 86_400);
    world.set_config(&format!("/workspaces/items/{}/access_token", prod.key), "wst_due".into());
    world.set_config(&format!("/workspaces/items/{}/expires_at", prod.key), 4_000_000.into());
    kill::at_request(world, Route::TokenCreate, Times::Once, true, &["renew"]);
    world.ntcli(&["policy", "prod", "--default"]).run().exits(0);
    let requests = world.plane.requests();
    let create = requests.iter().rfind(|r| r.route == Some(Route::TokenCreate)).unwrap();
    let asked: Value = serde_json::from_str(&create.body).unwrap();
    (newest(world, prod), asked["expires_in"].as_u64().unwrap())
}

fn newest(world: &World, prod: &Workspace) -> String {
    world.plane.live_tokens(&prod.id).pop().unwrap()
}

fn is_live(world: &World, prod: &Workspace, jti: &str) -> bool {
    world.plane.live_tokens(&prod.id).iter().any(|live| live == jti)
}

#[track_caller]
fn assert_one_line(output: &Output, line: &str) {
    assert!(output.exits(8).stdout.contains(line), "{output}");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    output.does_not_say("Warning").says("ntcli token revoke --pending --forget\n");
}

/// Whatever others make meanwhile: theirs has another lifetime.
#[test]
fn the_lifetime_proves_it() {
    let (world, prod) = World::ready();
    let (ours, _) = lost(&world, &prod);
    let theirs = [Some(YEAR), Some(3600), None].map(|s| world.plane.issue_token(&prod.id, s).jti);
    let output = renew(&world, &[]);
    output.exits(0).says(&ours);
    assert!(!is_live(&world, &prod, &ours));
    for jti in theirs {
        output.does_not_say(&jti);
        assert!(is_live(&world, &prod, &jti));
    }
    assert_quiet_night(&world);
}

/// A gateway that sends a request twice makes two tokens of one lifetime. So do two machines that by
/// chance ask for the same in the same second, and then one of them is in use: neither is revoked.
#[test]
fn two_that_one_request_may_have_made() {
    let (world, prod) = World::ready();
    let (ours, asked_s) = lost(&world, &prod);
    let twin = world.plane.issue_token(&prod.id, Some(asked_s)).jti;
    for _ in 0..2 {
        let night = world.ntcli(&["-q", "renew"]).run();
        assert_one_line(&night, "2 tokens of prod may live that nothing here holds");
        assert!(is_live(&world, &prod, &ours) && is_live(&world, &prod, &twin));
    }
    world.refresh(&["--revoke-orphans"]).exits(0).says(&ours).says(&twin);
    assert!(is_live(&world, &prod, &ours) && is_live(&world, &prod, &twin));
    // One was the other machine's: whoever finds that out revokes ours, and the twin is kept.
    let revoke = ["token", "revoke", &ours, "-w", "prod", "--force"];
    world.ntcli(&revoke).run().exits(0);
    let night = world.ntcli(&["-q", "renew"]).run();
    assert_one_line(&night, "1 token of prod may live that nothing here holds");
    world.ntcli(&["token", "revoke", "--pending", "--forget"]).run().exits(0);
    renew(&world, &[]).exits(0);
    assert!(is_live(&world, &prod, &twin));
    assert_quiet_night(&world);
}

/// The list does not tell lifetimes.
#[test]
fn where_nothing_proves_it() {
    let (world, prod) = World::ready();
    world.plane.configure(|o| o.list_has_expiry = false);
    let (ours, _) = lost(&world, &prod);
    for _ in 0..2 {
        let night = world.ntcli(&["-q", "renew"]).run();
        assert_one_line(&night, "1 token of prod may live that nothing here holds");
        assert!(is_live(&world, &prod, &ours));
    }
    world.ntcli(&["token", "revoke", "--pending", "--forget"]).run().exits(0);
    renew(&world, &[]).exits(0);
    assert_quiet_night(&world);
}

/// By the server's clock, however far it is from ours.
#[test]
fn what_was_there_before_the_request_is_others() {
    for offset_s in [0, 7 * 86_400, -3600] {
        let (world, prod) = World::ready();
        world.plane.configure(|o| o.clock_offset_s = offset_s - 20);
        let before = world.plane.issue_token(&prod.id, Some(YEAR)).jti;
        world.plane.configure(|o| o.clock_offset_s = offset_s);
        let refresh = ["token", "refresh"];
        kill::at_request(&world, Route::TokenCreate, Times::Once, true, &refresh);
        let ours = newest(&world, &prod);
        let output = world.refresh(&["--revoke-orphans"]);
        output.exits(0).says(&ours).does_not_say(&before);
        assert!(is_live(&world, &prod, &before) && !is_live(&world, &prod, &ours));
        world.assert_settled();
    }
}

/// The clock of the list may be behind every other: a lifetime of its own tells the token all the same,
/// and then it is named, since its moment is not proven.
#[test]
fn a_list_whose_clock_is_behind() {
    let (world, prod) = World::ready();
    world.plane.configure(|o| (o.clock_offset_s, o.date_offset_s) = (-60, 60));
    let (ours, _) = lost(&world, &prod);
    let night = world.ntcli(&["-q", "renew"]).run();
    assert_one_line(&night, "1 token of prod may live that nothing here holds");
    world.ntcli(&["token", "show"]).run().exits(0).says_only("");
    assert!(is_live(&world, &prod, &ours));
}
