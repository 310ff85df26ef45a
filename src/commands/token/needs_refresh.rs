//! `ntcli token needs-refresh`: the answer is the exit code.

use crate::cli::TokenNeedsRefresh;
use crate::commands::app;
use crate::config::{Config, Paths};
use crate::context::Context;
use crate::error::{Error, Result, exit};
use crate::json::Json;
use crate::output::Report;
use crate::text::printable;
use crate::token::{self, Due, Token, TokenExpiry};

const DEFAULT_WITHIN: &str = "30d";
/// systemd's `ExecCondition` takes it for "skip", not for a failure.
const NOT_DUE: u8 = 1;

/// Tells whether a refresh is due. No failure may look like one of the two answers.
pub(in crate::commands) fn run(ctx: &mut Context, args: &TokenNeedsRefresh) -> Result<Report> {
    answer(ctx, args).map_err(|error| Error::NoAnswer(Box::new(error)))
}

fn answer(ctx: &mut Context, args: &TokenNeedsRefresh) -> Result<Report> {
    let within = args.within.as_deref().unwrap_or(DEFAULT_WITHIN);
    let within_secs = app::seconds("--within", within)?;
    let paths = Paths::find(&ctx.env)?;
    let config = Config::load(&paths.config, &ctx.console)?;
    let workspace = app::workspace(ctx, &config, args.workspace.as_deref())?;
    let token = workspace.token.as_ref().ok_or(Error::NoToken)?;

    let due = token::due(token, within_secs, ctx.clock.now());
    let verdict = if due.is_due() { "Due" } else { "Not due" };
    let text = format!(
        "{verdict}: the token of '{}' {}.\n",
        printable(&workspace.name),
        why(due, token, within)
    );
    let json = Json::of([
        ("due", due.is_due().into()),
        ("reason", due.code().into()),
        ("expires_at", token.expiry.at().into()),
        ("never_expires", (token.expiry == TokenExpiry::Never).into()),
        ("jti", token.jti.clone().into()),
        ("workspace", app::json_place(&app::place(&workspace))),
    ]);
    let mut report = Report::new(text, json);
    report.exit = if due.is_due() { 0 } else { NOT_DUE };
    report.unwritten = exit::NO_ANSWER;
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
