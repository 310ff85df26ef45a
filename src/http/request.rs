//! Requests and answers.

use crate::error::Failure;
use crate::json::Json;
use crate::secret::Secret;
use crate::time::Timestamp;

use super::encode::{Field, encode_form};

/// The methods that the API uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Reads.
    Get,
    /// Creates something, or signs in.
    Post,
    /// Deletes something.
    Delete,
}

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

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
pub(crate) enum Body<'a> {
    /// None.
    None,
    /// JSON without secrets.
    Json(String),
    /// JSON in which every string value is a secret, so that no message repeats one.
    SecretJson(Secret),
    /// `application/x-www-form-urlencoded`, by name and value.
    Form(Vec<(&'a str, Field<'a>)>),
}

impl Body<'_> {
    /// The bytes, with their media type.
    pub(super) fn encoded(&self) -> Option<(String, &'static str)> {
        match self {
            Self::None => None,
            Self::Json(text) => Some((text.clone(), "application/json")),
            Self::SecretJson(text) => Some((text.expose().to_owned(), "application/json")),
            Self::Form(fields) => Some((encode_form(fields), "application/x-www-form-urlencoded")),
        }
    }

    pub(super) fn length(&self) -> Option<usize> {
        self.encoded().map(|(text, _)| text.len())
    }

    /// The secrets in it.
    fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::None | Self::Json(_) => Vec::new(),
            Self::SecretJson(text) => serde_json::from_slice(text.expose().as_bytes())
                .map(|value: Json| strings_in(&value))
                .unwrap_or_default(),
            Self::Form(fields) => fields
                .iter()
                .filter_map(|(_, field)| match field {
                    Field::Hidden(secret) => Some((*secret).clone()),
                    Field::Plain(_) => None,
                })
                .collect(),
        }
    }
}

fn strings_in(value: &Json) -> Vec<Secret> {
    match value {
        Json::Text(text) => vec![Secret::new(text)],
        Json::Array(items) => items.iter().flat_map(strings_in).collect(),
        Json::Object(fields) => fields.iter().flat_map(|(_, v)| strings_in(v)).collect(),
        _ => Vec::new(),
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
    pub body: Body<'a>,
    /// When it may be sent again.
    pub repeat: Repeat,
}

impl<'a> Request<'a> {
    /// A GET, repeated if that can help.
    pub(crate) fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            url: url.into(),
            bearer: None,
            body: Body::None,
            repeat: Repeat::Safe,
        }
    }

    /// A POST, repeated only if it was certainly not sent.
    pub(crate) fn post(url: impl Into<String>, body: Body<'a>) -> Self {
        Self { method: Method::Post, body, repeat: Repeat::IfNotCarriedOut, ..Self::get(url) }
    }

    /// The same with a bearer.
    pub(crate) fn bearer(self, bearer: &'a Secret) -> Self {
        Self { bearer: Some(bearer), ..self }
    }

    /// Every secret in this request, which the server may echo.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = self.body.secrets();
        secrets.extend(self.bearer.cloned());
        secrets
    }
}

/// A 2xx answer, its body read to the end.
#[derive(Clone, Default)]
pub(crate) struct Response {
    /// The status, 200 to 299.
    pub status: u16,
    /// The body, 1 MiB at most. May hold a token, so `Debug` shows its length only.
    pub body: Vec<u8>,
    /// What the body is, if it is a page of HTML: safe to show.
    pub page: Option<String>,
    /// The server's clock, from its `Date` header.
    pub date: Option<Timestamp>,
    /// Where the next page of a list is (`Link`, `rel="next"`).
    pub next: Option<String>,
    /// How long the whole list is (`X-Total-Count`).
    pub total: Option<u64>,
}

impl Response {
    /// The JSON object that it is, for `unusable` what it is instead.
    ///
    /// # Errors
    /// What `unusable` makes of it.
    pub(crate) fn object(&self, unusable: impl Fn(u16, &str) -> Failure) -> Result<Json, Failure> {
        if let Ok(object @ Json::Object(_)) = serde_json::from_slice(&self.body) {
            return Ok(object);
        }
        let what = self.page.as_deref().unwrap_or("no JSON object");
        Err(unusable(self.status, &format!("it is {what}")))
    }
}

/// A success whose body cannot be understood: what it did is unknown.
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
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .field("page", &self.page)
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}
