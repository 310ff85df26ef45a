//! Killed at any point, a refresh leaves a live token in the config, and the next run finds
//! whatever else there is.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::parallel::for_each;
use crate::harness::strace;
use crate::harness::world::{Output, Workspace, World, kill};

/// These cases work rather than wait.
const WIDTH: usize = 4;

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
    if !strace::is_available() {
        return;
    }
    let refresh = [&["token", "refresh"], args].concat();
    let (world, _) = World::ready();
    before(&world);
    let calls = strace::calls_of(&world, &refresh);
    let killed = AtomicUsize::new(0);
    for_each(WIDTH, &calls, |call| {
        let (world, workspace) = World::ready();
        before(&world);
        let output = call
            .inject(world.ntcli(&refresh), &world, "signal=KILL", "")
            .run();
        if output.signal() == Some(9) {
            killed.fetch_add(1, Ordering::Relaxed);
        } else {
            // A socket may give its bytes in fewer pieces than the other time.
            output.exits(0);
        }
        assert_sound(&world, &workspace);
        after(&world, &workspace);
        assert_repaired(&world, &workspace);
    });
    let (killed, all) = (killed.into_inner(), calls.len());
    assert!(killed * 10 > all * 9, "killed at {killed} of {all} calls");
}

#[test]
fn at_every_system_call() {
    kill_at_every_call(&[], |_| {}, |_, _| {});
}

#[test]
fn at_every_system_call_the_next_run_names_what_is_live() {
    kill_at_every_call(
        &[],
        |_| {},
        |world, workspace| {
            assert_named(world, workspace, &world.refresh(&[]));
        },
    );
}

#[test]
fn at_every_system_call_of_a_repair() {
    let interrupted =
        |world: &World| refresh_killed_at(world, Route::TokenCreate, Times::Once, true, &[]);
    kill_at_every_call(&["--revoke-orphans"], interrupted, |_, _| {});
}

/// Runs a refresh that the control plane kills at a request, before or after carrying it out.
pub(crate) fn refresh_killed_at(
    world: &World,
    route: Route,
    times: Times,
    after: bool,
    args: &[&str],
) {
    let client = Arc::new(OnceLock::new());
    let f = Arc::new({
        let client = Arc::clone(&client);
        move || kill(*client.wait())
    });
    world.plane.fault(route, times, Fault::Call { after, f });
    let running = world.ntcli(&[&["token", "refresh"], args].concat()).spawn();
    client.set(running.pid()).unwrap();
    running.finish().is_killed();
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
            refresh_killed_at(&world, *route, Times::Once, *after, &[]);
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
        refresh_killed_at(&world, Route::TokenCreate, Times::Once, true, &[]);
        refresh_killed_at(&world, *route, *times, *after, &["--revoke-orphans"]);
        assert_sound(&world, &workspace);
        assert_repaired(&world, &workspace);
    });
}

/// Where a `created` is in the journal, the next run stores that very token.
#[test]
fn an_interrupted_refresh_is_finished() {
    let (world, workspace) = World::ready();
    refresh_killed_at(&world, Route::TokenAuth, Times::Once, false, &[]);
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
fn at_random_moments() {
    const ROUNDS: u32 = 60;
    let (world, workspace) = World::ready();
    let started = Instant::now();
    world.refresh(&[]).exits(0);
    let whole = started.elapsed();
    let seed = RandomState::new().hash_one(0) | 1;
    let mut random = seed;
    let mut killed = 0;
    for _ in 0..ROUNDS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let running = world.ntcli(&["token", "refresh"]).spawn();
        thread::sleep(whole / 256 * u32::from(random.to_le_bytes()[0]));
        kill(running.pid());
        let output = running.finish();
        killed += u32::from(output.signal() == Some(9));
        assert_sound(&world, &workspace);
    }
    assert!(
        killed > ROUNDS / 4,
        "only {killed} of {ROUNDS} were killed in time"
    );
    world.plane.settle();
    assert_repaired(&world, &workspace);
}
