//! The files that a released version left, during its work or after it: the current program reads
//! them and finishes the work.
//!
//! `fixtures/released/VERSION/STATE/` holds them, moved to 2026, and what the server knew. A new
//! version's are written by `NTCLI_RELEASED_PROGRAM=PATH cargo test --test integration -- --ignored
//! what_a_version_leaves_behind`, where the clock of PATH is set back by `faketime`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::kill;
use crate::harness::parallel::for_each;
use crate::harness::world::{Workspace, World};

const FILES: [&str; 5] =
    ["config.json", "history.jsonl", "ntcli.lock", "rotation.journal", "targets.json"];
/// Stands for the address of the server, which is another one in each run of these tests.
const SERVER: &str = "http://SERVER";
/// Stands for the boot in which these files were written: it is not that of a test.
const BOOT: &str = "9d8c7b6a-0000-4000-8000-000000000000";
/// So that no token in these files expires before they are deleted: some 60 years.
const LIFETIME: u64 = 1_900_000_000;
const REFRESH: [&str; 4] = ["token", "refresh", "--expires-in", "1900000000"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/released")
}

/// How a state is made.
type Make = fn(&World, &Workspace);

const STATES: [(&str, Make); 16] = [
    ("at-rest", |world, _| {
        world.ntcli(&REFRESH).run().exits(0);
        world.ntcli(&REFRESH).run().exits(0);
    }),
    ("create-not-sent", |world, _| {
        kill::at_request(world, Route::TokenCreate, Times::Once, false, &REFRESH);
    }),
    ("create-may-come-late", |world, _| {
        kill::at_request(world, Route::TokenCreate, Times::Once, false, &REFRESH);
        world.ntcli(&REFRESH).run().exits(0);
        // 0.1.0 kept it in the lock file.
        let lock = fs::metadata(world.path("ntcli.lock")).unwrap();
        assert!(world.has_journal() || lock.len() > 0);
    }),
    ("create-carried-out", |world, _| {
        kill::at_request(world, Route::TokenCreate, Times::Once, true, &REFRESH);
    }),
    ("created", |world, _| {
        kill::at_request(world, Route::TokenAuth, Times::Once, false, &REFRESH);
    }),
    ("created-opaque", |world, _| {
        world.plane.configure(|o| {
            o.token_shape = crate::control_plane::TokenShape::Opaque;
            o.jti_in_answer = true;
        });
        kill::at_request(world, Route::TokenAuth, Times::Once, false, &REFRESH);
    }),
    ("promoted", |world, _| {
        kill::at_request(world, Route::TokenRevoke, Times::Once, false, &REFRESH);
    }),
    ("revoked", |world, _| {
        kill::at_request(world, Route::TokenRevoke, Times::Once, true, &REFRESH);
    }),
    ("revoke-owed", |world, _| {
        refuse(world, Route::TokenRevoke);
        world.ntcli(&REFRESH).run().exits(8);
        world.plane.clear_faults();
    }),
    ("grace", |world, _| {
        let grace = [&REFRESH[..], &["--revoke-after", "1h"]].concat();
        world.ntcli(&grace).run().exits(0);
    }),
    ("not-handed-over", |world, _| {
        let hook = [&REFRESH[..], &["--exec", "exit 3"]].concat();
        world.ntcli(&hook).run().exits(9);
    }),
    ("own-target-served", |world, _| {
        world.ntcli(&["target", "add", "--exec", "exit 3"]).run().exits(0);
        let own = [&REFRESH[..], &["--exec", ":"]].concat();
        world.ntcli(&own).run().exits(9);
    }),
    ("orphan", |world, _| {
        let lost = Fault::CloseAfter;
        world.plane.fault(Route::TokenCreate, Times::Once, lost);
        world.ntcli(&REFRESH).run();
        world.ntcli(&REFRESH).run();
    }),
    ("create-unanswered", |world, _| {
        world.plane.fault(Route::TokenCreate, Times::Once, Fault::Stall { apply: false });
        let refresh = world.ntcli(&REFRESH).env("NTCLI_TIMEOUT", "1");
        refresh.run().exits(10);
    }),
    ("workspace-created", |world, _| {
        world.plane.configure(|o| o.workspace_create_includes_token = true);
        let create = world.ntcli(&["workspace", "create", "dev"]);
        let kill = ["-e", "inject=rename:signal=KILL"];
        create.strace(&world.outside("strace"), &kill).run().is_killed();
    }),
    ("second-of-three", |world, _| {
        for name in ["b", "c"] {
            add_workspace(world, name);
        }
        let all = [&REFRESH[..], &["--all"]].concat();
        kill::at_request(world, Route::TokenRevoke, Times::Nth(2), false, &all);
    }),
];

fn refuse(world: &World, route: Route) {
    let fault = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(route, Times::Always, fault);
}

/// One whose token outlasts these files.
fn add_workspace(world: &World, name: &str) -> Workspace {
    let workspace = world.add_workspace(name);
    let token = world.plane.issue_token(&workspace.id, Some(LIFETIME));
    let mut item = world.item(&workspace);
    item["access_token"] = json!(token.access_token);
    item["jti"] = json!(token.jti);
    item["expires_at"] = json!(token.expires_at.map(|secs| secs * 1000));
    world.set_config(&format!("/workspaces/items/{}", workspace.key), item);
    world.ntcli(&["token", "revoke", &workspace.token.jti, "--force", "-w", name]).run().exits(0);
    workspace
}

