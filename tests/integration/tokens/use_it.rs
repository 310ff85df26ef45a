//! `ntcli token print` and `exec`: the current token, for whatever needs it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::control_plane::Route;
use crate::crash::inside::Inside;
use crate::harness::gate::Gate;
use crate::harness::kill;
use crate::harness::skip::has_tool;
use crate::harness::strace;
use crate::harness::wait::hold;
use crate::harness::world::{Output, Run, SESSION, Workspace, World};

const EXPIRED: &str = "wst_0123456789abcdefghij";
const ENDED: &str = "2001-09-09T01:46:40Z";
const PRINT: [&str; 2] = ["token", "print"];

fn print(world: &World, args: &[&str]) -> Output {
    world.ntcli(&[&PRINT, args].concat()).prints_secrets().run()
}

/// `token exec`, these options, `--`, and these words.
fn exec<'a>(world: &'a World, options: &[&str], words: &[&str]) -> Run<'a> {
    world.ntcli(&[&["token", "exec"], options, &["--"], words].concat()).prints_secrets()
}

/// A world whose current token has ended.
fn expired() -> World {
    let (world, workspace) = World::ready();
    let item = format!("/workspaces/items/{}", workspace.key);
    world.set_config(&format!("{item}/access_token"), json!(EXPIRED));
    world.set_config(&format!("{item}/expires_at"), json!(1_000_000_000_000_u64));
    world
}

#[test]
fn bare_in_a_pipe() {
    let (world, prod) = World::ready();
    let other = world.add_workspace("other");
    world.set_config("/auth", Value::Null); // no session is needed
    let files = world.files();
    let token_of = |workspace: &Workspace| format!("{}\n", workspace.token.access_token);
    print(&world, &[]).exits(0).says_only("").prints(&token_of(&prod));
    for args in [&["other"][..], &["-w", "other"], &[&other.id]] {
        print(&world, args).exits(0).says_only("").prints(&token_of(&other));
    }
    let run = world.ntcli(&PRINT).env("NTCLI_WORKSPACE", "other").prints_secrets();
    run.run().exits(0).says_only("").prints(&token_of(&other));

    let output = print(&world, &["--format", "json"]);
    let ends = output.exits(0).says_only("").json()["expires_at"].clone();
    assert!(ends.as_str().is_some_and(|ends| ends.ends_with('Z')), "{output}");
    let expected = json!({"access_token": prod.token.access_token, "jti": prod.token.jti,
        "expires_at": ends, "workspace": {"name": "prod", "id": prod.id}});
    assert_eq!(output.json(), expected);
    assert_eq!(world.files(), files);
    world.assert_nothing_sent();
}

#[test]
fn a_person_is_told_that_it_is_a_secret() {
    let (world, prod) = World::ready();
    let token = &prod.token.access_token;
    let seen = Inside::new(&world).typing("").run(&PRINT);
    assert_eq!((seen.code, seen.stdout), (0, format!("{token}\n")));
    assert_eq!(seen.stderr, "This is a secret: it gives access to the workspace.\n");

    // The same on a real terminal.
    if !has_tool("script", "--version") {
        return;
    }
    let (program, note) = (world.program.display(), world.outside("note"));
    let line = format!("{program} token print 2> {}", note.display());
    let run = world.ntcli(&PRINT).under(&["sh", "-c", "script -qec \"$0\" /dev/null", &line]);
    run.prints_secrets().run().exits(0).prints(&format!("{token}\r\n"));
    assert_eq!(fs::read_to_string(note).unwrap(), seen.stderr);
}

#[test]
fn what_has_expired_is_given_only_when_that_is_wanted() {
    let world = expired();
    let message = format!("The current token expired at {ENDED}");
    print(&world, &[]).fails(1, &message, "ntcli token refresh");
    print(&world, &["prod"]).fails(1, &message, "ntcli token refresh");
    exec(&world, &[], &["true"]).run().fails(1, &message, "ntcli token refresh");
    // Another workspace than the active one is named.
    let active = "/workspaces/activeWorkspaceId";
    let was = world.config().pointer(active).cloned().unwrap();
    world.set_config(active, Value::Null);
    print(&world, &["prod"]).fails(1, &message, "ntcli token refresh -w prod");
    exec(&world, &["-w", "prod"], &["true"]).run().says("Hint: ntcli token refresh -w prod\n");
    world.set_config(active, was);
    let error = print(&world, &["--format", "json"]).json()["error"].clone();
    assert_eq!((&error["code"], &error["exit_code"]), (&json!("token_expired"), &json!(1)));

    world.assert_nothing_sent();
}

