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
        let mut told = |name: &str, outcome: &std::result::Result<(), String>| {
            let Some(target) = these.iter().find(|target| target.name == *name) else {
                return;
            };
            let mut row = json(target);
            row.set("delivered", outcome.is_ok().into());
            row.set("reason", outcome.as_ref().err().cloned().into());
            rows.push(row);
            match outcome {
                Ok(()) => {
                    let (id, name) = (target.id, printable(&target.workspace));
                    text += &format!("Target {id} has the current token of '{name}'.\n");
                }
                Err(reason) => reasons.push(reason.clone()),
            }
        };
        let workspace = config.workspace_by_id(&id);
        let local = workspace.filter(|w| w.token.is_some()).map(|w| app::workspace_ref(&w, ""));
        match local {
            Some(local) => {
                rotation::deliver_current(&mut dir, &mut consumers, &local, &names, &mut told)?;
            }
            None => {
                for target in &these {
                    let reason = "the workspace has no token here";
                    told(&target.name, &Err(format!("target {}: {reason}", target.id)));
                }
            }
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
