//! `ntcli target check`

use super::{json, workspace};
use crate::cli::TargetCheck;
use crate::commands::prelude::*;
use crate::commands::survey::{self, Holds, Past};
use crate::output::table::Table;
use crate::targets::{Mounts, SavedTargets};

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
        if let Some((place, fix)) = mounts.of_target(target) {
            app.console().warn(&format!("Target {}: {place}: {fix}", target.id));
        }
        let (state, mut row) = (holds.code(), json(target));
        let reason = if let Holds::Unreadable(reason) = holds { Some(reason) } else { None };
        let said = reason.clone().unwrap_or_else(|| super::does(target));
        table.row(&[&target.id.to_string(), &target.workspace, state, &said]);
        row.set("state", state.into());
        row.set("reason", reason.into());
        rows.push(row);
    }
    let problem = (drifted > 0).then(|| Error::drift(drifted, chosen.len()));
    let json = Json::of([("targets", Json::Array(rows))]);
    Ok(Report::new(table.render(), json).with_problem(problem))
}
