//! `ntcli target add`

use super::json;
use crate::cli::TargetAdd;
use crate::commands::prelude::*;
use crate::config_dir::ConfigDir;
use crate::rotation::{self, WorkspaceRef};
use crate::targets::{
    Destination, EXEC, EXEC_TIMEOUT_S, FileOptions, SavedTarget, Targets, TokenFile,
};
use crate::text::shell_word;

const HELP: &str = "ntcli target add --help";

/// Delivers the current token to a target, and remembers it if that went well.
pub(crate) fn run(app: &App, args: &TargetAdd) -> Result<Report> {
    let (destination, asked) = asked(args)?;
    let mut dir = app.lock()?;
    let config = dir.config()?;
    let workspace = app.workspace(&config, args.workspace.as_deref())?;
    let local = app::workspace_ref(&workspace, "");
    let mut targets = dir.targets()?.clone();
    let (target, is_new) = targets.add(asked.of(&local));
    let mut consumers = app.consumers(&targets, std::slice::from_ref(&target))?;
    consumers.probe(&local, workspace.token.as_ref())?;
    let file = destination.as_file();
    for note in file.map_or(Vec::new(), |file| file.notes(&local.name, workspace.token.as_ref())) {
        app.console().note(&note);
    }
    let delivers = workspace.token.is_some() && !args.later;
    if delivers {
        deliver(app, &mut dir, &mut consumers, &local, &target.name)?;
    }
    let had = workspace.token.as_ref().filter(|_| delivers);
    let seen = file.and_then(|file| file.seen(had?));
    dir.change_targets(|all| *all = targets)?;

    let (id, name) = (target.id, printable(&target.workspace));
    let mut text = format!("Target {id}: every refresh of '{name}' {}.\n", destination.does());
    text += &seen.map_or_else(String::new, |seen| seen + "\n");
    if let Some(path) = file.and_then(TokenFile::readable_by_all) {
        let path = shell_word(&path.display().to_string());
        app.console()
            .warn(&format!("Every user of this machine can read the file: chmod o= {path}"));
    }
    let next = match (delivers, args.later) {
        (true, _) => None,
        (_, true) => Some(format!("Nothing is delivered yet: ntcli target deliver {id}")),
        _ => Some(format!("'{name}' has no token yet, so nothing is delivered")),
    };
    let status = if is_new { "added" } else { "known" };
    let json = Json::of([
        ("target", json(&target)),
        ("status", status.into()),
        ("delivered", delivers.into()),
    ]);
    Ok(Report::new(text, json).that_changed(is_new).with_next_step(next))
}

/// Delivers the current token to what is not remembered yet.
///
/// # Errors
/// [`Error::cannot_deliver`]; the journal could not be written.
fn deliver<'c>(
    app: &App<'c>,
    dir: &mut ConfigDir<'c>,
    consumers: &mut Targets,
    workspace: &WorkspaceRef,
    name: &str,
) -> Result<()> {
    app.wait_for_command(consumers, dir)?;
    let tried = rotation::deliver_current(dir, consumers, workspace, &[name.to_owned()])?;
    match tried.into_iter().find_map(|(_, failed)| failed) {
        Some(reason) => Err(Error::cannot_deliver(&reason, HELP)),
        None => Ok(()),
    }
}

fn asked(args: &TargetAdd) -> Result<(Destination, SavedTarget)> {
    let options = FileOptions {
        overwrite: args.overwrite,
        no_newline: args.no_newline,
        in_place: args.in_place,
        mode: args.mode.clone(),
        owner: args.owner.clone(),
    };
    let (check, timeout_s) = (args.check.clone(), args.timeout.unwrap_or(EXEC_TIMEOUT_S));
    let (name, is_command, accepted) = match (&args.file, &args.env, &args.replace) {
        (Some(path), ..) => (path.clone(), false, "--file takes a PATH"),
        (_, Some(env), _) => (format!("env:{env}"), false, "--env takes NAME=PATH"),
        (.., Some(path)) => (format!("replace:{path}"), false, "--replace takes a PATH"),
        _ => {
            let command = args.exec.as_deref().unwrap_or_default();
            (format!("{EXEC}{command}"), true, "--exec takes a command")
        }
    };
    let target = SavedTarget { name, timeout_s, options, check, ..SavedTarget::default() };
    Destination::given(target, is_command, accepted, HELP)
}
