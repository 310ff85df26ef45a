//! One request out, one answer in: the only calls of ureq that touch the network.

use std::io::{self, Read};

use ureq::http::{HeaderMap, HeaderValue, Method, Request as UreqRequest, header};

use super::agent::Route;
use crate::http::request::Request;
use crate::http::target::Target;

/// The longest bearer that is sent.
pub(in crate::http) const LONGEST_BEARER: usize = 8 * 1024;
/// The longest body of a 2xx answer, bytes.
const LONGEST_BODY: u64 = 1024 * 1024;
/// How much of any other answer is read, in bytes: room for every error of the API.
const LONGEST_ERROR: u64 = 64 * 1024;

/// An answer as it was received.
pub(in crate::http) struct Answer {
    pub(in crate::http) status: u16,
    pub(in crate::http) headers: HeaderMap,
    /// The body, or why there is none.
    pub(in crate::http) body: Result<Vec<u8>, BodyFault>,
}

/// Why a body is incomplete.
pub(in crate::http) struct BodyFault {
    /// In words that follow those on the status.
    pub(in crate::http) why: String,
    /// The connection ended first.
    pub(in crate::http) is_cut: bool,
    /// The time ran out first.
    pub(in crate::http) timed_out: bool,
}

impl BodyFault {
    fn of(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_cut: false, timed_out: false }
    }
}

impl Answer {
    /// A header's value, if it is text.
    pub(in crate::http) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends the request once.
pub(in crate::http) fn run(
    route: &Route,
    request: &Request,
    target: &Target,
) -> Result<Answer, ureq::Error> {
    let mut head = UreqRequest::builder().uri(target.uri.clone()).method(&request.method);
    if let Some(bearer) = request.bearer {
        head = head.header(header::AUTHORIZATION, hidden(&format!("Bearer {}", bearer.expose()))?);
    }
    let response = match &request.body {
        Some(body) => {
            head = head.header(header::CONTENT_TYPE, body.media_type);
            route.agent.run(head.body(body.text.expose())?)?
        }
        // A POST declares that its body is empty; servers answer 411 otherwise.
        None if request.method == Method::POST => route.agent.run(head.body("")?)?,
        None => route.agent.run(head.body(())?)?,
    };
    let (parts, body) = response.into_parts();
    let limit = if parts.status.is_success() { LONGEST_BODY } else { LONGEST_ERROR };
    let body = read(body, limit).and_then(|body| match encoding(&parts.headers) {
        Some(encoding) if !body.is_empty() => {
            Err(BodyFault::of(format!("encoded as {encoding}, which was not asked for")))
        }
        _ => Ok(body),
    });
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}

fn encoding(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_ENCODING)?;
    let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
    (!name.is_empty() && name != "identity").then_some(name)
}

fn hidden(text: &str) -> Result<HeaderValue, ureq::Error> {
    let mut value = HeaderValue::from_str(text).map_err(|e| ureq::Error::Http(e.into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads to the end, but never more than `limit`; an unread rest closes the connection.
fn read(body: ureq::Body, limit: u64) -> Result<Vec<u8>, BodyFault> {
    let announced = body.content_length().unwrap_or(0);
    let too_long = || BodyFault::of(format!("with more than {} KiB", limit / 1024));
    if announced > limit {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    body.into_reader().take(limit + 1).read_to_end(&mut bytes).map_err(body_fault)?;
    if bytes.len() as u64 > limit { Err(too_long()) } else { Ok(bytes) }
}

fn body_fault(error: io::Error) -> BodyFault {
    match ureq::Error::from(error) {
        ureq::Error::Timeout(_) => {
            BodyFault { timed_out: true, ..BodyFault::of("but did not end in time") }
        }
        ureq::Error::Io(_) => {
            BodyFault { is_cut: true, ..BodyFault::of("and closed the connection in the middle") }
        }
        error => BodyFault::of(format!("which is not valid HTTP: {error}")),
    }
}
