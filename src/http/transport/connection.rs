//! A connection as ureq uses it: TCP, through a proxy's tunnel if need be, and TLS.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::take;

use ureq::Timeout;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::buffers::GrowingBuffers;
use super::socket::{Socket, Stream};
use super::under_way::{Stage, UnderWay};
use super::{tls, tunnel};
use crate::http::proxy::Route;

/// Connects by the way of the attempt that is under way.
impl Connector for UnderWay {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Connection>, ureq::Error> {
        let stream = self.open(details).map_err(fault)?;
        Ok(Some(Connection {
            stream,
            is_tls: details.needs_tls(),
            buffers: GrowingBuffers::default(),
            was_just_read: false,
            under_way: self.clone(),
        }))
    }
}

impl UnderWay {
    fn open(&self, details: &ConnectionDetails) -> io::Result<Box<dyn Stream>> {
        let socket = Socket::connect(&details.addrs, details.timeout)?;
        let mut stream: Box<dyn Stream> = Box::new(socket);
        if !details.needs_tls() {
            return Ok(stream);
        }
        let mut attempt = self.attempt();
        let config = attempt.tls.clone();
        let config = config.ok_or_else(|| io::Error::other(ureq::Error::TlsRequired))?;
        let Route { target, proxy } = &attempt.route;
        if let Some(proxy) = proxy {
            if proxy.place.secure {
                stream = tls::secure(&config, &proxy.place.host, stream)?;
            }
            tunnel::open(&mut *stream, proxy, &target.address())?;
        }
        let host = target.host.clone();
        attempt.stage = Stage::Tls;
        tls::secure(&config, &host, stream)
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
pub(in crate::http) struct Connection {
    stream: Box<dyn Stream>,
    is_tls: bool,
    buffers: GrowingBuffers,
    /// Whether nobody has asked since the last read if it is open.
    was_just_read: bool,
    under_way: UnderWay,
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
        self.under_way.attempt().stage = Stage::Sent;
        self.stream.socket().allow(timeout);
        self.stream.write_all(&self.buffers.output[..amount]).map_err(fault)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
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
