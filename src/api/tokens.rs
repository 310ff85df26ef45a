//! The token requests of commands, in addition to those of a rotation.

use super::answer::listed;
use super::{Answer, Api, tokens_path};
use crate::time::Timestamp;
use crate::token::TokenExpiry;

/// A token as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteToken {
    pub jti: String,
    /// When it was created, by the server's clock.
    pub created_at: Option<Timestamp>,
    pub expiry: TokenExpiry,
    /// Whether the list marks it as revoked.
    pub revoked: bool,
}

impl Api<'_> {
    /// The tokens of a workspace, including those that the list marks as revoked.
    pub(crate) fn tokens(&self, workspace: &str) -> Answer<Vec<RemoteToken>> {
        listed(&self.get(&tokens_path(workspace)?)?)
    }
}
