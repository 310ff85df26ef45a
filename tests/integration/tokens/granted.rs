//! What the server granted, where it is not what was asked for.

use serde_json::json;

use crate::harness::world::World;

const TEN_DAYS: u64 = 864_000;

#[test]
fn another_lifetime_is_said() {
    let (world, _) = World::ready();
    world.plane.configure(|o| o.longest_lifetime = Some(TEN_DAYS));
    let said = "The server granted a token for 10d, not for 30d.\n";
    world.refresh(&["--expires-in", "30d"]).exits(0).says(&format!("prod: {said}"));
    let create = world.ntcli(&["token", "create", "--expires-in", "30d"]);
    create.prints_secrets().run().exits(0).says(said);

    let granted = json!({"asked_s": 2_592_000, "granted_s": TEN_DAYS, "lacks_scope": []});
    let refreshed = world.refresh(&["--expires-in", "30d", "--format", "json"]);
    assert_eq!(refreshed.exits(0).json()["granted"], granted);
    let all = world.refresh(&["--all", "--expires-in", "30d", "--format", "json"]);
    assert_eq!(all.exits(0).json()["results"][0]["granted"], granted);
    let create = world.ntcli(&["token", "create", "--expires-in", "30d", "--format", "json"]);
    assert_eq!(create.prints_secrets().run().exits(0).json()["granted"], granted);
}

#[test]
fn what_was_asked_is_not() {
    let (world, _) = World::ready();
    world.plane.configure(|o| o.longest_lifetime = Some(TEN_DAYS));
    let refreshed = world.refresh(&["--expires-in", "10d", "--format", "json"]);
    refreshed.exits(0).does_not_say("granted");
    assert!(refreshed.json().get("granted").is_none(), "{refreshed}");
}

/// An old token that ends before its time to stay live is over lives no longer for that.
#[test]
fn nothing_is_promised_beyond_the_end_of_the_old_token() {
    let (world, _) = World::ready();
    world.refresh(&["--expires-in", "600"]).exits(0);
    let ends =
        world.ntcli(&["token", "show", "--format", "json"]).run().json()["expires_at"].clone();
    let refreshed = world.refresh(&["--revoke-after", "1h"]);
    let ends = ends.as_str().unwrap();
    let promise = format!(" stays live until {ends}, when it expires.\nUndo until then: ");
    assert!(refreshed.exits(0).stdout.contains(&promise), "{refreshed}");
}
