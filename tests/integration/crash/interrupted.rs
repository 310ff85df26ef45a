//! Killed at any point, the commands around the refresh leave a valid config that works, and
//! running them again completes the work.

use serde_json::json;

use crate::control_plane::{Route, Times};
use crate::harness::kill::{self, WIDTH};
use crate::harness::parallel::for_each;
use crate::harness::strace::Call;
use crate::harness::world::{Workspace, World};

/// What is run and killed, and what must hold after it was run once more.
#[derive(Debug)]
struct Case {
    args: &'static [&'static str],
    route: Route,
    /// The exit codes of the run after: done, or already done.
    again: &'static [i32],
    then: fn(&World, &Workspace),
}

const CASES: [Case; 6] = [
    Case {
        args: &["workspace", "select", "remote"],
        route: Route::WorkspaceList,
        again: &[0],
        then: |world, prod| {
            let config = world.config();
            let active = config["workspaces"]["activeWorkspaceId"].as_str().unwrap();
            assert_ne!(active, prod.key);
            assert_eq!(config["workspaces"]["items"][active]["workspace_name"], "remote");
        },
    },
    Case {
        args: &["workspace", "create", "dev"],
        route: Route::WorkspaceCreate,
        again: &[0, 1],
        then: |world, _| {
            world.ntcli(&["workspace", "select", "dev"]).run().exits(0);
        },
    },
    Case {
        args: &["workspace", "delete", "prod", "--force"],
        route: Route::WorkspaceDelete,
        // 1: it is known nowhere any more.
        again: &[0, 1],
        then: |world, prod| {
            assert!(world.item(prod).is_null());
            assert!(world.plane.live_tokens(&prod.id).is_empty());
        },
    },
    Case {
        args: &["workspace", "sync"],
        route: Route::WorkspaceList,
        again: &[0],
        then: |world, prod| {
            world.assert_one_live_token(prod);
            let items = world.config()["workspaces"]["items"].clone();
            assert_eq!(items.as_object().unwrap().len(), 2, "{items:#}");
        },
    },
    Case {
        args: &["token", "revoke", "CURRENT", "--force"],
        route: Route::TokenRevoke,
        again: &[0, 1],
        then: |world, prod| {
            assert_eq!(world.item(prod)["access_token"], "no-token");
            let create = world.ntcli(&["token", "create", "--save"]);
            create.prints_secrets().run().exits(0);
            world.assert_one_live_token(prod);
        },
    },
    Case {
        args: &["config", "reset", "--force"],
        route: Route::Health, // unused: it sends no request
        again: &[0],
        then: |world, _| assert!(world.config()["auth"].is_null()),
    },
];

/// One workspace here and there, one only there, and one only here with a token that is dead.
fn world() -> (World, Workspace) {
    let (world, prod) = World::ready();
    world.plane.add_workspace("remote");
    let gone = "0c1d2e3f-0a1b-4c2d-8e3f-405162738495";
    world.set_config(
        &format!("/workspaces/items/{gone}"),
        json!({"workspace_id": gone, "workspace_name": "gone", "access_token": "wst_gone",
            "token_type": "Bearer", "expires_at": 1, "scope": [], "jti": "jti_gone"}),
    );
    (world, prod)
}

fn args(case: &Case, prod: &Workspace) -> Vec<String> {
    let args = kill::words(case.args);
    let named = args.into_iter().map(|arg| arg.replace("CURRENT", &prod.token.jti));
    named.collect()
}

/// The config parses; after any killed run, its next run and all others work.
#[track_caller]
fn assert_works(case: &Case, world: &World, prod: &Workspace) {
    world.config();
    world.assert_private();
    world.ntcli(&["config", "show"]).run().exits(0);
    let again = world.ntcli(&args(case, prod)).run();
    let code = again.code().unwrap_or(-1);
    assert!(case.again.contains(&code), "{again}{}", world.describe());
    (case.then)(world, prod);
    world.assert_settled();
    world.assert_private();
    world.assert_no_leftover();
}

#[test]
fn at_every_request() {
    let cases: Vec<_> = CASES
        .iter()
        .filter(|case| case.route != Route::Health)
        .flat_map(|case| [(case, false), (case, true)])
        .collect();
    for_each(WIDTH, &cases, |(case, after)| {
        let (world, prod) = world();
        kill::at_request(&world, case.route, Times::Once, *after, &args(case, &prod));
        assert_works(case, &world, &prod);
    });
}

/// The first token of a new workspace is in the config file, or named.
#[test]
fn a_workspace_that_comes_with_a_token() {
    let set_up = || {
        let (world, prod) = world();
        world.plane.configure(|o| o.workspace_create_includes_token = true);
        (world, prod)
    };
    let create = |_: &Workspace| kill::words(&["workspace", "create", "dev"]);
    let check = |world: &World, prod: &Workspace| {
        let output = world.refresh(&["prod"]);
        output.exits(0);
        world.assert_one_live_token(prod);
        let config = world.config().to_string();
        for workspace in world.plane.saved().as_array().unwrap() {
            let id = workspace["workspace_id"].as_str().unwrap();
            for jti in world.plane.live_tokens(id) {
                if !config.contains(&jti) {
                    output.says(&format!("ntcli token revoke {jti} -w {id}"));
                    let revoke = ["token", "revoke", &jti, "-w", id, "--force"];
                    world.ntcli(&revoke).run().exits(0);
                }
            }
        }
        world.assert_settled();
        world.assert_private();
        world.assert_no_leftover();
    };
    kill::at_every_call(set_up, create, Call::changes_something, check);
}

#[test]
fn at_every_system_call_that_changes_something() {
    for case in &CASES {
        let check = |world: &World, prod: &Workspace| assert_works(case, world, prod);
        kill::at_every_call(world, |prod| args(case, prod), Call::changes_something, check);
    }
}
