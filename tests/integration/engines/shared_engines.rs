//! The engines as several tests use one at a time, for the state of a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::Engine;
use super::servers::{Server, output, postgres, start_etcd};
use crate::harness::world::World;

/// An engine that several tests use at a time, each with a key of its own.
pub(super) struct Engines {
    script: &'static str,
    variables: Vec<(&'static str, String)>,
    _server: Option<Server>,
}

impl Engines {
    /// Without a server.
    pub(super) fn stand_in(script: &'static str) -> Self {
        Self { script, variables: Vec::new(), _server: None }
    }

    /// As it is shipped.
    pub(super) fn script(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/packaging/state").join(self.script)
    }

    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables.clone()
    }

    /// What somebody does at the engine, by a shell.
    pub(super) fn sh(&self, key: &str, lines: &str) -> String {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}={value}"));
        let mut args: Vec<String> = variables.collect();
        args.extend([format!("KEY={key}"), "sh".into(), "-ec".into(), lines.into()]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        output(Path::new("/usr/bin/env"), &args)
    }
}

pub(super) fn shared_etcd(world: &World) -> Option<Engines> {
    fs::create_dir_all(world.outside("")).unwrap();
    let mut etcd = start_etcd(world)?;
    etcd.start();
    let variables = vec![("ETCDCTL_ENDPOINTS", format!("127.0.0.1:{}", etcd.server.port))];
    Some(Engines { script: "etcd.sh", variables, _server: Some(etcd.server) })
}

pub(super) fn shared_postgres(world: &World) -> Option<Engines> {
    fs::create_dir_all(world.outside("etc/ntcli")).unwrap();
    let mut postgres = postgres(world)?;
    postgres.start();
    let script = "postgres.sh";
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/packaging/state").join(script),
    )
    .unwrap();
    let table = text.lines().find_map(|line| line.strip_prefix("#   ")).expect("its table");
    postgres.psql(table);
    let port = postgres.0.port.to_string();
    let plain = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", "ntcli"),
        ("PGDATABASE", "postgres"),
    ];
    let variables = plain.map(|(name, value)| (name, value.to_owned())).into();
    Some(Engines { script, variables, _server: Some(postgres.0) })
}
