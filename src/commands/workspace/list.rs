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
        let remote = workspace.remote.as_ref();
        let status = remote.and_then(|r| r.status.as_deref());
        table.row(&[
            table::mark(workspace.active, app.ctx),
            &workspace.place.name,
            &workspace.place.id,
            table::mark(workspace.token, app.ctx),
            remote.map_or("only-here", |_| status.unwrap_or_default()),
        ]);
        rows.push(Json::of([
            ("name", workspace.place.name.as_str().into()),
            ("id", workspace.place.id.as_str().into()),
            ("workspace_id", workspace.place.id.as_str().into()),
            ("workspace_name", workspace.place.name.as_str().into()),
            ("created_at", remote.and_then(|r| r.created_at).into()),
            ("status", status.into()),
            ("active", workspace.active.into()),
            ("has_token", workspace.token.into()),
            ("on_server", remote.is_some().into()),
            ("known_here", workspace.here.into()),
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
