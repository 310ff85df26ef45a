//! A browser for sign-ins: it opens what it is given, follows one redirect and reads one page.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::run::Running;
use crate::harness::world::{Output, Run, World};
use crate::ports::free_port;

const PATIENCE: Duration = Duration::from_secs(20);

/// A page, as it came.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
}

/// A sign-in that has reached the browser.
pub(crate) struct SignIn<'a> {
    pub(crate) running: Running<'a>,
    /// The address that the program wants to open.
    pub(crate) url: String,
    /// Where it waits for the browser.
    pub(crate) port: u16,
}

/// `ntcli auth login` with these arguments, away from the port that other tests may use.
pub(crate) fn login<'a>(world: &'a World, args: &[&str]) -> Run<'a> {
    world
        .ntcli(&[&["auth", "login"], args].concat())
        .env("NTCLI_DEFAULT_PORT", free_port().to_string())
}

/// Starts the run with a `BROWSER` that passes the address to the test.
pub(crate) fn begin<'a>(world: &World, run: Run<'a>) -> SignIn<'a> {
    let script = world.outside("browser");
    let opened = world.outside("browser.opened");
    fs::remove_file(&opened).ok();
    fs::write(
        &script,
        "#!/bin/sh\nprintf %s \"$1\" > \"$0.part\" && mv \"$0.part\" \"$0.opened\"\n",
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let running = run.env("BROWSER", script).spawn();
    let url = wait_for(&opened);
    let port = url.split("localhost%3A").nth(1).expect("a redirect_uri");
    let port = port.split("%2F").next().unwrap().parse().unwrap();
    SignIn { running, url, port }
}

fn wait_for(path: &Path) -> String {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Ok(text) = fs::read_to_string(path) {
            return text;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("no browser was opened");
}

impl SignIn<'_> {
    /// Signs in at the provider: where it sends the browser next.
    pub(crate) fn location(&self) -> String {
        let page = get(&self.url);
        let mut lines = page.text.lines();
        let line = lines.find_map(|line| line.strip_prefix("Location: "));
        line.unwrap_or_else(|| panic!("no redirect: {}", page.text)).to_owned()
    }

    /// The whole path of a person through the browser.
    pub(crate) fn visit(&self) -> Page {
        get(&self.location())
    }

    /// The state of this sign-in.
    pub(crate) fn state(&self) -> &str {
        let state = self.url.split("&state=").nth(1).expect("a state");
        state.split('&').next().unwrap()
    }

    /// A connection to where the program waits.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A page of the program's own.
    pub(crate) fn get(&self, target: &str) -> Page {
        get(&format!("http://localhost:{}{target}", self.port))
    }

    #[track_caller]
    pub(crate) fn finish(self, world: &World) -> Output {
        let output = self.running.finish();
        keeps_secrets(world, &output);
        output
    }
}

/// No code, verifier or token that ever went to the provider is shown.
#[track_caller]
pub(crate) fn keeps_secrets(world: &World, output: &Output) {
    for request in world.plane.requests() {
        for pair in request.body.split('&') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let is_secret = ["code", "code_verifier", "refresh_token"].contains(&name);
            let shown = output.stdout.contains(value) || output.stderr.contains(value);
            assert!(!(is_secret && shown), "{name} is shown: {output}");
        }
    }
}

/// GETs an `http` URL of this machine.
pub(crate) fn get(url: &str) -> Page {
    let rest = url.strip_prefix("http://").expect("an http URL");
    let (host, target) = rest.split_once('/').expect("a path");
    let port = host.rsplit_once(':').expect("a port").1.parse().unwrap();
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    ask(&stream, request.as_bytes())
}

/// Sends bytes and reads the answer to its end.
pub(crate) fn ask(mut stream: &TcpStream, bytes: &[u8]) -> Page {
    // The other side may have answered, and stopped reading, before it has received everything.
    stream.write_all(bytes).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    let text = String::from_utf8(answer).unwrap();
    let status = text.split(' ').nth(1).and_then(|s| s.parse().ok());
    Page { status: status.unwrap_or_else(|| panic!("no answer: {text:?}")), text }
}
