//! The ureq agent.

use std::time::Duration;

use ureq::Agent;

use super::under_way::UnderWay;

/// A name look-up that takes longer is not going to succeed: glibc waits 5 s for each name server
/// that is down, and there may be two before the one that works.
const LONGEST_RESOLVE: Duration = Duration::from_secs(12);
/// A host that takes longer to connect to is down.
pub(in crate::http) const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// The longest head of an answer.
const LONGEST_ANSWER_HEAD: usize = 64 * 1024;
/// Shorter than the 5 s after which common servers close: a request that may not be repeated must
/// not meet a connection that is just being closed.
const LONGEST_IDLE: Duration = Duration::from_secs(3);

/// An agent that goes the way of the attempt that is under way, each request in that time.
pub(in crate::http) fn agent(timeout: Duration, under_way: &UnderWay) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // Or ureq reads the environment itself.
        .proxy(None)
        .user_agent(concat!("ntcli/", env!("CARGO_PKG_VERSION")))
        .accept("application/json")
        .accept_encoding("")
        .max_response_header_size(LONGEST_ANSWER_HEAD)
        .max_idle_connections(2)
        .max_idle_connections_per_host(1)
        .max_idle_age(LONGEST_IDLE)
        .timeout_global(Some(timeout))
        .timeout_resolve(Some(timeout.min(LONGEST_RESOLVE)))
        .timeout_connect(Some(timeout.min(LONGEST_CONNECT)))
        .build();
    Agent::with_parts(config, under_way.clone(), under_way.clone())
}
