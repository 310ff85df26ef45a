//! Exit codes when several would fit: the one that tells a script what to do.

use crate::cli::folders::{bound_by_permissions, move_config, set_mode};
use crate::control_plane::{Fault, Route, Times};
use crate::crash::races::wait_until_it_waits;
use crate::harness::gate::Gate;
use crate::harness::kill;
use crate::harness::strace;
use crate::harness::world::{Output, World};

fn status(status: u16) -> Fault {
    Fault::Status(status, "{}".to_owned(), Vec::new())
}

/// The server's port has no listener any more. `None` if that is not possible here.
fn unreachable(world: &World, args: &[&str]) -> Option<Output> {
    if !strace::is_available() {
        return None;
    }
    let refused = ["-e", "inject=connect:error=ECONNREFUSED"];
    let run = world.ntcli(args);
    Some(run.strace(&world.outside("strace"), &refused).run())
}

/// A run that waited for another ends with its result.
#[test]
fn a_run_that_waited_for_one_with_work_left() {
    let (world, prod) = World::ready();
    world.plane.fault(Route::TokenRevoke, Times::Always, status(500));
    let gate = Gate::before(&world, Route::TokenAuth);
    let first = world.ntcli(&["token", "refresh"]).spawn();
    gate.wait_for_request();
    let second = ["token", "refresh", "--format", "json"];
    let second = world.ntcli(&second).spawn();
    wait_until_it_waits(&second);
    gate.open();
    first.finish().exits(8);
    let second = second.finish();
    let json = second.exits(8).json();
    assert_eq!(json["outcome"], "already_refreshed", "{second}");
    assert_eq!(json["error"]["exit_code"], 8);
    second.says(&prod.token.jti);
    assert_eq!(world.count(Route::TokenCreate), 1);
    world.plane.clear_faults();
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_one_live_token(&prod);
}

/// A gateway gave up on it: the server may have done it anyway.
#[test]
fn a_gateways_timeout_to_a_revoke() {
    let (world, prod) = World::ready();
    world.plane.fault(Route::TokenRevoke, Times::Always, status(504));
    let output = world.refresh(&[]);
    output.exits(8).says("may still be live");
    let said = format!("Old token ({}) may still be live.\n", prod.token.jti);
    assert!(output.stdout.contains(&said), "{output}");
    output.does_not_say("nothing has changed");
    let revoke = ["token", "revoke", &prod.token.jti, "--force"];
    let output = world.ntcli(&revoke).run();
    output.fails(
        8,
        &format!(
            "Token {} may still be live; every later run tries to revoke it again",
            prod.token.jti
        ),
        "ntcli token revoke --pending",
    );
    output.does_not_say("nothing has changed");
    world.plane.clear_faults();
    let done = Fault::AppliedStatus(504, "{}".to_owned(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, done);
    world.refresh(&["--if-expires-within", "1"]).exits(0);
    world.assert_one_live_token(&prod);
    assert!(!world.has_journal(), "{}", world.describe());
}

/// 7 is for what could not be stored. An interrupted refresh is stored without the server, too.
#[test]
fn an_interrupted_refresh_and_no_server() {
    for route in [Route::TokenAuth, Route::TokenRevoke] {
        let (world, prod) = World::ready();
        kill::at_request(&world, route, Times::Once, false, &["token", "refresh"]);
        for _ in 0..2 {
            let Some(output) = unreachable(&world, &["token", "refresh"]) else {
                return;
            };
            output.exits(5).prints("").says("connection refused");
            world.assert_current_is_live(&prod);
        }
        world.refresh(&[]).exits(0);
        world.assert_one_live_token(&prod);
    }
}

/// There is no denial now: the token is kept, and no other is requested.
#[test]
fn a_token_that_is_not_accepted_yet_and_no_server() {
    let (world, prod) = World::ready();
    let lagging = crate::control_plane::TokenAuth::Lagging(usize::MAX);
    world.plane.configure(|options| options.token_auth = lagging);
    let at_once = ["token", "refresh", "--verify-wait", "0"];
    world.ntcli(&at_once).run().exits(8);
    let Some(output) = unreachable(&world, &at_once) else {
        return;
    };
    output.exits(8).prints("").says("The server has not accepted the new token");
    assert_eq!(world.current(&prod), prod.token.access_token);
    assert_eq!(world.plane.live_tokens(&prod.id).len(), 2);
}

/// 2 promises that nothing was sent. What was done and could not be stored is repaired by the next
/// run that can.
#[test]
fn a_config_file_that_cannot_be_brought_up_to_date() {
    for delete in [false, true] {
        let (world, prod) = World::ready();
        move_config(&world, "../elsewhere/real.json");
        set_mode(&world.outside("elsewhere"), 0o500);
        let args = if delete {
            ["workspace", "delete", "prod", "--force"]
        } else {
            ["token", "revoke", &prod.token.jti, "--force"]
        };
        let run = bound_by_permissions(world.ntcli(&args), &world);
        let output = run.run();
        set_mode(&world.outside("elsewhere"), 0o700);
        output.exits(7).says("but the local files could not be updated").says("Permission denied");
        assert!(!world.plane.is_live(&prod.token.access_token));
        if delete {
            world.ntcli(&["workspace", "sync"]).run().exits(0);
            assert_eq!(world.item(&prod), serde_json::Value::Null);
        } else {
            world.ntcli(&["token", "revoke", "--pending"]).run().exits(0);
            assert_eq!(world.item(&prod)["access_token"], "no-token");
        }
        assert!(!world.has_journal(), "{}", world.describe());
    }
}
