//! `ntcli token needs-refresh`: the answer is the exit code.

use crate::cli::TokenNeedsRefresh;
use crate::commands::app::{self, App};
use crate::commands::token::pending;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::Json;
use crate::output::Report;
use crate::text::printable;
use crate::token::{self, Due, Token, TokenExpiry};

const DEFAULT_WITHIN: &str = "30d";
/// systemd's `ExecCondition` takes it for "skip", not for a failure.
const NOT_DUE: u8 = 1;

/// Tells whether a refresh is due. No failure may look like one of the two answers.
pub(in crate::commands) fn run(ctx: &Context, args: &TokenNeedsRefresh) -> Result<Report> {
    answer(ctx, args).map_err(Error::without_answer)
}

fn answer(ctx: &Context, args: &TokenNeedsRefresh) -> Result<Report> {
    let within = args.within.as_deref().unwrap_or(DEFAULT_WITHIN);
    let within_secs = app::seconds(ctx, "--within", within)?;
    let app = App::open(ctx)?;
    let config = app.config()?;
    let workspace = app.workspace(&config, args.workspace.as_deref())?;
    let token = workspace.token.as_ref().ok_or_else(Error::no_token)?;

    let now = ctx.clock.now();
    let due = token::due(token, within_secs, now);
    let local = app::workspace_ref(&workspace, &app.server(&config)?);
    let work = app.pending()?.due_for(&local, &app.moment());
    let pending = if due.is_due() { Vec::new() } else { pending::of(&work, &local) };
    let is_due = due.is_due() || !pending.is_empty();
    let name = printable(&workspace.name);
    let mut text = if pending.is_empty() {
        let verdict = if is_due { "Due" } else { "Not due" };
        format!("{verdict}: the token of '{name}' {}.\n", why(due, token, within))
    } else {
        format!("Due: work of an earlier run on '{name}' is pending.\n")
    };
    for work in &pending {
        text += &format!("  Pending: {}\n", work.text);
    }
    let reason = if pending.is_empty() { due.code() } else { "pending" };
    let json = Json::of([
        ("due", is_due.into()),
        ("reason", reason.into()),
        ("expires_at", token.expiry.at().into()),
        ("never_expires", (token.expiry == TokenExpiry::Never).into()),
        ("jti", token.jti.clone().into()),
        ("workspace", app::json_workspace(&local)),
        ("pending", pending::json(&pending)),
    ]);
    let mut report = Report::new(text, json);
    report.exit = if is_due { 0 } else { NOT_DUE };
    Ok(report)
}

fn why(due: Due, token: &Token, within: &str) -> String {
    let end = token.expiry.for_people();
    match (due, token.expiry) {
        (Due::Invalid, _) => "cannot be used".to_owned(),
        (Due::UnknownEnd, _) => "does not say when it expires".to_owned(),
        (Due::Expired, _) => format!("expired {end}"),
        (Due::Soon, _) => format!("expires {end}, within {within}"),
        (Due::NotYet, TokenExpiry::Never) => "never expires".to_owned(),
        (Due::NotYet, _) => format!("expires {end}, not within {within}"),
    }
}
