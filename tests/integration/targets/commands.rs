//! What a command of a target gets of us, and what it cannot do to us.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use serde_json::json;

use super::add;
use crate::harness::kill;
use crate::harness::world::World;

/// A command that runs ntcli would wait for the very run that waits for it.
#[test]
fn ntcli_inside_a_command_is_told_at_once() {
    for (args, code) in [
        ("token refresh", 6),
        ("target deliver", 6),
        ("workspace select prod", 6),
        ("token print", 0),
        ("token show", 0),
        ("token exec -- true", 0),
    ] {
        let (world, prod) = World::ready();
        let command = format!(
            "{} {args} > /dev/null 2> {out}; echo $? >> {out}",
            world.program.display(),
            out = world.outside("out").display()
        );
        add(&world, &["--exec", &command]).exits(0);
        let started = Instant::now();
        world.refresh(&[]).exits(0);
        let said = fs::read_to_string(world.outside("out")).unwrap();
        assert!(said.ends_with(&format!("{code}\n")), "{args}: {said}");
        if code == 6 {
            assert!(said.contains("The ntcli that started this command holds"), "{args}: {said}");
            assert!(started.elapsed().as_secs() < 30, "{args}: it waited");
        }
        world.assert_one_live_token(&prod);
    }
}

/// What was started in the background outlives the run, and waits as others do.
#[test]
fn ntcli_after_the_command_works() {
    let (world, _) = World::ready();
    let command = format!(
        "exec 3>&1; (while [ -e {dir}/wait ]; do sleep 0.01; done; {ntcli} workspace select prod; echo $? > {dir}/out) \
         > /dev/null 2>&1 3>&- &",
        dir = world.outside("").display(),
        ntcli = world.program.display()
    );
    fs::write(world.outside("wait"), "").unwrap();
    add(&world, &["--exec", &command]).exits(0);
    world.refresh(&[]).exits(0);
    fs::remove_file(world.outside("wait")).unwrap();
    let out = || fs::read_to_string(world.outside("out")).unwrap_or_default();
    crate::harness::world::wait_until("it has ended", || out() == "0\n");
}

/// A daemon that a command leaves has none of our files open, and a run that is killed leaves no lock.
#[test]
fn a_daemon_has_nothing_of_ours() {
    let (world, _) = World::ready();
    let out = world.outside("pid");
    let command = format!(
        "sleep 600 > /dev/null 2>&1 & echo $! > {out}.part; mv {out}.part {out}; kill -9 $PPID",
        out = out.display()
    );
    add(&world, &["--exec", &command]).exits(0);
    world.refresh(&[]).is_killed();
    let pid: u32 = fs::read_to_string(&out).unwrap().trim().parse().unwrap();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let open: Vec<_> = open.filter_map(|fd| fs::read_link(fd.path()).ok()).collect();
    assert!(open.iter().all(|file| !file.starts_with(&world.dir)), "{open:?}");
    world.ntcli(&["workspace", "select", "prod", "-q"]).run().exits(0);
    kill::process(pid);
}

/// Whatever a command prints, in pieces or without an end of line: the tokens are masked.
#[test]
fn the_tokens_are_masked_in_what_it_prints() {
    let (world, prod) = World::ready();
    let old = prod.token.access_token.clone();
    let command = format!(
        "echo first; env | grep TOKEN; printf %s \"$NTCLI_NEW_TOKEN\"; sleep 0.05; echo \" and {old}\" >&2; \
         head -c 70000 /dev/zero | tr '\\0' x; printf '%s' \"x$NTCLI_NEW_TOKEN\"; echo; printf last"
    );
    let output = world.refresh(&["--exec", &command]);
    output.exits(0);
    let new = world.current(&prod);
    assert!(!output.stderr.contains(&new) && !output.stderr.contains(&old), "{output}");
    assert!(output.stderr.contains("\nfirst\n"), "{output}");
    assert!(output.stderr.contains("NTCLI_NEW_TOKEN=[redacted]\n"), "{output}");
    assert!(output.stderr.contains("[redacted] and [redacted]\n"), "{output}");
    assert!(output.stderr.contains("last"), "{output}");
    assert_eq!(output.stderr.matches('x').count(), 70_001, "nothing else is lost");
}

