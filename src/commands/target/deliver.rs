//! `ntcli target deliver`

use std::collections::BTreeMap;

use super::json;
use crate::cli::TargetDeliver;
use crate::commands::prelude::*;
use crate::rotation;
use crate::targets::SavedTarget;

/// Delivers the current token to some targets, or to all.
pub(crate) fn run(app: &App, args: &TargetDeliver) -> Result<Report> {
    let mut dir = app.lock()?;
    let config = dir.config()?;
    let targets = dir.targets()?.clone();
    let chosen = super::chosen(&targets, &args.ids)?;
    let mut consumers = app.remembered(&mut dir)?;
    let (mut text, mut rows, mut reasons) = (String::new(), Vec::new(), Vec::new());
    // By workspace: commands come after all files of theirs.
    let mut of_each = BTreeMap::<String, Vec<SavedTarget>>::new();
    for target in chosen {
        of_each.entry(target.workspace_id.clone()).or_default().push(target);
    }
    for (id, these) in of_each {
        let names: Vec<String> = these.iter().map(|target| target.name.clone()).collect();
        let workspace = config.workspace_by_id(&id).filter(|w| w.token.is_some());
        let tried = if let Some(local) = workspace.map(|w| app::workspace_ref(&w, "")) {
            rotation::deliver_current(&mut dir, &mut consumers, &local, &names)?
        } else {
            let none = |id| format!("target {id}: the workspace has no token here");
            these.iter().map(|target| (target.name.clone(), Some(none(target.id)))).collect()
        };
        for (name, failed) in tried {
            let Some(target) = these.iter().find(|target| target.name == name) else { continue };
            if failed.is_none() {
                let (id, name) = (target.id, printable(&target.workspace));
                text += &format!("Target {id} has the current token of '{name}'.\n");
            }
            let mut row = json(target);
            row.set("delivered", failed.is_none().into());
            row.set("reason", failed.clone().into());
            rows.push(row);
            reasons.extend(failed);
        }
    }
    super::say_if_none(app, &targets);
    let report = Report::new(text, Json::of([("targets", Json::Array(rows))]));
    let ids: Vec<String> = args.ids.iter().map(|id| printable(id)).collect();
    let again = ["ntcli target deliver"].into_iter().chain(ids.iter().map(String::as_str));
    let again = again.collect::<Vec<&str>>().join(" ");
    let problem = (!reasons.is_empty()).then(|| Error::not_delivered(reasons, &again));
    Ok(report.with_problem(problem))
}
