//! A connection as ureq uses it: TCP, through a proxy's tunnel if need be, and TLS.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::take;
use std::sync::Arc;

use rustls::ClientConfig;
use ureq::Timeout;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::buffers::GrowingBuffers;
use super::send_tracker::{SendTracker, Stage};
use super::socket::{Socket, Stream};
use super::{tls, tunnel};
use crate::http::proxy::Proxy;

/// How often the start of an answer may be read over again, in bytes: ureq begins anew with every
/// piece of a head, and a server may send it byte by byte.
const MOST_READ_AGAIN: usize = 64 * 1024 * 1024;

/// Connects to the servers of a route.
pub(super) struct Connect {
    pub(super) tracker: SendTracker,
    /// How a server, or a proxy before it, is secured; `None` is plain http.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) proxy: Option<Proxy>,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connect")
    }
}

impl Connector for Connect {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Connection>, ureq::Error> {
        let stream = self.open(details).map_err(fault)?;
        self.tracker.note(|seen| seen.connected = true);
        Ok(Some(Connection {
            stream,
            is_tls: self.tls.is_some(),
            buffers: GrowingBuffers::default(),
            read_again: 0,
            was_just_read: false,
            tracker: self.tracker.clone(),
        }))
    }
}

impl Connect {
    fn open(&self, details: &ConnectionDetails) -> io::Result<Box<dyn Stream>> {
        let socket = Socket::connect(&details.addrs, details.timeout)?;
        let mut stream: Box<dyn Stream> = Box::new(socket);
        let Some(config) = &self.tls else {
            return Ok(stream);
        };
        let host = details.uri.host().unwrap_or_default();
        if let Some(proxy) = &self.proxy {
            if proxy.secure {
                stream = tls::secure(config, proxy.host().0, stream)?;
            }
            let to = format!("{host}:{}", details.uri.port_u16().unwrap_or(443));
            tunnel::open(&mut stream, proxy, &to)?;
        }
        self.tracker.reached(Stage::Tls);
        tls::secure(config, host.trim_start_matches('[').trim_end_matches(']'), stream)
    }
}

/// ureq's error for one of the connection.
fn fault(error: io::Error) -> ureq::Error {
    match error.kind() {
        ErrorKind::TimedOut => ureq::Error::Timeout(Timeout::Global),
        _ => error.into(),
    }
}

/// A connection that records every write before it happens.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    is_tls: bool,
    buffers: GrowingBuffers,
    read_again: usize,
    /// Whether nobody has asked since the last read if it is open.
    was_just_read: bool,
    tracker: SendTracker,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.tracker.reached(Stage::Sent);
        self.read_again = 0;
        self.stream.socket().allow(timeout);
        self.stream.write_all(&self.buffers.output[..amount]).map_err(fault)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.read_again += self.buffers.input().len();
        if self.read_again > MOST_READ_AGAIN {
            return Err(io::Error::other("its answer comes in too many pieces").into());
        }
        self.stream.socket().allow(timeout);
        let read = self.stream.read(self.buffers.input_append_buf()).map_err(fault)?;
        self.buffers.input_appended(read);
        self.was_just_read = true;
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        // ureq asks after an answer and again before the next request: only that counts.
        take(&mut self.was_just_read) || self.stream.socket().is_open()
    }

    fn is_tls(&self) -> bool {
        self.is_tls
    }
}
