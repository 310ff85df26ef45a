//! The attempt that is under way: by which way, and how far it got, so whether the server can have seen any of it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ClientConfig;

use crate::http::proxy::Route;

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

/// An attempt.
#[derive(Default)]
pub(in crate::http) struct Attempt {
    /// How a server, or a proxy before it, is secured.
    pub(in crate::http) tls: Option<Arc<ClientConfig>>,
    pub(in crate::http) route: Route,
    pub(in crate::http) stage: Stage,
}

/// Shared with what plugs into ureq: this program sends one request at a time.
#[derive(Clone, Default)]
pub(in crate::http) struct UnderWay(Arc<Mutex<Attempt>>);

impl UnderWay {
    pub(in crate::http) fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnderWay")
    }
}
