//! Renewal and sign-out, killed at every call that changes something.

use serde_json::json;

use crate::harness::kill;
use crate::harness::strace::Call;
use crate::harness::world::World;

fn at_every_call(args: &[&str], prepare: fn() -> World, check: fn(&World)) {
    let (set_up, args) = (|| (prepare(), ()), |(): &()| kill::words(args));
    kill::at_every_call(set_up, args, Call::changes_something, |world, ()| {
        world.config(); // it parses
        check(world);
        world.assert_private();
    });
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
        // The one gap that cannot be closed is between the provider's step and ours.
        let stored = world.config()["auth"]["refreshToken"].clone();
        let is_live = world.plane.live_refresh_tokens().iter().any(|t| stored == t.as_str());
        let fresh = world.config()["auth"]["expiresAt"].as_u64() > Some(1_750_000_000_000);
        let code = if is_live || fresh { 0 } else { 4 };
        world.ntcli(&["workspace", "list"]).run().exits(code);
    });
}

#[test]
fn a_sign_out_with_all_tokens() {
    let prepare = || World::ready().0;
    at_every_call(&["auth", "logout", "--all", "--force"], prepare, |world| {
        let bearer = world.config()["auth"]["bearerToken"].is_string();
        let items = world.config()["workspaces"]["items"].clone();
        let item = items.as_object().unwrap().values().next().unwrap().clone();
        // An unrevoked token is still there, and so is the session to revoke it with.
        let id = item["workspace_id"].as_str().unwrap().replace("ws-prod-", "");
        let live = !world.plane.live_tokens(&id).is_empty();
        assert!(!live || (bearer && item["access_token"] != "no-token"));
        world.ntcli(&["auth", "logout", "--all", "--force"]).run().exits(0);
        assert_eq!(world.plane.live_tokens(&id), [""; 0]);
        assert_eq!(world.config().get("auth"), None);
        world.assert_no_leftover();
    });
}
