//! What each command prints, whole: see `fixtures/outputs/`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::expected::{assert_matches, folder};
use crate::harness::parallel::for_each;
use crate::harness::world::{Output, World};

/// Ten days and a half: how many whole days are left does not change while a test runs.
const LIFETIME: u64 = 907_200;

/// A workspace `prod` that is active, one that is known on the server only, and one that is not.
fn world() -> World {
    let (world, prod) = World::ready();
    let token = world.plane.issue_token(&prod.id, Some(LIFETIME));
    let item = format!("/workspaces/items/{}", prod.key);
    world.set_config(&format!("{item}/access_token"), json!(token.access_token));
    world.set_config(&format!("{item}/jti"), json!(token.jti));
    let ends = token.expires_at.map(|secs| secs * 1000);
    world.set_config(&format!("{item}/expires_at"), json!(ends));
    world.plane.add_workspace("remote");
    world
}

/// Command lines that are run one after another in a world of their own.
struct Case {
    name: &'static str,
    before: fn(&World),
    lines: &'static [&'static str],
}

const fn case(name: &'static str, lines: &'static [&'static str]) -> Case {
    Case { name, before: |_| {}, lines }
}

const fn after(name: &'static str, before: fn(&World), lines: &'static [&'static str]) -> Case {
    Case { name, before, lines }
}

fn unset(world: &World, pointer: &str) {
    world.set_config(pointer, Value::Null);
}

const CASES: [Case; 35] = [
    case("token-refresh", &["token refresh --expires-in 30d"]),
    case("token-refresh-json", &["token refresh --expires-in 30d --format json"]),
    case("token-refresh-never", &["token refresh --expires-in never", "token show"]),
    case(
        "token-refresh-dry-run",
        &["token refresh --dry-run", "token refresh --dry-run --format json"],
    ),
    case("token-refresh-all", &["token refresh --all", "token refresh --all --format json"]),
    case("token-create", &["token create --expires-in 30d", "token create --format json"]),
    case("token-list", &["token list", "token list --format json"]),
    case("token-show", &["token show", "token show --format json"]),
    case("token-show-check", &["token show --check", "token show --check --format json"]),
    case("token-print", &["token print", "token print --format json"]),
    case(
        "token-exec",
        &["token exec", "token exec -- echo --debug", "token exec -- no-such-command"],
    ),
    case(
        "token-needs-refresh",
        &[
            "token needs-refresh --within 30d",
            "token needs-refresh --within 1d",
            "token needs-refresh --within 30d --format json",
        ],
    ),
    case(
        "target",
        &[
            "target list",
            "target add --file token",
            "target add --env TOKEN=app.env --later --format json",
            "target add --exec true",
            "target list",
            "target check",
            "target deliver",
            "target check",
            "target list --format json",
            "token refresh --dry-run",
            "target remove 2",
            "target remove 2",
        ],
    ),
    case("target-not-added", &["target add --file no/token", "target add --replace token"]),
    after(
        "target-drift",
        |world| {
            world.ntcli(&["target", "add", "--later", "--file", "token"]).run().exits(0);
            fs::write(world.outside("token"), "another").unwrap();
        },
        &["target check", "target check --format json"],
    ),
    case(
        "token-rollback",
        &[
            "token rollback",
            "token refresh --revoke-after 1h",
            "token rollback",
            "token refresh --revoke-after 1h",
            "token rollback --format json",
        ],
    ),
    after(
        "delivery-failed",
        |world| {
            world.ntcli(&["target", "add", "--later", "--exec", "false"]).run().exits(0);
        },
        &["token refresh", "token show", "token refresh", "target deliver", "token rollback"],
    ),
    after("token-revoke", add_spare, &["token revoke SPARE --force"]),
    after("token-revoke-json", add_spare, &["token revoke SPARE --force --format json"]),
    case("token-revoke-unknown", &["token revoke jti_none --force", "token revoke jti_none"]),
    case(
        "token-history",
        &["token history", "token refresh", "token history", "token history --format json"],
    ),
    case("auth-status", &["auth status", "auth status --format json"]),
    after(
        "auth-status-signed-out",
        |w| unset(w, "/auth"),
        &["auth status", "auth status --format json"],
    ),
    case("workspace-list", &["workspace list", "workspace list --format json"]),
    case("workspace-create", &["workspace create dev", "workspace create dev"]),
    case("workspace-select", &["workspace select remote", "workspace select nowhere"]),
    case("workspace-delete", &["workspace delete prod --force", "workspace delete prod --force"]),
    case("domain-show", &["domain show"]),
    case("config-show", &["config show"]),
    case("health", &["health", "health --format json"]),
    after(
        "no-current-token",
        |world| {
            let key = world.config()["workspaces"]["activeWorkspaceId"].clone();
            let item = format!("/workspaces/items/{}", key.as_str().unwrap());
            world.set_config(&format!("{item}/access_token"), json!("no-token"));
        },
        &["token refresh", "token refresh --format json"],
    ),
    after(
        "no-workspace-selected",
        |world| unset(world, "/workspaces/activeWorkspaceId"),
        &["token refresh", "token refresh --format json"],
    ),
    after(
        "authentication-required",
        |world| unset(world, "/auth"),
        &["token refresh", "token refresh --format json"],
    ),
    case(
        "invalid-expiration-time",
        &["token refresh --expires-in soon", "token refresh --expires-in 0 --format json"],
    ),
    after(
        "token-refresh-pending",
        |world| {
            let fault = Fault::Status(500, String::new(), Vec::new());
            world.plane.fault(Route::TokenRevoke, Times::Always, fault);
        },
        &["token refresh", "token show", "token refresh --format json"],
    ),
];

/// A token beside the current one.
fn add_spare(world: &World) {
    let config = world.config();
    let key = config["workspaces"]["activeWorkspaceId"].as_str().unwrap();
    world.plane.issue_token(key.strip_prefix("ws-prod-").unwrap(), None);
}

fn run(world: &World, line: &str) -> Output {
    let config = world.config();
    let key = config["workspaces"]["activeWorkspaceId"].as_str().unwrap_or_default();
    let id = key.strip_prefix("ws-prod-").unwrap_or_default();
    let newest = world.plane.live_tokens(id).pop().unwrap_or_default();
    let words: Vec<_> = line.split(' ').map(|w| w.replace("SPARE", &newest)).collect();
    let run = world.ntcli(&words);
    if line.starts_with("token create") || line.starts_with("token print") {
        return run.prints_secrets().run();
    }
    run.run()
}

#[test]
fn every_output_is_as_it_was() {
    for_each(4, &CASES.each_ref().map(|case| case.name), |name| {
        let case = CASES.iter().find(|case| case.name == *name).unwrap();
        let world = world();
        (case.before)(&world);
        let outputs: Vec<_> = case.lines.iter().map(|line| run(&world, line)).collect();
        assert_matches(&world, &outputs, name);
    });
    let kept = fs::read_dir(folder()).unwrap().flatten();
    let kept: BTreeSet<_> = kept.map(|file| file.file_name().into_string().unwrap()).collect();
    let expected: BTreeSet<_> = CASES.iter().map(|case| format!("{}.txt", case.name)).collect();
    assert_eq!(kept, expected);
}
