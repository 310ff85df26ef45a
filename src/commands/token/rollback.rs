//! `ntcli token rollback`

use crate::cli::TokenRollback;
use crate::commands::prelude::*;
use crate::commands::results::{Telling, rotate, tell_events};
use crate::rotation::Rotator;

/// Makes the token before the current one the current one again.
pub(crate) fn run(app: &App, args: &TokenRollback) -> Result<Report> {
    app.check_session(&app.config()?)?;
    let mut dir = app.lock()?;
    let config = dir.config()?;
    let found = app.workspace(&config, args.workspace.as_deref())?;
    let workspace = app::workspace_ref(&found, &app.server(&config)?);
    // A target that cannot get it is no reason to stay: it has not got the other one either.
    let mut consumers = app.remembered(&mut dir)?;
    let api = app.api(&config, As::User)?;
    let rollback = |rotator: &mut Rotator| rotator.rollback(&workspace);
    let (rolled_back, events) = rotate(app, &api, &mut dir, &mut consumers, rollback)?;
    let telling = Telling { console: app.console(), began: app.now(), print: false };
    let mut report = telling.alone(&workspace, telling.rolled_back(&workspace, rolled_back?));
    tell_events(events, app.console(), &mut report.json);
    Ok(report)
}
