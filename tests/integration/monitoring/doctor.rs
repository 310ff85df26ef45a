//! `ntcli doctor` as a user has it; the faults that it finds are in `doctor_cases.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::check::{DAY, now_ms};
use crate::certificates::certificate;
use crate::control_plane::{Fault, Route, Times};
use crate::harness::run::Run;
use crate::harness::skip::can_mount;
use crate::harness::wait::hold;
use crate::harness::world::{Output, World};
use crate::ports::free_port;
use crate::tls_front::front;

/// Looks with the program in `PATH`, as its users have it.
pub(super) fn doctor<'w>(world: &'w World, args: &[&str]) -> Run<'w> {
    let folder = world.program.parent().unwrap();
    world.ntcli(&[&["doctor"], args].concat()).env("PATH", folder)
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
    // A name of this machine, whatever a name server says.
    let local = world.plane.base_url().replace("127.0.0.1", "my.localhost");
    doctor(&world, &[]).env("NTCLI_API_URL", local).run().exits(0);
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
    if !can_mount() {
        return;
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
    hold(&lock);
    let output = doctor(&world, &["--offline"]).run();
    says(&output, "folder", "warning", &["another ntcli has been running for 5 s"]);
    drop(lock);
    // Nothing has run for days.
    let old = json!({"version": 1, "at": now_ms() - 5 * DAY, "exit_code": 0, "succeeded": {}});
    world.write("last-run.json", old.to_string().as_bytes());
    let output = doctor(&world, &["--offline"]).run();
    says(&output, "timer", "warning", &["the last refresh ended 20"]);
    assert!(output.stdout.contains("17 3 * * *"), "{output}");
}

/// It only looks.
#[test]
fn nothing_is_changed() {
    let (world, _) = World::ready();
    world.refresh(&[]).exits(0);
    fs::set_permissions(world.config_path(), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(world.path("ntcli.lock")).unwrap();
    let before = world.files();
    for _ in 0..2 {
        let output = doctor(&world, &["--offline"]).run();
        says(&output, "folder", "warning", &["others can read"]);
    }
    assert_eq!(world.files(), before);
}

#[test]
fn what_a_quiet_one_still_says() {
    let (world, _) = World::ready();
    world.set_config("/auth", json!(null));
    let output = doctor(&world, &["--offline", "-q"]).run();
    output.exits(1);
    says(&output, "session", "failed", &["not signed in"]);
}

/// A server that gives no answer has not said no.
#[test]
fn a_session_of_which_nothing_is_known() {
    let (world, _) = World::ready();
    let gateway = || Fault::Status(502, "<html>".to_owned(), Vec::new());
    world.plane.fault(Route::WorkspaceList, Times::Always, gateway());
    let output = doctor(&world, &[]).run();
    says(&output, "server", "failed", &["list the workspaces", "502"]);
    let output = doctor(&world, &["--offline"]).env("NTCLI_WORKSPACE", "nowhere").run();
    says(&output, "config", "warning", &["No workspace 'nowhere' is known here"]);
}