#[test]
#[ignore = "for the program of a released version: see above"]
fn what_a_version_leaves_behind() {
    #[expect(clippy::disallowed_methods, reason = "for the tests' user, not the program's")]
    let program = std::env::var("NTCLI_RELEASED_PROGRAM").expect("the path of a released program");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for (state, make) in STATES {
        let mut world = World::signed_in();
        world.program = (&program).into();
        let workspace = add_workspace(&world, "prod");
        world.set_config("/workspaces/activeWorkspaceId", json!(workspace.key));
        fs::remove_file(world.path("history.jsonl")).unwrap();
        make(&world, &workspace);
        let version = world.ntcli(&["--version"]).run().stdout;
        let version = version.trim().rsplit(' ').next().unwrap();
        let kept = folder().join(version).join(state);
        fs::create_dir_all(&kept).unwrap();
        for name in FILES {
            let text = fs::read_to_string(world.path(name)).unwrap_or_default();
            if !text.is_empty() {
                let text = text.replace(&world.plane.base_url(), SERVER).replace(boot.trim(), BOOT);
                fs::write(kept.join(name), text).unwrap();
            }
        }
        let saved = serde_json::to_string_pretty(&world.plane.saved()).unwrap();
        fs::write(kept.join("server.json"), saved + "\n").unwrap();
        fs::remove_dir_all(&world.dir).unwrap(); // a killed run may have left a temporary file
    }
}

/// The folder and the server as that version left them.
fn world_of(kept: &Path) -> World {
    let world = World::new();
    world.make_dir();
    for name in FILES {
        if let Ok(text) = fs::read_to_string(kept.join(name)) {
            world.write(name, text.replace(SERVER, &world.plane.base_url()).as_bytes());
        }
    }
    let saved = fs::read(kept.join("server.json")).unwrap();
    let saved: Value = serde_json::from_slice(&saved).unwrap();
    world.plane.restore(&saved);
    world
}

#[track_caller]
fn assert_finished(world: &World) {
    let items = world.config()["workspaces"]["items"].clone();
    for item in items.as_object().unwrap().values() {
        let id = item["workspace_id"].as_str().unwrap();
        let id = &id[id.len() - 36..];
        let live = world.plane.live_tokens(id);
        assert_eq!(live, [item["jti"].as_str().unwrap()], "{}", world.describe());
    }
    world.assert_settled();
    world.assert_private();
}

#[test]
fn what_a_released_version_left_is_finished() {
    let versions = fs::read_dir(folder()).unwrap().flatten();
    let states = versions.flat_map(|version| fs::read_dir(version.path()).unwrap().flatten());
    let states: Vec<_> = states.map(|state| state.path()).collect();
    assert!(states.len() >= STATES.len(), "{states:?}");
    for_each(kill::WIDTH, &states, |kept| {
        let world = world_of(kept);
        // Looking does not change anything.
        let lines = fs::read_to_string(kept.join("history.jsonl")).unwrap_or_default();
        let of_prod = lines.matches(r#""workspace":"prod""#).count();
        let history = world.ntcli(&["token", "history", "--format", "json"]).run();
        let events = history.exits(0).json()["history"].clone();
        assert_eq!(events.as_array().unwrap().len(), of_prod, "{history}");
        world.ntcli(&["token", "show"]).run().exits(0);
        world.assert_nothing_sent();

        let state = kept.file_name().unwrap().to_str().unwrap();
        if state == "not-handed-over" {
            // What that version was given for one run is not known here: nothing is revoked unasked.
            let live = world.plane.secrets().into_iter().filter(|token| world.plane.is_live(token));
            let live: Vec<String> = live.collect();
            world.ntcli(&["renew"]).run().exits(8).says("may live that nothing here holds");
            world.ntcli(&["token", "rollback"]).run().exits(1).says("no previous token is live");
            assert!(live.len() > 1 && live.iter().all(|token| world.plane.is_live(token)));
        }
        if state == "own-target-served" {
            world.ntcli(&["renew"]).run().exits(9).says("--exec 'exit 3'");
            world.ntcli(&["target", "remove", "1"]).run().exits(0);
        }
        let args = ["--all", "--expires-in", "30d", "--revoke-orphans", "--format", "json"];
        let output = world.refresh(&args);
        let orphans = output.exits(0).json()["orphans"].clone();
        // 0.1.0 did not keep the lifetime it had asked for, so what was made in that moment may be
        // another machine's: it is named, and the user decides.
        let is_lost = ["create-carried-out", "orphan"].contains(&state);
        let is_named = is_lost && kept.parent().unwrap().ends_with("0.1.0");
        let is_kept = ["not-handed-over", "own-target-served"].contains(&state);
        let named = usize::from(is_named || is_kept);
        let orphans = orphans.as_array().unwrap().iter();
        let orphans: Vec<_> = orphans.filter(|orphan| orphan["revoked"] == false).collect();
        assert_eq!(orphans.len(), named, "{output}");
        for orphan in orphans {
            let jti = orphan["jti"].as_str().unwrap();
            output.says(&format!("ntcli token revoke {jti}"));
            let revoke = ["token", "revoke", jti, "-w", "prod", "--force"];
            world.ntcli(&revoke).run().exits(0);
        }
        assert_finished(&world);
    });
}
