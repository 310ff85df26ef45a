//! `ntcli config reset`

use crate::cli::ConfigReset;
use crate::commands::prelude::*;
use crate::commands::prompt;
use crate::config::Config;
use crate::policy::Policies;
use crate::rotation::{self, Pending, Store, WorkspaceRef};
use crate::targets::SavedTargets;
use crate::text::shell_word;
use crate::time::Timestamp;

/// What is forgotten.
const ALL: &str = "Session, workspaces, tokens, targets, policies and domain";

/// A token that would stay live although nothing here holds it any more: its workspace and its id.
type Live = (WorkspaceRef, Option<String>);

/// Resets the config file to the default. Nothing is revoked, so the tokens that stay live are
/// named.
pub(crate) fn run(app: &App, args: &ConfigReset) -> Result<Report> {
    let config = app.config()?;
    let now = app.now();
    if !args.force {
        let live = live(&config, &app.pending()?, now);
        let stays = named(&live, "First revoke what nothing needs:");
        let what = format!("{ALL} would be forgotten.{stays}");
        prompt::consent(app.ctx, &what, "reset", "ntcli config reset --force")?;
    }

    let mut dir = app.lock()?;
    let config = dir.config()?;
    let live = live(&config, &Store::pending(&mut dir)?, now);
    // The journal first: its records would bring workspaces back.
    rotation::forget_workspaces(&mut dir, |_| true)?;
    dir.change_targets(SavedTargets::clear)?;
    if app.paths.policies.exists() {
        Policies::default().save(&app.paths.policies)?; // pushed with what follows
    }
    dir.update(Config::reset)?;
    let old = app.paths.config.with_file_name("workspaces.json");
    if old.exists() {
        let path = shell_word(&printable(&old.display().to_string()));
        app.console().warn(&format!("A file of tokens of an older client is left: rm {path}"));
    }
    Ok(report(&live))
}

/// The tokens that are live on the server, as far as is known here, and would be known nowhere.
fn live(config: &Config, pending: &Pending, now: Timestamp) -> Vec<Live> {
    let mut live: Vec<Live> = Vec::new();
    let mut add = |workspace: &WorkspaceRef, jti: Option<&String>| {
        let seen = |(other, id): &Live| jti.is_some() && other.is(workspace) && id.as_ref() == jti;
        if !live.iter().any(seen) {
            live.push((workspace.clone(), jti.cloned()));
        }
    };
    for entry in config.holders() {
        if let Some(token) = entry.token.as_ref().filter(|token| !token.has_ended(now)) {
            add(&app::workspace_ref(&entry, ""), token.jti.as_ref());
        }
    }
    for rotation in &pending.rotations {
        for token in [&rotation.token].into_iter().chain(&rotation.old) {
            add(&rotation.workspace, token.jti.as_ref());
        }
    }
    pending.tokens().for_each(|(workspace, jti)| add(workspace, Some(jti)));
    live
}

fn named(live: &[Live], to_revoke: &str) -> String {
    if live.is_empty() {
        return String::new();
    }
    let token = |(workspace, jti): &Live| {
        let (name, id) = (printable(&workspace.name), printable(&workspace.id));
        format!("  {} of '{name}' ({id})\n", printable(jti.as_deref().unwrap_or("no id")))
    };
    let all: String = live.iter().map(token).collect();
    format!(
        " These tokens stay live on the server:\n{all}{to_revoke} ntcli token revoke JTI -w WORKSPACE"
    )
}

fn report(live: &[Live]) -> Report {
    let stays = named(live, "To revoke one, sign in again, then:");
    let text = format!("{ALL} are forgotten; nothing was revoked.{stays}\n");
    let rows = live.iter().map(|(workspace, jti)| {
        Json::of([("jti", jti.clone().into()), ("workspace", app::json_workspace(workspace))])
    });
    let json = Json::of([
        ("still_live", Json::Array(rows.collect())),
        ("message", "The config file is back to its default".into()),
    ]);
    Report::new(text, json)
}
