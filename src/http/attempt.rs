//! One attempt: what is known about it, and its outcome if it brought no answer.

use std::io::{self, ErrorKind};
use std::time::Duration;

use rustls::AlertDescription;

use crate::error::{Cause, Failure};

use super::retry::RetryClass;
use super::sent_secrets::SentSecrets;
use super::target::Target;
use super::transport::agent::{LONGEST_CONNECT, Route};
use super::transport::identity::ClientCertificate;
use super::transport::send_tracker::{Peer, Stage};
use super::transport::socket::is_cut;
use super::transport::tls;
use super::{describe_io, span};
use crate::text::printable;

const HANDSHAKE_FAILURE: rustls::Error =
    rustls::Error::AlertReceived(AlertDescription::HandshakeFailure);

/// A failed attempt, and whether another may follow.
#[derive(Debug)]
pub(super) struct AttemptError {
    pub(super) failure: Failure,
    pub(super) retry: RetryClass,
    /// How long the server wants us to wait.
    pub(super) wait: Option<Duration>,
}

/// Everything that is known about an attempt.
pub(super) struct AttemptContext<'a> {
    pub(super) target: &'a Target,
    pub(super) route: &'a Route,
    /// How far it got.
    pub(super) stage: Stage,
    /// Whether it went over a connection that an earlier request had opened.
    pub(super) reused: bool,
    pub(super) peer: Peer,
    /// The time for the whole request.
    pub(super) timeout: Duration,
    /// Which a server may repeat.
    pub(super) secrets: &'a SentSecrets,
}

impl AttemptContext<'_> {
    pub(super) fn certificate(&self) -> ClientCertificate {
        match (self.peer.asks, self.route.has_identity) {
            (false, _) => ClientCertificate::NotAsked,
            (true, false) => ClientCertificate::Missing,
            (true, true) => ClientCertificate::Shown,
        }
    }
}

/// A failure that is caused by a setting on this machine.
pub(super) fn our_fault(reason: impl Into<String>) -> Failure {
    Failure::NotSent { reason: reason.into(), cause: Cause::Setting }
}

/// Classifies ureq's error by how far the attempt got.
pub(super) fn failed(error: &ureq::Error, context: &AttemptContext) -> AttemptError {
    if let Some(failure) = turned_down(error, context) {
        return AttemptError { failure, retry: RetryClass::No, wait: None };
    }
    if context.stage == Stage::Sent { lost(error, context) } else { not_sent(error, context) }
}

/// A server that asked for a client certificate and ends the handshake over it: it has not read the
/// request, even if that is written (see [`tls::is_about_client`]).
fn turned_down(error: &ureq::Error, context: &AttemptContext) -> Option<Failure> {
    let cause = tls::cause(error)?;
    let certificate = context.certificate();
    // OpenSSL's alert with TLS 1.2, where the handshake is not over before it.
    let in_handshake = context.stage == Stage::Tls && *cause == HANDSHAKE_FAILURE;
    let proves = certificate != ClientCertificate::NotAsked
        && !context.peer.has_answered
        && (tls::is_about_client(cause) || in_handshake);
    let reason = tls::client_reason(cause, &context.target.host, certificate);
    proves.then_some(Failure::NotSent { reason, cause: Cause::ClientCertificate })
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
                format!("{host} closed the connection before it answered{}", wanted(context))
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
    AttemptError {
        failure: Failure::Unknown {
            reason,
            status: None,
            // A peer that cuts the connection has stopped working on the request.
            in_flight: matches!(error, ureq::Error::Timeout(_)),
            retry_after: None,
        },
        retry,
        wait: None,
    }
}

/// Some servers give no reason; that one asked for a certificate may be it.
fn wanted(context: &AttemptContext) -> &'static str {
    match context.certificate() {
        ClientCertificate::Missing if !context.peer.has_answered => {
            " (it had asked for a client certificate: NTCLI_CLIENT_CERT)"
        }
        _ => "",
    }
}

/// No byte of the request was sent.
fn not_sent(error: &ureq::Error, context: &AttemptContext) -> AttemptError {
    let target = context.target;
    // Where the first connection goes: with a proxy, only the proxy connects to the host.
    let (host, address) = match &context.route.proxy {
        Some(proxy) => {
            let proxy = format!("the proxy {}", proxy.address());
            (proxy.clone(), proxy)
        }
        None => (target.host.clone(), target.address()),
    };
    let limit = span(context.timeout.min(LONGEST_CONNECT));
    let (reason, retry) = match context.stage {
        Stage::Resolve | Stage::Connect => not_connected(error, &host, &address, context),
        Stage::TlsToProxy => not_secured(error, &host, &address, &limit, ""),
        Stage::Tunnel => no_tunnel(error, &host, &limit, context),
        Stage::Tls => not_secured(error, &target.host, &target.address(), &limit, wanted(context)),
        Stage::Sent => cannot_be_sent(error, &address),
    };
    let wants_login = context.stage == Stage::Tunnel && connect_status(error) == Some(407);
    let cause = if wants_login {
        Cause::Setting
    } else if tls::cause(error).is_some_and(tls::is_final) {
        Cause::Trust
    } else {
        Cause::Network
    };
    AttemptError { failure: Failure::NotSent { reason, cause }, retry, wait: None }
}

