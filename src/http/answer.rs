//! What an answer means for the request.

use std::time::Duration;

use ureq::http::{Uri, header};

use crate::error::{ErrorKind, Failure};
use crate::secret::Secret;
use crate::time::Timestamp;

use super::exchange::{Answer, BodyFault};
use super::fault::{Fault, Scene, our_fault};
use super::message::{self, clean};
use super::request::{Repeat, Response};
use super::retry::RetryClass;
use super::{date, span};

/// No server means to be left alone for longer than a year.
const LONGEST_RETRY_AFTER: u64 = 31_536_000;

/// A success, or what became of the request instead.
///
/// That the server is busy may be a gateway's word, after the request was carried out: for a request
/// that must not be carried out twice, it proves nothing.
pub(super) fn judge(
    answer: Answer,
    repeat: Repeat,
    scene: &Scene,
    now: Timestamp,
) -> Result<Response, Fault> {
    match answer.status {
        200..=299 => whole(answer, scene),
        408 | 425 | 429 | 501 | 503 if repeat != Repeat::Safe => Err(broken(&answer, scene, now)),
        300..=499 | 501 | 503 => Err(refused(&answer, scene, now)),
        _ => Err(broken(&answer, scene, now)),
    }
}

fn whole(answer: Answer, scene: &Scene) -> Result<Response, Fault> {
    let date = date(answer.header(header::DATE));
    let status = answer.status;
    let host = &scene.target.host;
    let fault = match answer.body {
        Ok(body) => return Ok(Response { status, body, date }),
        Err(fault) => fault,
    };
    let (reason, again) = match fault {
        BodyFault::TooLong => (
            format!("{host} answered {status} with more than 1 MiB"),
            RetryClass::No,
        ),
        BodyFault::Cut => (
            format!("{host} closed the connection in the middle of its answer ({status})"),
            RetryClass::MayBeCarriedOut,
        ),
        BodyFault::TimedOut => (
            format!(
                "{host} began to answer ({status}) but did not end within {}",
                span(scene.timeout)
            ),
            RetryClass::No,
        ),
        BodyFault::Garbled => (
            format!("the answer of {host} ({status}) breaks the rules of HTTP"),
            RetryClass::No,
        ),
    };
    Err(Fault {
        failure: Failure::Unknown {
            reason,
            status: Some(status),
            in_flight: fault == BodyFault::TimedOut,
            retry_after: None,
        },
        again,
        wait: None,
    })
}

/// The server says that it has not done it.
fn refused(answer: &Answer, scene: &Scene, now: Timestamp) -> Fault {
    let status = answer.status;
    // Through a tunnel the proxy has said so before.
    if let (407, Some(proxy), false) = (status, scene.proxy, scene.target.secure) {
        return Fault {
            failure: our_fault(proxy.wants_another_login()),
            again: RetryClass::No,
            wait: None,
        };
    }
    let wait = retry_after(answer, now);
    let (kind, message) = match status {
        300..=399 => (ErrorKind::Foreign, pointed_to(answer, scene.secrets)),
        _ => said(answer, scene.secrets),
    };
    Fault {
        failure: Failure::Rejected {
            status,
            kind,
            message,
            retry_after: wait,
        },
        again: match status {
            429 | 503 => RetryClass::MayBeCarriedOut,
            _ => RetryClass::No,
        },
        wait,
    }
}

/// The server, or one before it, broke down over it: done or not, nobody here knows.
fn broken(answer: &Answer, scene: &Scene, now: Timestamp) -> Fault {
    let status = answer.status;
    let wait = retry_after(answer, now);
    let mut reason = format!("{} answered {status}", scene.target.host);
    let (_, said) = said(answer, scene.secrets);
    if !said.is_empty() {
        reason = format!("{reason}: {said}");
    }
    Fault {
        failure: Failure::Unknown {
            reason,
            status: Some(status),
            // A gateway gave up waiting; whoever it asked may still be at it.
            in_flight: status == 504,
            retry_after: wait,
        },
        again: match status {
            429 | 502..=504 => RetryClass::MayBeCarriedOut,
            _ => RetryClass::No,
        },
        wait,
    }
}

fn said(answer: &Answer, secrets: &[Secret]) -> (ErrorKind, String) {
    let media_type = answer
        .header(header::CONTENT_TYPE)
        .unwrap_or_default()
        .to_ascii_lowercase();
    match &answer.body {
        Ok(body) => message::parse(body, &media_type, secrets),
        Err(_) => message::parse(b"", &media_type, secrets),
    }
}

/// Where a redirect pointed: host and path; what follows may hold a code or a token.
fn pointed_to(answer: &Answer, secrets: &[Secret]) -> String {
    let place: Option<Uri> = answer
        .header(header::LOCATION)
        .and_then(|text| text.parse().ok());
    let Some(place) = place else {
        return "a redirect, which is not followed".to_owned();
    };
    let origin = match (place.scheme_str(), place.host()) {
        (Some(scheme), Some(host)) => {
            let port = place.port_u16().map(|port| format!(":{port}"));
            format!("{scheme}://{host}{}", port.unwrap_or_default())
        }
        _ => String::new(),
    };
    let text = format!(
        "a redirect to {origin}{}, which is not followed",
        place.path()
    );
    clean(&text, secrets)
}

/// `Retry-After`: seconds, or a date, which is measured by the clock of the server that wrote it.
fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let text = answer.header(header::RETRY_AFTER)?.trim();
    let secs = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().unwrap_or(LONGEST_RETRY_AFTER)
    } else {
        let then = date(Some(text))?;
        let now = date(answer.header(header::DATE)).unwrap_or(now);
        // Rounded up: a fraction of a second too early is too early.
        let millis = u64::try_from(then.millis().saturating_sub(now.millis())).ok()?;
        millis.div_ceil(1000)
    };
    // 0 is no wish: our own pause is used.
    (secs > 0).then(|| Duration::from_secs(secs.min(LONGEST_RETRY_AFTER)))
}
