//! What a command of a target gets of us, and what it cannot do to us.

use std::fs;
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
    assert!(output.stderr.starts_with("first\n"), "{output}");
    assert!(output.stderr.contains("NTCLI_NEW_TOKEN=[redacted]\n"), "{output}");
    assert!(output.stderr.contains("[redacted] and [redacted]\n"), "{output}");
    assert!(output.stderr.contains("last"), "{output}");
    assert_eq!(output.stderr.matches('x').count(), 70_001, "nothing else is lost");
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
    let strace = crate::harness::strace::is_available();
    if !strace {
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
