//! The outcome of an attempt that brought no answer.

use std::time::Duration;

use crate::error::{Cause, Failure};

use super::describe_io;
use super::proxy::Route;
use super::transport::agent::LONGEST_CONNECT;
use super::transport::socket::is_cut;
use super::transport::tls;
use super::transport::under_way::{Attempt, Stage};
use crate::text::printable;

/// A failed attempt, and whether another one may do better: else it would end the same way, or waste as much
/// time.
pub(super) type AttemptError = (Failure, bool);

/// A failure that is caused by a setting on this machine.
pub(crate) fn our_fault(reason: impl Into<String>) -> Failure {
    Failure::NotSent { reason: reason.into(), cause: Cause::Setting }
}

/// Classifies ureq's error by how far the attempt got; `timeout` is the time for all of it.
pub(super) fn failed(error: &ureq::Error, attempt: &Attempt, timeout: Duration) -> AttemptError {
    if attempt.stage == Stage::Sent && !tls::wants_certificate(error) {
        lost(error, &attempt.route.target.host, timeout)
    } else {
        not_sent(error, attempt, timeout)
    }
}

/// The request, or a part of it, was sent.
fn lost(error: &ureq::Error, host: &str, timeout: Duration) -> AttemptError {
    // A peer that cuts the connection has stopped working on the request.
    let in_flight = matches!(error, ureq::Error::Timeout(_));
    let reason = match error {
        ureq::Error::Timeout(_) => {
            format!("no answer from {host} within {} s", whole_secs(timeout))
        }
        ureq::Error::Io(error) if is_cut(error) => {
            format!("{host} closed the connection before it answered")
        }
        ureq::Error::Io(error) => format!("the connection to {host} broke: {}", describe_io(error)),
        error => format!("the answer of {host} is not valid HTTP: {error}"),
    };
    let may_pass = matches!(error, ureq::Error::Io(_));
    (Failure::Unknown { reason, status: None, in_flight, retry_after: None }, may_pass)
}

/// No byte of the request was sent.
fn not_sent(error: &ureq::Error, attempt: &Attempt, timeout: Duration) -> AttemptError {
    use ureq::Error as E;
    let Route { target, proxy } = &attempt.route;
    let (host, address) = (&target.host, target.address());
    // With a proxy, only the proxy connects to the host.
    let proxy = proxy.as_ref().filter(|_| attempt.stage == Stage::Connect);
    let to_proxy = proxy.map(|proxy| format!("the proxy {}", proxy.place.address()));
    if let Some(cause) = tls::cause(error) {
        let (host, address) = to_proxy.as_ref().map_or((host, &address), |proxy| (proxy, proxy));
        let (reason, cause) = tls::reason(cause, host, address);
        return (Failure::NotSent { reason, cause }, false);
    }
    let failed = match (attempt.stage, &to_proxy) {
        (Stage::Connect, None) => format!("cannot connect to {address}"),
        (Stage::Connect, Some(proxy)) => format!("cannot connect to {address} through {proxy}"),
        _ => format!("no TLS handshake with {address}"),
    };
    let may_pass = matches!(error, E::HostNotFound | E::Io(_));
    let mut cause = Cause::Network;
    let why = match (error, proxy) {
        (E::Timeout(ureq::Timeout::Resolve), _) => {
            "no name server gave its address in time".to_owned()
        }
        (E::Timeout(_), _) => {
            format!("no answer within {} s", whole_secs(timeout.min(LONGEST_CONNECT)))
        }
        (E::ConnectProxyFailed(status), Some(proxy)) if status == "407" => {
            cause = Cause::Setting;
            format!("it rejects the user or password in {} (407)", proxy.variable)
        }
        (E::ConnectProxyFailed(status), _) => format!("it answered {status}"),
        (E::HostNotFound, _) => "it has no address".to_owned(),
        (E::Io(error), _) if is_cut(error) => "it closed the connection".to_owned(),
        (E::Io(error), _) => describe_io(error),
        (error, _) => error.to_string(),
    };
    (Failure::NotSent { reason: printable(&format!("{failed}: {why}")), cause }, may_pass)
}

fn whole_secs(time: Duration) -> u128 {
    time.as_millis().div_ceil(1000)
}
