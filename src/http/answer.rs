//! Maps an answer to the outcome of the request.

use std::time::Duration;

use ureq::http::header;

use crate::error::{ErrorKind, Failure};
use crate::time::Timestamp;

use super::attempt::AttemptError;
use super::message;
use super::request::{Repeat, Response};
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
    host: &str,
    secrets: &SentSecrets,
    now: Timestamp,
) -> Result<Response, AttemptError> {
    let status = answer.status;
    if (200..=299).contains(&status) {
        return whole(answer, host);
    }
    let (kind, message) = said(&answer, secrets);
    let retry_after = retry_after(&answer, now);
    let must_not_be_repeated = repeat == Repeat::IfNotCarriedOut;
    let may_be_done = match status {
        // 303, for one, usually follows a completed action.
        300..=399 => must_not_be_repeated,
        408 | 425 | 429 | 501 | 503 => repeat != Repeat::Safe,
        // What a gateway refuses for the request's own sake it does not pass on.
        400..=403 | 407 | 411 | 413..=417 | 421 | 426 | 431 => false,
        // Others it may have put in place of its upstream's failure.
        404..=499 => must_not_be_repeated && kind == ErrorKind::Foreign,
        _ => true,
    };
    let may_pass = matches!(status, 429 | 502..=504);
    if !may_be_done {
        return Err((Failure::Rejected { status, kind, message, retry_after }, may_pass));
    }
    let mut reason = format!("{host} answered {status}");
    if !message.is_empty() {
        reason = format!("{reason}: {message}");
    }
    // A gateway gave up waiting; its upstream may still be working on it.
    let in_flight = status == 504;
    Err((Failure::Unknown { reason, status: Some(status), in_flight, retry_after }, may_pass))
}

fn whole(answer: Answer, host: &str) -> Result<Response, AttemptError> {
    let status = answer.status;
    let mut links = answer.headers.get_all(header::LINK).iter();
    let total = answer.headers.get("x-total-count");
    let next = links.find_map(|value| next_link(value.to_str().ok()?));
    let total = total.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let date = date(&answer);
    let body = answer.body.map_err(|error| {
        let reason = format!("{host} answered {status}, {}", why_cut(&error));
        let in_flight = matches!(error, ureq::Error::Timeout(_));
        let status = Some(status);
        let failure = Failure::Unknown { reason, status, in_flight, retry_after: None };
        (failure, matches!(error, ureq::Error::Io(_)))
    })?;
    Ok(Response { host: host.to_owned(), status, body, date, next, total })
}

/// Why a body cannot be read, in words that follow those on the status.
fn why_cut(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "but did not end in time".to_owned(),
        ureq::Error::Io(_) => "and closed the connection in the middle".to_owned(),
        ureq::Error::BodyExceedsLimit(limit) => format!("with more than {} KiB", limit / 1024),
        error => format!("which is not valid HTTP: {error}"),
    }
}

/// The place of the next page in a `Link` header (RFC 8288): what speaks of one in any way counts.
fn next_link(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (place, attributes) = link.split_once('>')?;
        let is_next = attributes.to_ascii_lowercase().contains("next");
        is_next.then(|| place.trim().trim_start_matches('<').to_owned())
    })
}

/// The server's clock, from its `Date` header.
fn date(answer: &Answer) -> Option<Timestamp> {
    answer.header(header::DATE).and_then(Timestamp::parse_http_date)
}

fn said(answer: &Answer, secrets: &SentSecrets) -> (ErrorKind, String) {
    match &answer.body {
        _ if (300..=399).contains(&answer.status) => {
            // Host and path alone: what follows may hold a code or a token.
            let place = answer.header(header::LOCATION).map(presentable);
            let to = place.map(|place| format!(" to \"{place}\"")).unwrap_or_default();
            let text = format!("a redirect{to}, which is not followed");
            (ErrorKind::Foreign, secrets.clean(&text))
        }
        Ok(body) => {
            let media_type = answer.header(header::CONTENT_TYPE).unwrap_or_default();
            message::parse(body, &media_type.to_ascii_lowercase(), secrets)
        }
        Err(error) => (ErrorKind::Foreign, secrets.clean(&why_cut(error))),
    }
}

/// `Retry-After`: seconds, or a date, which is measured by the clock of the server that wrote it.
fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let text = answer.header(header::RETRY_AFTER)?.trim();
    let secs = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().unwrap_or(LONGEST_RETRY_AFTER)
    } else {
        let then = Timestamp::parse_http_date(text)?;
        let now = date(answer).unwrap_or(now);
        // Rounded up: a fraction of a second too early is too early.
        let millis = u64::try_from(then.millis().saturating_sub(now.millis())).ok()?;
        millis.div_ceil(1000)
    };
    // 0 asks for nothing: our own pause is used.
    (secs > 0).then(|| Duration::from_secs(secs.min(LONGEST_RETRY_AFTER)))
}
