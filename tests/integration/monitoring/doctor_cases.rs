//! Each fault is found by `ntcli doctor`, and its remedy named.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::check::{DAY, now_ms, set_end};
use super::doctor::doctor;
use crate::control_plane::{Fault, Route, Times};
use crate::harness::parallel::for_each;
use crate::harness::world::{SESSION, Workspace, World};

struct Case {
    name: &'static str,
    inject: fn(&World, &Workspace),
    variables: &'static [(&'static str, &'static str)],
    /// What must be said, where, and what helps.
    found: (&'static str, &'static str, &'static str, &'static str),
}

const fn case(
    name: &'static str,
    inject: fn(&World, &Workspace),
    found: (&'static str, &'static str, &'static str, &'static str),
) -> Case {
    Case { name, inject, variables: &[], found }
}

const fn with(
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    found: (&'static str, &'static str, &'static str, &'static str),
) -> Case {
    Case { name, inject: |_, _| {}, variables, found }
}

fn chmod(world: &World, name: &str, mode: u32) {
    fs::set_permissions(world.path(name), Permissions::from_mode(mode)).unwrap();
}

fn always(world: &World, route: Route, fault: Fault) {
    world.plane.fault(route, Times::Always, fault);
}

fn status(code: u16) -> Fault {
    Fault::Status(code, String::new(), Vec::new())
}

