//! `ntcli workspace list`

use super::{all, fetch, warn_of_two_tokens};
use crate::commands::app::{App, As};
use crate::context::Context;
use crate::error::Result;
use crate::json::Json;
use crate::output::Report;
use crate::output::table::Table;
use crate::secret::redact;
use crate::text::printable;

/// Lists the server's workspaces, and those that are known only here.
pub(in crate::commands) fn run(ctx: &Context) -> Result<Report> {
    let app = App::open(ctx)?;
    let config = app.config()?;
    let api = app.api(&config, As::Anybody)?;
    let found = all(&config, fetch(&api)?);

    let symbols = ctx.console.color_out();
    let mark = |set: bool| match (set, symbols) {
        (true, true) => "✓",
        (true, false) => "yes",
        (false, _) => "",
    };
    let mut table =
        Table::new(&["Active", "Name", "ID", "Token", "Status"]).whole(&[2]).expendable(&[2, 4, 3]);
    let mut rows = Vec::with_capacity(found.len());
    for workspace in &found {
        let remote = workspace.remote.as_ref();
        let status = remote.and_then(|r| r.status.as_deref());
        table.row(&[
            mark(workspace.active),
            &workspace.name,
            &workspace.id,
            mark(workspace.token),
            remote.map_or("only-here", |_| status.unwrap_or_default()),
        ]);
        rows.push(Json::of([
            ("name", workspace.name.as_str().into()),
            ("id", workspace.id.as_str().into()),
            ("workspace_id", workspace.id.as_str().into()),
            ("workspace_name", workspace.name.as_str().into()),
            ("created_at", remote.and_then(|r| r.created_at).into()),
            ("status", status.into()),
            ("active", workspace.active.into()),
            ("has_token", workspace.token.into()),
            ("on_server", remote.is_some().into()),
            ("known_here", workspace.here.into()),
        ]));
    }
    hints(ctx, &found);
    warn_of_two_tokens(&ctx.console, &config);
    let json = Json::of([("workspaces", Json::Array(rows))]);
    Ok(Report::new(table.show(ctx), json))
}

fn hints(ctx: &Context, found: &[super::Found]) {
    let console = &ctx.console;
    if found.is_empty() {
        console.note("There is no workspace yet: ntcli workspace create <name>");
    }
    if let Some(name) = ctx.env.text("NTCLI_WORKSPACE") {
        let name = printable(&redact(&name, &[]));
        console.note(&format!(
            "NTCLI_WORKSPACE is set: commands work on '{name}' unless told otherwise."
        ));
    }
    if found.iter().any(|w| w.remote.is_none()) {
        console.note("The server does not have those marked only-here: ntcli workspace sync");
    }
}
