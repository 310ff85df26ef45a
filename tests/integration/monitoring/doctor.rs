//! `ntcli doctor` finds each fault and names its remedy; where nothing is wrong it says so.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use super::check::{DAY, now_ms, set_end};
use crate::certificates::certificate;
use crate::control_plane::{Fault, Route, Times};
use crate::harness::parallel::{for_each, skipped};
use crate::harness::run::Run;
use crate::harness::world::{Output, Workspace, World};
use crate::ports::free_port;
use crate::tls_front::front;

/// Looks with the program in `PATH`, as its users have it.
fn doctor<'w>(world: &'w World, args: &[&str]) -> Run<'w> {
    let folder = world.program.parent().unwrap();
    world.ntcli(&[&["doctor"], args].concat()).env("PATH", folder)
}

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

const CASES: [Case; 31] = [
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
        ("folder", "warning", "other users can look into", "chmod 700"),
    ),
    case(
        "shared config",
        |w, _| chmod(w, "config.json", 0o644),
        ("folder", "warning", "others can read", "chmod 600"),
    ),
    case(
        "shared journal",
        |w, _| {
            w.write("rotation.journal", b"");
            chmod(w, "rotation.journal", 0o640);
        },
        ("folder", "warning", "others can read", "chmod 600"),
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
        "other token's id",
        |w, p| {
            w.set_config(&format!("/workspaces/items/{}/jti", p.key), json!("jti_other"));
        },
        ("config", "warning", "of another one", "ntcli token refresh"),
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
        "damaged history",
        |w, _| w.write("history.jsonl", b"{}\n{\n"),
        ("history", "warning", "cannot be read", ""),
    ),
    case(
        "token that ends",
        |w, p| set_end(w, p, now_ms() + 10 * DAY + DAY / 2),
        ("token", "warning", "expires in 10 days", "ntcli token refresh"),
    ),
    case(
        "token that has ended",
        |w, p| set_end(w, p, now_ms() - DAY),
        ("token", "failed", "the token expired", "ntcli token refresh"),
    ),
    case(
        "token that was revoked",
        |w, p| w.plane.revoke_token(&p.id, &p.token.jti),
        ("token", "failed", "the server does not take", "ntcli token show --check"),
    ),
    case(
        "pending work",
        |w, _| {
            always(w, Route::TokenRevoke, status(500));
            w.refresh(&[]).exits(8);
        },
        ("token", "warning", "is still to be revoked", "ntcli token refresh"),
    ),
    case(
        "target that drifted",
        |w, _| {
            w.ntcli(&["target", "add", "--file", "token"]).run().exits(0);
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
        ("session", "failed", "the server does not take", "ntcli auth login"),
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
        ("network", "failed", "cannot be looked up", "getent hosts no-such-host.invalid"),
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
        ("variables", "warning", "does nothing", "unset NTCLI_MCP_API_URL"),
    ),
    with(
        "another program",
        &[("PATH", "/nowhere")],
        ("program", "warning", "PATH finds no ntcli", ""),
    ),
    with(
        "no timer",
        &[("HOME", "/nowhere")],
        ("timer", "warning", "no refresh has run yet", "ntcli token refresh"),
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

#[test]
fn nothing_is_wrong() {
    let (world, _) = World::ready();
    world.ntcli(&["target", "add", "--file", "token"]).run().exits(0);
    world.refresh(&[]).exits(0);
    let output = doctor(&world, &[]).run();
    output.exits(0).says_only("");
    assert!(output.stdout.ends_with("\nNothing is wrong.\n"), "{}", output.stdout);
    for area in [
        "program", "folder", "config", "history", "token", "session", "timer", "network", "server",
        "clock",
    ] {
        assert!(
            output.stdout.contains(&format!("ok       {area:9} ")),
            "{area}: {}",
            output.stdout
        );
    }
    world.assert_settled();
    world.assert_no_leftover();
}

/// What it does without a network, with another run at work, and with a proxy that has a password.
#[test]
fn where_it_cannot_look() {
    let (world, _) = World::ready();
    world.refresh(&[]).exits(0);
    world.plane.clear_requests();
    doctor(&world, &["--offline"]).run().exits(0);
    world.assert_nothing_sent();
    let proxy = format!("http://user:hush-hush@127.0.0.1:{}", free_port());
    let output = doctor(&world, &[])
        .env("NTCLI_API_URL", "https://api.example")
        .env("https_proxy", &proxy)
        .run();
    output.exits(1);
    says(&output, "network", "ok", &["through the proxy of https_proxy"]);
    says(&output, "server", "failed", &["proxy"]);
    assert!(!output.stdout.contains("hush"), "{}", output.stdout);
}

#[track_caller]
fn says(output: &Output, area: &str, status: &str, words: &[&str]) {
    let mut lines = output.stdout.lines();
    let begins = format!("{status:8} {area:9} ");
    let found =
        lines.any(|line| line.starts_with(&begins) && words.iter().all(|w| line.contains(w)));
    assert!(found, "{area}: {words:?} is not said: {output}");
}

#[test]
fn a_certificate_of_an_issuer_that_is_not_trusted() {
    let (world, _) = World::ready();
    let base = world.plane.base_url();
    let port = front("valid.pem", base.rsplit(':').next().unwrap().parse().unwrap()).unwrap();
    let url = format!("https://localhost:{port}");
    let run = || doctor(&world, &[]).env("NTCLI_API_URL", &url);
    let output = run().run();
    says(&output, "server", "failed", &["unknown issuer", "SSL_CERT_FILE"]);
    let output = run().env("SSL_CERT_FILE", certificate("ca.pem")).run();
    says(&output, "server", "ok", &["says 'healthy'"]);
    says(&output, "network", "ok", &["encrypted, trusting", "ca.pem"]);
}

#[test]
fn a_full_disk() {
    let can_mount =
        Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !can_mount.is_ok_and(|output| output.status.success()) {
        return skipped("nothing can be mounted here");
    }
    let (world, _) = World::ready();
    let script = r#"cp -a "$0" "$0.kept" && mount -t tmpfs -o size=64k,mode=700 none "$0" && cp -a "$0.kept/." "$0" && exec "$@""#;
    let folder = world.dir.to_str().unwrap();
    let path = "/usr/bin:/bin:/usr/sbin:/sbin";
    let output = world
        .ntcli(&["doctor", "--offline"])
        .env("PATH", path)
        .under(&["unshare", "-rm", "sh", "-c", script, folder])
        .run();
    says(&output, "folder", "failed", &["No space left"]);
    output.exits(1);
}

#[test]
fn a_run_that_hangs_and_a_timer_that_has_stopped() {
    let (world, _) = World::ready();
    world.refresh(&[]).exits(0);
    let lock = fs::File::open(world.path("ntcli.lock")).unwrap();
    lock.lock().unwrap();
    let output = doctor(&world, &["--offline"]).run();
    says(&output, "folder", "warning", &["another ntcli is at work, or hangs"]);
    lock.unlock().unwrap();
    // A unit of the user's that is enabled, and has not run for days.
    let wants = world.outside("home/.config/systemd/user/timers.target.wants");
    fs::create_dir_all(&wants).unwrap();
    fs::write(wants.join("ntcli-refresh.timer"), "").unwrap();
    let old = json!({"version": 1, "at": now_ms() - 5 * DAY, "exit_code": 0, "succeeded": {}});
    world.write("last-run.json", old.to_string().as_bytes());
    let output = doctor(&world, &["--offline"]).env("HOME", world.outside("home")).run();
    says(
        &output,
        "timer",
        "warning",
        &["ntcli-refresh.timer is there, but the last refresh ended"],
    );
}
