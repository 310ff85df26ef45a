//! Every command in every kind of trouble: one JSON object on stdout, the exit code in it, no
//! secret anywhere, no question without a terminal, and an end in any case.

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::crash::inside::Inside;
use crate::harness::parallel::for_each;
use crate::harness::wait::hold;
use crate::harness::world::{Output, Run, World};

/// What a command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// Only files.
    Nothing,
    /// The server, with a session where it has accounts.
    Server,
    /// The server, and never without a session.
    Session,
    /// The server, but not about anybody.
    Health,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) args: &'static [&'static str],
    asks: Asks,
    /// Whether it takes the lock.
    locks: bool,
}

const fn command(args: &'static [&'static str], asks: Asks, locks: bool) -> Command {
    Command { args, asks, locks }
}

pub(super) const COMMANDS: [Command; 37] = [
    command(&["auth", "status"], Asks::Nothing, false),
    command(&["auth", "logout"], Asks::Nothing, true),
    command(&["auth", "logout", "--all", "--force"], Asks::Session, true),
    command(&["token", "refresh"], Asks::Session, true),
    command(&["renew", "--dry-run"], Asks::Nothing, true),
    command(&["policy"], Asks::Nothing, false),
    command(&["token", "create"], Asks::Session, true),
    command(&["token", "show"], Asks::Nothing, false),
    command(&["token", "show", "--check"], Asks::Server, false),
    command(&["token", "print"], Asks::Nothing, false),
    command(&["token", "list"], Asks::Session, false),
    command(&["token", "needs-refresh", "--within", "9000w"], Asks::Nothing, false),
    command(&["token", "revoke", "jti_other", "--force"], Asks::Session, true),
    command(&["token", "revoke", "--pending"], Asks::Session, true),
    command(&["target", "add", "--file", "token"], Asks::Nothing, true),
    command(&["target", "list"], Asks::Nothing, false),
    command(&["target", "deliver"], Asks::Nothing, true),
    command(&["target", "check"], Asks::Nothing, true),
    command(&["token", "history"], Asks::Nothing, false),
    command(&["workspace", "list"], Asks::Server, false),
    command(&["workspace", "current"], Asks::Nothing, false),
    command(&["workspace", "select", "remote"], Asks::Server, true),
    command(&["workspace", "select", "prod"], Asks::Nothing, true),
    command(&["workspace", "switch", "prod"], Asks::Nothing, true),
    command(&["workspace", "create", "dev"], Asks::Server, true),
    command(&["workspace", "delete", "prod", "--force"], Asks::Server, true),
    command(&["workspace", "clear"], Asks::Nothing, true),
    command(&["workspace", "sync"], Asks::Server, true),
    command(&["domain", "set", "example.com"], Asks::Nothing, true),
    command(&["domain", "show"], Asks::Nothing, false),
    command(&["config", "show"], Asks::Nothing, false),
    command(&["config", "path"], Asks::Nothing, false),
    command(&["config", "reset", "--force"], Asks::Nothing, true),
    command(&["health"], Asks::Health, false),
    command(&["completions", "bash"], Asks::Nothing, false),
    command(&["man"], Asks::Nothing, false),
    command(&["version"], Asks::Nothing, false),
];

const ROUTES: [Route; 9] = [
    Route::Health,
    Route::WorkspaceList,
    Route::WorkspaceCreate,
    Route::WorkspaceGet,
    Route::WorkspaceDelete,
    Route::TokenCreate,
    Route::TokenList,
    Route::TokenRevoke,
    Route::TokenAuth,
];

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    NoSession,
    BadConfig,
    Unreachable,
    Status(u16),
    Html,
    TimeOut,
}

impl Trouble {
    pub(super) const ALL: [Self; 9] = [
        Self::NoSession,
        Self::BadConfig,
        Self::Unreachable,
        Self::Status(401),
        Self::Status(403),
        Self::Status(404),
        Self::Status(500),
        Self::Html,
        Self::TimeOut,
    ];
}