#[test]
fn no_token_that_could_be_given() {
    let (world, workspace) = World::ready();
    let pointer = format!("/workspaces/items/{}/access_token", workspace.key);
    world.set_config(&pointer, json!("no-token"));
    for run in [world.ntcli(&PRINT), exec(&world, &["prod"], &["echo", "ran"])] {
        run.run().fails(1, "No current token", "ntcli token create");
    }
    // Nothing that a shell, a header or a terminal would take for something else.
    for text in ["wst_a\nb", "wst_a\u{0}b", "wst_a\u{1b}[2J", "wst_a b", "wst_é"] {
        world.set_config(&pointer, json!(text));
        for run in [world.ntcli(&PRINT), exec(&world, &[], &["echo", "ran"])] {
            run.run().exits(2).prints("").says("holds a character that no token has");
        }
    }
    world.write("config.json", b"{\"workspaces\": ");
    exec(&world, &[], &["echo", "ran"]).run().exits(2).prints("");
}

/// Whatever a refresh is at, and wherever it was killed: the old token is printed until the new one is
/// in the file, and is revoked only after that.
#[test]
fn the_printed_token_is_live_wherever_a_refresh_was_killed() {
    let words = |_: &Workspace| kill::words(&["token", "refresh"]);
    kill::at_every_call(World::ready, words, strace::Call::changes_something, |world, _| {
        let output = print(world, &[]);
        let token = output.exits(0).says_only("").stdout.trim_end();
        assert!(world.plane.is_live(token), "{}", world.describe());
        world.refresh(&[]).exits(0); // it clears away what the killed one left
    });
}

#[test]
fn the_printed_token_is_live_while_another_process_refreshes() {
    let (world, old) = World::ready();
    let printed = || print(&world, &[]).exits(0).says_only("").stdout.trim_end().to_owned();
    for (route, is_new) in [(Route::TokenCreate, false), (Route::TokenRevoke, true)] {
        let before = world.current(&old);
        let gate = Gate::before(&world, route);
        let running = world.ntcli(&["token", "refresh"]).spawn();
        gate.wait_for_request();
        let found = printed();
        assert!(world.plane.is_live(&found));
        assert_eq!(found != before, is_new, "{route:?}");
        gate.open();
        running.finish().exits(0);
    }
    // Any number of them, any number of times.
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..10 {
                world.refresh(&["--revoke-after", "1h"]).exits(0);
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            assert!(world.plane.is_live(&printed()), "{}", world.describe());
        }
    });
}

/// One file is read, once; no lock, no network.
#[test]
fn nothing_but_the_config_file_is_asked() {
    if !strace::is_available() {
        return;
    }
    let (world, _) = World::ready();
    let lock = fs::File::create(world.path("ntcli.lock")).unwrap();
    hold(&lock);
    let log = world.outside("strace.log");
    for words in [&["token", "print"][..], &["token", "exec", "--", "true"]] {
        let run = world.ntcli(words).prints_secrets();
        run.strace(&log, &["-f", "-e", "trace=%file,%network,flock,fcntl,clone,clone3,fork,vfork"])
            .run()
            .exits(0);
        let log = fs::read_to_string(&log).unwrap();
        let dir = world.dir.display().to_string();
        let opened = |what: &str| {
            log.lines().filter(|line| line.contains("open") && line.contains(what)).count()
        };
        assert_eq!((opened(&dir), opened("\"config.json\"")), (1, 1), "{log}");
        assert_eq!(opened(".json"), 1, "{log}");
        let never =
            ["ntcli.lock", "journal", "history", "socket(", "flock(", "F_SETLK", "clone", "fork("];
        for word in never {
            assert!(!log.contains(word), "{word} {log}");
        }
    }
}

/// The script as it is without ntcli.
fn plain(world: &World, script: &str) -> Output {
    world.ntcli(&["health"]).under(&["sh", "-c", script]).run()
}

/// The variables of a command, without those that a shell would add.
fn variables(output: &Output) -> BTreeSet<String> {
    output.exits(0).says_only("").stdout.lines().map(str::to_owned).collect()
}

#[test]
fn the_environment_of_the_command() {
    let (world, workspace) = World::ready();
    let other = world.add_workspace("other");
    let given = variables(&plain(&world, "exec env"));
    let with = |name: &str, workspace: &Workspace| {
        let mut all = given.clone();
        all.insert(format!("{name}={}", workspace.token.access_token));
        all
    };
    for (options, name, workspace) in [
        (&[][..], "NTCLI_WORKSPACE_TOKEN", &workspace),
        (&["prod"], "NTCLI_WORKSPACE_TOKEN", &workspace),
        (&["other"], "NTCLI_WORKSPACE_TOKEN", &other),
        (&["-w", "other", "--env", "API_TOKEN"], "API_TOKEN", &other),
        (&["--env=_a1", "other"], "_a1", &other),
        // Asked for by its name, it is no session.
        (&["--env", "NTCLI_TOKEN"], "NTCLI_TOKEN", &workspace),
    ] {
        let run = exec(&world, options, &["sh", "-c", "exec env"]);
        let run = run.env("NTCLI_SESSION_TOKEN", SESSION).env("NTCLI_TOKEN", "opaque-bearer-1234");
        assert_eq!(variables(&run.run()), with(name, workspace), "{options:?}");
    }
    world.assert_nothing_sent();
}

