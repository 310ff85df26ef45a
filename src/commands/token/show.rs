//! `ntcli token show`: what is known of the current token, without the network.

use std::io::ErrorKind;

use super::pending;
use crate::cli::TokenShow;
use crate::commands::app::{self, App};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::Json;
use crate::output::{Report, moment};
use crate::rotation::WorkspaceRef;
use crate::text::printable;
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

const DAY_MS: i64 = 86_400_000;

/// Shows the current token and the work that is pending for its workspace.
pub(in crate::commands) fn run(ctx: &Context, args: &TokenShow) -> Result<Report> {
    let app = App::open(ctx)?;
    let config = app.config()?;
    let workspace = app.workspace(&config, args.workspace.as_deref())?;
    let token = workspace.token.as_ref().ok_or(Error::NoToken)?;
    let pending = pending_words(&app, &app::workspace_ref(&workspace, ""))?;
    let now = ctx.clock.now();
    let status = status(token, now);
    let created_at = token.created_at();

    let mut text = format!("Current token of '{}'\n", printable(&workspace.name));
    text += &format!("  JTI:       {}\n", printable(token.jti.as_deref().unwrap_or("-")));
    text += &format!("  Created:   {}\n", moment(created_at));
    text += &format!("  Expires:   {}\n", token.expiry.for_people());
    text += &format!("  Status:    {status}\n");
    text += &format!("  Workspace: {}\n", printable(&workspace.id));
    if args.show_token {
        text += &format!("  Token:     {}\n", token.access_token.expose());
    }
    for work in pending.iter().flatten() {
        text += &format!("  Pending:   {}\n", printable(work));
    }
    let days =
        token.expiry.at().map(|at| at.millis().saturating_sub(now.millis()).div_euclid(DAY_MS));
    let mut json = Json::of([
        ("jti", token.jti.clone().into()),
        ("created_at", created_at.into()),
        ("expires_at", token.expiry.at().into()),
        ("status", status.into()),
        ("workspace_id", workspace.id.into()),
        ("is_valid", (status == "active").into()),
        ("days_until_expiry", days.into()),
        ("workspace_name", workspace.name.into()),
        ("never_expires", (token.expiry == TokenExpiry::Never).into()),
        ("pending", pending.into()),
    ]);
    if args.show_token {
        json.set("access_token", token.access_token.expose().into());
    }
    Ok(Report::new(text, json))
}

/// What is pending, if this user may read the journal: the config file may be readable for a group.
fn pending_words(app: &App, workspace: &WorkspaceRef) -> Result<Option<Vec<String>>> {
    match app.pending() {
        Err(Error::ReadFile { path, source }) if source.kind() == ErrorKind::PermissionDenied => {
            app.console().warn(&format!(
                "Whether work is pending cannot be told: {} is not readable",
                printable(&path.display().to_string())
            ));
            Ok(None)
        }
        pending => Ok(Some(pending::words(&pending?, workspace))),
    }
}

/// `active`, `expired`, or `invalid` for a text that no server can take.
fn status(token: &Token, now: Timestamp) -> &'static str {
    if !token.access_token.is_header_safe() {
        return "invalid";
    }
    match token.expiry.at() {
        Some(end) if end <= now => "expired",
        _ => "active",
    }
}
