//! `ntcli token needs-refresh`: the answer is the exit code.

use crate::cli::TokenNeedsRefresh;
use crate::commands::policy;
use crate::commands::prelude::*;
use crate::commands::survey::{self, WorkspaceState};
use crate::commands::token::pending;
use crate::error::exit;
use crate::text::counted;
use crate::token::{self, Due, Token, TokenExpiry};

/// systemd's `ExecCondition` takes it for "skip", not for a failure.
const NOT_DUE: u8 = 1;

/// Tells whether a refresh is due. No failure may look like one of the two answers.
pub(crate) fn run(ctx: &Context, args: &TokenNeedsRefresh) -> Result<Report> {
    App::open(ctx)
        .and_then(|app| answer(&app, args))
        .map_err(|error| error.with_exit_code(exit::ANSWER_UNKNOWN))
}

fn answer(app: &App, args: &TokenNeedsRefresh) -> Result<Report> {
    let config = app.config()?;
    let workspace = app.workspace(&config, args.workspace.as_deref())?;
    let mut survey = survey::look_as_it_is(app, &config, vec![workspace], false)?.whole()?;
    let state = survey.workspaces.pop().ok_or_else(Error::no_token)?;
    let WorkspaceState { workspace: local, token, .. } = &state;
    let within_s = args.within.unwrap_or(state.window_s);
    let due = token::due(token, within_s, app.now());
    let (name, lacking) = (printable(&local.name), state.drifted());
    let within = policy::duration(within_s);
    let (reason, said) = if !due.is_due() && !state.pending.is_empty() {
        ("pending", format!("work of an earlier run on '{name}' is pending"))
    } else if !due.is_due() && lacking > 0 {
        ("delivery", format!("{} of '{name}' must get the token", counted(lacking, "target")))
    } else {
        (due.code(), format!("the token of '{name}' {}", why(due, token, &within)))
    };
    let pending = if reason == "pending" { &state.pending[..] } else { &[] };
    let is_due = due.is_due() || reason != due.code();
    let verdict = if is_due { "Due" } else { "Not due" };
    let mut text = format!("{verdict}: {said}.\n");
    for work in pending {
        text += &format!("  Pending: {}\n", work.text);
    }
    let json = Json::of([
        ("due", is_due.into()),
        ("reason", reason.into()),
        ("expires_at", token.expiry.at().into()),
        ("never_expires", (token.expiry == TokenExpiry::Never).into()),
        ("jti", token.jti.clone().into()),
        ("workspace", app::json_workspace(local)),
        ("pending", pending::json(pending)),
    ]);
    Ok(Report::new(text, json).answering(if is_due { 0 } else { NOT_DUE }))
}

fn why(due: Due, token: &Token, within: &str) -> String {
    let end = token.expiry.for_people();
    match (due, token.expiry) {
        (Due::Invalid, _) => "cannot be used".to_owned(),
        (Due::UnknownEnd, _) => "does not say when it expires".to_owned(),
        (Due::Expired, _) => format!("expired {end}"),
        (Due::Soon, _) => format!("expires {end}, within {within}"),
        (Due::NotYet, TokenExpiry::Never) => "never expires".to_owned(),
        (Due::NotYet | Due::Asked, _) => format!("expires {end}, not within {within}"),
    }
}
