//! `ntcli token rollback`

use crate::cli::TokenRollback;
use crate::commands::prelude::*;
use crate::commands::results::{Events, Telling};
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
    let mut events = Events::default();
    let mut on_event = |event| events.record_and_print(event, app);
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    rotator.deliver_to(&mut consumers);
    let rolled_back = rotator.rollback(&workspace);
    drop(rotator);
    let telling = Telling { console: app.console(), began: app.now(), print: false };
    let mut report = telling.alone(&workspace, telling.rolled_back(&workspace, rolled_back?));
    events.finish(app.console(), &mut report.json);
    Ok(report)
}
