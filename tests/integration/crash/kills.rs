//! Killed at any point, a refresh leaves a live token in the config, and the next run finds every
//! other one.

use std::fs;

use crate::control_plane::{Route, Times, TokenAuth};
use crate::harness::kill::{self, WIDTH};
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, Workspace, World};

const REFRESH: [&str; 2] = ["token", "refresh"];

/// The invariants at every moment.
#[track_caller]
fn assert_sound(world: &World, workspace: &Workspace) {
    world.assert_current_is_live(workspace);
    world.assert_private();
}

/// One undisturbed run has named every live token except the one in the config.
#[track_caller]
fn assert_named(world: &World, workspace: &Workspace, output: &Output) {
    output.exits(0);
    assert_sound(world, workspace);
    let current = world.item(workspace)["jti"].clone();
    let live = world.plane.live_tokens(&workspace.id);
    for jti in live.iter().filter(|jti| current != jti.as_str()) {
        assert!(output.stderr.contains(jti), "{jti} is live: {output}{}", world.describe());
    }
}

/// One undisturbed run that may revoke has left one live token, and nothing to do except wait for
/// tokens that may still appear.
#[track_caller]
fn assert_repaired(world: &World, workspace: &Workspace) {
    world.refresh(&["--revoke-orphans"]).exits(0);
    world.assert_one_live_token(workspace);
    world.assert_settled();
    // There is no second journal.
    let lock = fs::metadata(world.path("ntcli.lock")).unwrap();
    assert_eq!(lock.len(), 0);
    if world.has_journal() {
        world.let_time_pass(600);
        let pending = world.ntcli(&["token", "revoke", "--pending"]).run();
        pending.exits(0).says_only("");
        assert!(!world.has_journal(), "{}", world.describe());
    }
    world.assert_private();
    world.assert_no_leftover();
}

/// Kills `refresh` with `args` at each of its system calls, and passes the remains to `after`.
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

/// A run before this one has kept a token that the server did not accept yet.
fn unconfirmed(world: &World, checks: usize) {
    let lags = TokenAuth::Lagging(checks);
    world.plane.configure(|o| o.token_auth = lags);
    world.refresh(&["--verify-wait", "0"]).exits(8);
    assert!(world.has_pending_work(), "{}", world.describe());
}

#[test]
fn at_every_system_call_of_a_run_that_confirms() {
    let before = |world: &World| {
        unconfirmed(world, 1);
        world.plane.configure(|o| o.token_auth = TokenAuth::Normal);
    };
    kill_at_every_call(&[], before, |_, _| {});
}

/// Denied twice, the token is given up.
#[test]
fn at_every_request_of_a_run_that_gives_up() {
    let moments = [
        (Route::TokenAuth, Times::Once),
        (Route::TokenAuth, Times::Nth(2)),
        (Route::TokenRevoke, Times::Once),
    ];
    let cases: Vec<_> = moments.iter().flat_map(|m| [(*m, false), (*m, true)]).collect();
    for_each(WIDTH, &cases, |((route, times), after)| {
        let (world, workspace) = World::ready();
        unconfirmed(&world, usize::MAX);
        let args = ["token", "refresh", "--verify-wait", "0"];
        kill::at_request(&world, *route, *times, *after, &args);
        assert_sound(&world, &workspace);
        assert_eq!(world.current(&workspace), workspace.token.access_token);
        let creates = world.count(Route::TokenCreate);
        let again = world.refresh(&args[2..]);
        if *route == Route::TokenRevoke {
            again.exits(8); // it was given up: this is another one
        } else {
            again.exits(1).says("rejected its own new token");
            assert_eq!(world.count(Route::TokenCreate), creates, "{again}");
        }
        assert_sound(&world, &workspace);
        world.plane.configure(|o| o.token_auth = TokenAuth::Normal);
        // The absence of a new token proves nothing until the news of it has had its time.
        world.let_time_pass(600);
        assert_repaired(&world, &workspace);
    });
}

#[test]
fn at_every_request() {
    let routes = [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke];
    let cases: Vec<_> = routes.iter().flat_map(|r| [(*r, false), (*r, true)]).collect();
    for_each(WIDTH, &cases, |(route, after)| {
        for asked in [true, false] {
            let (world, workspace) = World::ready();
            kill::at_request(&world, *route, Times::Once, *after, &REFRESH);
            assert_sound(&world, &workspace);
            assert!(world.has_pending_work(), "{}", world.describe());
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
    let cases: Vec<_> = moments.iter().flat_map(|m| [(*m, false), (*m, true)]).collect();
    for_each(WIDTH, &cases, |((route, times), after)| {
        let (world, workspace) = World::ready();
        kill::at_request(&world, Route::TokenCreate, Times::Once, true, &REFRESH);
        kill::at_request(&world, *route, *times, *after, &["token", "refresh", "--revoke-orphans"]);
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
    output.exits(0).says(&format!("its token ({interrupted}) is the current one"));
    // A refresh was asked for, so there is one: what was finished is the old token of that.
    assert_eq!(output.json()["old_token"]["jti"], interrupted.as_str());
    world.assert_one_live_token(&workspace);
    world.assert_settled();
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
