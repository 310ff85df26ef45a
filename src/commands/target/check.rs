//! `ntcli target check`

use super::{json, workspace};
use crate::cli::TargetCheck;
use crate::commands::app::App;
use crate::config::Config;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::hooks::Receiver;
use crate::json::Json;
use crate::output::Report;
use crate::output::table::Table;
use crate::store;
use crate::targets::{Remembered, Targets};

/// Tells whether each file holds the current token.
pub(in crate::commands) fn run(ctx: &Context, args: &TargetCheck) -> Result<Report> {
    let app = App::open(ctx)?;
    // A refresh that is at work has stored its token and may not have delivered it. Where there is
    // no lock no process is at work, and none is made.
    let lock = || store::lock(&app.paths.lock, app.lock_wait(), app.clock(), &mut || {});
    let _lock = app.paths.lock.exists().then(lock).transpose()?;
    let config = app.config()?;
    let targets = Targets::load(&app.paths.targets)?;
    super::say_if_none(&app, &targets);
    let mut table = Table::new(&["ID", "Workspace", "State", "Delivery"]).expendable(&[1]);
    let mut rows = Vec::new();
    let mut drifted = 0;
    let chosen = super::chosen(&targets, &args.ids)?;
    for target in &chosen {
        let receiver = Receiver::remembered(target).map_err(|error| error.in_one_line());
        let state =
            receiver.as_ref().map_err(Clone::clone).and_then(|r| state(&app, &config, target, r));
        let (state, reason) = match state {
            Ok(state) => (state, None),
            Err(reason) => ("unreadable", Some(reason)),
        };
        drifted += usize::from(matches!(state, "drifted" | "unreadable"));
        let does = receiver.map(|receiver| receiver.does());
        let does = reason.clone().map_or(does, Err).unwrap_or_else(|reason| reason);
        table.row(&[&target.id.to_string(), &target.workspace, state, &does]);
        let mut row = json(target);
        row.set("state", state.into());
        row.set("reason", reason.into());
        rows.push(row);
    }
    let text = table.show(ctx);
    let report = Report::new(text, Json::of([("targets", Json::Array(rows))]));
    let total = chosen.len();
    let problem = (drifted > 0).then(|| Error::drift(drifted, total));
    Ok(report.with_problem(problem))
}

fn state(
    app: &App,
    config: &Config,
    target: &Remembered,
    receiver: &Receiver,
) -> std::result::Result<&'static str, String> {
    let current = config.workspace_by_id(&target.workspace_id).and_then(|w| w.token);
    let Some(token) = current else {
        return Err("the workspace has no token here".to_owned());
    };
    Ok(match receiver.looked_at(&workspace(target), &token, app.clock())? {
        Some(true) => "current",
        Some(false) => "drifted",
        None => "unknown",
    })
}
