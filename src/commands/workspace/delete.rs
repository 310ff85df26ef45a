//! `ntcli workspace delete`

use super::{called, json, resolve};
use crate::cli::WorkspaceDelete;
use crate::commands::prelude::*;
use crate::commands::prompt::{self, Question};
use crate::config::bare_id;
use crate::rotation::Rotator;
use crate::text::shell_word;

/// Deletes a workspace on the server, then forgets it here.
pub(crate) fn run(app: &App, args: &WorkspaceDelete) -> Result<Report> {
    let config = app.config()?;
    let workspace = resolve(app, &config, &args.name)?;
    if config.find(&args.name).is_err() && !workspace.id.eq_ignore_ascii_case(bare_id(&args.name)) {
        let what = format!("Workspace {} is not known here", called(&workspace));
        let what = what + ": only its ID deletes it; nothing was deleted";
        return Err(Error::usage(what, "ntcli workspace list"));
    }
    if !args.force {
        let name = printable(&workspace.name);
        prompt::consent(
            app.ctx,
            &Question {
                what: format!(
                    "Workspace {} would be deleted on the server with everything in it.",
                    called(&workspace)
                ),
                ask: format!("Type its name ({name}) to delete it:"),
                yes: &[&workspace.name, &name],
                forced: format!(
                    "ntcli workspace delete {} --force",
                    shell_word(&printable(&args.name))
                ),
            },
        )?;
    }
    let api = app.api(&config, As::Anybody)?;
    let mut dir = app.lock()?;
    dir.config()?;
    let mut on_event = |event| app.on_event(&event);
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    let deleted = rotator.delete_workspace(&workspace)?;
    let was_there = deleted.was_there;

    let was_active = config.active_key() == Some(&workspace.key);
    let mut text = if was_there {
        format!("Workspace deleted: {}\n", called(&workspace))
    } else {
        format!(
            "The server does not list workspace {}; it is forgotten here.\n",
            called(&workspace)
        )
    };
    if was_active {
        text += "No workspace is active now.\n";
    }
    let next = was_active.then(|| "Choose another: ntcli workspace select".to_owned());
    let json = Json::of([
        ("workspace", json(&workspace)),
        ("status", if was_there { "deleted" } else { "already_gone" }.into()),
        ("was_active", was_active.into()),
        ("message", "Workspace deleted".into()),
    ]);
    let problem = deleted.not_forgotten.map(|error| {
        Error::stored_behind(
            "The workspace was deleted on the server",
            "ntcli workspace sync",
            &error,
        )
    });
    Ok(Report::new(text, json).with_next_step(next).with_problem(problem))
}
