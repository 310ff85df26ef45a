//! `ntcli target …`: what must get a workspace's token.

pub(super) mod add;
pub(super) mod check;
pub(super) mod deliver;

use crate::cli::TargetRemove;
use crate::commands::prelude::*;
use crate::output::table::Table;
use crate::rotation::WorkspaceRef;
use crate::targets::{Destination, SavedTarget, SavedTargets};

/// Lists all targets.
pub(crate) fn list(app: &App) -> Result<Report> {
    let targets = SavedTargets::load(&app.paths.targets)?;
    say_if_none(app, &targets);
    let mut table = Table::new(&["ID", "Workspace", "Delivery"]);
    for target in targets.all() {
        table.row(&[&target.id.to_string(), &target.workspace, &does(target)]);
    }
    let rows = targets.all().iter().map(json).collect();
    Ok(Report::new(table.render(), Json::of([("targets", Json::Array(rows))])))
}

/// What a delivery to it does.
fn does(target: &SavedTarget) -> String {
    let destination = Destination::remembered(target);
    destination.map_or_else(|_| target.name.clone(), |destination| destination.does())
}

/// Says how to add the first target.
fn say_if_none(app: &App, targets: &SavedTargets) {
    if targets.all().is_empty() {
        app.note_none("There are no targets", " yet: ntcli target add --help");
    }
}

/// Forgets a target.
pub(crate) fn remove(app: &App, args: &TargetRemove) -> Result<Report> {
    let unknown = || Error::unknown_target(&args.id);
    let mut dir = app.lock()?;
    let id = args.id.parse().map_err(|_| unknown())?;
    let removed = dir.change_targets(|targets| targets.remove(id))?.ok_or_else(unknown)?;
    if let Some(file) =
        Destination::remembered(&removed).as_ref().ok().and_then(Destination::as_file)
    {
        file.tidy();
    }
    let name = printable(&removed.workspace);
    let text = format!("Target {} of '{name}' was removed.\n", removed.id);
    let json = Json::of([("target", json(&removed)), ("status", "removed".into())]);
    Ok(Report::new(text, json))
}

/// Those with these ids, each once in their order in the list; all where none is given.
fn chosen(targets: &SavedTargets, ids: &[String]) -> Result<Vec<SavedTarget>> {
    let is_known = |id: &&String| targets.all().iter().any(|target| target.id.to_string() == **id);
    if let Some(unknown) = ids.iter().find(|id| !is_known(id)) {
        return Err(Error::unknown_target(unknown));
    }
    let is_meant = |target: &&SavedTarget| ids.is_empty() || ids.contains(&target.id.to_string());
    Ok(targets.all().iter().filter(is_meant).cloned().collect())
}

/// A target for JSON.
fn json(target: &SavedTarget) -> Json {
    let mut json = Json::of([
        ("id", i64::from(target.id).into()),
        ("workspace", app::json_workspace(&workspace(target))),
        ("deliver_to", target.name.as_str().into()),
    ]);
    if target.is_command() {
        if let Some(check) = &target.check {
            json.set("check", check.as_str().into());
        }
        json.set("timeout_s", target.timeout_s.into());
    }
    json
}

/// The workspace of a target, without its key.
fn workspace(target: &SavedTarget) -> WorkspaceRef {
    WorkspaceRef {
        key: String::new(),
        id: target.workspace_id.clone(),
        name: target.workspace.clone(),
        server: String::new(),
    }
}
