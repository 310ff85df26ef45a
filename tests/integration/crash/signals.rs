//! TERM, INT and HUP end a run at its next safe point: with one line on what is left, and 128 + the signal.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::auth::browser::{begin, login};
use crate::auth::renewal::{auth, world_of_yesterday};
use crate::control_plane::{Fault, Route, Times};
use crate::harness::gate::Gate;
use crate::harness::kill::WIDTH;
use crate::harness::parallel::for_each;
use crate::harness::run::{Run, signal};
use crate::harness::wait::wait_for;
use crate::harness::world::{Output, World, wait_until};

const SIGNALS: [(&str, i32); 3] = [("TERM", 15), ("INT", 2), ("HUP", 1)];

/// The tests themselves may run where some are ignored, in the background of a script.
fn heeding(run: Run<'_>) -> Run<'_> {
    run.under(&["env", "--default-signal=TERM,INT,HUP"])
}

/// Runs it, and sends these to it while the request is under way, which is then carried out.
fn signalled(world: &World, run: Run, route: Route, names: &[&'static str]) -> Output {
    let pid: Arc<OnceLock<u32>> = Arc::default();
    let (to, names) = (Arc::clone(&pid), names.to_vec());
    let send = move || {
        for name in &names {
            signal(name, &wait_for(&to).to_string());
        }
    };
    world.plane.fault(route, Times::Once, Fault::Wait(Arc::new(send)));
    let running = run.spawn();
    pid.set(running.pid()).unwrap();
    running.finish()
}

#[test]
fn while_a_request_of_a_refresh_is_under_way() {
    let routes = [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke];
    let cases: Vec<_> = SIGNALS.iter().flat_map(|s| routes.map(|route| (s, route))).collect();
    for_each(WIDTH, &cases, |((name, number), route)| {
        let (world, prod) = World::ready();
        let run = heeding(world.ntcli(&["token", "refresh", "--format", "json"]));
        let output = signalled(&world, run, *route, &[name]);
        world.assert_current_is_live(&prod);
        if *route == Route::TokenRevoke {
            // Nothing was left to do.
            output.exits(0);
            assert_eq!(output.json()["outcome"], "refreshed");
        } else {
            output.exits(128 + number);
            output.says(&format!(
                "Ended by signal {number}; the next run goes on with the revocation of {}\n",
                prod.token.jti
            ));
            output.says("Hint: ntcli renew prod\n");
            let error = output.json()["error"].clone();
            assert_eq!(error["code"], "interrupted");
            assert_eq!(
                (&error["exit_code"], &error["retryable"]),
                (&json!(128 + number), &json!(true))
            );
            assert_eq!(world.plane.live_tokens(&prod.id).len(), 2, "nothing more was sent");
            world.refresh(&[]).exits(0);
        }
        world.assert_one_live_token(&prod);
        world.assert_settled();
        world.assert_no_leftover();
    });
}

/// Before anything is sent nothing is left.
#[test]
fn while_it_waits_for_the_lock() {
    let (world, prod) = World::ready();
    let gate = Gate::before(&world, Route::TokenCreate);
    let first = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    let started = Instant::now();
    let second =
        heeding(world.ntcli(&["--debug", "token", "refresh", "--lock-wait", "600"])).spawn();
    wait_until("it watches", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", second.pid())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
        u64::from_str_radix(caught, 16).unwrap() & 0x4003 == 0x4003
    });
    signal("TERM", &second.pid().to_string());
    second
        .finish()
        .exits(143)
        .says("Ended by signal 15; the next run goes on with a request for prod");
    assert!(started.elapsed() < Duration::from_secs(60));
    gate.open();
    first.finish().exits(0);
    world.assert_one_live_token(&prod);
}

#[test]
fn what_was_ignored_stays_ignored() {
    let (world, prod) = World::ready();
    let run = world.ntcli(&["token", "refresh"]).under(&["env", "--ignore-signal=TERM,INT,HUP"]);
    let output = signalled(&world, run, Route::TokenCreate, &["TERM", "INT", "HUP"]);
    output.exits(0).says_only("");
    world.assert_one_live_token(&prod);
}

/// Whoever cannot wait for the answer says so twice.
#[test]
fn a_second_one_ends_it_at_once() {
    let (world, prod) = World::ready();
    let gate = Gate::before(&world, Route::TokenCreate);
    let running = heeding(world.ntcli(&["token", "refresh"])).spawn();
    gate.wait_for_request();
    for name in ["INT", "TERM"] {
        signal(name, &running.pid().to_string());
        // Two at a time would be one.
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = running.finish();
    assert_eq!(output.signal(), Some(15), "{output}");
    gate.open();
    world.plane.settle();
    world.refresh(&["--revoke-orphans"]).exits(0);
    world.assert_one_live_token(&prod);
}

/// A refresh token and a code work once: whatever comes meanwhile, what they gave is stored.
#[test]
fn a_grant_that_works_once_is_stored() {
    for_each(WIDTH, &SIGNALS, |(name, number)| {
        for route in [Route::OauthToken, Route::TokenExchange] {
            let (world, prod) = world_of_yesterday();
            let run = heeding(world.ntcli(&["token", "refresh"]));
            signalled(&world, run, route, &[name, "TERM", "INT"]);
            assert_ne!(auth(&world, "bearerToken"), "the-bearer-of-yesterday", "{route:?}");
            assert_eq!(auth(&world, "refreshToken"), world.plane.live_refresh_tokens()[0]);
            world.refresh(&[]).exits(0);
            world.assert_one_live_token(&prod);

            let world = World::new();
            let sign_in = begin(&world, heeding(login(&world, &[])));
            let pid = sign_in.running.pid().to_string();
            let (name, to) = (*name, pid.clone());
            let send = move || [name, "TERM", "INT"].iter().for_each(|name| signal(name, &to));
            world.plane.fault(route, Times::Once, Fault::Wait(Arc::new(send)));
            sign_in.visit();
            let output = sign_in.finish(&world);
            assert!([0, 128 + *number].contains(&output.code().unwrap()), "{output}");
            world.ntcli(&["auth", "status"]).run().exits(0);
            assert_eq!(auth(&world, "refreshToken"), world.plane.live_refresh_tokens()[0]);
        }
    });
}

/// A file that may not grow is a disk that is full.
#[test]
fn a_limit_of_the_size_of_files() {
    let (world, prod) = World::ready();
    world.set_config("/padding", json!("x".repeat(200_000)));
    let run = world.ntcli(&["token", "refresh"]);
    let output = run.under(&["sh", "-c", "ulimit -f 100; exec \"$@\"", "sh"]).run();
    output.exits(7).says("File too large");
    world.assert_one_live_token(&prod);
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&prod);
}
