//! A connection that is opened ahead of its request, so that a server that cannot be reached is found
//! out before anything is written down. ureq has no call for it: a rehearsal is a request whose
//! connection is kept here, and that then ends with an error of ours.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::http::uri::Authority;
use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};

use super::send_tracker::{SendTracker, is_way_to_proxy};

/// Wraps the whole chain of connectors of a route.
#[derive(Debug)]
pub(super) struct Ahead<C: Connector> {
    pub(super) chain: C,
    pub(super) tracker: SendTracker,
    /// Whether this chain goes through a proxy's tunnel.
    pub(super) tunnels: bool,
    pub(super) longest_idle: Duration,
    pub(super) kept: Mutex<Option<Kept<C::Out>>>,
}

/// A connection without a request.
#[derive(Debug)]
pub(super) struct Kept<T> {
    to: Authority,
    since: Instant,
    connection: T,
}

impl<C: Connector> Connector for Ahead<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let to = match details.uri.authority() {
            Some(to) if !is_way_to_proxy(self.tunnels, details) => to.clone(),
            _ => return self.chain.connect(details, chained),
        };
        if let Some(mut kept) = self.kept().take_if(|kept| kept.to == to)
            && kept.since.elapsed() < self.longest_idle
            // With TLS that cannot be asked: the tickets that a server sends at once would count as an
            // answer to nothing.
            && (kept.connection.is_tls() || kept.connection.is_open())
        {
            return Ok(Some(kept.connection));
        }
        let connection = self.chain.connect(details, chained)?;
        if self.tracker.ends_rehearsal() {
            let keep = |connection| Kept { to, since: Instant::now(), connection };
            *self.kept() = connection.map(keep);
            return Err(ureq::Error::ConnectionFailed);
        }
        Ok(connection)
    }
}

impl<C: Connector> Ahead<C> {
    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept<C::Out>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
