//! `ntcli workspace sync`

use super::{Found, all, called, fetch, json, warn_of_two_tokens};
use crate::api::Api;
use crate::commands::prelude::*;
use crate::config::{Config, Workspace};
use crate::config_dir::ConfigDir;
use crate::context::Console;
use crate::rotation::{self, Acceptance, ControlPlane, Pending, Store, WorkspaceRef};
use crate::time::Timestamp;
use crate::token::Token;

/// What differs between the server and the config file.
#[derive(Default)]
struct Changes {
    /// With the keys of the entries that are merged into it.
    joined: Vec<(WorkspaceRef, Vec<String>)>,
    added: Vec<WorkspaceRef>,
    /// With the previous name.
    renamed: Vec<(WorkspaceRef, String)>,
    /// With the token that is removed with it.
    removed: Vec<(WorkspaceRef, Option<Token>)>,
    /// Missing from the list, but their tokens may still work.
    kept: Vec<(WorkspaceRef, String)>,
}

/// Adopts the server's list of workspaces.
pub(crate) fn run(app: &App) -> Result<Report> {
    let api = app.api(&app.config()?, As::Anybody)?;
    let mut dir = app.lock()?;
    let remotes = fetch(&api)?;
    let joined = join(&mut dir, &api, app.now())?;
    let config = dir.config()?;
    let found = all(&config, remotes);
    let total = found.iter().filter(|w| w.remote.is_some()).count();
    let mut changes = compare(&config, found, &api, &dir.pending()?, app.now());
    changes.joined = joined;

    if !changes.added.is_empty() || !changes.renamed.is_empty() {
        dir.update(|config| {
            let renamed = changes.renamed.iter().map(|(workspace, _)| workspace);
            for workspace in changes.added.iter().chain(renamed) {
                config.put_workspace(&workspace.key, &workspace.name);
            }
        })?;
    }
    for (workspace, _) in &changes.removed {
        rotation::forget_workspace(&mut dir, workspace)?;
    }
    let active = dir.config()?.active_key().map(str::to_owned);
    let is_gone = config.active_key().is_some() && active.is_none();
    let next = "The active workspace is gone; choose another: ntcli workspace select".to_owned();
    warn_of_kept(app.console(), &changes);
    warn_of_two_tokens(app.console(), &dir.config()?);
    Ok(report(&changes, total).with_next_step(is_gone.then_some(next)))
}

