//! Resolves a host to its addresses, without a thread or a name service if none is needed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::Timeout;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::send_tracker::{SendTracker, Stage};
use crate::http::is_localhost;

/// A look-up that fails after so long has had no answer.
const LONG: Duration = Duration::from_secs(4);

/// ureq's resolver starts a thread for each look-up, and glibc's loads its own libraries: this one
/// uses it only for real names. musl's asks all name servers at once and takes the first answer, and
/// appends no search domain to a name with `ndots` dots or more.
#[derive(Debug)]
pub(in crate::http) struct Resolve {
    pub(in crate::http) tracker: SendTracker,
    /// The proxy to connect to instead of every host, if requests are forwarded to one.
    pub(in crate::http) instead: Option<Uri>,
    /// What a rehearsal found, for the request itself.
    pub(in crate::http) found: Mutex<Option<(Uri, ResolvedSocketAddrs)>>,
}

impl Resolve {
    pub(in crate::http) fn new(tracker: SendTracker, instead: Option<Uri>) -> Self {
        Self { tracker, instead, found: Mutex::default() }
    }
}

impl Resolver for Resolve {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let uri = self.instead.as_ref().unwrap_or(uri);
        self.tracker.reached(Stage::Resolve);
        let found = match known(uri) {
            Some(known) => {
                let mut addresses = self.empty();
                for address in known {
                    addresses.push(address);
                }
                addresses
            }
            None => self.look_up(uri, config, timeout)?,
        };
        self.tracker.reached(Stage::Connect);
        Ok(found)
    }
}

impl Resolve {
    fn look_up(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, addresses)) = found.take_if(|(of, _)| of.authority() == uri.authority()) {
            return Ok(addresses);
        }
        let began = Instant::now();
        let looked_up = DefaultResolver::default().resolve(uri, config, timeout);
        // The C library has asked again and again by then: to repeat that only takes as long.
        let addresses = looked_up.map_err(|error| {
            if began.elapsed() < LONG { error } else { ureq::Error::Timeout(Timeout::Resolve) }
        })?;
        if self.tracker.is_rehearsal() {
            *found = Some((uri.clone(), addresses.clone()));
        }
        Ok(addresses)
    }
}

/// The addresses of a literal and of this machine.
fn known(uri: &Uri) -> Option<Vec<SocketAddr>> {
    let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    });
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<IpAddr> = if is_localhost(host) {
        vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
    } else {
        vec![host.parse().ok()?]
    };
    Some(addresses.into_iter().map(|ip| (ip, port).into()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_localhost_need_no_look_up() {
        for (uri, found) in [
            ("http://127.0.0.1/", Some("127.0.0.1:80")),
            ("https://[::1]/", Some("[::1]:443")),
            ("https://[::1]:9/", Some("[::1]:9")),
            ("http://LOCALHOST:9/", Some("127.0.0.1:9")),
            ("http://my.localhost./", Some("127.0.0.1:80")),
            ("http://a.b/", None),
            ("http://localhost.a.b/", None),
        ] {
            let first = known(&uri.parse().unwrap()).map(|all| all[0].to_string());
            assert_eq!(first.as_deref(), found, "{uri}");
        }
    }
}
