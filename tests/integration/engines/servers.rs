//! The engines that Debian has servers of: each on loopback, in the folder of its test.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Engine, add, block, keeps_its_promises, program, world};
use crate::harness::run::{signal, wait_until};
use crate::harness::skip::skipped;
use crate::harness::world::World;
use crate::ports::free_port;

pub(super) const HEADINGS: [&str; 4] = ["ssh", "etcd", "Redis", "PostgreSQL"];

/// Whom PostgreSQL runs as where the tests are root: nobody.
const NOBODY: u32 = 65_534;

/// A server, and the command that starts it.
pub(super) struct Server {
    command: Command,
    pub(super) port: u16,
    pub(super) running: Option<Child>,
}

impl Server {
    pub(super) fn new(program: &Path, port: u16, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { command, port, running: None }
    }

    pub(super) fn start(&mut self) {
        self.running = Some(self.command.spawn().unwrap());
        wait_until("it listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub(super) fn stop(&mut self) {
        let Some(mut child) = self.running.take() else { return };
        signal("TERM", &child.id().to_string());
        child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The programs, if all are here, with their major version or a later one.
pub(super) fn find<const N: usize>(wanted: [(&str, u32); N]) -> Option<[PathBuf; N]> {
    let postgres = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = postgres.map(|entry| entry.path().join("bin")).collect();
    folders.extend(["/usr/bin", "/usr/sbin", "/usr/local/bin"].map(PathBuf::from));
    let mut found = wanted.map(|_| PathBuf::new());
    for ((name, least), found) in wanted.iter().zip(&mut found) {
        let mut all = folders.iter().map(|folder| folder.join(name));
        let Some(path) = all.find(|path| path.exists() && (*least == 0 || version(path) >= *least))
        else {
            skipped(&format!("no {name}"));
            return None;
        };
        *found = path;
    }
    Some(found)
}

/// The first number in what it says of itself.
fn version(program: &Path) -> u32 {
    let output = Command::new(program).arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers =
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok());
    numbers.next().unwrap_or_default()
}

/// What it prints, without the end of the line.
#[track_caller]
pub(super) fn output(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(super) struct Etcd {
    pub(super) server: Server,
    client: PathBuf,
    down: PathBuf,
}

impl Etcd {
    fn ctl(&self, args: &[&str]) -> String {
        let endpoint = format!("127.0.0.1:{}", self.server.port);
        output(&self.client, &[&["--endpoints", &endpoint], args].concat())
    }
}

impl Engine for Etcd {
    fn heading(&self) -> &'static str {
        "etcd"
    }

    fn client(&self) -> &'static str {
        "etcdctl"
    }

    fn start(&mut self) {
        self.server.start();
        fs::remove_file(&self.down).ok();
    }

    fn stop(&mut self) {
        self.server.stop();
        fs::write(&self.down, "").unwrap();
    }

    fn held(&self) -> String {
        self.ctl(&["get", "--print-value-only", "app/token"])
    }

    fn put_back(&self, token: &str) {
        self.ctl(&["put", "app/token", token]);
    }

    fn address(&self) -> (&'static str, String) {
        ("etcd.example.net:2379", format!("127.0.0.1:{}", self.server.port))
    }
}

pub(super) fn start_etcd(world: &World) -> Option<Etcd> {
    let [server, client] = find([("etcd", 0), ("etcdctl", 0)])?;
    let (port, peers) = (free_port(), free_port());
    let [clients, peers] = [port, peers].map(|port| format!("http://127.0.0.1:{port}"));
    let data = world.outside("data");
    let args = [
        ["--data-dir", data.to_str().unwrap()],
        ["--listen-client-urls", &clients],
        ["--advertise-client-urls", &clients],
        ["--listen-peer-urls", &peers],
        ["--initial-advertise-peer-urls", &peers],
        ["--initial-cluster", &format!("default={peers}")],
    ];
    let server = Server::new(&server, port, &args.concat());
    Some(Etcd { server, client, down: world.outside("down") })
}

#[test]
fn etcd() {
    let (world, prod) = world();
    let Some(etcd) = start_etcd(&world) else { return };
    // Of a server that is gone it waits for five seconds.
    let impatient = "[ ! -e down ] || set -- --command-timeout 100ms \"$@\"";
    program(&world, "etcdctl", &format!("{impatient}\nexec {} \"$@\"", etcd.client.display()));
    keeps_its_promises(&world, &prod, etcd);
}

struct Redis(Server, PathBuf);

impl Redis {
    fn cli(&self, args: &[&str]) -> String {
        output(&self.1, &[&["-e", "-p", &self.0.port.to_string()], args].concat())
    }
}

impl Engine for Redis {
    fn heading(&self) -> &'static str {
        "Redis"
    }

