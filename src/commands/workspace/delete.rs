//! `ntcli workspace delete`

use super::{called, fetch, json, resolve};
use crate::cli::WorkspaceDelete;
use crate::commands::app;
use crate::commands::prompt::{self, Question};
use crate::commands::server::Server;
use crate::config::{Config, Paths, bare_id};
use crate::config_dir::State;
use crate::context::Context;
use crate::error::{Error, Failure, ManageError, Result, chain};
use crate::json::Json;
use crate::output::Report;
use crate::rotation::journal::{Record, WorkspaceRef};
use crate::text::{printable, shell_word};

const DELETE: &str = "delete the workspace";

/// Deletes a workspace on the server, then forgets it here.
pub(in crate::commands) fn run(ctx: &mut Context, args: &WorkspaceDelete) -> Result<Report> {
    let paths = Paths::find(&ctx.env)?;
    let config = Config::load(&paths.config, &ctx.console)?;
    let place = resolve(ctx, &config, &args.name)?;
    if !args.force {
        let name = printable(&place.name);
        prompt::consent(
            ctx,
            &Question {
                what: format!(
                    "Workspace {} would be deleted on the server with everything in it.",
                    called(&place)
                ),
                ask: format!("Type its name ({name}) to delete it:"),
                yes: &[&place.name, &name],
                forced: format!(
                    "ntcli workspace delete {} --force",
                    shell_word(&printable(&args.name))
                ),
            },
        )?;
    }
    let server = Server::for_anybody(ctx, &config)?;
    let (mut state, _) = State::lock(&paths, app::lock_wait(None)?, &*ctx.clock, &ctx.console)?;
    state.config()?;
    let was_there = delete(&server, &place)?;

    let was_active = config.active_key() == Some(&place.key);
    let mut text = if was_there {
        format!("Workspace deleted: {}\n", called(&place))
    } else {
        format!(
            "Workspace {} was already gone from the server; it is forgotten here.\n",
            called(&place)
        )
    };
    if was_active {
        text += "No workspace is active now.\n";
        ctx.console.say("Choose another: ntcli workspace select");
    }
    let json = Json::of([
        ("workspace", json(&place)),
        (
            "status",
            if was_there { "deleted" } else { "already_gone" }.into(),
        ),
        ("was_active", was_active.into()),
        ("message", "Workspace deleted".into()),
    ]);
    let problem = forget(&mut state, &place).err().map(|error| {
        ManageError::StoredBehind {
            done: "The workspace was deleted on the server",
            then: "ntcli workspace sync",
            causes: chain(&error),
        }
        .into()
    });
    Ok(Report::new(text, json).with_problem(problem))
}

/// Answers whether it was there. What the answer leaves open is looked up in the list: a 404 may
/// come from another server than the one that was meant, and an answer may be lost.
fn delete(server: &Server, place: &WorkspaceRef) -> Result<bool> {
    let failure = match server.api().delete_workspace(&place.id) {
        Ok(()) => return Ok(true),
        Err(failure) => failure,
    };
    let not_there = matches!(
        failure,
        Failure::Rejected {
            status: 404 | 410,
            ..
        }
    );
    if !not_there && !matches!(failure, Failure::Unknown { .. }) {
        return Err(Error::call(DELETE, failure));
    }
    match fetch(server) {
        Ok(all) if all.iter().all(|w| bare_id(&w.id) != place.id) => Ok(!not_there),
        Ok(_) if not_there => Err(Error::call(DELETE, failure)),
        Err(error) if not_there => Err(error),
        _ => Err(ManageError::Unconfirmed {
            action: DELETE,
            failure,
            then: "ntcli workspace list",
        }
        .into()),
    }
}

/// First what is owed about it, then the workspace with its token: the other way round a kill in
/// between would let the next run bring it back.
pub(super) fn forget(state: &mut State, place: &WorkspaceRef) -> Result<()> {
    state.strike(&[Record::Forgotten {
        workspace: place.id.clone(),
    }])?;
    let mut known = state.config()?.workspaces();
    known.retain(|w| w.id == place.id);
    if known.is_empty() {
        return Ok(());
    }
    state.update(|config| {
        for workspace in known {
            config.remove_workspace(&workspace.key);
        }
        Ok(())
    })?;
    Ok(())
}
