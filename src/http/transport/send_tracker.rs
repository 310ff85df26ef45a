//! How far an attempt got, and so whether the server can have seen any of it.

use std::sync::{Arc, Mutex, PoisonError};

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
}

impl Default for Seen {
    fn default() -> Self {
        Self { stage: Stage::Resolve, connected: false }
    }
}

impl SendTracker {
    /// A new attempt begins.
    pub(in crate::http) fn reset(&self) {
        self.with(|seen| *seen = Seen::default());
    }

    pub(in crate::http) fn stage(&self) -> Stage {
        self.with(|seen| seen.stage)
    }

    /// Whether this attempt opened its own connection instead of reusing one.
    pub(in crate::http) fn connected(&self) -> bool {
        self.with(|seen| seen.connected)
    }

    pub(in crate::http) fn reached(&self, stage: Stage) {
        self.with(|seen| seen.stage = stage);
    }

    /// There is a new connection.
    pub(super) fn has_connected(&self) {
        self.with(|seen| seen.connected = true);
    }

    fn with<T>(&self, work: impl FnOnce(&mut Seen) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
