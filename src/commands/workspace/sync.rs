//! `ntcli workspace sync`

use super::{Found, all, called, fetch, json, warn_of_two_tokens};
use crate::api::Api;
use crate::commands::prelude::*;
use crate::config::Workspace;
use crate::config_dir::ConfigDir;
use crate::rotation::{self, Acceptance, Answer, Store, WorkspaceRef};
use crate::text::counted;
use crate::token::Token;

/// What became of a workspace: in a line, and for programs.
struct Change {
    kind: &'static str,
    line: String,
    json: Json,
}

impl Change {
    fn new(kind: &'static str, workspace: &WorkspaceRef, said: &str) -> Self {
        let heading = format!("{}{}:", kind[..1].to_uppercase(), &kind[1..]);
        let line = format!("{heading:8} {}{said}\n", called(workspace));
        Self { kind, line, json: json(workspace) }
    }

    fn with(mut self, field: &str, value: impl Into<Json>) -> Self {
        self.json.set(field, value.into());
        self
    }
}

/// Adopts the server's list of workspaces.
pub(crate) fn run(app: &App) -> Result<Report> {
    let api = app.api(&app.config()?, As::Anybody)?;
    let mut dir = app.lock()?;
    let remotes = fetch(&api)?;
    let total = remotes.len();
    let mut changes = join(app, &mut dir, &api)?;
    let config = dir.config()?;
    let found = all(&config, remotes).into_iter();
    let (there, gone): (Vec<Found>, Vec<Found>) = found.partition(|found| found.remote.is_some());
    changes.extend(adopt(&mut dir, there)?);
    for found in gone {
        changes.push(remove(app, &mut dir, &api, found)?);
    }
    let after = dir.config()?;
    let is_gone = config.active_key().is_some() && after.active_key().is_none();
    let next = "The active workspace is gone; choose another: ntcli workspace select".to_owned();
    warn_of_two_tokens(app.console(), &after);
    Ok(report(changes, total).with_next_step(is_gone.then_some(next)))
}

/// Merges several entries of one workspace, unless a token that may work would be lost.
fn join(app: &App, dir: &mut ConfigDir, api: &Api) -> Result<Vec<Change>> {
    let config = dir.config()?;
    let mut joined = Vec::new();
    for mut kept in config.by_workspace() {
        let mut keys: Vec<String> =
            config.entries_of(&kept[0].id).into_iter().map(|entry| entry.key).collect();
        if kept.len() > 1 {
            keep_living(&mut kept, app, api);
        }
        keys.retain(|key| kept.iter().all(|entry| entry.key != *key));
        if !keys.is_empty() {
            joined.push((app::workspace_ref(&kept[0], ""), keys));
        }
    }
    if !joined.is_empty() {
        dir.update(|config| {
            for (workspace, keys) in &joined {
                for key in keys {
                    config.join(&workspace.key, key);
                }
            }
        })?;
    }
    let change = |(workspace, keys): (WorkspaceRef, Vec<String>)| {
        Change::new("joined", &workspace, ": it has one entry now").with("entries", keys)
    };
    Ok(joined.into_iter().map(change).collect())
}

/// Drops those of a workspace's tokens that are certainly dead. A server that accepts none of them
/// may reject every token.
fn keep_living(entries: &mut Vec<Workspace>, app: &App, api: &Api) {
    let ask = |entry: &Workspace| match &entry.token {
        Some(token) => standing(token, app, api),
        None => Ok(Acceptance::Denied),
    };
    let all: Vec<_> = entries.iter().map(ask).collect();
    if all.iter().any(|one| matches!(one, Ok(Acceptance::Accepted))) {
        let mut all = all.into_iter();
        entries.retain(|_| !matches!(all.next(), Some(Ok(Acceptance::Denied))));
    }
}

/// Takes what is new here, and new names.
fn adopt(dir: &mut ConfigDir, mut there: Vec<Found>) -> Result<Vec<Change>> {
    there.retain(|found| found.local.as_ref().is_none_or(|local| local.name != found.place.name));
    if there.is_empty() {
        return Ok(Vec::new());
    }
    dir.update(|config| {
        for Found { place, .. } in &there {
            config.put_workspace(&place.key, &place.name);
        }
    })?;
    let change = |Found { place, local, .. }: Found| match local {
        None => Change::new("added", &place, ""),
        Some(Workspace { name, .. }) => {
            let said = format!(", before '{}'", printable(&name));
            Change::new("renamed", &place, &said).with("before", name)
        }
    };
    Ok(there.into_iter().map(change).collect())
}

/// A workspace that is missing from the list is removed here too, but never a token that may work:
/// the list may belong to another account or another server.
fn remove(app: &App, dir: &mut ConfigDir, api: &Api, gone: Found) -> Result<Change> {
    let (workspace, token) = (&gone.place, gone.local.and_then(|w| w.token));
    let why = match &token {
        Some(token) => why_kept(token, app, api),
        None => dir.pending()?.concerns(workspace).then(|| "work is pending for it".to_owned()),
    };
    if let Some(why) = why {
        app.console().warn(&format!(
            "Workspace {} is not in the server's list, but {}. It is kept; to forget it: \
             ntcli workspace delete {}",
            called(workspace),
            printable(&why),
            printable(&workspace.id)
        ));
        return Ok(Change::new("kept", workspace, ", not on the server").with("reason", why));
    }
    let targets = dir.targets()?.to_deliver(&workspace.id).len();
    rotation::forget_workspaces(dir, |other| other.is(workspace))?;
    dir.remove_workspace(workspace)?;
    let dead = token.as_ref().map(|t| format!("its dead token {}", printable(t.jti_for_people())));
    let with = dead.into_iter().chain((targets > 0).then(|| counted(targets, "target")));
    let with = with.collect::<Vec<_>>().join(" and ");
    let said = if with.is_empty() { with } else { format!(", with {with}") };
    Ok(Change::new("removed", workspace, &said)
        .with("had_token", token.is_some())
        .with("targets", targets)
        .with("jti", token.and_then(|token| token.jti)))
}

/// What the server says of a token, if that is not known without it.
fn standing(token: &Token, app: &App, api: &Api) -> Answer<Acceptance> {
    let is_dead = token.has_ended(app.now()) || !token.access_token.is_header_safe();
    if is_dead { Ok(Acceptance::Denied) } else { app.check_token(api, token) }
}

/// Why a token must be kept; `None` if it is certainly dead.
fn why_kept(token: &Token, app: &App, api: &Api) -> Option<String> {
    let why = match standing(token, app, api) {
        Ok(Acceptance::Denied) => return None,
        Ok(Acceptance::Accepted) => "the server still accepts its token",
        Ok(Acceptance::Unclear) => "the server does not say whether its token works",
        Err(failure) => {
            return Some(format!("it is unknown whether its token still works: {failure}"));
        }
    };
    Some(why.to_owned())
}

fn report(changes: Vec<Change>, total: usize) -> Report {
    let is_new = changes.iter().any(|change| change.kind != "kept");
    let mut json = Json::of(
        ["joined", "added", "renamed", "removed", "kept"].map(|kind| (kind, of(&changes, kind))),
    );
    json.set("total", total.into());
    let mut text: String = changes.into_iter().map(|change| change.line).collect();
    text += &format!("The server has {}.\n", counted(total, "workspace"));
    Report::new(text, json).that_changed(is_new)
}

fn of(changes: &[Change], kind: &str) -> Json {
    let these = changes.iter().filter(|change| change.kind == kind);
    Json::Array(these.map(|change| change.json.clone()).collect())
}
