//! A lifetime with which no timer keeps up is said.

use crate::control_plane::Route;
use crate::harness::world::World;

/// The commands that are given a lifetime, and what is said of one that is too short.
const COMMANDS: [(&str, &str); 4] = [
    ("token refresh", "every run replaces it"),
    ("token create", "nothing replaces it"),
    ("token create --save", "every run replaces it"),
    ("policy prod", "every run replaces it"),
];

fn has_made(world: &World) -> bool {
    world.count(Route::TokenCreate) > 0 || world.path("policies.json").exists()
}

#[test]
fn it_is_said() {
    for (command, then) in COMMANDS {
        for (lifetime, said) in [("30m", "30m"), ("3599", "3599s"), ("1h", ""), ("2h", "")] {
            let (world, _) = World::ready();
            let line = format!("{command} --expires-in {lifetime}");
            let words: Vec<&str> = line.split(' ').collect();
            let output = world.ntcli(&words).prints_secrets().run();
            output.exits(0);
            if said.is_empty() {
                output.does_not_say("Warning");
            } else {
                output.says(&format!("Warning: A token of {said} ends within the hour: {then}.\n"));
            }
            assert!(has_made(&world), "{output}");
        }
    }
    let (world, _) = World::ready();
    let soon = ntcli::time::Timestamp::from_millis(
        i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap() + 900_000,
    );
    world.refresh(&["--expires-at", &soon.to_string()]).exits(0).says("ends within the hour");
    world.refresh(&["--expires-in", "30m", "--dry-run"]).exits(0).does_not_say("Warning");
}
