//! Resolves a host to its addresses, without a thread or a name service if none is needed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use ureq::Timeout;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::under_way::UnderWay;
use crate::http::{Target, is_localhost};

/// A look-up that fails after so long has had no answer.
const LONG: Duration = Duration::from_secs(4);

/// ureq's resolver starts a thread for each look-up, and glibc's loads its own libraries: this one
/// uses it only for real names. musl's asks all name servers at once and takes the first answer, and
/// appends no search domain to a name with `ndots` dots or more.
impl Resolver for UnderWay {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let first = self.attempt().route.first().clone();
        if let Some(known) = known(&first) {
            let mut addresses = self.empty();
            for address in known {
                addresses.push(address);
            }
            return Ok(addresses);
        }
        let began = Instant::now();
        // The C library has asked again and again by then: to repeat that only takes as long.
        DefaultResolver::default().resolve(&first.uri, config, timeout).map_err(|error| {
            if began.elapsed() < LONG { error } else { ureq::Error::Timeout(Timeout::Resolve) }
        })
    }
}

/// The addresses of a literal and of this machine.
fn known(target: &Target) -> Option<Vec<SocketAddr>> {
    let Target { host, port, .. } = target;
    let addresses: Vec<IpAddr> = if is_localhost(host) {
        vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
    } else {
        vec![host.parse().ok()?]
    };
    Some(addresses.into_iter().map(|ip| (ip, *port).into()).collect())
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
            let first = known(&Target::parse(uri).unwrap()).map(|all| all[0].to_string());
            assert_eq!(first.as_deref(), found, "{uri}");
        }
    }
}
