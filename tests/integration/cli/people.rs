//! What a person at a terminal sees: the same program on a pseudo-terminal of util-linux's script(1).

use std::fs;
use std::sync::Arc;

use serde_json::json;

use crate::control_plane::{Fault, Route, Times};
use crate::harness::run::signal;
use crate::harness::skip::has_tool;
use crate::harness::world::{Output, Run, SESSION, World};

/// On a terminal so wide, with what is typed there. `None` where there is no script(1).
pub(crate) fn at_terminal<'a>(
    world: &'a World,
    columns: u16,
    command: &str,
    typed: &str,
) -> Option<Run<'a>> {
    let script = "script -qec \"$0\" /dev/null";
    Some(under(world, script, columns, command)?.stdin(typed))
}

/// The same with a shell script around it that runs `$0` on the terminal.
fn under<'a>(world: &'a World, script: &str, columns: u16, command: &str) -> Option<Run<'a>> {
    if !has_tool("script", "--version") {
        return None;
    }
    let line = format!("stty rows 24 cols {columns}; {command}")
        .replace("ntcli ", &format!("{} ", world.program.display()));
    // The tests themselves may run where Ctrl-C is ignored, in the background of a script.
    let shell = ["env", "--default-signal=INT,QUIT", "sh", "-c", script, &line];
    let run = world.ntcli(&[""; 0]).under(&shell);
    Some(run.env("TERM", "xterm").prints_secrets())
}

fn seen(world: &World, command: &str, typed: &str) -> Option<Output> {
    at_terminal(world, 80, command, typed).map(Run::run)
}

#[test]
fn a_wrong_number_is_asked_again() {
    let (world, _) = World::ready();
    world.plane.add_workspace("dev");
    let Some(output) = seen(&world, "ntcli workspace select", "9\nnone\n2\n") else { return };
    output.exits(0);
    assert_eq!(output.stdout.matches("Which one? [1-2]").count(), 3, "{output}");
    assert!(output.stdout.contains("No workspace '9' is known here\r\n"), "{output}");
    assert!(output.stdout.contains("Active workspace: dev"), "{output}");
}

/// Whatever is waited for, the server is named meanwhile.
#[test]
fn what_is_waited_for_is_shown() {
    for (command, route) in [
        ("ntcli workspace list", Route::WorkspaceList),
        ("ntcli token list", Route::TokenList),
        ("ntcli token show --check", Route::TokenAuth),
        ("ntcli health", Route::Health),
        ("ntcli workspace create more", Route::WorkspaceCreate),
    ] {
        let (world, _) = World::ready();
        world.plane.fault(route, Times::Once, Fault::Stall { apply: false });
        let Some(run) = at_terminal(&world, 80, command, "") else { return };
        let output = run.env("NTCLI_TIMEOUT", "1").run();
        assert!(output.stdout.contains("Waiting for 127.0.0.1…"), "{command}: {output}");
        assert!(output.stdout.contains(&format!("\r{:59}\r", "")), "{command}: {output}");
        world.plane.clear_faults();
        world.ntcli(&["health"]).run().exits(0).says_only("");
    }
}

#[test]
fn no_escape_where_none_is_wanted() {
    for (name, value) in [("TERM", "dumb"), ("NO_COLOR", "1")] {
        let (world, _) = World::ready();
        world.plane.fault(Route::WorkspaceList, Times::Once, Fault::Stall { apply: false });
        let Some(run) = at_terminal(&world, 80, "ntcli workspace list", "") else { return };
        let output = run.env("NTCLI_TIMEOUT", "1").env(name, value).run();
        assert!(output.stdout.contains("Waiting for 127.0.0.1…"), "{name}: {output}");
        assert!(output.stdout.contains("Error: "), "{name}: {output}");
        assert!(!output.stdout.contains('\u{1b}'), "{name}: {output}");
    }
}

#[test]
fn an_interrupted_refresh_says_what_becomes_of_it() {
    let (world, prod) = World::ready();
    let pid = world.outside("pid");
    // As Ctrl-C: to all that runs in the foreground, once the request is on its way.
    let group = pid.clone();
    let interrupt = move || {
        let pid = fs::read_to_string(&group).unwrap();
        let pid = pid.trim();
        // Nothing runs beside it.
        let beside = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        assert_eq!(beside, "");
        signal("INT", &format!("-{pid}"));
    };
    let fault = Fault::Call { after: false, f: Arc::new(interrupt) };
    world.plane.fault(Route::TokenCreate, Times::Once, fault);
    let pid = pid.display();
    let command = format!(
        "set -m; trap : INT; export NTCLI_SESSION_TOKEN={SESSION}; \
         sh -c 'echo $$ > {pid}; exec ntcli token refresh'; \
         while kill -0 -- -$(cat {pid}) 2> /dev/null; do :; done"
    );
    let Some(output) = seen(&world, &command, "") else { return };
    let words = "Ended by signal 2; the next run goes on with a request for prod";
    assert!(output.stdout.contains(words), "{output}");
    world.refresh(&[]).exits(0);
    world.assert_current_is_live(&prod);

    // One that is not interrupted says nothing of it, and leaves nothing running.
    let command = format!(
        "set -m; sh -c 'echo $$ > {pid}; exec ntcli token refresh'; \
         kill -0 -- -$(cat {pid}) 2> /dev/null && echo left"
    );
    let Some(output) = seen(&world, &command, "") else { return };
    assert!(output.stdout.contains("Token refreshed"), "{output}");
    assert!(!output.stdout.contains("Ended by") && !output.stdout.contains("left"), "{output}");
}

