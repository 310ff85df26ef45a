//! Maps an answer to the outcome of the request.

use std::time::Duration;

use ureq::http::header;

use crate::error::{ErrorKind, Failure};
use crate::time::Timestamp;

use super::attempt::{AttemptContext, AttemptError};
use super::date;
use super::message;
use super::request::{Repeat, Response};
use super::retry::RetryClass;
use super::sent_secrets::SentSecrets;
use super::target::presentable;
use super::transport::exchange::Answer;

/// No server asks for a wait of more than a year.
const LONGEST_RETRY_AFTER: u64 = 31_536_000;

/// A success, or the outcome of the request instead.
///
/// A busy answer, or a page of a gateway's own, may come after the request was carried out: for a request
/// that must not be repeated, it proves nothing.
pub(super) fn judge(
    answer: Answer,
    repeat: Repeat,
    context: &AttemptContext,
    now: Timestamp,
) -> Result<Response, AttemptError> {
    match answer.status {
        200..=299 => whole(answer, context),
        // 303, for one, usually follows a completed action.
        300..=399 if repeat == Repeat::IfNotCarriedOut => Err(broken(&answer, context, now)),
        408 | 425 | 429 | 501 | 503 if repeat != Repeat::Safe => Err(broken(&answer, context, now)),
        404..=499 if repeat == Repeat::IfNotCarriedOut && may_stand_in(&answer, context) => {
            Err(broken(&answer, context, now))
        }
        300..=499 | 501 | 503 => Err(refused(&answer, context, now)),
        _ => Err(broken(&answer, context, now)),
    }
}

/// Whether a gateway may have put this in place of its upstream's failure. What it refuses for the request's
/// own sake it does not pass on.
fn may_stand_in(answer: &Answer, context: &AttemptContext) -> bool {
    let is_for_the_request = matches!(answer.status, 407 | 411 | 413..=417 | 421 | 426 | 431);
    !is_for_the_request && said(answer, context).0 == ErrorKind::Foreign
}

fn whole(answer: Answer, context: &AttemptContext) -> Result<Response, AttemptError> {
    let date = date(answer.header(header::DATE));
    let media_type = media_type(&answer);
    let mut links = answer.headers.get_all(header::LINK).iter();
    let next = links.find_map(|value| next_link(value.to_str().ok()?));
    let total = answer.headers.get("x-total-count");
    let total = total.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let status = answer.status;
    let fault = match answer.body {
        Ok(body) => {
            let is_page = message::is_html(&body, &media_type);
            return Ok(Response { status, body, is_page, date, next, total });
        }
        Err(fault) => fault,
    };
    let reason = format!("{} answered {status}, {}", context.target.host, fault.why);
    let retry = if fault.is_cut { RetryClass::MayBeCarriedOut } else { RetryClass::No };
    let (status, in_flight) = (Some(status), fault.timed_out);
    Err((Failure::Unknown { reason, status, in_flight, retry_after: None }, retry))
}

/// The place of the next page in a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (place, attributes) = link.split_once('>')?;
        let is_next = |attribute: &str| {
            let (name, value) = attribute.split_once('=').unwrap_or_default();
            let mut relations = value.trim().trim_matches('"').split_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
        };
        let found = attributes.split(';').any(is_next);
        found.then(|| place.trim().trim_start_matches('<').to_owned())
    })
}

/// The server says that it has not done it.
fn refused(answer: &Answer, context: &AttemptContext, now: Timestamp) -> AttemptError {
    let status = answer.status;
    let retry_after = retry_after(answer, now);
    let (kind, message) = match status {
        300..=399 => (ErrorKind::Foreign, pointed_to(answer, context.secrets)),
        _ => said(answer, context),
    };
    let retry = match status {
        429 | 503 => RetryClass::MayBeCarriedOut,
        _ => RetryClass::No,
    };
    (Failure::Rejected { status, kind, message, retry_after }, retry)
}

/// The server, or a gateway before it, failed: whether it was done is unknown.
fn broken(answer: &Answer, context: &AttemptContext, now: Timestamp) -> AttemptError {
    let status = answer.status;
    let retry_after = retry_after(answer, now);
    let mut reason = format!("{} answered {status}", context.target.host);
    let said = match status {
        300..=399 => pointed_to(answer, context.secrets),
        _ => said(answer, context).1,
    };
    if !said.is_empty() {
        reason = format!("{reason}: {said}");
    }
    let retry = match status {
        429 | 502..=504 => RetryClass::MayBeCarriedOut,
        _ => RetryClass::No,
    };
    // A gateway gave up waiting; its upstream may still be working on it.
    let in_flight = status == 504;
    (Failure::Unknown { reason, status: Some(status), in_flight, retry_after }, retry)
}

fn media_type(answer: &Answer) -> String {
    answer.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase()
}

fn said(answer: &Answer, context: &AttemptContext) -> (ErrorKind, String) {
    match &answer.body {
        Ok(body) => message::parse(body, &media_type(answer), context.secrets),
        Err(fault) => (ErrorKind::Foreign, context.secrets.clean(&fault.why)),
    }
}

/// Where a redirect pointed: host and path; what follows may hold a code or a token.
fn pointed_to(answer: &Answer, secrets: &SentSecrets) -> String {
    let place = answer.header(header::LOCATION).map(presentable);
    let to = place.map(|place| format!(" to {place}")).unwrap_or_default();
    secrets.clean(&format!("a redirect{to}, which is not followed"))
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
    // 0 asks for nothing: our own pause is used.
    (secs > 0).then(|| Duration::from_secs(secs.min(LONGEST_RETRY_AFTER)))
}
