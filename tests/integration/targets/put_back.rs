//! A file that holds an older token again when that one is about to be revoked.

use std::fs;

use super::{add_now, read};
use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::World;

/// What finishes pending work, whatever else it is about.
const RUNS: [&[&str]; 7] = [
    &["token", "revoke", "--pending"],
    &["token", "revoke", "of-nobody", "--force"],
    &["token", "create", "--no-save"],
    &["token", "refresh", "staging"],
    &["workspace", "create", "another"],
    &["workspace", "delete", "staging", "--force"],
    &["renew", "staging"],
];

#[test]
fn no_run_revokes_what_a_file_holds() {
    for run in RUNS {
        let (world, prod) = World::ready();
        world.add_workspace("staging");
        add_now(&world, &["--file", "token"]).exits(0);
        let before = read(&world, "token");
        let broken = Fault::Status(500, String::new(), Vec::new());
        world.plane.fault(Route::TokenRevoke, Times::N(2), broken);
        world.refresh(&[]).exits(8);
        world.plane.clear_faults();
        fs::write(world.outside("token"), before).unwrap();
        let output = world.ntcli(run).prints_secrets().run();
        let held = read(&world, "token");
        assert!(world.plane.is_live(held.trim()), "{run:?} {output}");
        world.ntcli(&["renew"]).run().exits(0);
        assert_eq!(read(&world, "token").trim(), world.current(&prod), "{run:?}");
        assert!(!world.plane.is_live(&prod.token.access_token), "{run:?}");
    }
}

/// A run that does not look at the files leaves the text by which the next one finds the token there.
#[test]
fn the_next_run_can_look() {
    let (world, prod) = World::ready();
    let before = format!("TOKEN={}\n", prod.token.access_token);
    fs::write(world.outside("app.conf"), &before).unwrap();
    add_now(&world, &["--replace", "app.conf"]).exits(0);
    world.refresh(&["--revoke-after", "1h"]).exits(0);
    fs::write(world.outside("app.conf"), &before).unwrap();
    fs::remove_file(world.path("history.jsonl")).unwrap();
    world.let_time_pass(3601);
    world.ntcli(&["workspace", "create", "another"]).prints_secrets().run().exits(0);
    assert!(world.plane.is_live(&prod.token.access_token));
    world.ntcli(&["renew", "prod"]).run().exits(0);
    assert_eq!(read(&world, "app.conf"), format!("TOKEN={}\n", world.current(&prod)));
    assert!(!world.plane.is_live(&prod.token.access_token));
}
