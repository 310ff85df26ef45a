//! `ntcli workspace …`

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod select;
pub(super) mod sync;

use crate::api::RemoteWorkspace;
use crate::commands::app;
use crate::commands::server::Server;
use crate::config::{Config, bare_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::Json;
use crate::rotation::journal::WorkspaceRef;
use crate::text::printable;

/// A workspace that the server has, that is known here, or both.
struct Found {
    /// Its key in the config file, or what that would be.
    key: String,
    /// Its UUID.
    id: String,
    /// Its name, as the server has it where it has one.
    name: String,
    /// What the server says of it; `None`: it does not have it.
    remote: Option<RemoteWorkspace>,
    /// Whether it is in the config file.
    here: bool,
    /// Whether a token of it is.
    token: bool,
    /// Whether it is the active one.
    active: bool,
}

impl Found {
    fn place(&self) -> WorkspaceRef {
        WorkspaceRef {
            key: self.key.clone(),
            id: self.id.clone(),
            name: self.name.clone(),
        }
    }
}

/// The server's workspaces in its order, then those that are known only here.
fn all(config: &Config, remotes: Vec<RemoteWorkspace>) -> Vec<Found> {
    let active = config.active_key();
    let mut only_here = config.workspaces();
    let mut found = Vec::with_capacity(remotes.len());
    for remote in remotes {
        let local = config.workspace_by_id(&remote.id);
        only_here.retain(|w| !w.id.eq_ignore_ascii_case(bare_id(&remote.id)));
        let key = local.as_ref().map_or(&remote.id, |w| &w.key).clone();
        found.push(Found {
            id: bare_id(&remote.id).to_owned(),
            name: remote.name.clone(),
            active: active == Some(&key),
            here: local.is_some(),
            token: local.is_some_and(|w| w.token.is_some()),
            remote: Some(remote),
            key,
        });
    }
    found.extend(only_here.into_iter().map(|local| Found {
        active: active == Some(&local.key),
        here: true,
        token: local.token.is_some(),
        remote: None,
        key: local.key,
        id: local.id,
        name: local.name,
    }));
    found
}

fn fetch(server: &Server) -> Result<Vec<RemoteWorkspace>> {
    let fetched = server.api().workspaces();
    fetched.map_err(|failure| Error::call("list the workspaces", failure))
}

/// The workspace that is named so: one that is known here, else one that the server has. Only for
/// the latter is the server asked.
fn resolve(ctx: &Context, config: &Config, name: &str) -> Result<WorkspaceRef> {
    match config.find(name) {
        Err(Error::UnknownWorkspace { .. }) => {}
        known => {
            return Ok(app::place(&known?));
        }
    }
    let server = Server::for_anybody(ctx, config)?;
    pick(&all(config, fetch(&server)?), name)
}

/// The one that is named so; an id wins over a name.
fn pick(found: &[Found], name: &str) -> Result<WorkspaceRef> {
    let id = bare_id(name);
    let by_id = |w: &&Found| w.key == name || w.id.eq_ignore_ascii_case(id);
    let mut fits: Vec<&Found> = found.iter().filter(by_id).collect();
    if fits.is_empty() {
        fits = found.iter().filter(|w| w.name == name).collect();
    }
    match fits.as_slice() {
        [] => Err(Error::UnknownWorkspace {
            name: name.to_owned(),
        }),
        [one] => Ok(one.place()),
        several => Err(Error::AmbiguousWorkspace {
            name: name.to_owned(),
            ids: several.iter().map(|w| w.id.clone()).collect(),
        }),
    }
}

/// `'NAME' (ID)` for people.
fn called(place: &WorkspaceRef) -> String {
    format!("'{}' ({})", printable(&place.name), printable(&place.id))
}

/// The workspace for JSON, with the name that a script asks for first.
fn json(place: &WorkspaceRef) -> Json {
    Json::of([
        ("name", place.name.as_str().into()),
        ("id", place.id.as_str().into()),
    ])
}
