//! `ntcli workspace delete`

use super::{called, json, resolve};
use crate::cli::WorkspaceDelete;
use crate::commands::prelude::*;
use crate::commands::prompt;
use crate::config::bare_id;
use crate::rotation::Rotator;
use crate::text::shell_word;

/// Deletes a workspace on the server, then forgets it here.
pub(crate) fn run(app: &App, args: &WorkspaceDelete) -> Result<Report> {
    let config = app.config()?;
    let workspace = resolve(app, &config, &args.name)?;
    let shown = called(&workspace);
    if config.find(&args.name).is_err() && !workspace.id.eq_ignore_ascii_case(bare_id(&args.name)) {
        let what = "is not known here: only its ID deletes it; nothing was deleted";
        return Err(Error::usage(format!("Workspace {shown} {what}"), "ntcli workspace list"));
    }
    if !args.force {
        let what = format!("Workspace {shown} would be deleted on the server with all it holds.");
        let word = shell_word(&printable(&args.name));
        let forced = format!("ntcli workspace delete {word} --force");
        prompt::consent(app.ctx, &what, &workspace.name, &forced)?;
    }
    let api = app.api(&config, As::Anybody)?;
    let mut dir = app.lock()?;
    dir.config()?;
    let mut on_event = |event| app.on_event(&event);
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    let deleted = rotator.delete_workspace(&workspace)?;

    let was_active = config.active_key() == Some(&workspace.key);
    let (status, mut text) = if deleted.was_there {
        ("deleted", format!("Workspace deleted: {shown}\n"))
    } else {
        let text = format!("The server does not list workspace {shown}; it is forgotten here.\n");
        ("already_gone", text)
    };
    if was_active {
        text += "No workspace is active now.\n";
    }
    let next = was_active.then(|| "Choose another: ntcli workspace select".to_owned());
    let json = Json::of([
        ("workspace", json(&workspace)),
        ("status", status.into()),
        ("was_active", was_active.into()),
    ]);
    let done = "The workspace was deleted on the server";
    let problem = deleted.not_forgotten;
    let problem = problem.map(|error| Error::stored_behind(done, "ntcli workspace sync", &error));
    Ok(Report::new(text, json).with_next_step(next).with_problem(problem))
}
