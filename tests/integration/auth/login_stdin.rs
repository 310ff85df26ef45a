//! A session that is piped into `auth login --token-stdin`.

use std::fs;

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::world::{Output, SESSION, World};

fn pipe(world: &World, bearer: &str, args: &[&str]) -> Output {
    let login = ["auth", "login", "--token-stdin"];
    let run = world.ntcli(&[&login, args].concat()).stdin(bearer);
    run.env("NTCLI_TIMEOUT", "1").run()
}

#[test]
fn the_server_is_asked_first() {
    let world = World::new();
    pipe(&world, SESSION, &[]).exits(0).prints("Signed in.\n");
    let requests = world.plane.requests();
    let asked: Vec<_> = requests.iter().map(|r| (r.route, r.bearer.as_deref())).collect();
    assert_eq!(asked, [(Some(Route::WorkspaceList), Some(SESSION))]);
    assert_eq!(world.config()["auth"]["bearerToken"], SESSION);

    let json = pipe(&world, SESSION, &["--format", "json"]).json();
    assert_eq!((&json["signed_in"], &json["checked"]), (&json!(true), &json!(true)));
}

#[test]
fn a_session_that_is_turned_down_is_not_stored() {
    let world = World::new();
    let output = pipe(&world, "a-bearer-unknown-to-the-server", &[]);
    output.fails(4, "The sign-in was refused; nothing has changed", "ntcli auth login");
    output.says("the server answered 401");
    assert!(!world.config_path().exists());

    let (world, _) = World::ready();
    let before = fs::read(world.config_path()).unwrap();
    let output = pipe(&world, "a-bearer-unknown-to-the-server", &["--format", "json"]);
    assert_eq!(output.exits(4).json()["error"]["exit_code"], 4);
    assert_eq!(fs::read(world.config_path()).unwrap(), before);
    world.ntcli(&["token", "list"]).run().exits(0);
}

#[test]
fn what_could_not_be_checked_is_stored_and_said() {
    let status = |status, body: &str| Fault::Status(status, body.to_owned(), Vec::new());
    for fault in [
        Fault::CloseBefore,
        Fault::Stall { apply: false },
        status(403, "<html>blocked"),
        status(404, "<html>not here"),
        status(500, ""),
        status(503, ""),
        // The page of a captive portal.
        Fault::Body("<html>Welcome</html>".to_owned()),
        Fault::Body(String::new()),
    ] {
        let world = World::new();
        let what = format!("{fault:?}");
        world.plane.fault(Route::WorkspaceList, Times::Always, fault);
        let output = pipe(&world, SESSION, &[]);
        output.exits(0).says("Warning: ").says("was not checked");
        assert!(!output.stdout.contains("Signed in"), "{what}: {output}");
        let json = pipe(&world, SESSION, &["--format", "json"]).json();
        assert_eq!(json["checked"], false, "{what}");
        world.plane.clear_faults();
        world.ntcli(&["workspace", "list"]).run().exits(0);
    }
    let world = World::new();
    let login = world.ntcli(&["auth", "login", "--token-stdin"]);
    let output = login.stdin(SESSION).env("NTCLI_API_URL", "http://127.0.0.1:1").run();
    output.exits(0).says("was not checked").says("127.0.0.1:1");
    assert_eq!(world.config()["auth"]["bearerToken"], SESSION);
}