/// No failure of the network gets here.
fn cannot_be_sent(error: &ureq::Error, address: &str) -> (String, RetryClass) {
    let reason = printable(&format!("the request cannot be sent to {address}: {error}"));
    (reason, RetryClass::No)
}

fn not_connected(
    error: &ureq::Error,
    host: &str,
    address: &str,
    context: &AttemptContext,
) -> (String, RetryClass) {
    let within = span(context.timeout.min(LONGEST_CONNECT));
    match (context.stage, error) {
        (_, ureq::Error::Timeout(ureq::Timeout::Resolve)) => {
            (format!("no name server gave the address of {host} in time"), RetryClass::No)
        }
        (_, ureq::Error::Timeout(_)) => {
            (format!("cannot connect to {address}: no answer within {within}"), RetryClass::No)
        }
        (Stage::Resolve, ureq::Error::Io(error)) => (
            format!("cannot find the address of {host}: {}", describe_io(error)),
            RetryClass::NotSent,
        ),
        (Stage::Resolve, ureq::Error::HostNotFound) => {
            (format!("{host} has no address"), RetryClass::NotSent)
        }
        (Stage::Connect, ureq::Error::Io(error)) => (
            format!("cannot connect to {address}: {}", connect_reason(error, context.target)),
            RetryClass::NotSent,
        ),
        (_, error) => cannot_be_sent(error, address),
    }
}

fn no_tunnel(
    error: &ureq::Error,
    host: &str,
    limit: &str,
    context: &AttemptContext,
) -> (String, RetryClass) {
    let to = context.target.address();
    if let Some(cause) = tls::cause(error) {
        return (tls::reason(cause, host, host), RetryClass::No);
    }
    match error {
        ureq::Error::ConnectProxyFailed(_) => {
            let reason = match (connect_status(error), &context.route.proxy) {
                (Some(407), Some(proxy)) => proxy.wants_another_login(),
                (Some(status), _) => {
                    format!("{host} did not connect to {to}: it answered {status}")
                }
                (None, _) => format!("the answer of {host} is not HTTP"),
            };
            (reason, RetryClass::No)
        }
        ureq::Error::Timeout(_) => {
            (format!("{host} did not connect to {to} within {limit}"), RetryClass::No)
        }
        ureq::Error::Io(error) if is_cut(error) => {
            let reason = format!("{host} did not connect to {to}: it closed the connection");
            (reason, RetryClass::NotSent)
        }
        error => cannot_be_sent(error, host),
    }
}

/// The status of a refused CONNECT.
fn connect_status(error: &ureq::Error) -> Option<u16> {
    match error {
        ureq::Error::ConnectProxyFailed(said) => said.parse().ok(),
        _ => None,
    }
}

fn not_secured(
    error: &ureq::Error,
    host: &str,
    address: &str,
    limit: &str,
    wanted: &str,
) -> (String, RetryClass) {
    if let Some(cause) = tls::cause(error) {
        return (tls::reason(cause, host, address), RetryClass::No);
    }
    match error {
        ureq::Error::Timeout(_) => {
            (format!("no TLS handshake with {address} within {limit}"), RetryClass::No)
        }
        ureq::Error::Io(error) if is_cut(error) => (
            format!("{address} closed the connection during the TLS handshake{wanted}"),
            RetryClass::NotSent,
        ),
        ureq::Error::Io(error) => (
            format!("no TLS handshake with {address}: {}", describe_io(error)),
            RetryClass::NotSent,
        ),
        ureq::Error::Tls(_) => (
            printable(&format!("no certificate can be issued for the name {host}")),
            RetryClass::No,
        ),
        error => cannot_be_sent(error, address),
    }
}

/// The error of the last address stands for all; for `localhost` that is `::1`, and without IPv6
/// its error says nothing about the program that should listen.
fn connect_reason(error: &io::Error, target: &Target) -> String {
    let no_ipv6 = !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::TimedOut);
    if super::is_localhost(&target.host) && no_ipv6 {
        "connection refused".to_owned()
    } else {
        describe_io(error)
    }
}
