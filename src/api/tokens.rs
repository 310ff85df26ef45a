//! What commands ask about tokens, beside the calls that a rotation makes.

use std::time::Duration;

use super::{Answer, Api, array, parse, time, token_path, tokens_path, unusable};
use crate::error::Failure;
use crate::http::{Body, Method, Repeat, Response};
use crate::json::Json;
use crate::time::Timestamp;
use crate::token::TokenExpiry;

/// A live token as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteToken {
    /// Its id.
    pub jti: String,
    /// When it was made, by the server's clock.
    pub created_at: Option<Timestamp>,
    /// When it ends.
    pub expiry: TokenExpiry,
}

impl Api<'_> {
    /// The live tokens of a workspace.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn tokens(&self, workspace: &str) -> Answer<Vec<RemoteToken>> {
        let response = self.get(&tokens_path(workspace)?)?;
        let page = parse(&response)?;
        let mut tokens = Vec::new();
        for fields in array(&page, "tokens", &response)? {
            let jti = fields["jti"].as_str().filter(|j| !j.is_empty());
            let expiry = match (fields.get("expires_at"), time(&fields["expires_at"])) {
                (_, Some(at)) => TokenExpiry::At(at),
                (Some(Json::Null), _) => TokenExpiry::Never,
                _ => TokenExpiry::Unknown,
            };
            tokens.push(RemoteToken {
                jti: jti
                    .ok_or_else(|| unusable(response.status, "a token in it has no id"))?
                    .to_owned(),
                created_at: time(&fields["created_at"]),
                expiry,
            });
        }
        Ok(tokens)
    }

    /// Revokes a token, and tells it from one that is not there.
    ///
    /// # Errors
    /// [`Failure`]; 404 and 410 when the server did not have it. An answer that was lost on the
    /// way is asked for again, and a 404 then says that it was done.
    pub fn revoke_present(&self, workspace: &str, jti: &str) -> Answer<Option<Timestamp>> {
        let path = token_path(workspace, jti)?;
        let mut lost = None;
        for pause_ms in [0, 300, 1000] {
            if pause_ms > 0 {
                self.clock.sleep(Duration::from_millis(pause_ms));
            }
            let repeat = Repeat::IfNotCarriedOut;
            let failure = match self.send(Method::Delete, &path, Body::None, repeat) {
                Ok(response) => match revoked_at(&response) {
                    Ok(at) => return Ok(at),
                    Err(failure) => failure,
                },
                Err(Failure::Rejected {
                    status: 404 | 410, ..
                }) if lost.is_some() => return Ok(None),
                Err(failure) => failure,
            };
            if !matches!(
                failure,
                Failure::Unknown {
                    in_flight: false,
                    ..
                }
            ) {
                return Err(lost.unwrap_or(failure));
            }
            lost = Some(failure);
        }
        lost.map_or(Ok(None), Err)
    }
}

/// What a revocation says of itself.
pub(super) fn revoked_at(response: &Response) -> Answer<Option<Timestamp>> {
    if response.status == 204 {
        return Ok(None);
    }
    let fields = parse(response)?;
    let known = ["message", "status", "revoked_at", "token_jti", "jti"];
    if known.iter().any(|name| !fields[*name].is_null()) {
        Ok(time(&fields["revoked_at"]))
    } else {
        Err(unusable(response.status, "it says nothing of the token"))
    }
}
