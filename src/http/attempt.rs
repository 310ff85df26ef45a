//! One attempt: what is known about it, and its outcome if it brought no answer.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::error::{Cause, Failure};

use super::proxy::Proxy;
use super::retry::RetryClass;
use super::sent_secrets::SentSecrets;
use super::target::Target;
use super::transport::agent::{LONGEST_CONNECT, Route};
use super::transport::send_tracker::Stage;
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
    /// How far it got.
    pub(super) stage: Stage,
    /// Whether it went over a connection that an earlier request had opened.
    pub(super) reused: bool,
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
    let may_be_read = context.stage == Stage::Sent && !tls::wants_certificate(error);
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
            let retry =
                if context.reused { RetryClass::AtOnce } else { RetryClass::MayBeCarriedOut };
            let reason = if is_cut(error) {
                format!("{host} closed the connection before it answered")
            } else {
                format!("the connection to {host} broke: {}", describe_io(error))
            };
            (reason, retry)
        }
        ureq::Error::LargeResponseHeader(_, limit) => (
            format!("{host} answered with headers of more than {} KiB", limit / 1024),
            RetryClass::No,
        ),
        ureq::Error::Protocol(why) => {
            (format!("the answer of {host} is not valid HTTP: {why}"), RetryClass::No)
        }
        error => (format!("the answer of {host} cannot be read: {error}"), RetryClass::No),
    };
    // A peer that cuts the connection has stopped working on the request.
    let in_flight = matches!(error, ureq::Error::Timeout(_));
    (Failure::Unknown { reason, status: None, in_flight, retry_after: None }, retry)
}

/// No byte of the request was sent.
fn not_sent(error: &ureq::Error, context: &AttemptContext) -> AttemptError {
    let cause = if is_login_wanted(error) {
        Cause::Setting
    } else if tls::cause(error).is_some_and(tls::is_final) {
        Cause::Trust
    } else {
        Cause::Network
    };
    let (reason, retry) = why_not_sent(error, context);
    (Failure::NotSent { reason, cause }, retry)
}

fn why_not_sent(error: &ureq::Error, context: &AttemptContext) -> (String, RetryClass) {
    use ureq::Error as E;
    let (host, address, stage) = (&context.target.host, context.target.address(), context.stage);
    let proxy = context.route.proxy.as_ref().map(|proxy| format!("the proxy {}", proxy.address()));
    let (peer_host, peer) = match &proxy {
        // With a proxy, only the proxy connects to the host.
        Some(proxy) if stage != Stage::Tls => (proxy, proxy),
        _ => (host, &address),
    };
    let failed = match stage {
        Stage::Resolve => format!("cannot find the address of {peer_host}"),
        Stage::Connect => format!("cannot connect to {peer}"),
        Stage::Tunnel => format!("{peer} did not connect to {address}"),
        Stage::TlsToProxy | Stage::Tls => format!("no TLS handshake with {peer}"),
        Stage::Sent => format!("the request cannot be sent to {peer}"),
    };
    if let Some(cause) = tls::cause(error) {
        return (tls::reason(cause, peer_host, peer), RetryClass::No);
    }
    let limit = span(context.timeout.min(LONGEST_CONNECT));
    let reason = match error {
        E::Timeout(ureq::Timeout::Resolve) => {
            format!("no name server gave the address of {peer_host} in time")
        }
        E::Timeout(_) if stage <= Stage::Connect => {
            format!("cannot connect to {peer}: no answer within {limit}")
        }
        E::Timeout(_) => format!("{failed} within {limit}"),
        E::ConnectProxyFailed(_) if is_login_wanted(error) => {
            context.route.proxy.as_ref().map(Proxy::wants_another_login).unwrap_or_default()
        }
        E::ConnectProxyFailed(status) if status.is_empty() => {
            format!("the answer of {peer} is not HTTP")
        }
        E::ConnectProxyFailed(status) => format!("{failed}: it answered {status}"),
        E::Tls(_) => printable(&format!("no certificate can be issued for the name {peer_host}")),
        E::HostNotFound => return (format!("{peer_host} has no address"), RetryClass::NotSent),
        E::Io(error) if is_cut(error) && stage == Stage::Tunnel => {
            return (format!("{failed}: it closed the connection"), RetryClass::NotSent);
        }
        E::Io(error) if is_cut(error) && stage > Stage::Connect => {
            let reason = format!("{peer} closed the connection during the TLS handshake");
            return (reason, RetryClass::NotSent);
        }
        E::Io(error) => {
            let reason = connect_reason(error, context);
            return (format!("{failed}: {reason}"), RetryClass::NotSent);
        }
        error => printable(&format!("{failed}: {error}")),
    };
    (reason, RetryClass::No)
}

/// Whether the proxy refuses a CONNECT for want of another login.
fn is_login_wanted(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::ConnectProxyFailed(status) if status == "407")
}

/// The error of the last address stands for all; for `localhost` that is `::1`, and without IPv6
/// its error says nothing about the program that should listen.
fn connect_reason(error: &io::Error, context: &AttemptContext) -> String {
    let no_ipv6 = !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::TimedOut);
    if context.stage == Stage::Connect && super::is_localhost(&context.target.host) && no_ipv6 {
        "connection refused".to_owned()
    } else {
        describe_io(error)
    }
}
