//! The calls about workspaces and about the server itself.

use super::pages::Entry;
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

impl Entry for RemoteWorkspace {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Api<'_> {
    /// All workspaces of the account.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure); also if the server lists only some of them.
    pub(crate) fn workspaces(&self) -> Answer<Vec<RemoteWorkspace>> {
        match self.pages("/v1/workspaces", answer::workspaces)? {
            (workspaces, true) => Ok(workspaces),
            (_, false) => Err(answer::unusable(200, "it is not the whole list")),
        }
    }

    /// Asks the server for its health.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure).
    pub(crate) fn health(&self) -> Answer<Health> {
        answer::health(&self.get("/health")?)
    }
}
