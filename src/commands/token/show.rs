//! `ntcli token show`: what is known of the current token, and with `--check` what the server says.

use super::pending::{self, Work};
use super::print::Current;
use crate::cli::TokenShow;
use crate::commands::prelude::*;
use crate::config_dir::history::{self, Line};
use crate::error::Kind;
use crate::output::moment;
use crate::rotation::{Acceptance, ControlPlane, WorkspaceRef};
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

const DAY_MS: i64 = 86_400_000;
/// What [`Answer::server`] is for a token that the server denies.
const REVOKED: &str = "revoked";

/// Shows the current token and the work that is pending for its workspace.
pub(crate) fn run(app: &App, args: &TokenShow) -> Result<Report> {
    let named = args.workspace.as_deref();
    loop {
        let current = Current::read(app, named)?;
        let answer = if args.check { Some(ask(app, &current)?) } else { None };
        // A refresh that ran meanwhile has revoked this token: its new one is the one to ask about.
        if is_denied(answer.as_ref()) && !Current::read(app, named)?.token.is_same(&current.token) {
            continue;
        }
        return report(app, args, &current, answer);
    }
}

fn report(
    app: &App,
    args: &TokenShow,
    current: &Current,
    answer: Option<Answer>,
) -> Result<Report> {
    let Current { workspace, token, .. } = current;
    let local = app::workspace_ref(workspace, "");
    let pending = pending_work(app, &local)?;
    let now = app.now();
    let status = status(token, now);
    let created_at = token.created_at();

    let mut text = format!("Current token of '{}'\n", printable(&workspace.name));
    text += &format!("  JTI:       {}\n", printable(token.jti.as_deref().unwrap_or("-")));
    // A person reads dates better from here.
    let from_now = |at: Option<Timestamp>| {
        let at = at.filter(|_| app.console().out_is_terminal());
        at.map(|at| format!(" ({})", at.from_now(now))).unwrap_or_default()
    };
    text += &format!("  Created:   {}{}\n", moment(created_at), from_now(created_at));
    let expires = token.expiry.for_people();
    text += &format!("  Expires:   {expires}{}\n", from_now(token.expiry.at()));
    text += &format!("  Status:    {status}\n");
    if let Some(answer) = &answer {
        text += &format!("  Server:    {}\n", answer.server);
    }
    text += &format!("  Workspace: {}\n", printable(&workspace.id));
    if args.show_token {
        text += &format!("  Token:     {}\n", token.access_token.expose());
    }
    for work in pending.iter().flatten() {
        text += &format!("  Pending:   {}\n", work.text);
    }
    let days =
        token.expiry.at().map(|at| at.millis().saturating_sub(now.millis()).div_euclid(DAY_MS));
    let is_valid = status == "active" && !is_denied(answer.as_ref());
    let mut json = Json::of([
        ("jti", token.jti.clone().into()),
        ("created_at", created_at.into()),
        ("expires_at", token.expiry.at().into()),
        ("status", status.into()),
        ("workspace_id", workspace.id.as_str().into()),
        ("is_valid", is_valid.into()),
        ("days_until_expiry", days.into()),
        ("workspace_name", workspace.name.as_str().into()),
        ("workspace", app::json_workspace(&local)),
        ("never_expires", (token.expiry == TokenExpiry::Never).into()),
        ("pending", pending.as_deref().map(pending::json).into()),
    ]);
    if args.show_token {
        json.set("access_token", token.access_token.expose().into());
    }
    let Some(Answer { server, problem }) = answer else {
        return Ok(Report::new(text, json));
    };
    json.set("server", server.into());
    Ok(Report::new(text, json).with_problem(problem))
}

/// What the server says of a token.
struct Answer {
    /// In a word: `active`, `revoked`, `expired`, `unreachable`.
    server: &'static str,
    /// What is wrong about that.
    problem: Option<Error>,
}

fn is_denied(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| answer.server == REVOKED)
}

/// Asks the server about a token, unless its time is over. One that takes every token, as the
/// open-source core does, cannot be told from one that knows it.
fn ask(app: &App, current: &Current) -> Result<Answer> {
    if let Some(problem) = current.ended(app) {
        return Ok(Answer { server: "expired", problem: Some(problem) });
    }
    let Current { config, token, .. } = current;
    let (server, problem) = match app.api(config, As::Anonymous)?.check(&token.access_token) {
        Ok(Acceptance::Accepted) => return Ok(Answer { server: "active", problem: None }),
        Ok(Acceptance::Denied) => {
            let from_here = was_ended_here(app, token);
            (REVOKED, Error::token_denied(token.jti.as_deref(), from_here))
        }
        Ok(Acceptance::Unclear) => ("unreachable", Error::token_unchecked(None)),
        Err(failure) => ("unreachable", Error::token_unchecked(Some(&failure))),
    };
    Ok(Answer { server, problem: Some(problem) })
}

/// Whether a run here has revoked the token, or was about to; `None` if that cannot be told. A run
/// notes in the history what it takes out of the journal, so the journal is read first.
fn was_ended_here(app: &App, token: &Token) -> Option<bool> {
    let jti = token.jti.as_ref()?;
    let pending = app.pending().ok()?;
    let lines = history::read(&app.paths.history).ok()?;
    let is_it = |field: &Option<String>| field.as_ref() == Some(jti);
    let ends_it = |l: &Line| is_it(&l.old_jti) || (l.event == "revoked" && is_it(&l.jti));
    Some(
        pending.revocations.iter().any(|r| r.jti == *jti)
            || pending.rotations.iter().any(|r| r.old.as_ref().is_some_and(|old| is_it(&old.jti)))
            || lines.iter().any(ends_it),
    )
}

/// What is pending, if this user may read the journal: the config file may be readable for a group.
fn pending_work(app: &App, workspace: &WorkspaceRef) -> Result<Option<Vec<Work>>> {
    match app.pending() {
        Err(error) if matches!(error.kind(), Kind::File { denied: true }) => {
            app.console().warn(&format!(
                "Cannot tell whether work is pending: {} is not readable",
                printable(&app.paths.journal.display().to_string())
            ));
            Ok(None)
        }
        pending => Ok(Some(pending::of(&pending?, workspace))),
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
