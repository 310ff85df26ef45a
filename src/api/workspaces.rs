//! The calls that are about workspaces, and the one about the server itself.

use super::{Answer, Api, answer, workspace_path};
use crate::http::{Body, Method, Repeat};
use crate::json::Json;
use crate::token::Token;

/// A workspace as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteWorkspace {
    /// Its UUID, or `ws-NAME-UUID` in some deployments.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made, as the server wrote it.
    pub created_at: Option<String>,
    /// `active`, …
    pub status: Option<String>,
}

/// A workspace that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedWorkspace {
    /// The workspace.
    pub workspace: RemoteWorkspace,
    /// Its first token, which some deployments send along.
    pub token: Option<Token>,
}

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// `healthy`, …
    pub status: String,
    /// Its version.
    pub version: Option<String>,
    /// Its name.
    pub service: Option<String>,
    /// Its clock, as it wrote it.
    pub timestamp: Option<String>,
}

impl Api<'_> {
    /// All workspaces of the account.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure).
    pub fn workspaces(&self) -> Answer<Vec<RemoteWorkspace>> {
        answer::workspaces(&self.get("/v1/workspaces")?)
    }

    /// Makes a workspace.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure) tells whether it may have been made.
    pub fn create_workspace(
        &self,
        name: &str,
        description: Option<&str>,
    ) -> Answer<CreatedWorkspace> {
        let mut fields = Json::of([("name", name.into())]);
        if let Some(text) = description {
            fields.set("description", text.into());
        }
        let response = self.send(
            Method::Post,
            "/v1/workspaces",
            Body::Json(serde_json::to_string(&fields).unwrap_or_default()),
            Repeat::IfNotCarriedOut,
        )?;
        answer::created(&response, response.date.unwrap_or_else(|| self.clock.now()))
    }

    /// Deletes a workspace with all that is in it. An answer that is no word of this API counts
    /// as unknown: it may come from something in between.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure); 404 and 410 when it is not there.
    pub fn delete_workspace(&self, id: &str) -> Answer<()> {
        let path = workspace_path(id)?;
        answer::deleted(&self.send(Method::Delete, &path, Body::None, Repeat::Safe)?)
    }

    /// Asks the server how it is.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure).
    pub fn health(&self) -> Answer<Health> {
        answer::health(&self.get("/health")?)
    }
}
