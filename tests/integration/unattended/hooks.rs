//! `--exec`: a command gets the token, says whether it could use it, and cannot hold up the rest.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::parallel::for_each;
use crate::harness::run::signal;
use crate::harness::world::{Output, SESSION, World, wait_until};
use crate::unattended::token_files::{assert_delivery_pending, lose_folder};

/// A signal that was sent arrives sooner.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at the world when the first revocation has come in and is not carried out. A panic in
/// there fails the test: the control plane reports it.
pub(crate) fn at_the_revocation(world: &World, look: impl Fn() + Send + Sync + 'static) {
    let f = Arc::new(look);
    let fault = Fault::Call { after: false, f };
    world.plane.fault(Route::TokenRevoke, Times::Once, fault);
}

/// What a run says of a target that it is the first to be given.
pub(crate) const REMEMBERED: &str =
    "Target 1 is remembered: every refresh of 'prod' delivers to it, until ntcli target remove 1\n";

fn refresh_and(world: &World, command: &str) -> Output {
    world.refresh(&["--exec", command])
}

/// The lines that a hook has left beside the config folder.
fn lines_of(world: &World, name: &str) -> Vec<String> {
    let text = fs::read_to_string(world.outside(name)).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn what_the_command_is_told() {
    let (world, workspace) = World::ready();
    let command = "cd \"$HERE\" && printf '%s\\n' \"$NTCLI_NEW_TOKEN\" \"$NTCLI_NEW_JTI\" \"$NTCLI_OLD_JTI\" \
                   \"$NTCLI_EXPIRES_AT\" \"$NTCLI_WORKSPACE_NAME\" \"$NTCLI_WORKSPACE_ID\" > told";
    let args = ["--expires-at", "1900000000", "--exec", command];
    let said = REMEMBERED.to_owned() + "The new token is delivered to 1 target.\n";
    world.refresh(&args).exits(0).says_only(&said);
    let item = world.item(&workspace);
    let told = [
        item["access_token"].as_str().unwrap(),
        item["jti"].as_str().unwrap(),
        &workspace.token.jti,
        &world.end(&workspace),
        "prod",
        &workspace.id,
    ];
    assert_eq!(lines_of(&world, "told"), told);
    world.assert_one_live_token(&workspace);

    // One that never expires has no date.
    world.refresh(&["--expires-in", "never", "--exec", command]).exits(0);
    assert_eq!(lines_of(&world, "told")[3], "");
}

/// Every user of the machine can read arguments.
#[test]
fn the_token_is_in_no_arguments() {
    let (world, workspace) = World::ready();
    let command = "cd \"$HERE\" && for p in $$ $PPID; do tr '\\0' '\\n' < /proc/$p/cmdline; done > seen; \
                   tr '\\0' '\\n' < /proc/$$/environ > around";
    refresh_and(&world, command).exits(0);
    let token = world.current(&workspace);
    let seen = lines_of(&world, "seen");
    assert!(seen.iter().any(|arg| arg == "refresh"), "{seen:?}");
    assert!(seen.iter().all(|arg| !arg.contains(&token)), "{seen:?}");
    let around = lines_of(&world, "around");
    assert!(around.contains(&format!("NTCLI_NEW_TOKEN={token}")));
}

#[test]
fn what_it_prints_is_no_result_of_ours() {
    let (world, workspace) = World::ready();
    let output = world.refresh(&["--format", "json", "--exec", "echo out; echo err >&2; cat"]);
    let said = format!("{REMEMBERED}out\nerr\nThe new token is delivered to 1 target.\n");
    output.exits(0).says_only(&said);
    assert_eq!(output.json()["outcome"], "refreshed");
    world.assert_one_live_token(&workspace);
}

#[test]
fn it_runs_after_the_files_and_before_the_revocation() {
    let (world, workspace) = World::ready();
    let (plane, ran) = (world.plane.clone(), world.outside("ran"));
    let old = workspace.token.access_token.clone();
    at_the_revocation(&world, move || {
        assert!(ran.exists() && plane.is_live(&old));
    });
    let command = "cd \"$HERE\" && test \"$(cat token)\" = \"$NTCLI_NEW_TOKEN\" && \
                   grep -q \"$NTCLI_NEW_TOKEN\" config/config.json && touch ran";
    let args = ["--exec", command, "--token-file", "token"];
    world.refresh(&args).exits(0);
    let routes = world.plane.requests().into_iter().filter_map(|r| r.route);
    let routes: Vec<_> = routes.collect();
    let expected = [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke];
    assert_eq!(routes[..3], expected, "{routes:?}");
    world.assert_one_live_token(&workspace);

    // Without its file the message does not refer to it.
    fs::remove_file(world.outside("ran")).unwrap();
    let _lost = lose_folder(&world);
    let args = ["--exec", "touch \"$HERE/ran\"", "--token-file", "folder/token"];
    world.refresh(&args).exits(9);
    assert!(!world.outside("ran").exists());
}

#[derive(Debug)]
struct Bad {
    command: &'static str,
    says: &'static str,
    /// Given to the program with `--timeout`.
    limit: Option<&'static str>,
}

const fn ends(command: &'static str, says: &'static str) -> Bad {
    let limit = None;
    Bad { command, says, limit }
}

const fn hangs(command: &'static str) -> Bad {
    Bad { command, says: "did not end within 1 s and was killed", limit: Some("1") }
}

const BAD: [Bad; 12] = [
    ends("exit 3", "' ended with 3"),
    ends("false", "' ended with 1"),
    ends("kill -9 $$", "' was killed by signal 9"),
    ends("kill -15 $$", "' was killed by signal 15"),
    ends("no-such-command", "ended with 127: command not found"),
    ends("/etc/passwd", "ended with 126: it cannot be executed"),
    ends("./no/such/file", "ended with 127: command not found"),
    ends("test -n \"$(head -c 1)\"", "' ended with 1"), // no input
    hangs("sleep 600"),
    hangs("sleep 600 & wait"),
    hangs("trap '' TERM; while :; do sleep 600; done"),
    // The command itself ends when it is told to, and what it has started does not.
    hangs("(trap '' TERM; while :; do sleep 600; done) & wait"),
];

/// No process of that group runs any more, or will for long.
fn assert_all_gone(group: &str) {
    let runs = |stat: &str| {
        // After the name in brackets: the state, the parent, the group.
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' '));
        let fields: Vec<_> = fields.into_iter().flatten().take(3).collect();
        fields.first() != Some(&"Z") && fields.get(2) == Some(&group)
    };
    let left = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let stats = processes.filter_map(|p| fs::read_to_string(p.path().join("stat")).ok());
        stats.filter(|stat| runs(stat)).collect::<Vec<_>>()
    };
    let started = Instant::now();
    while !left().is_empty() && started.elapsed() < PATIENCE {
        thread::yield_now();
    }
    assert_eq!(left(), [""; 0], "left running");
}

