//! `ntcli auth logout`: forgets the session, and with `--all` first revokes the workspace tokens.

use crate::cli::AuthLogout;
use crate::commands::prelude::*;
use crate::commands::prompt::{self, Question};
use crate::config_dir::ConfigDir;
use crate::rotation::{LoggedOut, Rotator, WorkspaceRef};
use crate::text::counted;
use crate::token::Token;

/// Signs out. Nothing that may be live is forgotten, unless `--forget` says so.
pub(crate) fn run(app: &App, args: &AuthLogout) -> Result<Report> {
    let before = app.config()?;
    let tokens = before.workspaces().iter().filter(|w| w.token.is_some()).count();
    let to_revoke = args.all && (tokens > 0 || app.pending()?.has_work());
    if to_revoke {
        app.check_session(&before)?;
        if !args.force {
            let question = Question {
                what: format!(
                    "{} would be revoked and forgotten.",
                    counted(tokens, "workspace token")
                ),
                ask: "Type revoke to go on:".to_owned(),
                yes: &["revoke"],
                forced: "ntcli auth logout --all --force".to_owned(),
            };
            prompt::consent(app.ctx, &question)?;
        }
    } else if before.session().is_none() {
        return Ok(done(app, "No one was signed in", &[], &[]).that_changed(false));
    }
    let mut dir = app.lock()?;
    let LoggedOut { revoked, left, failure } =
        if to_revoke { revoke_all(app, &mut dir, args.forget)? } else { LoggedOut::default() };
    let forget = args.forget || left.is_empty();
    dir.update(|config| {
        for workspace in config.holders() {
            let is_dead =
                workspace.token.is_some_and(|t| t.jti.is_none() && t.has_ended(app.now()));
            if to_revoke && (args.forget || is_dead) {
                config.clear_token(&workspace.key);
            }
        }
        if forget {
            config.clear_session();
        }
    })?;
    if forget {
        let stay = tokens > 0 && !to_revoke;
        let next = stay.then(|| "Workspace tokens stay here, and live; to revoke and forget them, sign in and run: ntcli auth logout --all".to_owned());
        return Ok(done(app, "Signed out", &revoked, &left).with_next_step(next));
    }
    let problem = Error::tokens_left(&left, failure.as_ref());
    let json = Json::of([("signed_out", false.into()), ("revoked", app::json_tokens(&revoked))]);
    Ok(Report::new("", json).with_problem(Some(problem)))
}

fn revoke_all(app: &App, dir: &mut ConfigDir, forget: bool) -> Result<LoggedOut> {
    let config = dir.config()?;
    let api = app.api(&config, As::User)?;
    let server = app.server(&config)?;
    let workspaces = config.holders().into_iter();
    let tokens: Vec<(WorkspaceRef, Token)> =
        workspaces.filter_map(|w| Some((app::workspace_ref(&w, &server), w.token?))).collect();
    let mut on_event = |event| app.on_event(&event);
    Rotator::new(&api, dir, app.clock(), &mut on_event)?.revoke_all(&tokens, forget)
}

fn done(
    app: &App,
    message: &str,
    revoked: &[(WorkspaceRef, String)],
    forgotten: &[String],
) -> Report {
    let mut text = match revoked.len() {
        0 => format!("{message}.\n"),
        n => format!("{message}.\nWorkspace tokens revoked and forgotten: {n}\n"),
    };
    for token in forgotten {
        text += &format!("Forgotten, and may be live: {}\n", crate::text::printable(token));
    }
    super::warn_of_variable(app);
    let mut json = Json::of([
        ("signed_out", true.into()),
        ("revoked", app::json_tokens(revoked)),
        ("message", message.into()),
    ]);
    if !forgotten.is_empty() {
        json.set("forgotten", forgotten.to_vec().into());
    }
    Report::new(text, json)
}
