//! A test server: gives its answers in turn and records the requests.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

/// How one request is answered.
#[derive(Clone)]
pub(super) enum Reply {
    /// These bytes, and the connection stays open.
    Send(Vec<u8>),
    /// These bytes, then the connection is closed.
    SendAndClose(Vec<u8>),
    /// A valid head that goes on, a byte every 20 ms, without end.
    Drip,
    /// These bytes, then as many zeros as are taken, in the end 60 MB.
    Flood(Vec<u8>),
    /// The bytes, and the end when the test says so.
    SendAndHangUp(Vec<u8>, Arc<OnceLock<()>>),
}

#[derive(Default)]
struct Log {
    replies: Vec<Reply>,
    requests: Vec<String>,
    connections: usize,
    flooded: usize,
}

pub(super) struct Server {
    pub(super) port: u16,
    log: Arc<Mutex<Log>>,
}

pub(super) fn raw(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub(super) fn json(status: u16, body: &str) -> Reply {
    Reply::Send(raw(&format!("{status} X\r\nContent-Type: application/json"), body))
}

pub(super) fn with_header(status: u16, header: &str) -> Reply {
    Reply::Send(raw(&format!("{status} X\r\n{header}"), "{}"))
}

impl Server {
    pub(super) fn start(mut replies: Vec<Reply>) -> Self {
        replies.reverse();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Log { replies, ..Log::default() }));
        let shared = log.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = shared.clone();
                shared.lock().unwrap().connections += 1;
                thread::spawn(move || talk(stream.unwrap(), &shared));
            }
        });
        Self { port, log }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().requests.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// Until the client's end of a connection knows that the server has hung up.
    pub(super) fn wait_until_hung_up(&self) {
        wait_until_hung_up(self.port);
    }

    pub(super) fn flooded(&self) -> usize {
        self.log.lock().unwrap().flooded
    }
}

/// As the method, for the server at that port.
pub(super) fn wait_until_hung_up(port: u16) {
    let (port, closed) = (format!(":{port:04X}"), "08"); // CLOSE_WAIT
    let known = |line: &str| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|remote| remote.ends_with(&port)) && fields.next() == Some(closed)
    };
    while !fs::read_to_string("/proc/net/tcp").unwrap().lines().any(known) {
        thread::yield_now();
    }
}

fn talk(mut stream: TcpStream, log: &Mutex<Log>) {
    while let Some(request) = read_request(&mut stream) {
        let reply = {
            let mut log = log.lock().unwrap();
            log.requests.push(request);
            log.replies.pop()
        };
        match reply {
            Some(Reply::Send(bytes)) => stream.write_all(&bytes).unwrap(),
            Some(Reply::SendAndClose(bytes)) => {
                let _ = stream.write_all(&bytes);
                return;
            }
            Some(Reply::SendAndHangUp(bytes, now)) => {
                stream.write_all(&bytes).unwrap();
                while now.get().is_none() {
                    thread::yield_now();
                }
                return;
            }
            Some(Reply::Drip) => {
                let _ = stream.write_all(b"HTTP/1.1 200 X\r\nA: ");
                while stream.write_all(b"a").is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            }
            Some(Reply::Flood(head)) => {
                let _ = stream.write_all(&head);
                for _ in 0..60 {
                    if stream.write_all(&vec![b' '; 1_000_000]).is_err() {
                        return;
                    }
                    log.lock().unwrap().flooded += 1_000_000;
                }
            }
            None => return,
        }
    }
}

/// Head and body of the next request; `None` if the client has gone.
pub(super) fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .to_ascii_lowercase()
        .split_once("content-length: ")
        .map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}
