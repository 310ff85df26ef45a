//! `ntcli token show`: what is known of the current token, without the network.

use crate::cli::TokenShow;
use crate::commands::app;
use crate::config::{Config, Paths};
use crate::config_dir;
use crate::context::Context;
use crate::error::{Error, Result, moment};
use crate::json::Json;
use crate::output::Report;
use crate::rotation::journal::Pending;
use crate::text::printable;
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

const DAY_MS: i64 = 86_400_000;

/// Shows the current token and the work that is pending for its workspace.
pub(in crate::commands) fn run(ctx: &mut Context, args: &TokenShow) -> Result<Report> {
    let paths = Paths::find(&ctx.env)?;
    let config = Config::load(&paths.config, &ctx.console)?;
    let workspace = app::workspace(ctx, &config, args.workspace.as_deref())?;
    let token = workspace.token.as_ref().ok_or(Error::NoToken)?;
    let pending = pending(&config_dir::peek_ledger(&paths)?, &workspace.id);
    let now = ctx.clock.now();
    let status = status(token, now);
    let created_at = token.created_at();

    let mut text = format!("Current token of '{}'\n", printable(&workspace.name));
    text += &format!(
        "  JTI:       {}\n",
        printable(token.jti.as_deref().unwrap_or("-"))
    );
    text += &format!("  Created:   {}\n", moment(created_at));
    text += &format!("  Expires:   {}\n", token.expiry.for_people());
    text += &format!("  Status:    {status}\n");
    text += &format!("  Workspace: {}\n", printable(&workspace.id));
    if args.show_token {
        text += &format!("  Token:     {}\n", token.access_token.expose());
    }
    for work in &pending {
        text += &format!("  Pending:   {}\n", printable(work));
    }
    let days = token
        .expiry
        .at()
        .map(|at| at.millis().saturating_sub(now.millis()).div_euclid(DAY_MS));
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

/// What the journal holds for a workspace, in words.
pub(super) fn pending(ledger: &Pending, workspace: &str) -> Vec<String> {
    let mut words = Vec::new();
    for rotation in ledger.rotations.iter().filter(|r| r.place.id == workspace) {
        let new = rotation.token.jti_for_people();
        words.push(if rotation.waits_for_hooks() {
            let old = rotation.old.as_ref().map_or("no id", Token::jti_for_people);
            format!("the current token is still to be handed on; until then the old one ({old}) is kept live")
        } else {
            format!("a refresh was interrupted; the next run finishes it (its token is {new})")
        });
    }
    for window in ledger.windows.iter().filter(|w| w.place.id == workspace) {
        words.push(format!(
            "a token was asked for at {} and no answer came",
            window.at
        ));
    }
    for owed in ledger.owed.iter().filter(|o| o.place.id == workspace) {
        words.push(match owed.not_before {
            Some(time) => format!("token {} is to be revoked after {time}", owed.jti),
            None => format!("token {} is still to be revoked", owed.jti),
        });
    }
    for orphan in ledger.orphans.iter().filter(|o| o.place.id == workspace) {
        words.push(format!(
            "token {} is live and nobody here holds it",
            orphan.jti
        ));
    }
    words
}
