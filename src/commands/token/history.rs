//! `ntcli token history`: what was done and when, the latest first, as logs are read.

use crate::cli::TokenHistory;
use crate::commands::prelude::*;
use crate::config_dir::history::{self, Line};
use crate::error::Kind;
use crate::output::table::Table;
use crate::secret::redact;
use crate::time::Timestamp;

/// Shows the history of one workspace; of all of them when none is named and none is active.
pub(crate) fn run(app: &App, args: &TokenHistory) -> Result<Report> {
    let config = app.config()?;
    let mut lines = history::read(&app.paths.history)?;
    match app.workspace(&config, args.workspace.as_deref()) {
        Ok(workspace) => lines.retain(|line| line.workspace_id == workspace.id),
        Err(error) if matches!(error.kind(), Kind::NoWorkspace) => {}
        // A workspace that is no longer known here still has its history.
        Err(error) => {
            let name = error.unknown_name().unwrap_or_default();
            lines.retain(|line| line.workspace == name || line.workspace_id == name);
            if lines.is_empty() {
                return Err(error);
            }
        }
    }
    lines.reverse();
    if lines.is_empty() {
        app.note_none("Nothing has been done", " yet.");
    }

    let headings = ["When", "Event", "Workspace", "JTI", "Replaces", "Expires", "Reason"];
    let mut table = Table::new(&headings);
    for line in &lines {
        let text = |field: &Option<String>| redact(field.as_deref().unwrap_or_default(), &[]);
        table.row(&[
            &line.at,
            &line.event,
            &line.workspace,
            &text(&line.jti),
            &text(&line.old_jti),
            &text(&line.expires_at),
            &text(line.target.as_ref().map_or(&line.reason, |_| &line.target)),
        ]);
    }
    let text = table.render();
    let lines = lines.into_iter().map(json_line).collect();
    Ok(Report::new(text, Json::of([("history", Json::Array(lines))])))
}

fn json_line(line: Line) -> Json {
    let clean = |field: Option<String>| Json::from(field.map(|text| redact(&text, &[])));
    let Line { workspace: name, workspace_id: id, expires_at, .. } = line;
    let workspace = Json::of([("name", name.into()), ("id", id.into())]);
    Json::of([
        ("at", Timestamp::parse_rfc3339(&line.at).into()),
        ("event", line.event.into()),
        ("workspace", workspace),
        ("jti", clean(line.jti)),
        ("old_jti", clean(line.old_jti)),
        ("expires_at", expires_at.and_then(|at| Timestamp::parse_rfc3339(&at)).into()),
        ("reason", clean(line.reason)),
        ("target", clean(line.target)),
    ])
}
