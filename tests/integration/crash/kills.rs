//! Killed at any point, a refresh leaves a live token in the config, and the next run finds
//! whatever else there is.

use crate::control_plane::{Route, Times};
use crate::harness::kill::{self, WIDTH};
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, Workspace, World};

const REFRESH: [&str; 2] = ["token", "refresh"];

/// What must hold at every moment.
#[track_caller]
fn assert_sound(world: &World, workspace: &Workspace) {
    world.assert_current_is_live(workspace);
    world.assert_private();
}

/// One undisturbed run has told of every live token but the one in the config.
#[track_caller]
fn assert_named(world: &World, workspace: &Workspace, output: &Output) {
    output.exits(0);
    assert_sound(world, workspace);
    let current = world.item(workspace)["jti"].clone();
    let live = world.plane.live_tokens(&workspace.id);
    for jti in live.iter().filter(|jti| current != jti.as_str()) {
        assert!(
            output.stderr.contains(jti),
            "{jti} is live: {output}{}",
            world.describe()
        );
    }
}

/// One undisturbed run that may revoke has left one live token, and nothing to do.
#[track_caller]
fn assert_repaired(world: &World, workspace: &Workspace) {
    world.refresh(&["--revoke-orphans"]).exits(0);
    world.assert_one_live_token(workspace);
    assert!(!world.has_journal(), "{}", world.describe());
    world.assert_private();
    world.assert_no_leftover();
}

/// Kills `refresh` with `args` at each of its system calls, and hands what is left to `after`.
fn kill_at_every_call(
    args: &[&str],
    before: fn(&World),
    after: impl Fn(&World, &Workspace) + Sync,
) {
    let set_up = || {
        let (world, workspace) = World::ready();
        before(&world);
        (world, workspace)
    };
    let refresh = |_: &Workspace| kill::words(&[&REFRESH[..], args].concat());
    kill::at_every_call(
        set_up,
        refresh,
        |_| true,
        |world, workspace| {
            assert_sound(world, workspace);
            after(world, workspace);
            assert_repaired(world, workspace);
        },
    );
}

#[test]
fn at_every_system_call() {
    kill_at_every_call(&[], |_| {}, |_, _| {});
}

#[test]
fn at_every_system_call_the_next_run_names_what_is_live() {
    let named = |world: &World, workspace: &Workspace| {
        assert_named(world, workspace, &world.refresh(&[]));
    };
    kill_at_every_call(&[], |_| {}, named);
}

#[test]
fn at_every_system_call_of_a_repair() {
    let interrupted = |world: &World| {
        kill::at_request(world, Route::TokenCreate, Times::Once, true, &REFRESH);
    };
    kill_at_every_call(&["--revoke-orphans"], interrupted, |_, _| {});
}

#[test]
fn at_every_request() {
    let routes = [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke];
    let cases: Vec<_> = routes
        .iter()
        .flat_map(|r| [(*r, false), (*r, true)])
        .collect();
    for_each(WIDTH, &cases, |(route, after)| {
        for asked in [true, false] {
            let (world, workspace) = World::ready();
            kill::at_request(&world, *route, Times::Once, *after, &REFRESH);
            assert_sound(&world, &workspace);
            assert!(world.has_journal(), "{}", world.describe());
            if !asked {
                assert_named(&world, &workspace, &world.refresh(&[]));
            }
            assert_repaired(&world, &workspace);
        }
    });
}

/// The run that repairs is killed too: at its look into the list, at the revocation of what it
/// found there, and at the requests of its own refresh.
#[test]
fn at_every_request_of_a_repair() {
    let moments = [
        (Route::TokenList, Times::Once),
        (Route::TokenRevoke, Times::Once),
        (Route::TokenCreate, Times::Once),
        (Route::TokenAuth, Times::Once),
        (Route::TokenRevoke, Times::Nth(2)),
    ];
    let cases: Vec<_> = moments
        .iter()
        .flat_map(|m| [(*m, false), (*m, true)])
        .collect();
    for_each(WIDTH, &cases, |((route, times), after)| {
        let (world, workspace) = World::ready();
        kill::at_request(&world, Route::TokenCreate, Times::Once, true, &REFRESH);
        kill::at_request(
            &world,
            *route,
            *times,
            *after,
            &["token", "refresh", "--revoke-orphans"],
        );
        assert_sound(&world, &workspace);
        assert_repaired(&world, &workspace);
    });
}

/// Where a `created` is in the journal, the next run stores that very token.
#[test]
fn an_interrupted_refresh_is_finished() {
    let (world, workspace) = World::ready();
    kill::at_request(&world, Route::TokenAuth, Times::Once, false, &REFRESH);
    let interrupted = world.plane.live_tokens(&workspace.id)[1].clone();
    let output = world.refresh(&["--format", "json"]);
    output
        .exits(0)
        .says(&format!("its token ({interrupted}) is the current one"));
    // A refresh was asked for, so there is one: what was finished is the old token of that.
    assert_eq!(output.json()["old_token"]["jti"], interrupted.as_str());
    world.assert_one_live_token(&workspace);
    assert!(!world.has_journal());
}

#[test]
fn again_and_again_at_random_calls() {
    let (world, workspace) = World::ready();
    let Some(mut refresh) = kill::ByChance::new(&world, &REFRESH) else {
        return;
    };
    for _ in 0..60 {
        refresh.run(&world);
        assert_sound(&world, &workspace);
    }
    assert_repaired(&world, &workspace);
}