/// Merges several entries of one workspace, unless a token that may work would be lost.
fn join(
    dir: &mut ConfigDir,
    api: &Api,
    now: Timestamp,
) -> Result<Vec<(WorkspaceRef, Vec<String>)>> {
    let config = dir.config()?;
    let unused = config.unused_tokens();
    let mut joined = Vec::new();
    for used in config.workspaces() {
        let entries = config.entries_of(&used.id);
        if entries.len() < 2 {
            continue;
        }
        let others = unused.iter().filter(|(of, _)| of.key == used.key);
        let mut kept: Vec<&Workspace> = vec![&used];
        kept.extend(others.map(|(_, other)| other));
        keep_living(&mut kept, api, now);
        let mut keys: Vec<String> = entries.into_iter().map(|w| w.key).collect();
        keys.retain(|key| kept.iter().all(|w| w.key != *key));
        if !keys.is_empty() {
            joined.push((app::workspace_ref(kept[0], ""), keys));
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
    Ok(joined)
}

/// Drops those of a workspace's tokens that are certainly dead. A server that accepts none of them
/// may reject every token.
fn keep_living(entries: &mut Vec<&Workspace>, api: &Api, now: Timestamp) {
    if entries.len() < 2 {
        return;
    }
    let mut living = entries.clone();
    living.retain(|w| {
        let token = w.token.as_ref();
        token.is_some_and(|t| why_kept(t, api, now).is_some())
    });
    let is_taken = |w: &&Workspace| {
        let token = w.token.as_ref();
        token.is_some_and(|t| matches!(api.check(&t.access_token), Ok(Acceptance::Accepted)))
    };
    if living.iter().any(is_taken) {
        *entries = living;
    }
}

/// A workspace that is missing from the list is removed here too, but never a token that may work:
/// the list may belong to another account or another server.
fn compare(
    config: &Config,
    found: Vec<Found>,
    api: &Api,
    pending: &Pending,
    now: Timestamp,
) -> Changes {
    let mut changes = Changes::default();
    for entry in found {
        let workspace = entry.place;
        let known = config.workspace(&workspace.key);
        match (entry.remote, known) {
            (Some(_), None) => changes.added.push(workspace),
            (Some(_), Some(known)) if known.name != workspace.name => {
                changes.renamed.push((workspace, known.name));
            }
            (Some(_), Some(_)) => {}
            (None, known) => {
                let token = known.and_then(|w| w.token);
                let why = match &token {
                    Some(token) => why_kept(token, api, now),
                    None => {
                        pending.concerns(&workspace).then(|| "work is pending for it".to_owned())
                    }
                };
                match why {
                    Some(why) => changes.kept.push((workspace, why)),
                    None => changes.removed.push((workspace, token)),
                }
            }
        }
    }
    changes
}

/// Why a token must be kept; `None` if it is certainly dead.
fn why_kept(token: &Token, api: &Api, now: Timestamp) -> Option<String> {
    let ended = token.expiry.at().is_some_and(|end| end <= now);
    if ended || !token.access_token.is_header_safe() {
        return None;
    }
    match api.check(&token.access_token) {
        Ok(Acceptance::Denied) => None,
        Ok(Acceptance::Accepted) => Some("the server still accepts its token".to_owned()),
        Ok(Acceptance::Unclear) => {
            Some("the server does not say whether its token works".to_owned())
        }
        Err(failure) => Some(format!("it is unknown whether its token still works: {failure}")),
    }
}

fn warn_of_kept(console: &Console, changes: &Changes) {
    for (workspace, why) in &changes.kept {
        console.warn(&format!(
            "Workspace {} is not in the server's list, but {}. It is kept; to forget it: \
             ntcli workspace delete {}",
            called(workspace),
            printable(why),
            printable(&workspace.id)
        ));
    }
}

fn report(changes: &Changes, total: usize) -> Report {
    let mut text = String::new();
    for (workspace, _) in &changes.joined {
        text += &format!("Merged:  {}: it has one entry now\n", called(workspace));
    }
    for workspace in &changes.added {
        text += &format!("Added:   {}\n", called(workspace));
    }
    for (workspace, before) in &changes.renamed {
        text += &format!("Renamed: {}, before '{}'\n", called(workspace), printable(before));
    }
    for (workspace, token) in &changes.removed {
        let with = token.as_ref().map_or(String::new(), |token| {
            format!(", with its dead token {}", printable(token.jti_for_people()))
        });
        text += &format!("Removed: {}{with}\n", called(workspace));
    }
    for (workspace, _) in &changes.kept {
        text += &format!("Kept:    {}, not on the server\n", called(workspace));
    }
    text += &format!("The server has {total} workspace{}.\n", if total == 1 { "" } else { "s" });

    let is_new = !(changes.joined.is_empty()
        && changes.added.is_empty()
        && changes.renamed.is_empty()
        && changes.removed.is_empty());
    let with = |workspace: &WorkspaceRef, name: &str, value: Json| {
        let mut object = json(workspace);
        object.set(name, value);
        object
    };
    let joined = changes.joined.iter();
    let joined = joined.map(|(workspace, keys)| with(workspace, "entries", keys.clone().into()));
    let added = changes.added.iter().map(json).collect();
    let renamed = changes.renamed.iter();
    let renamed =
        renamed.map(|(workspace, before)| with(workspace, "before", before.as_str().into()));
    let removed = changes.removed.iter().map(|(workspace, token)| {
        let jti = token.as_ref().and_then(|t| t.jti.clone());
        let mut object = with(workspace, "had_token", token.is_some().into());
        object.set("jti", jti.into());
        object
    });
    let kept =
        changes.kept.iter().map(|(workspace, why)| with(workspace, "reason", why.as_str().into()));
    let json = Json::of([
        ("joined", Json::Array(joined.collect())),
        ("added", Json::Array(added)),
        ("renamed", Json::Array(renamed.collect())),
        ("removed", Json::Array(removed.collect())),
        ("kept", Json::Array(kept.collect())),
        ("total", i64::try_from(total).unwrap_or(i64::MAX).into()),
        ("message", "Workspaces synchronized".into()),
    ]);
    Report::new(text, json).that_changed(is_new)
}
