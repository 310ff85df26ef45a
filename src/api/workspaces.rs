//! The calls about workspaces and about the server itself.

use super::{Answer, Api, answer};
use crate::time::Timestamp;

/// A workspace as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteWorkspace {
    /// Its UUID, or `ws-NAME-UUID` in some deployments.
    pub id: String,
    pub name: String,
    pub created_at: Option<Timestamp>,
    /// `active`, …
    pub status: Option<String>,
}

/// The server's health report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    /// `healthy`, …
    pub status: String,
    pub version: Option<String>,
    pub service: Option<String>,
    /// Its clock.
    pub timestamp: Option<Timestamp>,
}

impl Api<'_> {
    /// All workspaces of the account.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure).
    pub(crate) fn workspaces(&self) -> Answer<Vec<RemoteWorkspace>> {
        answer::workspaces(&self.get("/v1/workspaces")?)
    }

    /// Asks the server for its health.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure).
    pub(crate) fn health(&self) -> Answer<Health> {
        answer::health(&self.get("/health")?)
    }
}
