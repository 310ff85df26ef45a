//! Why a request was rejected, and how the answer says so.

use serde_json::{Value, json};

use super::http::Answer;
use super::options::ErrorStyle;

pub(crate) enum Refusal {
    NoSession,
    SessionExpired,
    /// `token_auth` does not take this workspace token.
    TokenRejected,
    NoCliAccess,
    ExchangeFailed,
    NoWorkspace(String),
    NoToken(String),
    WorkspaceExists(String),
    Invalid {
        field: &'static str,
        reason: &'static str,
    },
}

impl Refusal {
    pub(crate) fn answer(&self, style: ErrorStyle) -> Answer {
        let (status, code, message) = self.parts();
        let body = match style {
            ErrorStyle::Detail => json!({"detail": self.detail(message)}),
            ErrorStyle::Coded => {
                json!({"error": {"code": code, "message": message, "details": self.details()}})
            }
        };
        let mut answer = Answer::json(status, &body);
        if status == 401 {
            let header = ("WWW-Authenticate".to_owned(), "Bearer".to_owned());
            answer.headers.push(header);
        }
        answer
    }

    fn parts(&self) -> (u16, &'static str, String) {
        match self {
            Refusal::NoSession => {
                (401, "AUTHENTICATION_REQUIRED", "Authentication required".to_owned())
            }
            Refusal::SessionExpired => (401, "TOKEN_EXPIRED", "Token has expired".to_owned()),
            Refusal::TokenRejected => {
                (401, "AUTHENTICATION_REQUIRED", "Invalid or expired token".to_owned())
            }
            Refusal::NoCliAccess => {
                (403, "INSUFFICIENT_PERMISSIONS", "This account has no CLI access".to_owned())
            }
            Refusal::ExchangeFailed => {
                (401, "TOKEN_EXCHANGE_FAILED", "The OAuth token is not valid".to_owned())
            }
            Refusal::NoWorkspace(id) => {
                (404, "WORKSPACE_NOT_FOUND", format!("Workspace {id} not found"))
            }
            Refusal::NoToken(jti) => (404, "TOKEN_NOT_FOUND", format!("Token {jti} not found")),
            Refusal::WorkspaceExists(name) => {
                (409, "WORKSPACE_EXISTS", format!("Workspace '{name}' already exists"))
            }
            Refusal::Invalid { .. } => (422, "INVALID_REQUEST", "Invalid request".to_owned()),
        }
    }

    fn detail(&self, message: String) -> Value {
        let Refusal::Invalid { field, reason } = self else {
            return message.into();
        };
        json!([{"loc": ["body", field], "msg": reason, "type": "value_error"}])
    }

    fn details(&self) -> Value {
        match self {
            Refusal::Invalid { field, reason } => json!({"field": field, "reason": reason}),
            _ => json!({"error_id": "err_1"}),
        }
    }
}

/// What the framework answers before any call is looked up: it has one style only.
pub(crate) fn unknown_route() -> Answer {
    Answer::json(404, &json!({"detail": "Not Found"}))
}

pub(crate) fn wrong_method() -> Answer {
    Answer::json(405, &json!({"detail": "Method Not Allowed"}))
}