/// As `curl -v` prints a password, a shell a part of a text, or a program what it percent-encodes.
#[test]
fn a_token_in_another_form_is_masked() {
    let (world, _) = World::ready();
    let forms = r#"printf 'user:%s' "$NTCLI_NEW_TOKEN" | base64 -w 0; echo
        echo "sig ${NTCLI_NEW_TOKEN##*.} nature"; echo "$NTCLI_NEW_TOKEN" | tr a-z A-Z
        echo "$NTCLI_NEW_TOKEN" | sed 's/e/%65/g; s/[.]/%2E/g'; printf '\377\n'"#;
    let output = world.refresh(&["--exec", forms]);
    output.exits(0).says("dXNlcjp[redacted]").says("sig [redacted] nature\n");
    output.says("\n[redacted]\n[redacted]\n");
}

/// A name that came from a server, or was written by hand, keeps no command from its token.
#[test]
fn a_nul_in_a_name() {
    let (world, prod) = World::ready();
    let name = format!("/workspaces/items/{}/workspace_name", prod.key);
    world.set_config(&name, json!("pr\0od"));
    let out = world.outside("out");
    let command = format!("echo \"$NTCLI_WORKSPACE_NAME\" > {}", out.display());
    world.refresh(&["--exec", &command]).exits(0);
    assert_eq!(fs::read_to_string(out).unwrap(), "prod\n");
}

/// Many commands cost little more than they take themselves.
#[test]
fn waiting_costs_nothing() {
    let (world, _) = World::ready();
    for n in 0..20 {
        add(&world, &["--exec", &format!("sleep 0.03 # {n}")]).exits(0);
    }
    if !crate::harness::strace::is_available() {
        return;
    }
    let log = world.outside("strace");
    let run =
        world.ntcli(&["token", "refresh"]).strace(&log, &["-e", "trace=poll,ppoll,wait4,waitid"]);
    run.run().exits(0);
    let calls = fs::read_to_string(log).unwrap().lines().count();
    // A look at its start, and one at its end.
    assert!(calls < 20 * 8 + 40, "{calls} looks at 20 commands");
}

/// The command itself may end well though nobody has the token: its check tells, before anything is revoked.
#[test]
fn a_check_that_fails_is_a_delivery_that_failed() {
    let (world, prod) = World::ready();
    let (store, looks) = (world.outside("store"), world.outside("looks"));
    let command = format!(
        "[ ! -e {go} ] || echo \"$NTCLI_NEW_TOKEN\" > {store}",
        go = world.outside("go").display(),
        store = store.display()
    );
    let check = format!(
        "echo x >> {}; test \"$(cat {})\" = \"$NTCLI_NEW_TOKEN\"",
        looks.display(),
        store.display()
    );
    fs::write(&store, format!("{}\n", prod.token.access_token)).unwrap();
    add(&world, &["--exec", &command, "--check", &check]).exits(0);
    let states = || {
        let output = world.ntcli(&["target", "check", "--format", "json"]).run();
        (output.code(), output.json()["targets"][0]["state"].clone())
    };
    assert_eq!(states(), (Some(0), json!("current")));
    world.ntcli(&["target", "deliver"]).run().exits(0);
    world.refresh(&[]).exits(9).says("target 1: --check '").says("' ended with 1");
    assert!(world.plane.is_live(&prod.token.access_token));
    assert_eq!(states().1, "drifted");
    // What monitoring looks at runs nothing.
    fs::remove_file(&looks).unwrap();
    world.ntcli(&["check"]).run();
    world.ntcli(&["doctor", "--offline"]).run();
    assert!(!looks.exists());
    fs::write(world.outside("go"), "").unwrap();
    world.refresh(&[]).exits(0);
    world.assert_one_live_token(&prod);
    assert_eq!(states(), (Some(0), json!("current")));
    let listed = world.ntcli(&["target", "list", "--format", "json"]).run().json();
    assert_eq!(listed["targets"][0]["check"], check.as_str());
    world
        .ntcli(&["target", "add", "--file", "x", "--check", "true"])
        .run()
        .exits(2)
        .says("--check needs --exec");
}