/// What is typed once `prompt` has been shown; the recording is what the terminal has shown.
fn answered(world: &World, command: &str, prompt: &str, typed: &str) -> Option<String> {
    let (shown, answer) = (world.outside("shown"), world.outside("answer"));
    fs::write(&answer, typed).unwrap();
    let typing = format!(
        "( until grep -q '{prompt}' {shown}; do :; done; cat {answer}; until [ -e {shown}.end ]; do :; done ) \
         2> /dev/null | {{ script -qefc \"$0\" {shown}; touch {shown}.end; }} > /dev/null",
        shown = shown.display(),
        answer = answer.display()
    );
    let output = under(world, &typing, 80, command)?.run();
    assert!(output.stderr.is_empty(), "{output}");
    Some(fs::read_to_string(shown).unwrap())
}

#[test]
fn a_session_that_is_pasted_is_not_shown() {
    let world = World::new();
    let command = "ntcli auth login --token-stdin; stty -a | grep -o ' echo '";
    let typed = format!("{SESSION}\n");
    let Some(shown) = answered(&world, command, "Paste", &typed) else { return };
    assert!(shown.contains("Signed in.") && shown.contains(" echo "), "{shown}");
    assert!(!shown.contains(SESSION), "{shown}");
    assert_eq!(world.config()["auth"]["bearerToken"], SESSION);

    // Whatever ends it gives the terminal back as it was.
    for key in ["\u{3}", "\u{1c}"] {
        let world = World::new();
        let command = "trap : INT QUIT; ntcli auth login --token-stdin; until stty -a | grep ' echo '; do :; done";
        let Some(shown) = answered(&world, command, "Paste", &format!("secret{key}")) else {
            return;
        };
        assert!(shown.contains(" echo ") && !shown.contains("secret"), "{shown}");
        assert!(!world.config_path().exists());
    }
}

/// A shell that continues a stopped program shows what is typed: Ctrl-Z is a character like others.
#[test]
fn a_session_that_is_pasted_after_ctrl_z_is_not_shown() {
    let world = World::new();
    let command = "set -m; ntcli auth login --token-stdin; stty -a | grep -o ' echo \\|susp = ^Z'";
    let Some(shown) = answered(&world, command, "Paste", "\u{1a}secret\n") else { return };
    assert!(shown.contains("Standard input must hold a session token"), "{shown}");
    assert!(shown.contains(" echo ") && shown.contains("susp = ^Z"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

/// One that wraps could not be cleared.
#[test]
fn a_progress_line_fits_a_terminal() {
    let (world, _) = World::ready();
    let target =
        ["target", "add", "--later", "--exec", "true a-service-of-a-long-name && true another-one"];
    world.ntcli(&target).run().exits(0);
    for (columns, command) in [(80, "ntcli token refresh"), (60, "ntcli token refresh")] {
        let Some(run) = at_terminal(&world, columns, command, "") else { return };
        let output = run.run();
        let cleared = format!("\r{:59}\r", "");
        let mut lines = output.stdout.split(&cleared).filter(|line| line.ends_with('…'));
        let delivering = lines.find(|line| line.contains("Delivering")).expect("progress");
        assert_eq!(delivering.chars().count(), 59, "{delivering}");
        assert!(lines.all(|line| line.chars().count() < usize::from(columns)), "{output}");
    }
}

#[test]
fn without_a_token_nothing_is_said_of_a_refresh() {
    let (world, prod) = World::ready();
    world.set_config(&format!("/workspaces/items/{}/access_token", prod.key), json!("no-token"));
    for (args, code) in
        [(["token", "show"], 1), (["token", "needs-refresh"], 255), (["token", "print"], 1)]
    {
        world.ntcli(&args).run().fails(code, "No current token", "ntcli token create");
    }
    world.refresh(&[]).fails(1, "No current token to refresh", "ntcli token create");
}

#[test]
fn what_the_server_cannot_verify_is_told() {
    let (world, _) = World::ready();
    let broken = Fault::Status(500, String::new(), Vec::new());
    world.plane.fault(Route::TokenAuth, Times::Always, broken);
    let output = world.refresh(&["--format", "json"]);
    assert_eq!(output.exits(0).json()["verified"], false);
    output.says(
        "The new token of 'prod' is not verified: the server does not tell whether it works\n",
    );
}

/// The open-source core: no accounts, no sign-in, no routes for tokens.
#[test]
fn a_server_without_tokens_is_no_dead_end() {
    let world = World::new();
    world.plane.configure(|o| {
        o.accounts = false;
        o.token_routes = false;
    });
    let none = "this server issues no tokens";
    world.ntcli(&["workspace", "create", "dev"]).run().exits(0).says(none);
    for command in ["refresh", "create"] {
        let output = world.ntcli(&["token", command]).run();
        output.exits(4).says(none).says("Hint: ntcli auth login\n");
    }
    world.sign_in();
    let output = world.ntcli(&["token", "create"]).run();
    output
        .exits(1)
        .says("The server, or a gateway before it, has no /tokens routes; nothing has changed");
    output.says("none are needed");
}
