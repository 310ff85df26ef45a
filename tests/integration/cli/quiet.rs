//! `--quiet`: a cron job mails on change and failure only. And systemd's journal learns how much a
//! line matters.

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::{Output, World};

fn quietly(world: &World, line: &str) -> Output {
    let words: Vec<&str> = line.split(' ').chain(["--quiet"]).collect();
    let run = world.ntcli(&words);
    if line.starts_with("token create") || line.starts_with("token print") {
        return run.prints_secrets().run();
    }
    run.run()
}

#[test]
fn nothing_where_nothing_changed() {
    let (world, _) = World::ready();
    world.add_workspace("staging");
    for line in [
        "token refresh --if-expires-within 1d",
        "token refresh --all --if-expires-within 1d",
        "token refresh --dry-run",
        "token revoke --pending",
        "token show",
        "token list",
        "token history",
        "token needs-refresh --within 400d",
        "target list",
        "target check",
        "target deliver",
        "workspace switch prod",
        "auth status",
        "workspace list",
        "domain show",
        "config show",
        "health",
    ] {
        quietly(&world, line).exits(0).prints("").says_only("");
    }
    quietly(&world, "token needs-refresh --within 1d").exits(1).prints("").says_only("");
}

#[test]
fn a_change_is_one_line() {
    let (world, prod) = World::ready();
    let output = quietly(&world, "token refresh");
    let jti = world.item(&prod)["jti"].as_str().unwrap().to_owned();
    let line = output.exits(0).says_only("").stdout.clone();
    assert!(line.starts_with(&format!("prod: refreshed, {jti}, expires 20")), "{line}");
    for line in [
        "token refresh --revoke-after 1h",
        "token rollback",
        "target add --file token",
        "target deliver",
        "target remove 1",
        "workspace create dev --select",
        "workspace select prod",
        "workspace clear",
        "domain set other.example",
        "config reset --force",
    ] {
        let output = quietly(&world, line);
        output.exits(0).says_only("");
        assert_eq!(output.stdout.lines().count(), 1, "{output}");
    }
}

#[test]
fn of_many_each_that_changed_has_one() {
    let (world, prod) = World::ready();
    let staging = world.add_workspace("staging");
    world.set_config(&format!("/workspaces/items/{}/expires_at", staging.key), json!(1000));
    world.set_config(
        &format!("/workspaces/items/{}/access_token", staging.key),
        json!("wst_without_claims_0123456789"),
    );
    let output = quietly(&world, "token refresh --all --if-expires-within 1d");
    output.exits(0).says_only("");
    assert!(output.stdout.starts_with("staging: refreshed, "), "{output}");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    assert_eq!(world.current(&prod), prod.token.access_token);
}

#[test]
fn what_went_wrong_is_told_as_always() {
    let (world, _) = World::ready();
    world.plane.fault(
        Route::TokenCreate,
        Times::Always,
        Fault::Status(400, String::new(), Vec::new()),
    );
    quietly(&world, "token refresh").exits(1).prints("").says("Error: ").says("Hint: ");
    let json = world.ntcli(&["token", "refresh", "-q", "--format", "json"]).run().exits(1).json();
    assert!(json["error"]["code"].is_string());
    world.set_config("/auth", json!(null));
    quietly(&world, "auth status").exits(4).says("Authentication required");
    // What was asked for by name is the result.
    quietly(&world, "token print").exits(0).says_only("");
    quietly(&world, "config path").exits(0);
    assert!(quietly(&world, "check").stdout.starts_with("NTCLI CRITICAL"));
}

#[test]
fn a_change_that_is_not_complete_says_so() {
    let (world, _) = World::ready();
    let hook = ["token", "refresh", "-q", "--exec", "test -e \"$HERE/fixed\""];
    let line = world.ntcli(&hook).run().exits(9).stdout.clone();
    assert!(line.starts_with("prod: not delivered, jti_"), "{line}");
    std::fs::write(world.outside("fixed"), "").unwrap();
    let line = world.ntcli(&hook).run().exits(0).stdout.clone();
    assert!(line.starts_with("prod: delivered, jti_"), "{line}");
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, broken);
    let line = quietly(&world, "token refresh").exits(8).stdout.clone();
    assert!(line.starts_with("prod: refreshed but the old token may be live, jti_"), "{line}");
}

/// A token that was asked for is printed, with the rest of the result.
#[test]
fn a_token_to_print_is_printed() {
    let (world, prod) = World::ready();
    let output = world.ntcli(&["token", "refresh", "--print", "-q"]).prints_secrets().run();
    let token = format!("Token: {}", world.current(&prod));
    let lines: Vec<&str> = output.exits(0).says_only("").stdout.lines().collect();
    assert_eq!(lines[0], "Token refreshed successfully.");
    assert_eq!(lines[4..], [token.as_str()]);
}