#[test]
fn names_that_cannot_hold_a_token() {
    let (world, workspace) = World::ready();
    let token = workspace.token.access_token.as_str();
    for name in ["", "1X", "A B", "A=B", "A-B", "é", "PATH", "LD_PRELOAD", token] {
        let output = exec(&world, &["--env", name], &["echo", "ran"]).run();
        output.exits(2).prints("").says("Error: --env takes a name of letters, digits and _");
        output.says("Hint: ntcli token exec --help\n");
    }
}

/// It is one process all the way: its id, its streams, its end are those of the command.
#[test]
fn ntcli_becomes_the_command() {
    let (world, _) = World::ready();
    for code in [0, 1, 42, 255] {
        let script = format!("exit {code}");
        exec(&world, &[], &["sh", "-c", &script]).run().exits(code).prints("").says_only("");
    }
    let killed = exec(&world, &[], &["sh", "-c", "kill -TERM $$"]).run();
    assert_eq!(killed.signal(), Some(15), "{killed}");
    let running = exec(&world, &[], &["sh", "-c", "echo $$"]).spawn();
    let pid = running.pid();
    running.finish().exits(0).prints(&format!("{pid}\n"));
    exec(&world, &[], &["cat"]).stdin("typed").run().exits(0).prints("typed");
    // No file of ours is open in it.
    let open = "exec ls /proc/self/fd";
    let output = exec(&world, &[], &["sh", "-c", open]).run();
    output.exits(0).prints(&plain(&world, open).stdout);
}

/// Which signals a process ignores, without those of the C library's own.
fn ignored(output: &Output) -> u64 {
    let line = output.exits(0).stdout.lines().find_map(|line| line.strip_prefix("SigIgn:\t"));
    u64::from_str_radix(line.unwrap(), 16).unwrap() & 0x7fff_ffff
}

/// ntcli itself ignores SIGPIPE, which a command must not inherit.
#[test]
fn signals_mean_what_they_usually_mean() {
    let (world, _) = World::ready();
    let script = "exec grep SigIgn /proc/self/status";
    let found = ignored(&exec(&world, &[], &["sh", "-c", script]).run());
    assert_eq!(found, ignored(&plain(&world, script)), "{found:x}");
    assert_eq!(found & (1 << 12), 0, "{found:x}");
    let pipe = ["sh", "-c", "\"$@\" | head -n 1", "sh"];
    exec(&world, &[], &["yes"]).under(&pipe).run().exits(0).prints("y\n").says_only("");
}

/// After `--` nothing is ours, not even what is no UTF-8.
#[test]
fn arguments_reach_the_command_as_they_are() {
    let (world, _) = World::ready();
    let mut words: Vec<OsString> =
        ["token", "exec", "prod", "--", "printf", "%s\\n"].iter().map(Into::into).collect();
    let given =
        ["--help", "-V", "--debug", "--format", "json", "--", "-w", "x", "", "help", "a b$c"];
    words.extend(given.iter().map(Into::into));
    words.push(OsString::from_vec(b"pr\xffod".to_vec()));
    let output = world.ntcli(&words).run();
    output.exits(0).says_only("").prints(&format!("{}\npr\u{fffd}od\n", given.join("\n")));
}

#[test]
fn a_command_that_cannot_be_run() {
    let (world, _) = World::ready();
    let file = world.outside("not-executable");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (file, folder) = (file.display().to_string(), world.dir.display().to_string());
    for (program, code, cause) in [
        ("no-such-command", 127, "No such file or directory"),
        ("/nowhere/at/all", 127, "No such file or directory"),
        ("", 127, "No such file or directory"),
        (&file, 126, "Permission denied"),
        (&folder, 126, "Permission denied"),
    ] {
        let output = exec(&world, &[], &[program, "--format", "json"]).run();
        output.exits(code).prints("").says(&format!("Error: Cannot run '{program}'\n"));
        output.says(&format!("Caused by: {cause}"));
        let error = exec(&world, &["--format=json"], &[program]).run().json()["error"].clone();
        assert_eq!((&error["code"], &error["exit_code"]), (&json!("not_run"), &json!(code)));
    }
}

#[test]
fn a_command_must_be_named() {
    let (world, _) = World::ready();
    for words in [&[][..], &["--"], &["prod"], &["prod", "--"], &["env", "FOO=bar"]] {
        let output = world.ntcli(&[&["token", "exec"], words].concat()).run();
        let message = "'ntcli token exec' needs a command to run, after '--'";
        output.fails(2, message, "ntcli token exec --help");
    }
    exec(&world, &["a", "b"], &["true"])
        .run()
        .exits(2)
        .says("Too many arguments: ntcli token exec [WORKSPACE] [OPTIONS] -- COMMAND");
    exec(&world, &["nowhere"], &["true"]).run().exits(1).says("No workspace 'nowhere'");
}
