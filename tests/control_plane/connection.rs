//! One connection: its requests in turn, each answered well or badly.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::json;

use super::Shared;
use super::clock;
use super::faults::Fault;
use super::http::{Answer, Request};
use super::routes::{self, Found};
use super::world::LogEntry;

const DRIP_PAUSE: Duration = Duration::from_millis(500);

/// What happens to the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    KeepOpen,
    Close,
}

/// Returns when the connection may be closed. A peer that went away is not an error here.
pub(crate) fn serve(shared: &Shared, stream: &TcpStream, connection: u64) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let request = match Request::read(&mut reader) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                refuse(stream, &error)?;
                return wait_for_close(&mut reader);
            }
            Err(error) => return Err(error),
        };
        let found = routes::find(&request.method, &request.segments);
        let (entry, fault) = shared.world().receive(connection, found, &request);
        let exchange = Exchange { shared, stream, found, entry, request };
        let after = match fault {
            None => exchange.send(&exchange.apply())?,
            Some(Fault::Stall { apply }) => {
                if apply {
                    exchange.apply();
                }
                return wait_for_close(&mut reader);
            }
            Some(fault) => exchange.fail(fault)?,
        };
        if after == After::Close {
            return Ok(());
        }
    }
}

struct Exchange<'a> {
    shared: &'a Shared,
    stream: &'a TcpStream,
    found: Found,
    entry: LogEntry,
    request: Request,
}

impl Exchange<'_> {
    fn apply(&self) -> Answer {
        self.shared.world().apply(self.found, &self.request)
    }

    fn fail(&self, fault: Fault) -> io::Result<After> {
        match fault {
            Fault::Status(status, body, headers) => self.send(&Answer { status, headers, body }),
            Fault::AppliedStatus(status, body, headers) => {
                self.apply();
                self.send(&Answer { status, headers, body })
            }
            Fault::CloseBefore => Ok(After::Close),
            Fault::CloseAfter => {
                self.apply();
                Ok(After::Close)
            }
            Fault::Truncate => {
                let answer = self.apply();
                let (full, half) = (answer.body.len(), answer.body.len() / 2);
                self.write(&answer, full as u64, &answer.body.as_bytes()[..half])?;
                Ok(After::Close)
            }
            Fault::Body(body) => {
                self.apply();
                self.send(&self.success(body))
            }
            Fault::Huge(bytes) => {
                self.apply();
                let answer = self.success(String::new());
                self.write(&answer, bytes, b"")?;
                // White space, which a parser without a limit would keep reading.
                io::copy(&mut io::repeat(b' ').take(bytes), &mut &*self.stream)?;
                Ok(self.after(&answer))
            }
            Fault::Drip => {
                let answer = self.apply();
                let head = self.head(&answer, answer.body.len() as u64);
                for byte in (head + &answer.body).bytes() {
                    (&*self.stream).write_all(&[byte])?;
                    if self.shared.pause(DRIP_PAUSE) {
                        return Ok(After::Close);
                    }
                }
                Ok(self.after(&answer))
            }
            Fault::Delay(delay) => {
                if self.shared.pause(delay) {
                    return Ok(After::Close);
                }
                self.send(&self.apply())
            }
            Fault::Wait(f) => {
                f();
                self.send(&self.apply())
            }
            Fault::Redirect(location) => self.send(&Answer::redirect(307, location)),
            Fault::Call { after, f } => {
                if after {
                    self.apply();
                }
                f();
                Ok(After::Close)
            }
            Fault::Stall { .. } => unreachable!("a stall needs the reader: see `serve`"),
        }
    }

    fn send(&self, answer: &Answer) -> io::Result<After> {
        self.write(answer, answer.body.len() as u64, answer.body.as_bytes())?;
        Ok(self.after(answer))
    }

    /// Head and body in one piece, so that no answer is split by accident.
    fn write(&self, answer: &Answer, length: u64, body: &[u8]) -> io::Result<()> {
        let mut bytes = self.head(answer, length).into_bytes();
        bytes.extend_from_slice(body);
        (&*self.stream).write_all(&bytes)
    }

    /// This is sent next, so it is recorded from here.
    fn head(&self, answer: &Answer, length: u64) -> String {
        let mut world = self.shared.world();
        world.log.answered(self.entry, answer.status);
        let date = clock::imf_fixdate(clock::now(world.options.date_offset()));
        answer.head(&date, length, self.after(answer) == After::KeepOpen)
    }

    fn after(&self, answer: &Answer) -> After {
        if self.request.keep_alive && !answer.closes() { After::KeepOpen } else { After::Close }
    }

    fn success(&self, body: String) -> Answer {
        let created = self.shared.world().options.created_status;
        let status = match self.found {
            Found::Route(route) if route.creates() => created,
            _ => 200,
        };
        Answer { status, headers: Vec::new(), body }
    }
}

/// Answers an invalid request, which is not recorded.
fn refuse(mut stream: &TcpStream, error: &io::Error) -> io::Result<()> {
    let answer = Answer::json(400, &json!({"detail": error.to_string()}));
    let date = clock::imf_fixdate(clock::now(0));
    let head = answer.head(&date, answer.body.len() as u64, false);
    stream.write_all((head + &answer.body).as_bytes())?;
    stream.shutdown(Shutdown::Write)
}

/// Until the peer closes, or the server does when it is dropped.
fn wait_for_close(reader: &mut impl Read) -> io::Result<()> {
    io::copy(reader, &mut io::sink()).map(|_| ())
}
