//! The outcome of a request that did not succeed.

use std::fmt;
use std::time::Duration;

use super::exit;

/// The kind of an error answer: decided once, where its body is parsed. No decision depends on the
/// text of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// JSON in a shape of the API.
    Api {
        /// Its code, if it gave one: `error.code`, or OAuth's `error`. A `detail` that says that a
        /// workspace is missing has the same code as an `error` that does.
        code: Option<String>,
    },
    /// Exactly `{"detail":"Not Found"}` or `{"detail":"Method Not Allowed"}`: the server has no
    /// such route.
    NoRoute,
    /// A 401 to a session that the environment holds or leads to. Only the user can replace it.
    GivenSession {
        /// What to do, as a hint.
        fix: String,
    },
    /// HTML, text, nothing, or JSON of no known shape: not an answer of this API.
    Foreign,
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The network, or the server: exit 5.
    Network,
    /// A setting on this machine: exit 2.
    Setting,
    /// The certificate of the server, or of a proxy, or its version of TLS, which will be refused the
    /// next time too: exit 1.
    Trust,
}

/// The outcome of a request that did not succeed. The three variants tell "try again" from "find
/// out first".
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Not one byte of the request left this machine, or the end of the TLS handshake proves that the
    /// server has read none: it has done nothing.
    NotSent {
        /// What went wrong, for people: names the host or the file.
        reason: String,
        cause: Cause,
    },
    /// The server answered and has certainly not done it: 3xx, 4xx except 408, 425 and 429, and except what
    /// a gateway may have put in place of another answer. Those, 501 and 503 too if a repeat is harmless.
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The origin of the answer, and its code.
        kind: ErrorKind,
        /// The server's message: printable, redacted, shortened.
        message: String,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The request was sent; whether it was carried out is unknown.
    Unknown {
        /// What went wrong, for people.
        reason: String,
        /// The HTTP status, when one arrived.
        status: Option<u16>,
        /// Whether the server may still be working on it: the time ran out before an answer.
        in_flight: bool,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
}

/// The API's code for a workspace that it does not have, or does not show to this session.
pub(crate) const WORKSPACE_NOT_FOUND: &str = "WORKSPACE_NOT_FOUND";

impl Failure {
    /// Whether the API itself says that it has no such workspace. The session of another account
    /// gets the same answer for a workspace that exists.
    pub(crate) fn is_workspace_missing(&self) -> bool {
        matches!(self, Self::Rejected { status: 404 | 410, kind: ErrorKind::Api { code: Some(code) }, .. }
            if code == WORKSPACE_NOT_FOUND)
    }

    /// A token is another server's: this one can do nothing about it, nor tell of it.
    pub(crate) fn of_another_server(server: &str) -> Self {
        let reason = format!("not this server, but {server} made it");
        Self::NotSent { reason, cause: Cause::Setting }
    }

    /// The failure with its text changed.
    pub(crate) fn map_text(mut self, change: impl FnOnce(&str) -> String) -> Self {
        let (Self::NotSent { reason: text, .. }
        | Self::Rejected { message: text, .. }
        | Self::Unknown { reason: text, .. }) = &mut self;
        *text = change(text);
        self
    }

    /// When the server wants to be asked again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotSent { .. } => None,
            Self::Rejected { retry_after, .. } | Self::Unknown { retry_after, .. } => *retry_after,
        }
    }

    /// The HTTP status, when the server gave one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::NotSent { .. } => None,
            Self::Rejected { status, .. } => Some(*status),
            Self::Unknown { status, .. } => *status,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent { reason, .. } | Self::Unknown { reason, .. } => f.write_str(reason)?,
            Self::Rejected { status, message, .. } => {
                write!(f, "the server answered {status}")?;
                if !message.is_empty() {
                    write!(f, ": {message}")?;
                }
            }
        }
        match self.retry_after() {
            Some(wait) => write!(f, " (it asks to wait {} s)", wait.as_secs()),
            None => Ok(()),
        }
    }
}

/// Its code for scripts and its exit code.
pub(super) fn call_codes(failure: &Failure) -> (&'static str, u8) {
    match failure {
        Failure::NotSent { cause: Cause::Network, .. } => ("unreachable", exit::UNAVAILABLE),
        Failure::NotSent { cause: Cause::Trust, .. } => ("untrusted_server", exit::FAILED),
        Failure::NotSent { cause: Cause::Setting, .. } => ("connection_setting", exit::USAGE),
        Failure::Rejected { status, .. } => match status {
            401 => ("authentication_required", exit::AUTH),
            403 => ("forbidden", exit::AUTH),
            404 => ("not_found", exit::FAILED),
            429 | 501 | 503 => ("unavailable", exit::UNAVAILABLE),
            500..=599 => ("rejected", exit::UNAVAILABLE),
            300..=399 => ("redirected", exit::FAILED),
            _ => ("rejected", exit::FAILED),
        },
        Failure::Unknown { status: Some(200..=299), .. } => ("unusable_answer", exit::FAILED),
        Failure::Unknown { .. } => ("unavailable", exit::UNAVAILABLE),
    }
}
