//! A secret is never shown unless it was asked for by name. The harness looks for every secret in
//! every output; these are the runs that are most likely to show one.

use crate::control_plane::{Fault, Route, Times, TokenAuth, TokenShape};
use crate::harness::parallel::for_each;
use crate::harness::world::{SESSION, Workspace, World};

/// A server that echoes what it received, and a token of the workspace.
fn echo(workspace: &Workspace, bearer: &str) -> String {
    let token = &workspace.token.access_token;
    format!(r#"{{"detail":"Bearer {bearer} and {token} are no good here, nor is {bearer}"}}"#)
}

#[test]
fn a_server_that_echoes() {
    let statuses = [200, 400, 401, 403, 404, 422, 429, 500, 503];
    let routes = [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke, Route::TokenList];
    let cases: Vec<_> = routes.iter().flat_map(|r| statuses.map(|s| (*r, s))).collect();
    for_each(8, &cases, |(route, status)| {
        let (world, workspace) = World::ready();
        if *route == Route::TokenList {
            world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
        }
        let header = ("Retry-After".to_owned(), "9999".to_owned());
        let bearer = match route {
            Route::TokenAuth => &workspace.token.access_token,
            _ => SESSION,
        };
        let fault = Fault::Status(*status, echo(&workspace, bearer), vec![header]);
        world.plane.fault(*route, Times::Always, fault);
        world.refresh(&["--debug"]);
        world.refresh(&["--debug", "--format", "json"]);
        assert!(world.count(*route) > 0);
    });
}

#[test]
fn a_redirect_with_a_secret_in_it() {
    let (world, workspace) = World::ready();
    let there = format!("https://elsewhere.example/{SESSION}?token={SESSION}#{SESSION}");
    world.plane.fault(Route::TokenCreate, Times::Always, Fault::Redirect(there));
    world.refresh(&["--debug"]).exits(10).says("elsewhere.example");
    world.assert_one_live_token(&workspace);
}

/// The trace shows what was asked and answered, and none of the secrets in it.
#[test]
fn the_trace() {
    for shape in [TokenShape::Jwt, TokenShape::Opaque] {
        let (world, workspace) = World::ready();
        world.plane.configure(|o| (o.token_shape, o.jti_in_answer) = (shape, true));
        for refresh in [
            world.ntcli(&["token", "refresh", "--debug"]),
            world.ntcli(&["--debug", "token", "refresh"]),
            world.ntcli(&["token", "refresh"]).env("NTCLI_DEBUG", "1"),
        ] {
            let output = refresh.run();
            let tokens = format!("/v1/workspaces/{}/tokens", workspace.id);
            output.exits(0).says(&format!("> POST {}{tokens}", world.plane.base_url()));
            output.says("> Authorization: Bearer [redacted]").says("< 201");
            assert_eq!(output.stdout.lines().count(), 4, "{output}");
        }
        // Errors are traced too.
        world.plane.fault(Route::TokenAuth, Times::Once, Fault::Status(503, String::new(), vec![]));
        world.refresh(&["--debug"]).exits(0).says("attempt 2 of ");
    }
}

#[test]
fn the_trace_of_a_token_that_does_not_work() {
    let (world, _) = World::ready();
    world.plane.configure(|o| o.token_auth = TokenAuth::Lagging(usize::MAX));
    world.refresh(&["--debug"]).exits(8).says("< 401");
}

/// A token pasted where a name goes.
#[test]
fn a_secret_in_the_wrong_place() {
    let (world, workspace) = World::ready();
    let token = workspace.token.access_token.as_str();
    for args in [
        &[token][..],
        &["-w", token],
        &["--expires-in", token],
        &["--expires-at", token],
        &["--lock-wait", token],
        &["--format", token],
        &[token, token],
        &["prod", token],
        &["--token", token],
        &["--bearer-token=x", token],
    ] {
        for debug in [&[][..], &["--debug"]] {
            let output = world.refresh(&[args, debug].concat());
            assert!(matches!(output.code(), Some(1 | 2)), "{output}");
        }
    }
    let joined = format!("--token={token}");
    world.refresh(&[&joined]).exits(2);
    let (opaque, path) = (format!("wst_{}", "0123abcd".repeat(8)), format!("{token}/x"));
    for words in [
        &["check", token][..],
        &["check", &opaque],
        &["check", token, "--format", "prometheus"],
        &["domain", "set", token],
        &["domain", "set", &opaque],
        &["token", "refresh", "--token-file", &path],
        &["target", "add", "--file", &path],
    ] {
        let output = world.ntcli(words).run();
        assert!(matches!(output.code(), Some(2 | 3)), "{output}");
        assert!(!(output.stdout.clone() + &output.stderr).contains(&opaque), "{output}");
    }
    let listed = world.ntcli(&["workspace", "list"]).env("NTCLI_WORKSPACE", token).run();
    listed.exits(0).says("NTCLI_WORKSPACE is set: ");
    let missing = world.ntcli(&["check"]).env("NTCLI_SESSION_TOKEN_FILE", token).run();
    assert!(missing.stdout.contains("cannot be used"), "{missing}");
    world.plane.clear_requests();
    for name in ["NTCLI_WORKSPACE", "NTCLI_TIMEOUT", "NTCLI_DEBUG", "NTCLI_API_URL"] {
        let output = world.ntcli(&["token", "refresh"]).env(name, token).run();
        assert!(matches!(output.code(), Some(1 | 2)), "{output}");
    }
    world.assert_nothing_sent();
}

#[test]
fn commands_that_do_not_ask_for_it() {
    let (world, workspace) = World::ready();
    world.ntcli(&["token", "show"]).run().exits(0);
    world.ntcli(&["token", "show", "--format", "json", "--debug"]).run().exits(0);
    let show = world.ntcli(&["token", "show", "--show-token"]).prints_secrets().run();
    assert!(show.stdout.contains(&workspace.token.access_token), "{show}");
    // While a token is in the journal, that is all the more so.
    let fault = Fault::Status(500, echo(&workspace, SESSION), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Always, fault);
    world.refresh(&[]).exits(8);
    world.ntcli(&["token", "show"]).run().exits(0);
}

/// History is for reading: it never holds a token.
#[test]
fn the_history() {
    let (world, workspace) = World::ready();
    let fault = Fault::Status(400, echo(&workspace, SESSION), Vec::new());
    world.plane.fault(Route::TokenRevoke, Times::Once, fault);
    world.refresh(&[]).exits(8);
    world.plane.fault(
        Route::TokenCreate,
        Times::Once,
        Fault::AppliedStatus(500, echo(&workspace, SESSION), Vec::new()),
    );
    world.refresh(&["--revoke-orphans"]).exits(10);
    world.refresh(&[]).exits(0);
    let history = std::fs::read_to_string(world.path("history.jsonl")).unwrap();
    for secret in world.secrets() {
        assert!(!history.contains(&secret), "{secret}: {history}");
    }
    assert!(history.lines().count() > 4 && history.contains("refreshed"), "{history}");
}

/// Two hundred thousand beginnings of a token: looked at once each, not once for each of the others.
#[test]
fn much_that_looks_like_a_token() {
    let (world, _) = World::ready();
    world.set_config("/note", "eyJ ".repeat(200_000).into());
    let output = world.ntcli(&["config", "show", "--format", "json"]).run();
    output.exits(0);
    let note = "[redacted] ".repeat(200_000);
    assert!(output.stdout.contains(&note));
}
