//! A TCP connection that does everything until one deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SocketFlags, SocketType};
use ureq::unversioned::transport::NextTimeout;

/// A connection to the server or to a proxy, on which one side speaks at a time.
pub(super) struct Socket {
    stream: TcpStream,
    /// When what is under way must be over.
    deadline: Instant,
    /// What the kernel knows of that.
    armed: Option<Duration>,
    /// Leaves with the next read, in one piece: the end of a handshake and a request, head and body.
    pending: Vec<u8>,
    is_broken: bool,
}

/// What bytes go through: a socket, or TLS above one.
pub(super) trait Stream: Read + Write + Send + Sync {
    /// The connection at the bottom.
    fn socket(&mut self) -> &mut Socket;
}

impl Stream for Socket {
    fn socket(&mut self) -> &mut Socket {
        self
    }
}

/// Connects within that time: the kernel's limit for sending holds for this too.
fn connect(address: &SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    net::sockopt::set_socket_timeout(&socket, net::sockopt::Timeout::Send, Some(limit))?;
    match net::connect(&socket, address) {
        Ok(()) => Ok(socket.into()),
        Err(Errno::INPROGRESS) => Err(ErrorKind::TimedOut.into()),
        // A signal ended the wait.
        Err(Errno::INTR) => TcpStream::connect_timeout(address, limit),
        Err(failed) => Err(failed.into()),
    }
}

/// The end of the time that ureq allows.
fn end(timeout: NextTimeout) -> Instant {
    let now = Instant::now();
    now.checked_add(*timeout.after).unwrap_or(now)
}

impl Socket {
    /// Connects to the first address that answers. Each but the last has half of the time that is
    /// left, so that one that takes no packets leaves some for the others.
    pub(super) fn connect(addresses: &[SocketAddr], timeout: NextTimeout) -> io::Result<Self> {
        let deadline = end(timeout);
        let mut failed = None;
        for (n, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = if n + 1 < addresses.len() { left / 2 } else { left };
            if share.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            match connect(address, share) {
                Ok(stream) => {
                    let (armed, pending, is_broken) = (None, Vec::new(), false);
                    return Ok(Self { stream, deadline, armed, pending, is_broken });
                }
                // That of the first one stands for all: the others of `localhost` may be of no use here.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or(ErrorKind::ConnectionRefused.into()))
    }

    /// Sets the end of what is done from now on.
    pub(super) fn allow(&mut self, timeout: NextTimeout) {
        self.deadline = end(timeout);
    }

    /// Whether the peer has neither closed the connection nor said anything unasked.
    pub(super) fn is_open(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        !self.is_broken && matches!(net::recv(&self.stream, &mut [0], flags), Err(Errno::AGAIN))
    }

    /// Lets a call last to the deadline. The kernel is told in whole seconds: it is told less often.
    fn arm(&mut self) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let secs = Some(Duration::from_secs(left.as_secs() + 1));
        if self.armed != secs {
            self.stream.set_read_timeout(secs)?;
            self.armed = secs;
        }
        Ok(())
    }

    /// A call that waits, again if a signal or the kernel's own limit ended it too early.
    fn wait(&mut self, mut call: impl FnMut(&mut Self) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            self.arm()?;
            match call(self) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                outcome => return outcome,
            }
        }
    }

    fn send_pending(&mut self) -> io::Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        let mut rest = &pending[..];
        while !rest.is_empty() && !self.is_broken {
            match self.wait(|socket| (&socket.stream).write(rest)) {
                Ok(sent) => rest = &rest[sent..],
                // A peer that closes may have said why: the alert that proves that our request was
                // not read would be lost otherwise.
                Err(error) if is_cut(&error) => self.is_broken = true,
                Err(error) => return Err(error),
            }
        }
        pending.clear();
        self.pending = pending;
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.send_pending()?;
        self.wait(|socket| (&socket.stream).read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the peer closed the connection.
pub(in crate::http) fn is_cut(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}
