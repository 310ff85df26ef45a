//! What commands ask about tokens, beside the calls that a rotation makes.

use std::time::Duration;

use super::answer::{listed, revoked_at};
use super::{Answer, Api, token_path, tokens_path};
use crate::error::Failure;
use crate::http::{Body, Method, Repeat};
use crate::time::Timestamp;
use crate::token::TokenExpiry;

/// A token as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteToken {
    /// Its id.
    pub jti: String,
    /// When it was made, by the server's clock.
    pub created_at: Option<Timestamp>,
    /// When it ends.
    pub expiry: TokenExpiry,
    /// Whether the list says that it is revoked.
    pub revoked: bool,
}

impl Api<'_> {
    /// The tokens of a workspace, those that the list says are revoked too.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn tokens(&self, workspace: &str) -> Answer<Vec<RemoteToken>> {
        listed(&self.get(&tokens_path(workspace)?)?)
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
