//! The consumers of the README, with stand-ins for the programs that need a service.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{add, read};
use crate::harness::world::World;

/// A program in the PATH that keeps its arguments and its input.
fn stand_in(world: &World, name: &str) {
    fs::create_dir_all(world.outside("bin")).unwrap();
    let path = world.outside("bin").join(name);
    let script =
        "#!/bin/sh\necho \"$0 $*\" >> $HERE/argv\ncat >> $HERE/stdin; echo >> $HERE/stdin\n";
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn secrets_of_other_services() {
    let (world, prod) = World::ready();
    for name in ["gh", "kubectl", "systemctl"] {
        stand_in(&world, name);
    }
    let bin = world.outside("bin").into_os_string().into_string().unwrap();
    let run = |args: &[&str]| {
        world.ntcli(args).env("PATH", format!("{bin}:/usr/bin:/bin")).run().exits(0).transcript()
    };
    for command in [
        "true && systemctl restart app < /dev/null",
        "printf %s \"$NTCLI_NEW_TOKEN\" | gh secret set NTCLI_WORKSPACE_TOKEN --repo o/r",
        "printf %s \"$NTCLI_NEW_TOKEN\" | kubectl create secret generic ntcli \
         --from-file=token=/dev/stdin --dry-run=client -o yaml | kubectl apply -f -",
    ] {
        run(&["target", "add", "--later", "--exec", command]);
    }
    run(&["token", "refresh"]);
    let (argv, stdin, token) = (read(&world, "argv"), read(&world, "stdin"), world.current(&prod));
    assert_eq!(argv.lines().count(), 4, "{argv}");
    assert!(argv.contains("restart app") && argv.contains("set NTCLI_WORKSPACE_TOKEN"));
    assert!(!argv.contains(&token));
    assert_eq!(stdin.matches(&token).count(), 2);
}

/// curl itself finds the token in the file.
#[test]
fn a_netrc_file() {
    let (world, prod) = World::ready();
    let netrc = |token: &str| format!("machine 127.0.0.1\n  login token\n  password {token}\n");
    fs::write(world.outside("netrc"), netrc(&prod.token.access_token)).unwrap();
    fs::set_permissions(world.outside("netrc"), fs::Permissions::from_mode(0o640)).unwrap();
    add(&world, &["--replace", "netrc"]).exits(0);
    world.refresh(&[]).exits(0);
    let token = world.current(&prod);
    assert_eq!(read(&world, "netrc"), netrc(&token));
    let mode = fs::metadata(world.outside("netrc")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let curl = std::process::Command::new("curl")
        .args(["-sv", "--netrc-file"])
        .arg(world.outside("netrc"))
        .arg(format!("{}/health", world.plane.base_url()))
        .output()
        .expect("curl");
    let said = String::from_utf8_lossy(&curl.stderr).into_owned();
    assert!(said.contains("Server auth using Basic with user 'token'"), "{said}");
}