/// A world with a past, a target, and work that a run left pending, so that every command has something
/// to tell.
pub(super) fn world() -> World {
    let (world, workspace) = World::ready();
    world.plane.add_workspace("remote");
    let reference = json!({"key": workspace.key, "id": workspace.id, "name": "prod"});
    let record = json!({"owed": {"place": reference, "jti": "jti_owed", "not_before": null}});
    world.write("rotation.journal", format!("{record}\n").as_bytes());
    let line = json!({"at": "2026-01-01T00:00:00Z", "event": "refreshed", "workspace": "prod",
        "workspace_id": workspace.id, "jti": "jti_1", "old_jti": "jti_0", "expires_at": null});
    world.write("history.jsonl", format!("{line}\n").as_bytes());
    world.ntcli(&["target", "add", "--exec", "true"]).run().exits(0);
    world.ntcli(&["target", "deliver"]).run().exits(0);
    world
}

/// The valid exit codes.
fn expected(command: &Command, trouble: Trouble) -> Vec<i32> {
    let pending = command.args.contains(&"--pending");
    let gate = command.args.contains(&"needs-refresh");
    let asks = command.asks;
    match trouble {
        Trouble::BadConfig
            if matches!(
                command.args,
                ["config", "path"] | ["target", "list"] | ["completions", _] | ["man" | "version"]
            ) =>
        {
            vec![0]
        }
        Trouble::BadConfig if gate => vec![255],
        Trouble::BadConfig => vec![2],
        Trouble::NoSession if command.args == ["auth", "status"] => vec![4],
        _ if asks == Asks::Nothing => vec![0],
        Trouble::NoSession if asks == Asks::Health => vec![0],
        // The workspace token is all it needs, and a 401 is an answer about that.
        _ if command.args.contains(&"--check") => match trouble {
            Trouble::NoSession => vec![0],
            Trouble::Status(401) => vec![1],
            _ => vec![5],
        },
        Trouble::NoSession => vec![4],
        // Pending revocations stay pending, for any reason.
        _ if pending => vec![8],
        Trouble::Unreachable => vec![5],
        Trouble::Status(401 | 403) => vec![4],
        // None of these proves that a token is gone, or that it is not.
        _ if command.args.contains(&"logout") => vec![8],
        _ if command.args.contains(&"revoke") => vec![8],
        Trouble::Status(404) => vec![1],
        Trouble::Status(_) | Trouble::TimeOut => vec![5, 10],
        Trouble::Html => vec![1, 10],
    }
}

/// A token that the command is there to print may be in its output.
fn ntcli<'a>(world: &'a World, command: &Command, args: &[&str]) -> Run<'a> {
    let run = world.ntcli(args);
    match command.args {
        ["token", "create" | "print"] => run.prints_secrets(),
        _ => run,
    }
}

fn run(world: &World, command: &Command, trouble: Trouble, format: &str) -> Output {
    let mut args = command.args.to_vec();
    args.extend(["--format", format]);
    make(world, trouble, ntcli(world, command, &args)).run()
}

/// Makes the trouble for a run.
pub(super) fn make<'a>(world: &'a World, trouble: Trouble, mut run: Run<'a>) -> Run<'a> {
    match trouble {
        Trouble::NoSession => world.set_config("/auth", json!(null)),
        Trouble::BadConfig => world.write("config.json", b"{\"auth\": {\"bearerToken\": \"hush"),
        Trouble::Unreachable => run = run.env("NTCLI_API_URL", "http://127.0.0.1:1"),
        Trouble::TimeOut => run = run.env("NTCLI_TIMEOUT", "1"),
        Trouble::Status(_) | Trouble::Html => {}
    }
    let fault = match trouble {
        Trouble::Status(status) => {
            let body = format!("{{\"detail\": \"status {status}\"}}");
            Some(Fault::Status(status, body, Vec::new()))
        }
        Trouble::Html => Some(Fault::Status(
            200,
            "<html>Welcome to the hotel</html>".to_owned(),
            vec![("Content-Type".to_owned(), "text/html".to_owned())],
        )),
        Trouble::TimeOut => Some(Fault::Stall { apply: false }),
        _ => None,
    };
    for route in ROUTES {
        if let Some(fault) = &fault {
            world.plane.fault(route, Times::Always, fault.clone());
        }
    }
    run
}

