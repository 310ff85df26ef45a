//! `ntcli workspace …`

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod select;
pub(super) mod sync;

use crate::api::{Api, RemoteWorkspace};
use crate::commands::app::{self, App, As, json_workspace as json};
use crate::config::{Config, Workspace, WorkspaceName, bare_id, pick};
use crate::context::Console;
use crate::error::{Error, Result};
use crate::rotation::WorkspaceRef;
use crate::text::{printable, shell_word};

/// A workspace that the server has, that is known here, or both.
struct Found {
    /// Its key in the config file, or what that would be; its name from the server if it is there.
    place: WorkspaceRef,
    /// What the server says of it; `None` if it does not have it.
    remote: Option<RemoteWorkspace>,
    /// What the config file says of it; `None` if it does not have it.
    local: Option<Workspace>,
}

/// The server's workspaces in its order, then those that are known only here.
fn all(config: &Config, remotes: Vec<RemoteWorkspace>) -> Vec<Found> {
    let mut only_here = config.workspaces();
    let mut found = Vec::with_capacity(remotes.len());
    for remote in remotes {
        let local = config.workspace_by_id(&remote.id);
        let (id, name) = (bare_id(&remote.id).to_owned(), remote.name.clone());
        only_here.retain(|w| !w.id.eq_ignore_ascii_case(&id));
        let key = local.as_ref().map_or(&remote.id, |w| &w.key).clone();
        let place = WorkspaceRef { key, id, name, server: String::new() };
        found.push(Found { place, remote: Some(remote), local });
    }
    let known = |w| Found { place: app::workspace_ref(&w, ""), remote: None, local: Some(w) };
    found.extend(only_here.into_iter().map(known));
    found
}

const LIST: &str = "list the workspaces";

/// All that the server has.
///
/// # Errors
/// As [`Error::call`].
pub(super) fn fetch(api: &Api) -> Result<Vec<RemoteWorkspace>> {
    let fetched = api.workspaces();
    fetched.map_err(|failure| match failure.status() {
        // The list itself is missing, so it cannot be the next step.
        Some(404 | 410) => Error::could_not(LIST, &failure, "ntcli domain show"),
        _ => Error::call(LIST, failure),
    })
}

/// The workspace with this name or id: one that is known here, else one on the server. The server
/// is asked only for the latter.
fn resolve(app: &App, config: &Config, name: &str) -> Result<WorkspaceRef> {
    match config.find(name) {
        Err(error) if error.unknown_name().is_some() => {}
        known => return Ok(app::workspace_ref(&known?, &app.server(config)?)),
    }
    let api = app.api(config, As::Anybody)?;
    named(&all(config, fetch(&api)?), name)
}

/// The workspace with this name or id.
fn named(found: &[Found], name: &str) -> Result<WorkspaceRef> {
    let places = || found.iter().map(|w| &w.place);
    let names = places().map(|w| WorkspaceName { key: &w.key, id: &w.id, name: &w.name });
    let key = pick(names, name).map_err(Error::nor_on_server)?.key;
    let workspace = places().find(|w| w.key == key).cloned();
    workspace.ok_or_else(|| Error::unknown_workspace(name, None).nor_on_server())
}

/// Reports workspaces of which the config file holds two tokens.
pub(super) fn warn_of_two_tokens(console: &Console, config: &Config) {
    for (text, fix) in two_tokens(config) {
        console.warn(&format!("{text}. If nothing needs that one: {fix}"));
    }
}

/// Each token that commands do not use unless its entry is named, and the command that ends it: never
/// one that revokes the token in use.
pub(super) fn two_tokens(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for same in config.by_workspace() {
        for other in &same[1..] {
            let [name, used, key] =
                [&same[0].name, &same[0].key, &other.key].map(|word| printable(word));
            let jti = |workspace: &Workspace| workspace.token.as_ref()?.jti.clone();
            let fix = match jti(other).filter(|unused| jti(&same[0]).as_ref() != Some(unused)) {
                Some(jti) => {
                    let (jti, key) = (shell_word(&printable(&jti)), shell_word(&key));
                    format!("ntcli token revoke {jti} -w {key}")
                }
                None => "ntcli workspace sync".to_owned(),
            };
            let text = format!(
                "The config file holds two tokens of '{name}': commands use that of entry {used}, not that of {key}"
            );
            found.push((text, fix));
        }
    }
    found
}

/// `'NAME' (ID)` for people.
fn called(workspace: &WorkspaceRef) -> String {
    format!("'{}' ({})", printable(&workspace.name), printable(&workspace.id))
}