/// What runs at a terminal of today does not run from cron tonight.
#[test]
fn a_command_that_cron_does_not_find_is_no_target() {
    let (world, _) = World::ready();
    let script = |name: &str, text: &str| {
        let file = world.outside(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file.display().to_string()
    };
    // The folder is in the PATH of the tests.
    let here = script("deploy-it", "#!/bin/sh\n");
    let odd = script("odd", "#!/no/such/interpreter -x\n");
    for (command, says) in [
        ("deploy-it now", format!("give its path, {here}")),
        ("./deploy-it", "'./deploy-it' is relative, and the command runs in /".to_owned()),
        ("no-such-command x", "there is no command 'no-such-command'".to_owned()),
        (&odd, "/no/such/interpreter, which is not here".to_owned()),
        ("/etc/passwd", "/etc/passwd is no program".to_owned()),
    ] {
        add(&world, &["--exec", command]).exits(2).says(&says);
        add(&world, &["--exec", "true", "--check", command]).exits(2).says(&says);
    }
    world.refresh(&["--exec", "no-such-command"]).exits(2).says("there is no command");
    world.assert_nothing_sent();
    for command in [&here, "if true; then :; fi", "cd / && true", "[ 1 = 1 ]", "A=b true"] {
        add(&world, &["--exec", command]).exits(0);
    }

    // One that is gone is named first, and holds up nobody.
    fs::remove_file(world.outside("deploy-it")).unwrap();
    let output = world.refresh(&[]);
    output.exits(9).says(&format!("target 1: {here} is no program that can be executed"));
}

#[test]
fn a_command_runs_in_the_root_folder() {
    let (world, _) = World::ready();
    let out = world.outside("out");
    world.refresh(&["--exec", &format!("pwd > {}", out.display())]).exits(0);
    assert_eq!(fs::read_to_string(out).unwrap(), "/\n");
}

/// Found before a token is made, not after.
#[test]
fn an_immutable_file() {
    let (world, prod) = World::ready();
    let file = world.outside("fixed");
    fs::write(&file, &prod.token.access_token).unwrap();
    let chattr = |flag| std::process::Command::new("chattr").arg(flag).arg(&file).status();
    if !chattr("+i").is_ok_and(|status| status.success()) {
        crate::harness::skip::skipped("files cannot be made immutable here");
        return;
    }
    let output = add(&world, &["--file", file.to_str().unwrap()]);
    chattr("-i").unwrap();
    output.exits(2).says("it is immutable").says("Hint: chattr -i -a ");
}

/// Two of fifty hosts are down: the others get the token, and the next run is about those two.
#[test]
fn fifty_commands_of_which_two_fail() {
    let (world, prod) = World::ready();
    fs::write(world.outside("down-7"), "").unwrap();
    fs::write(world.outside("down-50"), "").unwrap();
    for n in 1..=50 {
        let command = format!(
            "cd \"$HERE\" && echo {n} >> asked && [ ! -e down-{n} ] && printf %s \"$NTCLI_NEW_JTI\" > host-{n}"
        );
        add(&world, &["--exec", &command]).exits(0);
    }
    let asked = || {
        let text = fs::read_to_string(world.outside("asked")).unwrap();
        fs::remove_file(world.outside("asked")).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect::<Vec<u32>>()
    };
    let served = || {
        let jti = world.item(&prod)["jti"].as_str().unwrap().to_owned();
        let hosts = (1..=50).map(|n| world.outside(&format!("host-{n}")));
        hosts.filter(|host| fs::read_to_string(host).is_ok_and(|held| held == jti)).count()
    };
    world.refresh(&[]).exits(9);
    assert_eq!(asked(), (1..=50).collect::<Vec<u32>>());
    assert_eq!(served(), 48);
    assert!(world.plane.is_live(&prod.token.access_token));
    for _ in 0..2 {
        world.ntcli(&["renew"]).run().exits(9);
        assert_eq!(asked(), [7, 50]);
    }
    fs::remove_file(world.outside("down-7")).unwrap();
    fs::remove_file(world.outside("down-50")).unwrap();
    world.ntcli(&["renew"]).run().exits(0);
    // What comes after one that succeeds at last may build on it, and runs once more.
    assert_eq!(asked(), (7..=50).collect::<Vec<u32>>());
    assert_eq!(served(), 50);
    world.assert_one_live_token(&prod);
}
