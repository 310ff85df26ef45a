//! Renewal and sign-out, killed at every call that touches a file.

use serde_json::json;

use crate::harness::world::{Output, World};

const FILE_CALLS: [&str; 7] = [
    "openat",
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "ftruncate",
];
/// More calls of a kind than any run makes.
const ENOUGH: usize = 500;

/// Runs the program, which dies in its n-th call of a kind.
fn killed_in(world: &World, call: &str, n: usize, args: &[&str]) -> Output {
    let inject = format!("inject={call}:signal=KILL:when={n}");
    let log = world.outside("strace.log");
    world.ntcli(args).strace(&log, &["-e", &inject]).run()
}

/// Each time in a world of its own, of each kind of call until a run comes to its end unharmed.
fn at_every_call(args: &[&str], prepare: fn() -> World, check: fn(&World)) {
    for call in FILE_CALLS {
        let unharmed = (1..ENOUGH).find(|n| {
            let world = prepare();
            let output = killed_in(&world, call, *n, args);
            world.config(); // it parses
            if output.signal() == Some(9) {
                check(&world);
                world.assert_private();
                return false;
            }
            output.exits(0);
            true
        });
        assert!(unharmed.is_some(), "{call}: more than {ENOUGH}");
    }
}

#[test]
fn a_renewal() {
    let prepare = || {
        let (world, _) = World::ready();
        let refresh_token = world.plane.grant_refresh_token();
        world.set_config("/auth/expiresAt", json!(1_700_000_000_000_u64));
        world.set_config("/auth/refreshToken", json!(refresh_token));
        world
    };
    at_every_call(&["workspace", "list"], prepare, |world| {
        // The one moment that nobody can bridge is between the provider's step and ours.
        let stored = world.config()["auth"]["refreshToken"].clone();
        let is_live = world
            .plane
            .live_refresh_tokens()
            .iter()
            .any(|t| stored == t.as_str());
        let fresh = world.config()["auth"]["expiresAt"].as_u64() > Some(1_750_000_000_000);
        let code = if is_live || fresh { 0 } else { 4 };
        world.ntcli(&["workspace", "list"]).run().exits(code);
    });
}

#[test]
fn a_sign_out_with_all_tokens() {
    let prepare = || World::ready().0;
    at_every_call(&["auth", "logout", "--all"], prepare, |world| {
        let bearer = world.config()["auth"]["bearerToken"].is_string();
        let items = world.config()["workspaces"]["items"].clone();
        let item = items.as_object().unwrap().values().next().unwrap().clone();
        // What is not revoked is still there, and so is the session to do it with.
        let id = item["workspace_id"]
            .as_str()
            .unwrap()
            .replace("ws-prod-", "");
        let live = !world.plane.live_tokens(&id).is_empty();
        assert!(!live || (bearer && item["access_token"] != "no-token"));
        world.ntcli(&["auth", "logout", "--all"]).run().exits(0);
        assert_eq!(world.plane.live_tokens(&id), [""; 0]);
        assert_eq!(world.config().get("auth"), None);
        world.assert_no_leftover();
    });
}
