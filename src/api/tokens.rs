//! What commands ask about tokens, beside the calls that a rotation makes.

use super::answer::listed;
use super::{Answer, Api, tokens_path};
use crate::time::Timestamp;
use crate::token::TokenExpiry;

/// A token as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteToken {
    pub jti: String,
    /// When it was made, by the server's clock.
    pub created_at: Option<Timestamp>,
    pub expiry: TokenExpiry,
    /// Whether the list says that it is revoked.
    pub revoked: bool,
}

impl Api<'_> {
    /// The tokens of a workspace, those that the list says are revoked too.
    pub(crate) fn tokens(&self, workspace: &str) -> Answer<Vec<RemoteToken>> {
        listed(&self.get(&tokens_path(workspace)?)?)
    }
}