#[test]
fn a_command_that_fails() {
    for_each(4, &BAD, |bad| {
        let (world, workspace) = World::ready();
        // What is left of it would hold this.
        let command = format!(
            "cd \"$HERE\"\n[ -e fixed ] && echo $NTCLI_OLD_JTI && exit\necho $$ > pid\n{}",
            bad.command
        );
        let mut args = vec!["target", "add", "--later", "--exec", &command];
        args.extend(bad.limit.iter().flat_map(|limit| ["--timeout", limit]));
        world.ntcli(&args).run().exits(0);
        let output = world.refresh(&[]);
        output.says("Caused by: target 1: --exec 'cd \"$HERE\"\\n");
        output.says(bad.says);
        assert_delivery_pending(&world, &workspace, &output);
        assert_all_gone(&lines_of(&world, "pid")[0]);

        fs::write(world.outside("fixed"), "").unwrap();
        let again = ["--if-expires-within", "1", "--format", "json"];
        let output = world.refresh(&again);
        output.exits(0).says(&workspace.token.jti);
        assert_eq!(output.json()["outcome"], "delivered");
        world.assert_one_live_token(&workspace);
        assert!(!world.has_journal());
    });
}

#[test]
fn a_command_that_is_hard_to_get_rid_of() {
    let good = [
        // More than any pipe holds.
        "head -c 100000000 /dev/zero",
        // A child that lives on with the output open: the command itself has ended.
        "cd \"$HERE\"; sleep 600 & echo $! > pid",
        "exec 1>&- 2>&-",
        ":",
    ];
    for_each(2, &good, |command| {
        let (world, workspace) = World::ready();
        let refresh = world.ntcli(&["token", "refresh", "--exec", command]);
        let silent = fs::File::create("/dev/null").unwrap();
        refresh.stderr(silent).run().exits(0);
        world.assert_one_live_token(&workspace);
        if let Ok(pid) = fs::read_to_string(world.outside("pid")) {
            crate::harness::kill::process(pid.trim().parse().unwrap());
        }
    });
}

