//! One attempt: what is known about it, and its outcome if it brought no answer.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::error::{Cause, Failure};

use super::retry::RetryClass;
use super::sent_secrets::SentSecrets;
use super::target::Target;
use super::transport::agent::{LONGEST_CONNECT, Route};
use super::transport::send_tracker::{Seen, Stage};
use super::transport::socket::is_cut;
use super::transport::tls;
use super::{describe_io, span};
use crate::text::printable;

/// A failed attempt, and whether another may follow.
pub(super) type AttemptError = (Failure, RetryClass);

/// Everything that is known about an attempt.
pub(super) struct AttemptContext<'a> {
    pub(super) target: &'a Target,
    pub(super) route: &'a Route,
    /// How far it got, and by which connection.
    pub(super) seen: Seen,
    /// The time for the whole request.
    pub(super) timeout: Duration,
    /// Which a server may repeat.
    pub(super) secrets: &'a SentSecrets,
}

/// A failure that is caused by a setting on this machine.
pub(super) fn our_fault(reason: impl Into<String>) -> Failure {
    Failure::NotSent { reason: reason.into(), cause: Cause::Setting }
}

/// Classifies ureq's error by how far the attempt got.
pub(super) fn failed(error: &ureq::Error, context: &AttemptContext) -> AttemptError {
    let may_be_read = context.seen.stage == Stage::Sent && !tls::wants_certificate(error);
    if may_be_read { lost(error, context) } else { not_sent(error, context) }
}

/// The request, or a part of it, was sent.
fn lost(error: &ureq::Error, context: &AttemptContext) -> AttemptError {
    let host = &context.target.host;
    let (reason, retry) = match error {
        ureq::Error::Timeout(_) => {
            (format!("no answer from {host} within {}", span(context.timeout)), RetryClass::No)
        }
        ureq::Error::Io(error) => {
            let retry = if context.seen.connected {
                RetryClass::MayBeCarriedOut
            } else {
                RetryClass::AtOnce
            };
            let reason = if is_cut(error) {
                format!("{host} closed the connection before it answered")
            } else {
                format!("the connection to {host} broke: {}", describe_io(error))
            };
            (reason, retry)
        }
        error => (format!("the answer of {host} is not valid HTTP: {error}"), RetryClass::No),
    };
    // A peer that cuts the connection has stopped working on the request.
    let in_flight = matches!(error, ureq::Error::Timeout(_));
    (Failure::Unknown { reason, status: None, in_flight, retry_after: None }, retry)
}

/// No byte of the request was sent.
fn not_sent(error: &ureq::Error, context: &AttemptContext) -> AttemptError {
    use ureq::Error as E;
    let (host, address) = (&context.target.host, context.target.address());
    // With a proxy, only the proxy connects to the host.
    let proxy = context.route.proxy.as_ref().filter(|_| context.seen.stage == Stage::Connect);
    let to_proxy = proxy.map(|proxy| format!("the proxy {}", proxy.address()));
    if let Some(cause) = tls::cause(error) {
        let (host, address) = to_proxy.as_ref().map_or((host, &address), |proxy| (proxy, proxy));
        let (reason, cause) = tls::reason(cause, host, address);
        return (Failure::NotSent { reason, cause }, RetryClass::No);
    }
    let failed = match (context.seen.stage, &to_proxy) {
        (Stage::Connect, None) => format!("cannot connect to {address}"),
        (Stage::Connect, Some(proxy)) => format!("cannot connect to {address} through {proxy}"),
        _ => format!("no TLS handshake with {address}"),
    };
    let mut cause = Cause::Network;
    let (why, retry) = match (error, proxy) {
        (E::Timeout(ureq::Timeout::Resolve), _) => {
            ("no name server gave its address in time".to_owned(), RetryClass::No)
        }
        (E::Timeout(_), _) => {
            let limit = span(context.timeout.min(LONGEST_CONNECT));
            (format!("no answer within {limit}"), RetryClass::No)
        }
        (E::ConnectProxyFailed(status), Some(proxy)) if status == "407" => {
            cause = Cause::Setting;
            (format!("it rejects the user or password in {} (407)", proxy.variable), RetryClass::No)
        }
        (E::ConnectProxyFailed(status), _) => (format!("it answered {status}"), RetryClass::No),
        (E::HostNotFound, _) => ("it has no address".to_owned(), RetryClass::NotSent),
        (E::Io(error), _) if is_cut(error) => {
            ("it closed the connection".to_owned(), RetryClass::NotSent)
        }
        (E::Io(error), _) => (connect_reason(error, context), RetryClass::NotSent),
        (error, _) => (error.to_string(), RetryClass::No),
    };
    (Failure::NotSent { reason: printable(&format!("{failed}: {why}")), cause }, retry)
}

/// The error of the last address stands for all; for `localhost` that is `::1`, and without IPv6
/// its error says nothing about the program that should listen.
fn connect_reason(error: &io::Error, context: &AttemptContext) -> String {
    let no_ipv6 = !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::TimedOut);
    if context.seen.stage == Stage::Connect && super::is_localhost(&context.target.host) && no_ipv6
    {
        "connection refused".to_owned()
    } else {
        describe_io(error)
    }
}
