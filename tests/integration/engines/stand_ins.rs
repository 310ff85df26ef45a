//! The engines that nobody can install here: a program or a small server in their place knows the requests
//! that the recipe makes, and fails on any other.

use std::fs;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Engine, add, keeps_its_promises, program, world};
use crate::control_plane::Request;
use crate::harness::world::World;

pub(super) const HEADINGS: [&str; 5] =
    ["Kubernetes", "Vault", "Consul", "AWS Secrets Manager", "GitHub"];

/// A program that keeps what it is given in a file, unless it is down.
struct Program {
    heading: &'static str,
    name: &'static str,
    folder: PathBuf,
    is_base64: bool,
}

impl Program {
    /// `cases` are the branches of a `case` on all arguments in one line.
    fn new(world: &World, heading: &'static str, name: &'static str, cases: &str) -> Self {
        let lines = format!(
            "up() {{ [ ! -e down ]; }}\ncase \"$*\" in\n{cases}\n*) echo \"unknown: $*\" >&2; exit 64 ;;\nesac"
        );
        program(world, name, &lines);
        let folder = world.outside("");
        Self { heading, name, folder, is_base64: false }
    }
}

impl Engine for Program {
    fn heading(&self) -> &'static str {
        self.heading
    }

    fn client(&self) -> &'static str {
        self.name
    }

    fn start(&mut self) {
        fs::remove_file(self.folder.join("down")).ok();
    }

    fn stop(&mut self) {
        fs::write(self.folder.join("down"), "").unwrap();
    }

    fn held(&self) -> String {
        let text = fs::read_to_string(self.folder.join("held")).unwrap();
        if self.is_base64 {
            return String::from_utf8(STANDARD.decode(text.trim_end()).unwrap()).unwrap();
        }
        text
    }

    fn put_back(&self, token: &str) {
        let encoded = STANDARD.encode(token);
        let text = if self.is_base64 { &encoded } else { token };
        fs::write(self.folder.join("held"), text).unwrap();
    }

    fn address(&self) -> (&'static str, String) {
        ("", String::new())
    }
}

/// What is applied by the server leaves no annotation; nothing to apply is an error.
#[test]
fn kubernetes() {
    let (world, prod) = world();
    let cases = r#"
        '-n app create secret generic token --from-file=token=/dev/stdin --dry-run=client -o yaml')
            printf 'apiVersion: v1\ndata:\n  token: %s\nkind: Secret\n' "$(base64 -w0)" ;;
        'apply --server-side --force-conflicts -f -')
            up; sed -n 's/^  token: //p' > next; [ -s next ]; mv next held ;;
        '-n app get secret token -o jsonpath={.data.token}') up; cat held ;;"#;
    let mut kubectl = Program::new(&world, "Kubernetes", "kubectl", cases);
    kubectl.is_base64 = true;
    keeps_its_promises(&world, &prod, kubectl);
}

#[test]
fn vault() {
    let (world, prod) = world();
    let cases = "
        'kv put -mount=secret app/token token=-') up; cat > next; mv next held ;;
        'kv get -mount=secret -field=token app/token') up; cat held; echo ;;";
    keeps_its_promises(&world, &prod, Program::new(&world, "Vault", "vault", cases));
}

#[test]
fn aws() {
    let (world, prod) = world();
    let cases = "
        'secretsmanager put-secret-value --secret-id app/token --secret-string file:///dev/stdin')
            up; cat > next; mv next held; echo '{\"Name\": \"app/token\"}' ;;
        'secretsmanager get-secret-value --secret-id app/token --query SecretString --output text')
            up; cat held; echo ;;";
    keeps_its_promises(&world, &prod, Program::new(&world, "AWS Secrets Manager", "aws", cases));
}

/// Nobody can look there, so that what the command says is believed.
#[test]
fn github() {
    let (world, prod) = world();
    let cases =
        "'secret set NTCLI_WORKSPACE_TOKEN --repo owner/name') up; cat > next; mv next held ;;";
    let mut gh = Program::new(&world, "GitHub", "gh", cases);
    add(&world, gh.heading(), gh.address()).exits(0);
    assert_eq!(gh.held(), world.current(&prod));
    let output = world.ntcli(&["target", "check"]).run();
    assert!(output.exits(0).stdout.contains("unknown"), "{output}");
    gh.stop();
    world.refresh(&[]).exits(9);
    assert!(gh.held() == prod.token.access_token && world.plane.is_live(&gh.held()));
    let new = world.current(&prod);
    gh.start();
    world.ntcli(&["renew"]).run().exits(0);
    assert_eq!(gh.held(), new);
    world.assert_one_live_token(&prod);
    super::in_nobodys_arguments(&world, &prod, gh.client());
}

/// What Consul holds, and how it is.
#[derive(Default)]
struct State {
    value: String,
    is_down: bool,
    /// It answers `false` to a write, with the status 200.
    refuses: bool,
}

struct Consul(Arc<Mutex<State>>, u16);

const ACCESS: &str = "5d7c0f1e-consul";

impl Consul {
    fn new(world: &World) -> Self {
        let header = format!("X-Consul-Token: {ACCESS}\n");
        fs::write(world.outside("etc/ntcli/consul"), header).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &mut shared.lock().unwrap());
            }
        });
        Self(state, port)
    }
}

/// One request a connection.
fn answer(mut stream: TcpStream, state: &mut State) {
    let Ok(Some(request)) = Request::read(&mut BufReader::new(&stream)) else { return };
    let is_known = request.header("x-consul-token") == Some(ACCESS);
    let (status, body) = match (request.method.as_str(), request.target.as_str()) {
        _ if state.is_down => (500, "No cluster leader".to_owned()),
        _ if !is_known => (403, "Permission denied".to_owned()),
        ("PUT", "/v1/kv/app/token") => {
            if !state.refuses {
                state.value = request.body;
            }
            (200, format!("{}\n", !state.refuses))
        }
        ("GET", "/v1/kv/app/token?raw") => (200, state.value.clone()),
        _ => (404, String::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok();
}

impl Engine for Consul {
    fn heading(&self) -> &'static str {
        "Consul"
    }

    fn client(&self) -> &'static str {
        "curl"
    }

    fn start(&mut self) {
        self.0.lock().unwrap().is_down = false;
    }

    fn stop(&mut self) {
        self.0.lock().unwrap().is_down = true;
    }

    fn held(&self) -> String {
        self.0.lock().unwrap().value.clone()
    }

    fn put_back(&self, token: &str) {
        token.clone_into(&mut self.0.lock().unwrap().value);
    }

    fn address(&self) -> (&'static str, String) {
        ("consul.example.net:8500", format!("127.0.0.1:{}", self.1))
    }
}

#[test]
fn consul() {
    let (world, prod) = world();
    let consul = Consul::new(&world);
    keeps_its_promises(&world, &prod, consul);
}

/// A write that Consul answers with `false` was not done, although the status is 200.
#[test]
fn consul_that_refuses_a_write() {
    let (world, prod) = world();
    let consul = Consul::new(&world);
    add(&world, consul.heading(), consul.address()).exits(0);
    consul.0.lock().unwrap().refuses = true;
    world.refresh(&[]).exits(9);
    assert_eq!(consul.held(), prod.token.access_token);
    assert!(world.plane.is_live(&prod.token.access_token));
}
