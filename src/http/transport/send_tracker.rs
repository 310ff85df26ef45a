//! How far an attempt got, and so whether the server can have seen any of it.

use std::io::{self, ErrorKind};
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use ureq::http::uri::Authority;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport,
};

/// How far an attempt got. The order is that of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) enum Stage {
    /// The name of the host, or of the proxy, is looked up.
    Resolve,
    /// A connection to it is opened.
    Connect,
    /// TLS to the proxy itself.
    TlsToProxy,
    /// The proxy is asked for a tunnel.
    Tunnel,
    /// TLS to the host.
    Tls,
    /// The first byte of the request may have left. Before this, the server has done nothing.
    Sent,
}

/// What is known about the current attempt. Shared with the transports, of which all but one are
/// idle: this program sends one request at a time.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct SendTracker(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    stage: Stage,
    connected: bool,
    peer: Peer,
    /// The servers that have asked for a client certificate in this run: when a session is resumed,
    /// they do not ask again.
    askers: Vec<Authority>,
}

/// What is known about the server at the other end of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::http) struct Peer {
    /// It asked for a client certificate.
    pub(in crate::http) asks: bool,
    /// It had answered before the request of this attempt.
    pub(in crate::http) has_answered: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self { stage: Stage::Resolve, connected: false, peer: Peer::default(), askers: Vec::new() }
    }
}

impl SendTracker {
    /// A new attempt begins.
    pub(in crate::http) fn reset(&self) {
        self.with(|seen| *seen = Seen { askers: take(&mut seen.askers), ..Seen::default() });
    }

    pub(in crate::http) fn stage(&self) -> Stage {
        self.with(|seen| seen.stage)
    }

    /// Whether this attempt opened its own connection instead of reusing one.
    pub(in crate::http) fn connected(&self) -> bool {
        self.with(|seen| seen.connected)
    }

    /// The server, as far as this attempt has met it.
    pub(in crate::http) fn peer(&self) -> Peer {
        self.with(|seen| seen.peer)
    }

    /// The server asks for a client certificate.
    pub(in crate::http) fn asked_for_certificate(&self) {
        self.with(|seen| seen.peer.asks = true);
    }

    pub(in crate::http) fn reached(&self, stage: Stage) {
        self.with(|seen| seen.stage = stage);
    }

    fn with<T>(&self, work: impl FnOnce(&mut Seen) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether these are the details of the connection to the proxy itself: ureq runs the whole chain
/// of connectors for that one first, with a configuration that names no proxy.
pub(super) fn is_way_to_proxy(tunnels: bool, details: &ConnectionDetails) -> bool {
    tunnels && details.config.proxy().is_none()
}

/// Sits below TLS, records that TLS begins, and reads on where a write fails.
#[derive(Debug)]
pub(in crate::http) struct BelowTls {
    pub(in crate::http) tracker: SendTracker,
    /// Whether this chain goes through a proxy's tunnel.
    pub(in crate::http) tunnels: bool,
}

impl<In: Transport> Connector<In> for BelowTls {
    type Out = LastWords<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        self.tracker.reached(if is_way_to_proxy(self.tunnels, details) {
            Stage::TlsToProxy
        } else {
            Stage::Tls
        });
        Ok(chained.map(|inner| LastWords { inner, is_broken: false }))
    }
}

/// A connection that is read to its end even if writing fails: a peer that closes it may have said
/// why, and the alert that proves that our request was not read would be lost otherwise.
#[derive(Debug)]
pub(in crate::http) struct LastWords<T> {
    inner: T,
    is_broken: bool,
}

impl<T: Transport> Transport for LastWords<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if self.is_broken {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(ureq::Error::Io(error)) if is_cut(&error) => {
                self.is_broken = true;
                Ok(())
            }
            sent => sent,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        !self.is_broken && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
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

/// Sits above TLS, at the top of the chain, and records that a request is sent.
#[derive(Debug)]
pub(in crate::http) struct AboveTls {
    pub(in crate::http) tracker: SendTracker,
    /// Whether this chain goes through a proxy's tunnel.
    pub(in crate::http) tunnels: bool,
}

impl<In: Transport> Connector<In> for AboveTls {
    type Out = Either<In, Tracked<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        if is_way_to_proxy(self.tunnels, details) {
            self.tracker.reached(Stage::Tunnel);
            return Ok(chained.map(Either::A));
        }
        let peer = self.tracker.with(|seen| {
            seen.connected = true;
            if let Some(server) = details.uri.authority() {
                if seen.peer.asks && !seen.askers.contains(server) {
                    seen.askers.push(server.clone());
                }
                seen.peer.asks = seen.askers.contains(server);
            }
            seen.peer
        });
        let tracker = self.tracker.clone();
        Ok(chained.map(|inner| Either::B(Tracked { inner, tracker, peer })))
    }
}

/// A connection that records every write before it happens.
#[derive(Debug)]
pub(in crate::http) struct Tracked<T> {
    inner: T,
    tracker: SendTracker,
    peer: Peer,
}

impl<T: Transport> Transport for Tracked<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.tracker.with(|seen| (seen.stage, seen.peer) = (Stage::Sent, self.peer));
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let answered = self.inner.await_input(timeout)?;
        self.peer.has_answered |= answered;
        Ok(answered)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
