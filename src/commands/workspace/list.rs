//! `ntcli workspace list`

use super::{Found, all, fetch, warn_of_two_tokens};
use crate::commands::prelude::*;
use crate::output::table::{self, Table};
use crate::secret::redact;

/// Lists the server's workspaces, and those that are known only here.
pub(crate) fn run(app: &App) -> Result<Report> {
    let config = app.config()?;
    let api = app.api(&config, As::Anybody)?;
    let found = all(&config, fetch(&api)?);

    let mut table = Table::new(&["Active", "Name", "ID", "Token", "Status"]);
    let mut rows = Vec::with_capacity(found.len());
    for workspace in &found {
        let Found { place, remote, local } = workspace;
        let (remote, active) = (remote.as_ref(), config.active_key() == Some(&place.key));
        let has_token = local.as_ref().is_some_and(|w| w.token.is_some());
        let status = remote.and_then(|r| r.status.as_deref());
        table.row(&[
            table::mark(active, app.ctx),
            &place.name,
            &place.id,
            table::mark(has_token, app.ctx),
            remote.map_or("only-here", |_| status.unwrap_or_default()),
        ]);
        rows.push(Json::of([
            ("name", place.name.as_str().into()),
            ("id", place.id.as_str().into()),
            ("workspace_id", place.id.as_str().into()),
            ("workspace_name", place.name.as_str().into()),
            ("created_at", remote.and_then(|r| r.created_at).into()),
            ("status", status.into()),
            ("active", active.into()),
            ("has_token", has_token.into()),
            ("on_server", remote.is_some().into()),
            ("known_here", local.is_some().into()),
        ]));
    }
    hints(app, &found);
    warn_of_two_tokens(app.console(), &config);
    let json = Json::of([("workspaces", Json::Array(rows))]);
    Ok(Report::new(table.render(), json))
}

fn hints(app: &App, found: &[Found]) {
    let console = app.console();
    if found.is_empty() {
        console.note("There is no workspace yet: ntcli workspace create <name>");
    }
    if let Some(name) = app.ctx.env.text("NTCLI_WORKSPACE") {
        let name = printable(&redact(&name, &[]));
        console.note(&format!(
            "NTCLI_WORKSPACE is set: commands work on '{name}' unless told otherwise."
        ));
    }
    if found.iter().any(|w| w.remote.is_none()) {
        console.note("What is only-here is not on the server: ntcli workspace sync");
    }
}
