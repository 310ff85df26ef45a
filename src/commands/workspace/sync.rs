//! `ntcli workspace sync`

use super::{Found, all, called, fetch, json, warn_of_two_tokens};
use crate::api::Api;
use crate::commands::prelude::*;
use crate::config::{Config, Workspace};
use crate::config_dir::ConfigDir;
use crate::context::Console;
use crate::rotation::{self, Acceptance, Pending, Store, WorkspaceRef};
use crate::text::counted;
use crate::token::Token;

/// What differs between the server and the config file about a workspace.
enum Change {
    /// These entries were merged into it.
    Joined(Vec<String>),
    Added,
    /// Its previous name.
    Renamed(String),
    /// With this token, and so many targets.
    Removed(Option<Token>, usize),
    /// Missing from the list, but its token may still work.
    Kept(String),
}

type Changes = Vec<(WorkspaceRef, Change)>;

/// Adopts the server's list of workspaces.
pub(crate) fn run(app: &App) -> Result<Report> {
    let api = app.api(&app.config()?, As::Anybody)?;
    let mut dir = app.lock()?;
    let remotes = fetch(&api)?;
    let total = remotes.len();
    let mut changes = join(app, &mut dir, &api)?;
    let config = dir.config()?;
    let found = all(&config, remotes);
    changes.extend(compare(app, &config, found, &api, &dir.pending()?));

    let is_put = |change: &Change| matches!(change, Change::Added | Change::Renamed(_));
    if changes.iter().any(|(_, change)| is_put(change)) {
        dir.update(|config| {
            for (workspace, _) in changes.iter().filter(|(_, change)| is_put(change)) {
                config.put_workspace(&workspace.key, &workspace.name);
            }
        })?;
    }
    for (workspace, change) in &mut changes {
        match change {
            Change::Removed(_, targets) => {
                *targets = dir.targets()?.to_deliver(&workspace.id).len();
                rotation::forget_workspaces(&mut dir, |other| other.is(workspace))?;
                dir.remove_workspace(workspace)?;
            }
            Change::Kept(why) => warn_of_kept(app.console(), workspace, why),
            _ => {}
        }
    }
    let after = dir.config()?;
    let is_gone = config.active_key().is_some() && after.active_key().is_none();
    let next = "The active workspace is gone; choose another: ntcli workspace select".to_owned();
    warn_of_two_tokens(app.console(), &after);
    Ok(report(changes, total).with_next_step(is_gone.then_some(next)))
}

/// Merges several entries of one workspace, unless a token that may work would be lost.
fn join(app: &App, dir: &mut ConfigDir, api: &Api) -> Result<Changes> {
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
        keep_living(&mut kept, app, api);
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
    Ok(joined.into_iter().map(|(workspace, keys)| (workspace, Change::Joined(keys))).collect())
}

/// Drops those of a workspace's tokens that are certainly dead. A server that accepts none of them
/// may reject every token.
fn keep_living(entries: &mut Vec<&Workspace>, app: &App, api: &Api) {
    if entries.len() < 2 {
        return;
    }
    let mut living = entries.clone();
    living.retain(|w| {
        let token = w.token.as_ref();
        token.is_some_and(|t| why_kept(t, app, api).is_some())
    });
    let is_taken = |w: &&Workspace| {
        let token = w.token.as_ref();
        token.is_some_and(|t| matches!(app.check_token(api, t), Ok(Acceptance::Accepted)))
    };
    if living.iter().any(is_taken) {
        *entries = living;
    }
}

/// A workspace that is missing from the list is removed here too, but never a token that may work:
/// the list may belong to another account or another server.
fn compare(app: &App, config: &Config, found: Vec<Found>, api: &Api, pending: &Pending) -> Changes {
    let change = |entry: Found| {
        let workspace = entry.place;
        let known = config.workspace(&workspace.key);
        let change = match (entry.remote, known) {
            (Some(_), None) => Change::Added,
            (Some(_), Some(known)) if known.name != workspace.name => Change::Renamed(known.name),
            (Some(_), Some(_)) => return None,
            (None, known) => {
                let token = known.and_then(|w| w.token);
                let is_pending = || pending.concerns(&workspace);
                let why = match &token {
                    Some(token) => why_kept(token, app, api),
                    None => is_pending().then(|| "work is pending for it".to_owned()),
                };
                why.map_or(Change::Removed(token, 0), Change::Kept)
            }
        };
        Some((workspace, change))
    };
    found.into_iter().filter_map(change).collect()
}

/// Why a token must be kept; `None` if it is certainly dead.
fn why_kept(token: &Token, app: &App, api: &Api) -> Option<String> {
    if token.has_ended(app.now()) || !token.access_token.is_header_safe() {
        return None;
    }
    match app.check_token(api, token) {
        Ok(Acceptance::Denied) => None,
        Ok(Acceptance::Accepted) => Some("the server still accepts its token".to_owned()),
        Ok(Acceptance::Unclear) => {
            Some("the server does not say whether its token works".to_owned())
        }
        Err(failure) => Some(format!("it is unknown whether its token still works: {failure}")),
    }
}

fn warn_of_kept(console: &Console, workspace: &WorkspaceRef, why: &str) {
    console.warn(&format!(
        "Workspace {} is not in the server's list, but {}. It is kept; to forget it: \
         ntcli workspace delete {}",
        called(workspace),
        printable(why),
        printable(&workspace.id)
    ));
}

fn report(changes: Changes, total: usize) -> Report {
    let mut groups =
        ["joined", "added", "renamed", "removed", "kept"].map(|name| (name, String::new(), vec![]));
    let is_new = changes.iter().any(|(_, change)| !matches!(change, Change::Kept(_)));
    for (workspace, change) in changes {
        let (name, mut row) = (called(&workspace), json(&workspace));
        let (group, line) = match change {
            Change::Joined(keys) => {
                row.set("entries", keys.into());
                (0, format!("Merged:  {name}: it has one entry now"))
            }
            Change::Added => (1, format!("Added:   {name}")),
            Change::Renamed(before) => {
                let line = format!("Renamed: {name}, before '{}'", printable(&before));
                row.set("before", before.into());
                (2, line)
            }
            Change::Removed(token, targets) => {
                row.set("had_token", token.is_some().into());
                row.set("targets", targets.into());
                let dead = token.as_ref().map(|token| printable(token.jti_for_people()));
                let with = dead.map(|dead| format!("its dead token {dead}"));
                let with =
                    with.into_iter().chain((targets > 0).then(|| counted(targets, "target")));
                let with = with.collect::<Vec<_>>().join(" and ");
                row.set("jti", token.and_then(|token| token.jti).into());
                let with = if with.is_empty() { with } else { format!(", with {with}") };
                (3, format!("Removed: {name}{with}"))
            }
            Change::Kept(why) => {
                row.set("reason", why.into());
                (4, format!("Kept:    {name}, not on the server"))
            }
        };
        groups[group].1 += &format!("{line}\n");
        groups[group].2.push(row);
    }
    let mut text = groups.iter().map(|(_, lines, _)| lines.as_str()).collect::<String>();
    text += &format!("The server has {}.\n", counted(total, "workspace"));
    let mut json = Json::of(groups.map(|(name, _, rows)| (name, Json::Array(rows))));
    json.set("total", total.into());
    Report::new(text, json).that_changed(is_new)
}
