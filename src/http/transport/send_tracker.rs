//! How far an attempt got, and so whether the server can have seen any of it.

use std::sync::{Arc, Mutex, PoisonError};

/// How far an attempt got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::http) enum Stage {
    /// The server is being connected to, through a proxy if there is one.
    #[default]
    Connect,
    /// TLS with it is negotiated.
    Tls,
    /// The first byte of the request may have left. Before this, the server has done nothing.
    Sent,
}

/// What is known about the current attempt.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::http) struct Seen {
    pub(in crate::http) stage: Stage,
    /// Whether it opened its own connection instead of reusing one.
    pub(in crate::http) connected: bool,
}

/// Shared with the connections, of which all but one are idle: this program sends one request at a time.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct SendTracker(Arc<Mutex<Seen>>);

impl SendTracker {
    pub(in crate::http) fn seen(&self) -> Seen {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on that is known.
    pub(in crate::http) fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn reached(&self, stage: Stage) {
        self.note(|seen| seen.stage = stage);
    }
}
