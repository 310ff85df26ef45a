//! `ntcli workspace select`, `switch` and `clear`: which workspace is the active one.

use super::{Found, all, called, fetch, json, named, resolve};
use crate::commands::server::Server;
use crate::commands::{app, prompt};
use crate::config::{Config, Paths};
use crate::config_dir::State;
use crate::context::{Console, Context};
use crate::error::{Error, ManageError, Result, exit};
use crate::json::Json;
use crate::output::Report;
use crate::rotation::journal::WorkspaceRef;
use crate::text::printable;

/// Makes a workspace the active one; without a name, one that a person chooses.
pub(in crate::commands) fn run(ctx: &mut Context, name: Option<&str>) -> Result<Report> {
    if name.is_none() && !prompt::possible(ctx) {
        return Err(Error::Usage {
            message: "No workspace is named, and there is no terminal to choose one on".to_owned(),
            hint: "ntcli workspace select <name>, and ntcli workspace list".to_owned(),
            exit_code: exit::USAGE,
        });
    }
    let paths = Paths::find(&ctx.env)?;
    let config = Config::load(&paths.config, &ctx.console)?;
    let place = match name {
        Some(name) => resolve(ctx, &config, name)?,
        None => choose(ctx, &config)?,
    };
    let (mut state, _) = State::lock(&paths, app::lock_wait(None)?, &*ctx.clock, &ctx.console)?;
    state.update(|config| {
        if config.workspace(&place.key).is_none() {
            config.put_workspace(&place.key, &place.name);
        }
        config.set_active(Some(&place.key));
        Ok(())
    })?;
    if let Some(other) = ctx.env.text("NTCLI_WORKSPACE") {
        let other = printable(&other);
        ctx.console.warn(&format!(
            "NTCLI_WORKSPACE is set to '{other}' and wins over the active workspace"
        ));
    }
    let text = format!(
        "Active workspace: {} ({})\n",
        printable(&place.name),
        printable(&place.id)
    );
    let json = Json::of([
        ("workspace", json(&place)),
        ("message", "Workspace selected".into()),
    ]);
    Ok(Report::new(text, json))
}

/// Lets a person choose from a numbered list; a name or an id is as good as a number.
fn choose(ctx: &mut Context, config: &Config) -> Result<WorkspaceRef> {
    let found = all(config, fetch(&Server::for_anybody(ctx, config)?)?);
    if found.is_empty() {
        return Err(ManageError::NoWorkspaces.into());
    }
    show(&ctx.console, &found);
    let answer = prompt::answer(ctx, &format!("Which one? [1-{}]", found.len()))?;
    if answer.is_empty() {
        return Err(ManageError::Declined.into());
    }
    let number = answer.parse::<usize>().ok();
    let numbered = number.and_then(|n| found.get(n.checked_sub(1)?));
    match numbered {
        Some(one) => Ok(one.place()),
        None => named(&found, &answer),
    }
}

fn show(console: &Console, found: &[Found]) {
    for (n, workspace) in found.iter().enumerate() {
        let mark = if workspace.active { '*' } else { ' ' };
        let only = if workspace.remote.is_none() {
            ", not on the server"
        } else {
            ""
        };
        let called = called(&workspace.place());
        console.say(&format!("{mark}{:>3}) {called}{only}", n + 1));
    }
}

/// Leaves no workspace active.
pub(in crate::commands) fn clear(ctx: &mut Context) -> Result<Report> {
    let paths = Paths::find(&ctx.env)?;
    let (mut state, _) = State::lock(&paths, app::lock_wait(None)?, &*ctx.clock, &ctx.console)?;
    let config = state.config()?;
    let before = config.active_key().and_then(|key| config.workspace(key));
    state.update(|config| {
        config.set_active(None);
        Ok(())
    })?;
    let text = match &before {
        Some(workspace) => format!(
            "No workspace is active any more. The token of '{}' stays.\n",
            printable(&workspace.name)
        ),
        None => "No workspace was active.\n".to_owned(),
    };
    let json = Json::of([
        ("workspace", before.map(|w| json(&app::place(&w))).into()),
        ("message", "No workspace is active".into()),
    ]);
    Ok(Report::new(text, json))
}