#[test]
fn one_json_object_and_its_exit_code_in_every_trouble() {
    let cases: Vec<_> = COMMANDS
        .iter()
        .flat_map(|command| Trouble::ALL.iter().map(move |trouble| (command, *trouble)))
        .collect();
    for_each(16, &cases, |(command, trouble)| {
        let world = world();
        let output = run(&world, command, *trouble, "json");
        assert_sound(&output, &expected(command, *trouble));
    });
}

#[track_caller]
fn assert_sound(output: &Output, expected: &[i32]) {
    let code = output.code().unwrap_or(-1);
    assert!(expected.contains(&code), "{code} not in {expected:?}: {output}");
    let json = output.json();
    assert!(json.is_object(), "{output}");
    if code == 0 {
        assert!(json.get("error").is_none(), "{output}");
        return;
    }
    let error = &json["error"];
    assert_eq!(error["exit_code"], code, "{output}");
    for name in ["code", "message"] {
        assert!(error[name].as_str().is_some_and(|t| !t.is_empty()), "{output}");
    }
    assert!(error["retryable"].is_boolean(), "{output}");
    output.says("Error: ").does_not_say("panicked").does_not_say("hush");
}

#[test]
fn text_mode_prints_nothing_when_it_fails() {
    let troubles =
        [Trouble::NoSession, Trouble::BadConfig, Trouble::Unreachable, Trouble::Status(404)];
    let cases: Vec<_> = COMMANDS
        .iter()
        .flat_map(|command| troubles.iter().map(move |trouble| (command, *trouble)))
        .collect();
    for_each(8, &cases, |(command, trouble)| {
        let world = world();
        let codes = expected(command, *trouble);
        let output = run(&world, command, *trouble, "text");
        if codes != [0] {
            assert!(codes.contains(&output.code().unwrap_or(-1)), "{output}");
            output.says("Error: ");
        }
        // What is known here of the token is told all the same.
        if codes != [0] && (*trouble == Trouble::BadConfig || !command.args.contains(&"--check")) {
            output.prints("");
        }
    });
}

#[test]
fn all_is_well_in_json_too() {
    for_each(4, &COMMANDS, |command| {
        let world = world();
        if command.args.contains(&"jti_other") {
            return; // there is no such token
        }
        let args = [command.args, &["--format", "json"]].concat();
        assert_sound(&ntcli(&world, command, &args).run(), &[0]);
    });
}

/// The lock is never released: everything that needs it gives up in the end, the rest works.
#[test]
fn somebody_holds_the_lock() {
    for_each(4, &COMMANDS, |command| {
        let world = world();
        let lock = std::fs::File::create(world.path("ntcli.lock")).unwrap();
        hold(&lock);
        let args = [command.args, &["--format", "json"]].concat();
        // A minute passes at once.
        let inside = Inside::new(&world).run(&args);
        let code = if command.locks { 6 } else { 0 };
        assert_eq!(inside.code, code, "{command:?}\n{inside:?}");
        let json: serde_json::Value = serde_json::from_str(&inside.stdout).unwrap();
        assert_eq!(json["error"]["exit_code"].as_i64().unwrap_or(0), i64::from(code));
    });
}

/// Without a terminal nothing is asked, for any input.
#[test]
fn nothing_is_asked_without_a_terminal() {
    let asking: [(&[&str], &str); 4] = [
        (&["workspace", "select"], "ntcli workspace select <name>"),
        (&["workspace", "delete", "prod"], "--force"),
        (&["token", "revoke", "jti_1"], "--force"),
        (&["config", "reset"], "--force"),
    ];
    for (args, way_out) in asking {
        for input in ["", "y\n", "prod\n", "reset\n", "1\n"] {
            for format in ["text", "json"] {
                let world = world();
                let before = world.config();
                let args = [args, &["--format", format]].concat();
                let output = world.ntcli(&args).stdin(input).run();
                output.exits(2).says(way_out).says("Hint: ntcli ");
                assert_eq!(world.config(), before);
                world.assert_nothing_sent();
            }
        }
    }
}
