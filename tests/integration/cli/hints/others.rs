//! The other states: workspaces, targets, files, the server.

use serde_json::{Value, json};

use super::*;
use crate::control_plane::{Fault, Route, Times};
use crate::workspaces::manage::delete_elsewhere;

pub(super) const OTHERS: &[Case] = &[
    case(
        "on the server only",
        |world, _| {
            world.plane.add_workspace("remote");
            words("token refresh remote")
        },
        "ntcli workspace select remote",
        May::Fix,
    ),
    case(
        "a slip of the name",
        |_, _| words("token refresh stagin"),
        "ntcli workspace list",
        May::Show,
    ),
    case(
        "two of a name",
        |world, _| {
            world.add_workspace("staging");
            words("token refresh staging")
        },
        "ntcli workspace list",
        May::Show,
    ),
    case(
        "a workspace that exists",
        |_, _| words("workspace create staging"),
        "ntcli workspace select staging",
        May::Show,
    ),
    case("no such target", |_, _| words("target remove 9"), "ntcli target list", May::Show),
    case(
        "a file that lost the token",
        |world, _| {
            target(world, &["--file", "token"]);
            world.ntcli(&["target", "deliver"]).run().exits(0);
            std::fs::remove_file(world.outside("token")).unwrap();
            words("target check")
        },
        "ntcli target deliver",
        May::Fix,
    ),
    Case {
        name: "not delivered",
        fails: |world, _| {
            undeliverable(world);
            words("token refresh staging")
        },
        fix: deliverable,
        hint: "ntcli renew staging",
        may: May::Revoke,
    },
    Case {
        name: "a delivery that is left to the next run",
        fails: |world, _| {
            undeliverable(world);
            world.ntcli(&["token", "refresh", "staging"]).run().exits(9);
            words("token revoke --pending")
        },
        fix: deliverable,
        hint: "ntcli renew staging",
        may: May::Revoke,
    },
    Case {
        name: "one workspace of several",
        fails: |world, _| {
            undeliverable(world);
            words("token refresh --all")
        },
        fix: deliverable,
        hint: "ntcli renew staging",
        may: May::Revoke,
    },
    case(
        "revocations that are left",
        |world, _| {
            refuse_to_revoke(world);
            world.ntcli(&["token", "refresh", "staging"]).run().exits(8);
            words("token revoke --pending")
        },
        "ntcli token revoke --pending",
        May::Revoke,
    ),
    case(
        "work of an earlier run",
        |world, _| {
            refuse_to_revoke(world);
            world.ntcli(&["token", "refresh", "staging"]).run().exits(8);
            words("token refresh staging --if-expires-within 1")
        },
        "ntcli token revoke --pending",
        May::Revoke,
    ),
    case(
        "a token that cannot be revoked before a logout",
        |world, staging| {
            let fault = Fault::Status(500, r#"{"detail":"no"}"#.to_owned(), Vec::new());
            world.plane.fault_in(&staging.id, Route::TokenRevoke, Times::Always, fault);
            words("auth logout --all --force")
        },
        "ntcli auth logout --all",
        May::Revoke,
    ),
    Case {
        name: "a full disk",
        fails: |world, _| {
            world.set_config("/padding", json!("x".repeat(200_000)));
            words("token refresh staging")
        },
        fix: |world| world.set_config("/padding", Value::Null),
        hint: "ntcli token refresh -w staging",
        may: May::Replace,
    },
    case(
        "no session here",
        |world, _| {
            world.set_config("/auth", Value::Null);
            words("token refresh staging")
        },
        "ntcli auth login",
        May::Show,
    ),
    case(
        "the server is down",
        |world, _| {
            let fault = Fault::Status(503, String::new(), Vec::new());
            world.plane.fault(Route::TokenList, Times::Always, fault);
            words("token list staging")
        },
        "ntcli health",
        May::Fix,
    ),
    case(
        "an unreadable config file",
        |world, _| {
            world.write("config.json", b"{");
            words("token refresh staging")
        },
        "mv DIR/config.json DIR/config.json.damaged",
        May::Fix,
    ),
    case("a variable", |_, _| words("token list staging"), "ntcli help environment", May::Show),
    Case {
        name: "a target that did not get the token",
        fails: |world, _| {
            undeliverable(world);
            words("target deliver 1")
        },
        fix: deliverable,
        hint: "ntcli target deliver 1",
        may: May::Fix,
    },
    case(
        "a target whose folder is missing",
        |world, _| {
            words(&format!("target add staging --file {}/new/token", world.outside("no").display()))
        },
        "mkdir -p NO/new",
        May::Fix,
    ),
    Case {
        name: "a full disk, and a token to hand out",
        fails: |world, _| {
            world.set_config("/padding", json!("x".repeat(200_000)));
            words("token create staging --save")
        },
        fix: |world| world.set_config("/padding", Value::Null),
        hint: "ntcli token create --save -w staging",
        may: May::Make,
    },
    case(
        "a workspace that is gone",
        |world, staging| {
            delete_elsewhere(world, &staging.id);
            words("renew staging")
        },
        "ntcli workspace sync",
        May::Fix,
    ),
    case(
        "a workspace to delete",
        |_, _| words("workspace delete staging"),
        "ntcli workspace delete staging --force",
        May::Revoke,
    ),
    case(
        "tokens to revoke and to forget",
        |_, _| words("auth logout --all"),
        "ntcli auth logout --all --force",
        May::Everything,
    ),
    case(
        "everything to forget",
        |_, _| words("config reset"),
        "ntcli config reset --force",
        May::Fix,
    ),
    case(
        "a target that this version cannot use",
        |world, _| {
            target(world, &["--exec", "true"]);
            let text = std::fs::read_to_string(world.path("targets.json")).unwrap();
            let useless = text.replace("exec:true", "exec:\",\"command\":\"true");
            world.write("targets.json", useless.as_bytes());
            words("token refresh staging")
        },
        "ntcli target remove 1",
        May::Fix,
    ),
];
