//! One request out, one answer in: the only calls of ureq that touch the network.

use ureq::Agent;
use ureq::http::{HeaderMap, HeaderValue, Method, Request as UreqRequest, header};

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
    /// The body, or why it is incomplete.
    pub(in crate::http) body: Result<Vec<u8>, ureq::Error>,
}

impl Answer {
    /// A header's value, if it is text.
    pub(in crate::http) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends the request once. An unread rest of the answer closes the connection.
pub(in crate::http) fn run(
    agent: &Agent,
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
            agent.run(head.body(body.text.expose())?)?
        }
        // A POST declares that its body is empty; servers answer 411 otherwise.
        None if request.method == Method::POST => agent.run(head.body("")?)?,
        None => agent.run(head.body(())?)?,
    };
    let (parts, body) = response.into_parts();
    let limit = if parts.status.is_success() { LONGEST_BODY } else { LONGEST_ERROR };
    let body = body.into_with_config().limit(limit).read_to_vec();
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}

fn hidden(text: &str) -> Result<HeaderValue, ureq::Error> {
    let mut value = HeaderValue::from_str(text).map_err(|e| ureq::Error::Http(e.into()))?;
    value.set_sensitive(true);
    Ok(value)
}
