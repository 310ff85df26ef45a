//! `ntcli workspace select` and `clear`: which workspace is the active one.

use super::{all, called, fetch, json, named, resolve};
use crate::cli::WorkspaceSelect;
use crate::commands::prelude::*;
use crate::commands::prompt;
use crate::config::Config;
use crate::rotation::WorkspaceRef;

/// Makes a workspace the active one; without a name, the user chooses.
pub(crate) fn run(app: &App, args: &WorkspaceSelect) -> Result<Report> {
    let name = args.name.as_deref();
    if name.is_none() && !prompt::possible(app.ctx) {
        return Err(Error::usage(
            "No workspace is named, and there is no terminal to choose one on",
            "ntcli workspace select <name>, and ntcli workspace list",
        ));
    }
    let config = app.config()?;
    let workspace = match name {
        Some(name) => resolve(app, &config, name)?,
        None => choose(app, &config)?,
    };
    let was_active = config.active_key() == Some(workspace.key.as_str());
    let mut dir = app.lock()?;
    dir.update(|config| {
        if config.workspace(&workspace.key).is_none() {
            config.put_workspace(&workspace.key, &workspace.name);
        }
        config.set_active(Some(&workspace.key));
    })?;
    if let Some(other) = app.ctx.env.text("NTCLI_WORKSPACE") {
        let other = printable(&other);
        app.console().warn(&format!(
            "NTCLI_WORKSPACE is set to '{other}' and wins over the active workspace"
        ));
    }
    let text = format!(
        "Active workspace: {} ({})\n",
        printable(&workspace.name),
        printable(&workspace.id)
    );
    let json = Json::of([("workspace", json(&workspace))]);
    Ok(Report::new(text, json).that_changed(!was_active))
}

/// The workspace that commands use.
pub(crate) fn current(app: &App) -> Result<Report> {
    let config = app.config()?;
    let workspace = app::workspace_ref(&app.workspace(&config, None)?, "");
    let text = format!("{} ({})\n", printable(&workspace.name), printable(&workspace.id));
    Ok(Report::new(text, Json::of([("workspace", json(&workspace))])).asked_for())
}

/// Lets the user choose from a numbered list; a name or an id works as well. What is neither is asked
/// again.
fn choose(app: &App, config: &Config) -> Result<WorkspaceRef> {
    let found = all(config, fetch(&app.api(config, As::Anybody)?)?);
    if found.is_empty() {
        return Err(Error::no_workspaces());
    }
    for (n, workspace) in found.iter().enumerate() {
        let mark = if config.active_key() == Some(&workspace.place.key) { '*' } else { ' ' };
        let only = if workspace.remote.is_none() { ", not on the server" } else { "" };
        let called = called(&workspace.place);
        app.console().say(&format!("{mark}{:>3}) {called}{only}", n + 1));
    }
    loop {
        let answer = prompt::answer(app.ctx, &format!("Which one? [1-{}]", found.len()))?;
        if answer.is_empty() {
            return Err(Error::declined());
        }
        let number = answer.parse::<usize>().ok();
        if let Some(one) = number.and_then(|n| found.get(n.checked_sub(1)?)) {
            return Ok(one.place.clone());
        }
        match named(&found, &answer) {
            Err(error) if error.unknown_name().is_some() => app.console().say(&error.to_string()),
            chosen => return chosen,
        }
    }
}

/// Clears the active workspace.
pub(crate) fn clear(app: &App) -> Result<Report> {
    let mut dir = app.lock()?;
    let config = dir.config()?;
    let before = config.active_key().and_then(|key| config.workspace(key));
    dir.update(|config| config.set_active(None))?;
    let text = match &before {
        Some(_) => "No workspace is active any more. All tokens and targets stay.\n",
        None => "No workspace was active.\n",
    };
    let changed = before.is_some();
    let was = before.map(|w| json(&app::workspace_ref(&w, "")));
    let json = Json::of([("workspace", was.into())]);
    Ok(Report::new(text, json).that_changed(changed))
}
