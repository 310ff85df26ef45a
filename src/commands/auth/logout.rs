//! `ntcli auth logout`: forgets the session, and with `--all` first revokes the workspace tokens.

use crate::cli::AuthLogout;
use crate::commands::prelude::*;
use crate::commands::prompt;
use crate::config::Config;
use crate::config_dir::ConfigDir;
use crate::rotation::{LoggedOut, Rotator, WorkspaceRef};
use crate::text::counted;
use crate::token::Token;

/// Signs out. Nothing that may be live is forgotten.
pub(crate) fn run(app: &App, args: &AuthLogout) -> Result<Report> {
    let before = app.config()?;
    let tokens = before.workspaces().iter().filter(|w| w.token.is_some()).count();
    let to_revoke = args.all && (tokens > 0 || app.pending()?.has_work());
    if to_revoke {
        app.check_session(&before)?;
        if !args.force {
            let tokens = counted(tokens, "workspace token");
            let what = format!("{tokens} would be revoked and forgotten.");
            prompt::consent(app.ctx, &what, "revoke", "ntcli auth logout --all --force")?;
        }
    } else if before.session().is_none() {
        return Ok(done(app, "No one was signed in", &[]).that_changed(false));
    }
    let mut dir = app.lock()?;
    let LoggedOut { revoked, left, failure } =
        if to_revoke { revoke_all(app, &mut dir)? } else { LoggedOut::default() };
    if left.is_empty() {
        dir.update(Config::clear_session)?;
        let stay = tokens > 0 && !to_revoke;
        let next = stay.then(|| "Workspace tokens stay here, and live; to revoke and forget them, sign in and run: ntcli auth logout --all".to_owned());
        return Ok(done(app, "Signed out", &revoked).with_next_step(next));
    }
    let problem = Error::tokens_left(&left, failure.as_ref());
    let json = Json::of([("signed_out", false.into()), ("revoked", app::json_tokens(&revoked))]);
    Ok(Report::new("", json).with_problem(Some(problem)))
}

fn revoke_all(app: &App, dir: &mut ConfigDir) -> Result<LoggedOut> {
    let config = dir.config()?;
    let api = app.api(&config, As::User)?;
    let server = app.server(&config)?;
    let workspaces = config.holders().into_iter();
    let tokens: Vec<(WorkspaceRef, Token)> =
        workspaces.filter_map(|w| Some((app::workspace_ref(&w, &server), w.token?))).collect();
    let mut on_event = |event| app.on_event(&event);
    Rotator::new(&api, dir, app.clock(), &mut on_event)?.revoke_all(&tokens)
}

fn done(app: &App, message: &str, revoked: &[(WorkspaceRef, String)]) -> Report {
    let mut text = format!("{message}.\n");
    if !revoked.is_empty() {
        text += &format!("Workspace tokens revoked and forgotten: {}\n", revoked.len());
    }
    super::warn_of_variable(app);
    let json = Json::of([("signed_out", true.into()), ("revoked", app::json_tokens(revoked))]);
    Report::new(text, json)
}
