//! Hosts that are reached by ssh, on loopback.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::servers::{Server, find, output};
use super::{Engine, add, keeps_its_promises, program, world};
use crate::harness::world::World;
use crate::ports::free_port;

/// Two hosts, each a server whose logins begin in a folder of their own.
struct Ssh([(Server, PathBuf); 2]);

impl Engine for Ssh {
    fn heading(&self) -> &'static str {
        "ssh"
    }

    fn client(&self) -> &'static str {
        "ssh"
    }

    fn start(&mut self) {
        for (server, _) in &mut self.0 {
            if server.running.is_none() {
                server.start();
            }
        }
    }

    /// One of them alone.
    fn stop(&mut self) {
        self.0[0].0.stop();
    }

    /// By the one that is stopped at times.
    fn held(&self) -> String {
        fs::read_to_string(self.0[0].1.join("app/token")).unwrap()
    }

    fn put_back(&self, token: &str) {
        fs::write(self.0[0].1.join("app/token"), token).unwrap();
    }

    fn address(&self) -> (&'static str, String) {
        ("", String::new())
    }
}

/// `ssh` with a configuration of the test, which finds the hosts.
fn ssh(world: &World) -> Option<Ssh> {
    let [sshd, ssh, keygen] = find([("sshd", 0), ("ssh", 0), ("ssh-keygen", 0)])?;
    // It insists on this folder as root.
    fs::create_dir_all("/run/sshd").ok();
    let key = |name: &str| {
        let path = world.outside(name);
        let path = path.to_str().unwrap().to_owned();
        output(&keygen, &["-q", "-t", "ed25519", "-N", "", "-f", &path]);
        path
    };
    let (host_key, own_key) = (key("host-key"), key("own-key"));
    let folder = world.outside("");
    let mut config = format!(
        "IdentityFile {own_key}\nUserKnownHostsFile {}\nStrictHostKeyChecking accept-new\nKexAlgorithms curve25519-sha256\nHostName 127.0.0.1\n",
        folder.join("known").display()
    );
    let hosts = ["web1", "web2"].map(|host| {
        let (port, home) = (free_port(), folder.join(host));
        fs::create_dir_all(home.join("app")).unwrap();
        config += &format!("Host {host}\nPort {port}\n");
        let options = [
            format!("HostKey={host_key}"),
            format!("AuthorizedKeysFile={own_key}.pub"),
            format!("ListenAddress=127.0.0.1:{port}"),
            format!("ForceCommand=cd {} && eval \"$SSH_ORIGINAL_COMMAND\"", home.display()),
            "PidFile=none".to_owned(),
            "StrictModes=no".to_owned(),
            "PermitRootLogin=yes".to_owned(),
        ];
        let options: Vec<_> = options.iter().flat_map(|option| ["-o", option]).collect();
        let args = [&["-D", "-f", "/dev/null"], &options[..]].concat();
        (Server::new(&sshd, port, &args), home)
    });
    let config_file = folder.join("ssh-config");
    fs::write(&config_file, config).unwrap();
    let with = format!("exec {} -F {} \"$@\"", ssh.display(), config_file.display());
    program(world, "ssh", &with);
    fs::write(folder.join("etc/ntcli/hosts"), "web1\nweb2\n").unwrap();
    Some(Ssh(hosts))
}

#[test]
fn ssh_keeps_its_promises() {
    let (world, prod) = world();
    let Some(ssh) = ssh(&world) else { return };
    keeps_its_promises(&world, &prod, ssh);
}

/// The first host is down: those after it have the token all the same, and nobody else can read it there.
#[test]
fn a_host_that_is_down_holds_up_no_other() {
    let (world, prod) = world();
    let Some(mut ssh) = ssh(&world) else { return };
    ssh.start();
    add(&world, ssh.heading(), ssh.address()).exits(0);
    ssh.stop();
    world.refresh(&[]).exits(9);
    assert_eq!(ssh.held(), prod.token.access_token);
    let file = ssh.0[1].1.join("app/token");
    assert_eq!(fs::read_to_string(&file).unwrap(), world.current(&prod));
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}