const CASES: [Case; 33] = [
    Case {
        name: "open session file",
        inject: |w, _| {
            fs::write(w.outside("session"), SESSION).unwrap();
            fs::set_permissions(w.outside("session"), Permissions::from_mode(0o640)).unwrap();
        },
        variables: &[("NTCLI_SESSION_TOKEN_FILE", "session")],
        found: ("session", "warning", "other users can read the session", "chmod 600 session"),
    },
    case(
        "no folder",
        |w, _| fs::remove_dir_all(&w.dir).unwrap(),
        ("folder", "failed", "does not exist", "ntcli auth login"),
    ),
    case(
        "open folder",
        |w, _| chmod(w, "", 0o777),
        ("folder", "failed", "other users can write", "chmod go-w"),
    ),
    case(
        "shared folder",
        |w, _| chmod(w, "", 0o755),
        ("folder", "warning", "others can read", "chmod go="),
    ),
    case(
        "shared config",
        |w, _| chmod(w, "config.json", 0o644),
        ("folder", "warning", "others can read", "chmod go="),
    ),
    case(
        "shared journal",
        |w, _| {
            w.write("rotation.journal", b"");
            chmod(w, "rotation.journal", 0o640);
        },
        ("folder", "warning", "others can read", "chmod go="),
    ),
    case(
        "lock that is none",
        |w, _| {
            let _ = fs::remove_file(w.path("ntcli.lock"));
            fs::create_dir(w.path("ntcli.lock")).unwrap();
        },
        ("folder", "failed", "ntcli.lock", ""),
    ),
    case(
        "config that is cut",
        |w, _| w.write("config.json", b"{\"auth\": "),
        ("config", "failed", "config.json", "mv "),
    ),
    case(
        "config of another type",
        |w, _| w.set_config("/domain", json!(5)),
        ("config", "failed", "domain", "mv "),
    ),
    case(
        "empty config",
        |w, _| w.write("config.json", b""),
        ("config", "failed", "it is empty", "mv "),
    ),
    case(
        "an older client's tokens",
        |w, p| {
            let old = json!({"items": [{"access_token": p.token.access_token, "name": "prod"}]});
            w.write("workspaces.json", old.to_string().as_bytes());
        },
        ("config", "warning", "tokens that may live", "then: rm "),
    ),
    case(
        "no token",
        |w, p| {
            w.set_config(&format!("/workspaces/items/{}/access_token", p.key), json!("no-token"));
        },
        ("token", "failed", "no workspace has a token", "ntcli token create"),
    ),
    case(
        "damaged journal",
        |w, _| w.write("rotation.journal", b"{\"no\":1}\n\n"),
        ("journal", "failed", "rotation.journal", ""),
    ),
    case(
        "damaged targets",
        |w, _| w.write("targets.json", b"{}"),
        ("journal", "failed", "targets.json", "mv "),
    ),
    case(
        "history that is none",
        |w, _| {
            let _ = fs::remove_file(w.path("history.jsonl"));
            fs::create_dir(w.path("history.jsonl")).unwrap();
        },
        ("history", "failed", "history.jsonl", ""),
    ),
    case(
        "token that ends",
        |w, p| set_end(w, p, now_ms() + 20 * DAY + DAY / 2),
        ("token", "warning", "expires in 20 days", "ntcli renew"),
    ),
    case(
        "token that has ended",
        |w, p| set_end(w, p, now_ms() - DAY),
        ("token", "failed", "the token expired", "ntcli renew"),
    ),
    case(
        "token that was revoked",
        |w, p| w.plane.revoke_token(&p.id, &p.token.jti),
        ("token", "failed", "the server does not accept", "ntcli token show --check"),
    ),
    case(
        "pending work",
        |w, _| {
            always(w, Route::TokenRevoke, status(500));
            w.refresh(&[]).exits(8);
        },
        ("token", "warning", "must still be revoked", "ntcli renew"),
    ),
    case(
        "target that drifted",
        |w, _| {
            w.ntcli(&["target", "add", "--later", "--file", "token"]).run().exits(0);
        },
        ("token", "failed", "target 1", "ntcli target deliver 1"),
    ),
    case(
        "not signed in",
        |w, _| w.set_config("/auth", Value::Null),
        ("session", "failed", "not signed in", "ntcli auth login"),
    ),
    case(
        "session that has ended",
        |w, _| w.set_config("/auth/expiresAt", json!(now_ms() - DAY)),
        ("session", "failed", "ended", "ntcli auth login"),
    ),
    case(
        "session that was ended",
        |w, _| w.plane.drop_session(crate::harness::world::SESSION),
        ("session", "failed", "Authentication required", "ntcli auth login"),
    ),
    case(
        "clock that is off",
        |w, _| w.plane.configure(|o| o.date_offset_s = 3600),
        ("clock", "failed", "this clock is 3", "timedatectl"),
    ),
    case(
        "broken server",
        |w, _| always(w, Route::Health, status(500)),
        ("server", "failed", "500", "curl -v"),
    ),
    case(
        "another server",
        |w, _| always(w, Route::Health, status(404)),
        ("server", "failed", "404", "curl -v"),
    ),
    with(
        "no name",
        &[("NTCLI_API_URL", "http://no-such-host.invalid")],
        ("server", "failed", "no-such-host.invalid", "curl -v http://no-such-host.invalid"),
    ),
    with("plain nonsense", &[("NTCLI_API_URL", "ftp://x")], ("server", "failed", "https://", "")),
    with(
        "bad time-out",
        &[("NTCLI_TIMEOUT", "soon")],
        ("variables", "failed", "NTCLI_TIMEOUT", ""),
    ),
    with(
        "variable of another client",
        &[("NTCLI_MCP_API_URL", "x")],
        ("variables", "warning", "has no effect", "unset NTCLI_MCP_API_URL"),
    ),
    with(
        "variable of Node.js",
        &[("NODE_TLS_REJECT_UNAUTHORIZED", "0")],
        ("variables", "warning", "has no effect", "unset NODE_TLS_REJECT_UNAUTHORIZED"),
    ),
    with(
        "another program",
        &[("PATH", "/nowhere")],
        ("program", "warning", "PATH finds no ntcli", ""),
    ),
    with(
        "no timer",
        &[("HOME", "/nowhere")],
        ("timer", "warning", "no refresh has run yet", "  /"),
    ),
];

#[test]
fn each_fault_is_found() {
    for_each(4, &CASES.each_ref().map(|case| case.name), |name| {
        let case = CASES.iter().find(|case| case.name == *name).unwrap();
        let (world, prod) = World::ready();
        (case.inject)(&world, &prod);
        let mut run = doctor(&world, &["--format", "json"]);
        for (name, value) in case.variables {
            run = run.env(name, *value);
        }
        let output = run.run();
        let json = output.json();
        let (area, status, text, fix) = case.found;
        let entries = json["checks"].as_array().unwrap();
        let said = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let found = entries.iter().find(|entry| {
            said(entry, "area") == area
                && said(entry, "status") == status
                && said(entry, "text").contains(text)
                && said(entry, "fix").contains(fix)
        });
        assert!(found.is_some(), "{name}: {json:#}");
        let failed = entries.iter().filter(|entry| said(entry, "status") == "failed").count();
        assert_eq!(json["failed"], failed);
        output.exits(i32::from(failed > 0));
    });
}
