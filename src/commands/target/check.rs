//! `ntcli target check`

use super::{json, workspace};
use crate::cli::TargetCheck;
use crate::commands::prelude::*;
use crate::commands::survey::{self, Holds, Past};
use crate::output::table::Table;
use crate::targets::{Destination, Mounts, SavedTargets};

/// Tells whether each file holds the current token.
pub(crate) fn run(app: &App, args: &TargetCheck) -> Result<Report> {
    // A refresh that is at work has stored its token and may not have delivered it.
    let _lock = app.keep_others_away()?;
    let config = app.config()?;
    let targets = SavedTargets::load(&app.paths.targets)?;
    super::say_if_none(app, &targets);
    let mut table = Table::new(&["ID", "Workspace", "State", "Delivery"]);
    let mut rows = Vec::new();
    let (mut drifted, past, mounts) = (0, Past::new(app, true), Mounts::look());
    let chosen = super::chosen(&targets, &args.ids)?;
    for target in &chosen {
        let current = config.workspace_by_id(&target.workspace_id).and_then(|w| w.token);
        let holds = match current {
            Some(token) => survey::holds(&past, target, &workspace(target), &token),
            None => Holds::Unreadable("the workspace has no token here".to_owned()),
        };
        drifted += usize::from(holds.is_wrong());
        let (state, reason) = match &holds {
            Holds::Unreadable(reason) => (holds.code(), Some(reason.clone())),
            _ => (holds.code(), None),
        };
        if let Some((place, fix)) = mounts.of_target(target) {
            app.console().warn(&format!("Target {}: {place}: {fix}", target.id));
        }
        let destination = Destination::remembered(target);
        let does = destination.map(|destination| destination.does()).unwrap_or_default();
        let does = reason.clone().unwrap_or(does);
        table.row(&[&target.id.to_string(), &target.workspace, state, &does]);
        let mut row = json(target);
        row.set("state", state.into());
        row.set("reason", reason.into());
        rows.push(row);
    }
    let text = table.render();
    let report = Report::new(text, Json::of([("targets", Json::Array(rows))]));
    let total = chosen.len();
    let problem = (drifted > 0).then(|| Error::drift(drifted, total));
    Ok(report.with_problem(problem))
}
