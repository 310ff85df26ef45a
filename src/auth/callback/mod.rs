//! The loopback server to which the browser is redirected at the end of a sign-in. It waits for one
//! valid request; every other request is answered or dropped, and none can block the valid one.

mod page;
mod request;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::context::Clock;
use crate::error::Error;
use crate::secret::Secret;

/// How often the sockets are polled. Short for a person, long for a processor.
const PAUSE: Duration = Duration::from_millis(20);
/// A browser sends its request in one piece; a slower client is not a browser. As long a client may keep
/// sending after its answer: closing at once could discard the answer.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// No request of a browser is longer; an authorization code has about a hundred bytes.
const LONGEST_HEAD: usize = 16 << 10;
/// The most connections at a time. Beyond this the oldest is dropped: it has been incomplete
/// longest.
const MOST_CONNECTIONS: usize = 64;

pub(crate) struct Listener {
    sockets: Vec<TcpListener>,
    pub(crate) port: u16,
}

/// The answer of the sign-in service, brought by the browser: the code to redeem, or why there is
/// none.
pub(crate) type Answer = Result<Secret, String>;

/// The browser's tab, which waits for the outcome.
pub(crate) struct Tab(TcpStream);

impl Listener {
    /// Listens on the first port of the range that is free.
    ///
    /// # Errors
    /// [`Error::no_port`] if none is free.
    pub(crate) fn open(ports: RangeInclusive<u16>) -> Result<Self, Error> {
        let (first, last) = (*ports.start(), *ports.end());
        let mut source = io::Error::from(ErrorKind::AddrInUse);
        for port in ports {
            match listen(port) {
                Ok(sockets) => return Ok(Self { sockets, port }),
                Err(error) => source = error,
            }
        }
        Err(Error::no_port(first, last, &source))
    }

    /// Waits for the answer with this `state`; `pasted` gives the lines that the user pastes meanwhile: the address that the browser ended at.
    ///
    /// # Errors
    /// [`Error::sign_in_timeout`].
    pub(crate) fn wait(
        &self,
        state: &str,
        limit: Duration,
        clock: &dyn Clock,
        pasted: &mut dyn FnMut() -> Option<String>,
        on_stray: &dyn Fn(),
    ) -> Result<(Answer, Option<Tab>), Error> {
        let began = Instant::now();
        let mut connections: Vec<Connection> = Vec::new();
        while began.elapsed() < limit && clock.interrupted().is_none() {
            self.admit(&mut connections);
            for line in pasted().unwrap_or_default().lines() {
                match request::pasted(line, state) {
                    Some(answer) => return Ok((answer, None)),
                    None => on_stray(),
                }
            }
            for n in 0..connections.len() {
                if let Some(answer) = connections[n].poll(state) {
                    return Ok((answer, Some(Tab(connections.swap_remove(n).stream))));
                }
            }
            connections.retain(|connection| !connection.is_over);
            clock.sleep(PAUSE.min(limit.saturating_sub(began.elapsed())));
        }
        Err(Error::sign_in_timeout(limit))
    }

    fn admit(&self, connections: &mut Vec<Connection>) {
        for socket in &self.sockets {
            // No more at a time than there is room for, or a flood would keep us here.
            for _ in 0..MOST_CONNECTIONS {
                let Ok((stream, _)) = socket.accept() else {
                    break;
                };
                if stream.set_nonblocking(true).is_ok() {
                    connections.push(Connection::new(stream));
                }
            }
        }
        connections.drain(..connections.len().saturating_sub(MOST_CONNECTIONS));
    }
}

/// Both loopback addresses: browsers use either for `localhost`, and no other program may listen on
/// the other one. A machine without IPv6 has only one.
fn listen(port: u16) -> io::Result<Vec<TcpListener>> {
    let mut sockets = vec![TcpListener::bind((Ipv4Addr::LOCALHOST, port))?];
    match TcpListener::bind((IpAddr::from(Ipv6Addr::LOCALHOST), port)) {
        Ok(socket) => sockets.push(socket),
        Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
        Err(_) => {}
    }
    for socket in &sockets {
        socket.set_nonblocking(true)?;
    }
    Ok(sockets)
}

/// A connection whose request is incomplete, or whose answer is being received.
struct Connection {
    stream: TcpStream,
    head: Vec<u8>,
    since: Instant,
    is_over: bool,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        let (head, since) = (Vec::new(), Instant::now());
        Self { stream, head, since, is_over: false }
    }

    /// Reads the available bytes without waiting.
    fn poll(&mut self, state: &str) -> Option<Answer> {
        let mut buffer = [0; LONGEST_HEAD];
        match self.stream.read(&mut buffer) {
            Ok(n @ 1..) if self.is_whole(&buffer[..n]) => {
                let is_short = self.head.len() <= LONGEST_HEAD;
                let answer = request::judge(&self.head, state).filter(|_| is_short);
                if answer.is_some() {
                    return answer;
                }
                self.answer(&page::for_stray());
            }
            Ok(1..) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Ok(0) | Err(_) => self.is_over = true,
        }
        self.is_over |= self.since.elapsed() >= HEAD_TIME;
        None
    }

    /// Whether the head of the request is complete with these bytes, or too long to become one.
    fn is_whole(&mut self, bytes: &[u8]) -> bool {
        self.head.extend_from_slice(bytes);
        let holds = |end: &[u8]| self.head.windows(end.len()).any(|part| part == end);
        holds(b"\r\n\r\n") || holds(b"\n\n") || self.head.len() > LONGEST_HEAD
    }

    /// A page fits into a fresh socket's buffer, so this does not block either. The next poll
    /// detects a client that is gone.
    fn answer(&mut self, page: &str) {
        self.since = Instant::now();
        self.head = Vec::new();
        let _ = self.stream.write_all(page.as_bytes());
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Tab {
    /// Tells the browser who is signed in, or why no one and the command that helps. A browser that has
    /// gone is not an error.
    pub(crate) fn end(mut self, outcome: Result<Option<&str>, (&str, Option<&str>)>) {
        let _ = self.0.write_all(page::for_end(outcome).as_bytes());
        let _ = self.0.shutdown(Shutdown::Write);
    }
}
