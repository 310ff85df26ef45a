//! Requests that failed, where nothing else is known to have changed.

use super::failure::call_codes;
use super::{Error, ErrorKind, Failure, Kind, exit};

impl Error {
    /// A failed request, which decides the codes and is the cause.
    pub(super) fn requested(failure: &Failure, message: impl Into<String>) -> Self {
        let (code, exit_code) = call_codes(failure);
        let error = Self::new(code, exit_code, message).after(failure);
        // A setting that cannot be used comes from a variable.
        if exit_code == exit::USAGE { error.hinted("ntcli help environment") } else { error }
    }

    /// The request that failed is the cause.
    pub(super) fn after(mut self, failure: &Failure) -> Self {
        self.0.http_status = failure.status();
        self.caused_by(failure)
    }

    /// A failed request of a command for `action`: `list the workspaces`, …
    pub(crate) fn call(action: &str, failure: Failure) -> Self {
        let message = match failure.status() {
            Some(401) => "Authentication required".to_owned(),
            _ => format!("Could not {action}; nothing has changed"),
        };
        let error = Self::requested(&failure, message);
        let is_foreign = matches!(failure, Failure::Rejected { kind: ErrorKind::Foreign, .. });
        let unavailable = error.exit_code() == exit::UNAVAILABLE;
        let hint = match (failure.status(), &failure) {
            (_, Failure::Rejected { kind: ErrorKind::GivenSession { fix }, .. }) => Some(&**fix),
            (Some(401), _) => Some("ntcli auth login"),
            // Not the API's words: a gateway or a proxy, which no sign-in opens.
            (Some(403), _) if is_foreign => Some("ntcli doctor"),
            (Some(403), _) => Some("ntcli auth login --force"),
            (Some(404), _) => Some("ntcli workspace list"),
            _ if unavailable => Some("ntcli health"),
            (Some(_), _) => Some("ntcli domain show"),
            (None, _) => None,
        };
        let error = hint.into_iter().fold(error, Self::hinted);
        error.kind_of(Kind::Call(failure))
    }

    /// A failed request about tokens. A 404 that names nothing is a server without token routes,
    /// unlike one for a workspace that is not there.
    pub(crate) fn token_call(action: &str, failure: Failure) -> Self {
        if !matches!(failure, Failure::Rejected { status: 404, kind: ErrorKind::NoRoute, .. }) {
            return Self::call(action, failure);
        }
        let message = "The server, or a gateway before it, has no /tokens routes; nothing has changed. \
             If it is the open-source core, it issues no tokens and none are needed";
        let mut error = Self::new("no_token_routes", exit::FAILED, message);
        error.0.http_status = Some(404);
        error.kind_of(Kind::NoTokenRoutes).hinted("ntcli domain show")
    }

    /// The outcome is unknown and a repeat is harmless; `then` shows the outcome.
    pub(crate) fn unconfirmed_call(action: &str, failure: &Failure, then: &str) -> Self {
        // A 404 leaves open only its origin: the server did not do it.
        let is_rejected = matches!(failure, Failure::Rejected { .. });
        let exit_code = if is_rejected { exit::FAILED } else { exit::UNKNOWN };
        Self::requested(failure, format!("It is unknown whether the server could {action}"))
            .code_of("unconfirmed")
            .with_exit_code(exit_code)
            .hinted(then)
    }

    /// A failed request for `action`, after which one command helps whatever the failure: the stored state
    /// is as it was.
    pub(crate) fn could_not(action: &str, failure: &Failure, hint: &str) -> Self {
        Self::requested(failure, format!("Could not {action}; nothing has changed")).hinted(hint)
    }

    /// The server answers and says in a word that it is not well.
    pub(crate) fn unhealthy(status: &str) -> Self {
        let status = crate::text::printable(status);
        let message = format!("The server says that it is '{status}'");
        Self::new("unhealthy", exit::UNAVAILABLE, message)
    }
}
