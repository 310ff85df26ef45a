//! `token show`: what is known of the current token, and with `--check` what the server says.

use super::pending;
use crate::cli::TokenShow;
use crate::commands::prelude::*;
use crate::commands::survey::{self, Survey, WorkspaceState};
use crate::config::Config;
use crate::config_dir::history::{self, Line};
use crate::output::moment;
use crate::rotation::Acceptance;
use crate::token::{Token, TokenExpiry};

const DAY_MS: i64 = 86_400_000;
/// What the server says of a token that it denies.
const REVOKED: &str = "revoked";

/// Shows the current token and the work that is pending for its workspace.
pub(crate) fn run(app: &App, args: &TokenShow) -> Result<Report> {
    loop {
        let config = app.config()?;
        let meant = |config| app.workspace(config, args.workspace.as_deref());
        let mut survey = survey::look_as_it_is(app, &config, vec![meant(&config)?], false)?;
        let state = survey.workspaces.pop().ok_or_else(Error::no_token)?;
        let answer =
            if args.check { Some(ask(app, &config, &survey, &state.token)?) } else { None };
        if matches!(answer, Some((REVOKED, _))) {
            // A refresh that ran meanwhile has revoked this token: its new one is the one to ask about.
            let now = meant(&app.config()?)?.token.ok_or_else(Error::no_token)?;
            if !now.is_same(&state.token) {
                continue;
            }
        }
        if let Some(error) = &survey.unreadable {
            let why = error.in_one_line();
            app.console().warn(&format!("Cannot tell whether work is pending: {why}"));
        }
        return Ok(report(args, &survey, &state, answer));
    }
}

/// What the server says in a word, and what is wrong about that.
type Answer = (&'static str, Option<Error>);

fn report(
    args: &TokenShow,
    survey: &Survey,
    WorkspaceState { workspace, token, .. }: &WorkspaceState,
    answer: Option<Answer>,
) -> Report {
    let now = survey.now;
    let status = match token.expiry.at() {
        // No server can take such a text.
        _ if !token.access_token.is_header_safe() => "invalid",
        Some(end) if end <= now => "expired",
        _ => "active",
    };
    let server = answer.as_ref().map(|(server, _)| *server);
    // At whatever server it was begun.
    let pending = pending::of(&survey.pending, |w| w.id == workspace.id);
    let (created_at, expires) = (token.created_at(), token.expiry.for_people());
    let jti = printable(token.jti.as_deref().unwrap_or("-"));
    let mut text = format!("Current token of '{}'\n", printable(&workspace.name));
    let mut row = |name: &str, value: &str| text += &format!("  {name:<10} {value}\n");
    row("JTI:", &jti);
    row("Created:", &moment(created_at));
    row("Expires:", &expires);
    row("Status:", status);
    if let Some(server) = server {
        row("Server:", server);
    }
    row("Workspace:", &printable(&workspace.id));
    if args.show_token {
        row("Token:", token.access_token.expose());
    }
    for work in &pending {
        row("Pending:", &work.text);
    }
    let days =
        token.expiry.at().map(|at| at.millis().saturating_sub(now.millis()).div_euclid(DAY_MS));
    let is_known = survey.unreadable.is_none();
    let mut json = Json::of([
        ("jti", token.jti.clone().into()),
        ("created_at", created_at.into()),
        ("expires_at", token.expiry.at().into()),
        ("status", status.into()),
        ("workspace_id", workspace.id.as_str().into()),
        ("is_valid", (status == "active" && server != Some(REVOKED)).into()),
        ("days_until_expiry", days.into()),
        ("workspace", app::json_workspace(workspace)),
        ("never_expires", (token.expiry == TokenExpiry::Never).into()),
        ("pending", is_known.then(|| pending::json(&pending)).into()),
    ]);
    if args.show_token {
        json.set("access_token", token.access_token.expose().into());
    }
    if let Some(server) = server {
        json.set("server", server.into());
    }
    Report::new(text, json).with_problem(answer.and_then(|(_, problem)| problem))
}

/// Asks the server about a token, unless its time is over. One that takes every token, as the
/// open-source core does, cannot be told from one that knows it.
fn ask(app: &App, config: &Config, survey: &Survey, token: &Token) -> Result<Answer> {
    if let Some(end) = token.expiry.at().filter(|end| *end <= survey.now) {
        return Ok(("expired", Some(Error::token_ended(end))));
    }
    Ok(match app.check_token(&app.api(config, As::Anonymous)?, token) {
        Ok(Acceptance::Accepted) => ("active", None),
        Ok(Acceptance::Denied) => {
            let from_here = was_ended_here(app, survey, token);
            (REVOKED, Some(Error::token_denied(token.jti.as_deref(), from_here)))
        }
        Ok(Acceptance::Unclear) => ("unreachable", Some(Error::token_unchecked(None))),
        Err(failure) => ("unreachable", Some(Error::token_unchecked(Some(&failure)))),
    })
}

/// Whether a run here has revoked the token, or was about to; `None` if that cannot be told. A run
/// notes in the history what it takes out of the journal, so the journal was read first.
fn was_ended_here(app: &App, survey: &Survey, token: &Token) -> Option<bool> {
    let jti = token.jti.as_ref().filter(|_| survey.unreadable.is_none())?;
    let lines = history::read(&app.paths.history).ok()?;
    let is_it = |field: &Option<String>| field.as_ref() == Some(jti);
    let ends_it = |l: &Line| is_it(&l.old_jti) || (l.event == "revoked" && is_it(&l.jti));
    let pending = &survey.pending;
    Some(
        pending.revocations.iter().any(|r| r.jti == *jti)
            || pending.rotations.iter().any(|r| r.old.as_ref().is_some_and(|old| is_it(&old.jti)))
            || lines.iter().any(ends_it),
    )
}
