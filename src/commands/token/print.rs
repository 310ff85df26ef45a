//! `ntcli token print`: the current token, bare.

use crate::cli::TokenPrint;
use crate::commands::prelude::*;
use crate::config::Workspace;
use crate::token::Token;

/// Prints the current token.
pub(crate) fn run(app: &App, args: &TokenPrint) -> Result<Report> {
    if (app.ctx.out_is_closed)() {
        let closed = std::io::Error::other("standard output is closed");
        return Err(Error::write_result(&closed));
    }
    let (workspace, token) = usable(app, args.workspace.as_deref())?;
    if app.console().out_is_terminal() {
        app.console().note("This is a secret: it gives access to the workspace.");
    }
    let access_token = token.access_token.expose();
    let json = Json::of([
        ("access_token", access_token.into()),
        ("jti", token.jti.into()),
        ("expires_at", token.expiry.at().into()),
        ("workspace", app::json_workspace(&app::workspace_ref(&workspace, ""))),
    ]);
    Ok(Report::new(format!("{access_token}\n"), json).asked_for())
}

/// The workspace that is meant and its token, as the config file has them at this moment. A refresh
/// puts another file in its place by a rename, so what is read is whole, and its token is live: the
/// old one is revoked only after that.
///
/// # Errors
/// [`Error::no_token`], [`Error::token_ended`].
pub(super) fn usable(app: &App, named: Option<&str>) -> Result<(Workspace, Token)> {
    let mut workspace = app.workspace(&app.config()?, named)?;
    let token = workspace.token.take().ok_or_else(Error::no_token)?;
    match token.expiry.at() {
        Some(end) if end <= app.now() => Err(Error::token_ended(end)),
        _ => Ok((workspace, token)),
    }
}
