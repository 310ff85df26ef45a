//! How far an attempt got, and so whether the server can have seen any of it.

use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use ureq::http::uri::Authority;

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

/// What is known about the current attempt. Shared with the connections, of which all but one are
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

    /// There is a new connection to this server.
    pub(super) fn connected_to(&self, server: Option<&Authority>) -> Peer {
        self.with(|seen| {
            seen.connected = true;
            if let Some(server) = server {
                if seen.peer.asks && !seen.askers.contains(server) {
                    seen.askers.push(server.clone());
                }
                seen.peer.asks = seen.askers.contains(server);
            }
            seen.peer
        })
    }

    /// The request, or a part of it, leaves.
    pub(super) fn sends_to(&self, peer: Peer) {
        self.with(|seen| (seen.stage, seen.peer) = (Stage::Sent, peer));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Seen) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
