//! The token requests of commands, in addition to those of a rotation.

use super::pages::Entry;
use super::{Answer, Api, answer, tokens_path};
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

impl Entry for RemoteToken {
    fn id(&self) -> &str {
        &self.jti
    }
}

impl Api<'_> {
    /// The tokens of a workspace, including those that the list marks as revoked, and whether that
    /// is the whole list.
    pub(crate) fn tokens(&self, workspace: &str) -> Answer<(Vec<RemoteToken>, bool)> {
        self.pages(&tokens_path(workspace)?, answer::tokens)
    }
}