fn nowhere() -> fs::File {
    fs::File::create("/dev/null").unwrap()
}

/// A hook that is at work when its run is killed goes on, and no other runs beside it.
#[test]
fn a_run_that_is_killed_while_its_command_runs() {
    for_each(2, &[("KILL", 9), ("TERM", 15), ("INT", 2), ("HUP", 1)], |&(name, number)| {
        let (world, workspace) = World::ready();
        let command = "cd \"$HERE\"; echo start >> log; while [ -e log ] && [ ! -e go ]; do sleep 0.02; done; echo end >> log";
        let refresh = world.ntcli(&["token", "refresh", "--exec", command]);
        // The tests themselves may run where they are ignored: in the background of a script, under nohup.
        let refresh = refresh.under(&["env", "--default-signal=INT,HUP,TERM"]);
        // The hook has our stderr; a pipe would not end with the run.
        let running = refresh.stderr(nowhere()).spawn();
        wait_until("the command runs", || world.outside("log").exists());
        signal(name, &running.pid().to_string());
        let ended = running.finish();
        let code = match name {
            "KILL" => ended.signal().map(|signal| 128 + signal),
            _ => ended.code(),
        };
        assert_eq!(code, Some(128 + number), "{ended}");

        let second = "echo second >> \"$HERE/log\"";
        world
            .refresh(&["--exec", second, "--lock-wait", "0"])
            .exits(6)
            .says("a command that one started");
        fs::write(world.outside("go"), "").unwrap();
        let output = world.refresh(&["--exec", second, "--format", "json"]);
        assert_eq!(output.exits(0).json()["outcome"], "delivered");
        let log = ["start", "end", "start", "end", "second"];
        assert_eq!(lines_of(&world, "log"), log, "what did not end well runs once more");
        world.assert_one_live_token(&workspace);
    });
}

/// What a hook leaves in the background does not keep the lock, though it has the input open.
#[test]
fn a_daemon_does_not_hold_up_the_next_run() {
    let (world, workspace) = World::ready();
    let command = "exec 3<&0; sleep 600 <&3 & echo $! > \"$HERE/pid\"";
    let refresh = world.ntcli(&["token", "refresh", "--exec", command]);
    refresh.stderr(nowhere()).run().exits(0);
    world.refresh(&["--lock-wait", "0"]).exits(0);
    let pid = fs::read_to_string(world.outside("pid")).unwrap();
    crate::harness::run::signal("KILL", pid.trim());
    world.assert_one_live_token(&workspace);
}

/// For any contents of the lock file.
#[test]
fn there_is_nothing_to_read() {
    let (world, _) = World::ready();
    world.write("ntcli.lock", b"of an earlier version\n");
    refresh_and(&world, "test -z \"$(cat)\"").exits(0);
}

#[test]
fn it_sees_no_session() {
    let (world, _) = World::ready();
    let args = ["token", "refresh", "--exec", "env > \"$HERE/seen\""];
    let run = world.ntcli(&args).env("NTCLI_TOKEN", SESSION);
    run.env("NTCLI_SESSION_TOKEN", SESSION).run().exits(0);
    let seen = lines_of(&world, "seen");
    assert!(seen.iter().all(|line| !line.contains(SESSION)), "{seen:?}");
}

#[test]
fn without_a_path() {
    let (world, workspace) = World::ready();
    let args = ["token", "refresh", "--exec", "echo found > \"$HERE/$NTCLI_WORKSPACE_NAME\""];
    world.ntcli(&args).without_env("PATH").run().exits(0);
    assert_eq!(lines_of(&world, "prod"), ["found"]);
    world.assert_one_live_token(&workspace);
}

#[test]
fn impossible_targets_are_refused_before_anything_is_sent() {
    let (world, workspace) = World::ready();
    for args in [
        &["--exec", ""][..],
        &["--exec", " \n"],
        &["--token-file", "x", "--exec="],
        &["--token-file", ""],
        &["--token-file", "folder/"],
        &["--token-file", "env:=x"],
        &["--token-file", "env:A B=x"],
        &["--token-file", "env:A"],
        &["--revoke-after", "later"],
        &["--if-expires-within", "0"],
    ] {
        let output = world.refresh(args);
        output.exits(2).prints("").says("Error: ");
    }
    world.assert_nothing_sent();
    world.assert_one_live_token(&workspace);
}
