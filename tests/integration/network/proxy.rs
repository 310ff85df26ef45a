//! A proxy that knows every host: every request goes to one port of this machine.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A running proxy. It ends with the program.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    asked: Asked,
}

const DRIPS: &str = "HTTP/1.1 200 X\r\nA: ";

/// The heads of the requests that came, each in one text.
type Asked = Arc<Mutex<Vec<String>>>;

impl Proxy {
    /// Tunnels (`CONNECT`) and plain requests both go to `target`.
    pub(crate) fn to(target: u16) -> Self {
        Self::start(Some(target), "HTTP/1.1 200 Connection established\r\n\r\n")
    }

    /// Answers every request like this, and closes.
    pub(crate) fn that_says(answer: &'static str) -> Self {
        Self::start(None, answer)
    }

    /// Begins to answer, and goes on with it, a byte at a time, without end.
    pub(crate) fn that_drips() -> Self {
        Self::start(None, DRIPS)
    }

    fn start(target: Option<u16>, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Asked::default();
        let proxy = Proxy { port, asked: Arc::clone(&asked) };
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let asked = Arc::clone(&asked);
                // A peer that goes away is not an error here.
                thread::spawn(move || serve(&near, target, answer, &asked));
            }
        });
        proxy
    }

    /// The requests since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut asked)
    }
}

fn serve(near: &TcpStream, target: Option<u16>, answer: &str, asked: &Asked) -> io::Result<()> {
    let mut reader = BufReader::new(near);
    let mut far: Option<TcpStream> = None;
    while let Some(head) = read_head(&mut reader)? {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(head.clone());
        drop(asked);
        let tunnels = head.starts_with("CONNECT ");
        if tunnels || target.is_none() {
            (&*near).write_all(answer.as_bytes())?;
        }
        if answer == DRIPS {
            loop {
                (&*near).write_all(b"a")?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        let Some(target) = target else {
            return near.shutdown(std::net::Shutdown::Write);
        };
        if far.is_none() {
            let to = TcpStream::connect(("127.0.0.1", target))?;
            let (mut from, mut back) = (to.try_clone()?, near.try_clone()?);
            thread::spawn(move || pass(&mut from, &mut back));
            far = Some(to);
        }
        let Some(far) = &mut far else { continue };
        if tunnels {
            return pass(&mut reader, far);
        }
        far.write_all(in_origin_form(&head).as_bytes())?;
        let mut body = vec![0; length(&head)];
        reader.read_exact(&mut body)?;
        far.write_all(&body)?;
    }
    Ok(())
}

/// Everything up to the empty line; `None` if the peer is gone.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// `GET http://host/path` as the server itself is asked: `GET /path`.
fn in_origin_form(head: &str) -> String {
    let (method, rest) = head.split_once(" http://").expect("a whole URL");
    let path = &rest[rest.find('/').expect("a path")..];
    format!("{method} {path}")
}

/// Of the body that follows.
pub(crate) fn length(head: &str) -> usize {
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length:").nth(1);
    let length = length.and_then(|rest| rest.lines().next());
    length.map_or(0, |length| length.trim().parse().unwrap())
}

/// Passes on what comes, to its end. `io::copy` would splice, and keep a pipe locked against the
/// program that reads it.
pub(crate) fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut bytes = [0; 4096];
    loop {
        match from.read(&mut bytes)? {
            0 => return Ok(()),
            n => to.write_all(&bytes[..n])?,
        }
        to.flush()?;
    }
}