    fn client(&self) -> &'static str {
        "redis-cli"
    }

    fn start(&mut self) {
        self.0.start();
        let port = self.0.port.to_string();
        let answer = || Command::new(&self.1).args(["-p", &port, "ping"]).output();
        wait_until("it has read its file", || answer().is_ok_and(|said| said.stdout == b"PONG\n"));
    }

    fn stop(&mut self) {
        self.0.stop();
    }

    fn held(&self) -> String {
        self.cli(&["GET", "app:token"])
    }

    fn put_back(&self, token: &str) {
        self.cli(&["SET", "app:token", token]);
    }

    fn address(&self) -> (&'static str, String) {
        ("redis.example.net:6379", format!("127.0.0.1:{}", self.0.port))
    }
}

fn redis(world: &World) -> Option<Redis> {
    let [server, client] = find([("redis-server", 0), ("redis-cli", 7)])?;
    let (port, data) = (free_port(), world.outside("data"));
    fs::create_dir(&data).unwrap();
    let (dir, number) = (data.to_str().unwrap(), port.to_string());
    let args = ["--bind", "127.0.0.1", "--port", &number, "--dir", dir, "--appendonly", "yes"];
    Some(Redis(Server::new(&server, port, &args), client))
}

#[test]
fn redis_keeps_its_promises() {
    let (world, prod) = world();
    let Some(redis) = redis(&world) else { return };
    keeps_its_promises(&world, &prod, redis);
}

/// What Redis answers with an error was not delivered, though `redis-cli` of itself would succeed.
#[test]
fn redis_that_refuses_a_write() {
    let (world, prod) = world();
    let Some(mut redis) = redis(&world) else { return };
    redis.start();
    add(&world, redis.heading(), redis.address()).exits(0);
    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    world.refresh(&[]).exits(9);
    assert_eq!(redis.held(), prod.token.access_token);
    assert!(world.plane.is_live(&prod.token.access_token));
}

pub(super) struct Postgres(pub(super) Server, PathBuf);

impl Postgres {
    fn url(&self) -> String {
        format!("postgresql://ntcli@127.0.0.1:{}/postgres", self.0.port)
    }

    pub(super) fn psql(&self, sql: &str) -> String {
        output(&self.1, &["-XAtq", "-c", sql, &self.url()])
    }
}

impl Engine for Postgres {
    fn heading(&self) -> &'static str {
        "PostgreSQL"
    }

    fn client(&self) -> &'static str {
        "psql"
    }

    fn start(&mut self) {
        self.0.start();
        let ready = || Command::new(&self.1).args(["-Xc", "", &self.url()]).output();
        wait_until("it takes commands", || ready().is_ok_and(|output| output.status.success()));
        self.psql("create table if not exists app (token text not null)");
        self.psql("insert into app select '' where not exists (select from app)");
    }

    fn stop(&mut self) {
        self.0.stop();
    }

    fn held(&self) -> String {
        self.psql("select token from app")
    }

    fn put_back(&self, token: &str) {
        self.psql(&format!("update app set token = '{token}'"));
    }

    fn address(&self) -> (&'static str, String) {
        ("postgresql://ntcli@db.example.net:5432/app", self.url())
    }
}

pub(super) fn postgres(world: &World) -> Option<Postgres> {
    let [initdb, server, psql] = find([("initdb", 0), ("postgres", 0), ("psql", 15)])?;
    let (port, data) = (free_port(), world.outside("data"));
    fs::create_dir(&data).unwrap();
    let sql = block("PostgreSQL", "sql");
    fs::write(world.outside("etc/ntcli/token.sql"), sql).unwrap();
    // As root it does not start at all.
    let is_root = chown(&data, Some(NOBODY), Some(NOBODY)).is_ok();
    let other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let words = if is_root { &other[..] } else { &["env"] };
    let under = |program: &Path, args: &[&str]| {
        let (program, data) = (program.to_str().unwrap(), data.to_str().unwrap());
        [&words[1..], &[program, "-D", data], args].concat().join("\n")
    };
    let args = under(&initdb, &["-A", "trust", "-U", "ntcli", "--no-sync"]);
    output(Path::new(words[0]), &args.split('\n').collect::<Vec<_>>());
    let number = port.to_string();
    let plain = ["-h", "127.0.0.1", "-k", "", "-F", "-p", &number];
    let args = under(&server, &plain);
    let server = Server::new(Path::new(words[0]), port, &args.split('\n').collect::<Vec<_>>());
    Some(Postgres(server, psql))
}

#[test]
fn postgresql() {
    let (world, prod) = world();
    let Some(postgres) = postgres(&world) else { return };
    keeps_its_promises(&world, &prod, postgres);
}

/// An error in the file is a failure, though `psql` of itself would go on and succeed.
#[test]
fn postgresql_that_refuses_a_write() {
    let (world, prod) = world();
    let Some(mut postgres) = postgres(&world) else { return };
    postgres.start();
    add(&world, postgres.heading(), postgres.address()).exits(0);
    postgres.psql("alter table app add check (length(token) < 1) not valid");
    world.refresh(&[]).exits(9);
    assert_eq!(postgres.held(), prod.token.access_token);
    assert!(world.plane.is_live(&prod.token.access_token));
}
