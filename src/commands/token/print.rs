//! `ntcli token print`: the current token, bare.

use crate::cli::TokenPrint;
use crate::commands::prelude::*;
use crate::config::{Config, Workspace};
use crate::token::Token;

/// Prints the current token.
pub(crate) fn run(app: &App, args: &TokenPrint) -> Result<Report> {
    if (app.ctx.out_is_closed)() {
        let closed = std::io::Error::other("standard output is closed");
        return Err(Error::write_result(&closed));
    }
    let current = usable(app, args.workspace.as_deref(), args.allow_expired)?;
    let Current { workspace, token, .. } = current;
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
    Ok(Report::new(format!("{access_token}\n"), json))
}

/// The workspace that is meant and its token, as the config file has them at this moment. A refresh
/// puts another file in its place by a rename, so what is read is whole, and its token is live: the
/// old one is revoked only after that.
pub(super) struct Current {
    pub(super) config: Config,
    pub(super) workspace: Workspace,
    pub(super) token: Token,
}

impl Current {
    /// # Errors
    /// [`Error::no_token`], and as [`App::config`] and [`App::workspace`].
    pub(super) fn read(app: &App, named: Option<&str>) -> Result<Self> {
        let config = app.config()?;
        let mut workspace = app.workspace(&config, named)?;
        let token = workspace.token.take().ok_or_else(Error::no_token)?;
        Ok(Self { config, workspace, token })
    }

    /// What is wrong with a token whose time is over.
    pub(super) fn ended(&self, app: &App) -> Option<Error> {
        let ended = self.token.expiry.at().filter(|end| *end <= app.now())?;
        Some(Error::token_ended(ended))
    }
}

/// The current token, for use: not when its time is over, unless that is wanted.
///
/// # Errors
/// [`Error::token_ended`], and as [`Current::read`].
pub(super) fn usable(app: &App, named: Option<&str>, allow_expired: bool) -> Result<Current> {
    let current = Current::read(app, named)?;
    match current.ended(app) {
        Some(error) if !allow_expired => Err(error),
        _ => Ok(current),
    }
}
