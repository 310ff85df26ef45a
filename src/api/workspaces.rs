//! The calls that are about workspaces, and the one about the server itself.

use super::{Answer, Api, array, issued, parse, unusable, workspace_path};
use crate::http::{Body, Method, Repeat};
use crate::json::Json;
use crate::time::Expiry;
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
        let response = self.get("/v1/workspaces")?;
        let page = parse(&response)?;
        array(&page, "workspaces", &response)?
            .iter()
            .map(|w| remote_workspace(w, response.status))
            .collect()
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
        let fields = parse(&response)?;
        let now = response.date.unwrap_or_else(|| self.clock.now());
        Ok(CreatedWorkspace {
            workspace: remote_workspace(&fields, response.status)?,
            // Most deployments send none, which is no fault.
            token: issued(&response, Expiry::Never, now).ok(),
        })
    }

    /// Deletes a workspace with all that is in it. An answer that is no word of this API counts
    /// as unknown: it may come from something in between.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure); 404 and 410 when it is not there.
    pub fn delete_workspace(&self, id: &str) -> Answer<()> {
        let path = workspace_path(id)?;
        let response = self.send(Method::Delete, &path, Body::None, Repeat::Safe)?;
        if response.status == 204 {
            return Ok(());
        }
        let fields = parse(&response)?;
        let known = ["message", "workspace_id", "namespace", "status"];
        if known.iter().any(|name| !fields[*name].is_null()) {
            Ok(())
        } else {
            Err(unusable(
                response.status,
                "it says nothing of the workspace",
            ))
        }
    }

    /// Asks the server how it is.
    ///
    /// # Errors
    /// [`Failure`](crate::error::Failure).
    pub fn health(&self) -> Answer<Health> {
        let response = self.get("/health")?;
        let fields = parse(&response)?;
        let text = |name: &str| fields[name].as_str().map(str::to_owned);
        Ok(Health {
            status: text("status")
                .ok_or_else(|| unusable(response.status, "it holds no status"))?,
            version: text("version"),
            service: text("service"),
            timestamp: text("timestamp"),
        })
    }
}

fn remote_workspace(fields: &Json, status: u16) -> Answer<RemoteWorkspace> {
    let text = |name: &str| {
        let text = fields[name].as_str().filter(|t| !t.is_empty());
        text.map(str::to_owned)
    };
    let (Some(id), Some(name)) = (text("workspace_id"), text("workspace_name")) else {
        return Err(unusable(status, "a workspace in it has no id or no name"));
    };
    Ok(RemoteWorkspace {
        id,
        name,
        created_at: text("created_at").or_else(|| text("created")),
        status: text("status"),
    })
}
