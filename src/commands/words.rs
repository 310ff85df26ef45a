//! How commands refer to workspaces and their tokens, in words and in JSON.

use crate::config::{Config, Workspace};
use crate::json::Json;
use crate::rotation::WorkspaceRef;

/// What names the workspace in a command: its name, or its id where another one has that name too.
pub(super) fn word_for(config: &Config, workspace: &Workspace) -> String {
    let is_named = config.find(&workspace.name).is_ok_and(|found| found.id == workspace.id);
    if is_named { workspace.name.clone() } else { workspace.id.clone() }
}

/// The same among the workspaces of a run.
pub(super) fn word_among<'a>(
    all: impl Iterator<Item = &'a WorkspaceRef>,
    workspace: &'a WorkspaceRef,
) -> &'a str {
    let names = all.filter(|other| other.name == workspace.name).count();
    if names > 1 { &workspace.id } else { &workspace.name }
}

/// The workspace as a rotation at that server refers to it.
pub(super) fn workspace_ref(workspace: &Workspace, server: &str) -> WorkspaceRef {
    WorkspaceRef {
        key: workspace.key.clone(),
        id: workspace.id.clone(),
        name: workspace.name.clone(),
        server: server.to_owned(),
    }
}

/// A workspace for JSON.
pub(super) fn json_workspace(workspace: &WorkspaceRef) -> Json {
    Json::of([("name", workspace.name.as_str().into()), ("id", workspace.id.as_str().into())])
}

/// Tokens and their workspaces, for JSON.
pub(super) fn json_tokens(tokens: &[(WorkspaceRef, String)]) -> Json {
    let each = tokens.iter().map(|(workspace, jti)| {
        Json::of([("jti", jti.as_str().into()), ("workspace", json_workspace(workspace))])
    });
    Json::Array(each.collect())
}

/// What a run does or would do, for JSON: about which token or target, and why.
pub(super) fn json_action(what: &str, (field, of): (&str, Option<String>), why: &str) -> Json {
    Json::of([("action", what.into()), (field, of.into()), ("why", why.into())])
}
