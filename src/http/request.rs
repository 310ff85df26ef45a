//! Requests and answers.

use crate::error::Failure;
use crate::json::Json;
use crate::secret::Secret;
use crate::time::Timestamp;

use super::Method;
use super::encode::encode_form;
use super::message::{PAGE, is_html};

/// When a request that failed may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Doing it twice does no harm (GET, DELETE): after connection errors, cut answers, 429, 502,
    /// 503 and 504. Never after a time-out.
    Safe,
    /// A repeat would create a second one (create): only if it was certainly not sent. The caller
    /// finds out the outcome before asking again.
    IfNotCarriedOut,
    /// Sent once (a single-use code or refresh token).
    Never,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(super) text: Secret,
    pub(super) media_type: &'static str,
    /// What of it no message may repeat.
    secrets: Vec<Secret>,
}

impl Body {
    /// JSON without secrets.
    pub(crate) fn json(value: &Json) -> Self {
        // Text always has a JSON form.
        let text = Secret::new(serde_json::to_string(value).unwrap_or_default());
        Self { text, media_type: "application/json", secrets: Vec::new() }
    }

    /// `application/x-www-form-urlencoded`, by name and value.
    pub(crate) fn form(fields: &[(&str, &str)]) -> Self {
        let media_type = "application/x-www-form-urlencoded";
        Self { text: Secret::new(encode_form(fields)), media_type, secrets: Vec::new() }
    }

    /// The same, with what of it no message may repeat.
    pub(crate) fn hiding(self, secrets: &[&Secret]) -> Self {
        Self { secrets: secrets.iter().map(|secret| (*secret).clone()).collect(), ..self }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    /// The method.
    pub method: Method,
    /// An absolute `http` or `https` URL, without user or password.
    pub url: String,
    /// What goes into the `Authorization` header.
    pub bearer: Option<&'a Secret>,
    /// The body.
    pub body: Option<Body>,
    /// When it may be sent again.
    pub repeat: Repeat,
}

impl<'a> Request<'a> {
    /// A GET, repeated if that can help.
    pub(crate) fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            url: url.into(),
            bearer: None,
            body: None,
            repeat: Repeat::Safe,
        }
    }

    /// A POST, repeated only if it was certainly not sent.
    pub(crate) fn post(url: impl Into<String>, body: Option<Body>) -> Self {
        Self { method: Method::POST, body, repeat: Repeat::IfNotCarriedOut, ..Self::get(url) }
    }

    /// The same with a bearer.
    pub(crate) fn bearer(self, bearer: &'a Secret) -> Self {
        Self { bearer: Some(bearer), ..self }
    }

    /// Every secret in this request, which the server may echo.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let body = self.body.iter().flat_map(|body| &body.secrets);
        body.chain(self.bearer).cloned().collect()
    }
}

/// A 2xx answer, its body read to the end.
#[derive(Clone, Default)]
pub(crate) struct Response {
    /// The server that gave it.
    pub host: String,
    /// The status, 200 to 299.
    pub status: u16,
    /// The body, 1 MiB at most. May hold a token, so `Debug` does not show it.
    pub body: Vec<u8>,
    /// The server's clock, from its `Date` header.
    pub date: Option<Timestamp>,
    /// Where the next page of a list is (`Link`, `rel="next"`).
    pub next: Option<String>,
    /// How long the whole list is (`X-Total-Count`).
    pub total: Option<u64>,
}

impl Response {
    /// The JSON object that it is.
    ///
    /// # Errors
    /// As [`Response::unusable`].
    pub(crate) fn object(&self) -> Result<Json, Failure> {
        if let Ok(object @ Json::Object(_)) = serde_json::from_slice(&self.body) {
            return Ok(object);
        }
        let what = if is_html(&self.body, "") { PAGE } else { "no JSON object" };
        Err(self.unusable(&format!("it is {what}")))
    }

    /// A success whose body cannot be understood: what it did is unknown.
    pub(crate) fn unusable(&self, why: &str) -> Failure {
        unusable(&self.host, self.status, why)
    }
}

/// As [`Response::unusable`].
pub(crate) fn unusable(server: &str, status: u16, why: &str) -> Failure {
    Failure::Unknown {
        reason: format!("{server} answered {status} with something that cannot be used: {why}"),
        status: Some(status),
        in_flight: false,
        retry_after: None,
    }
}

/// Without the body, which may hold a token.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
