//! What an error says of the workspace and the folder that are meant.

use crate::commands::prelude::*;
use crate::config::Paths;
use crate::store;

/// Completes the error of a command.
pub(crate) fn complete(ctx: &Context, outcome: Result<Report>) -> Result<Report> {
    let completed = |error| completed(ctx, error);
    let mut report = outcome.map_err(completed)?;
    report.problem = report.problem.map(completed);
    Ok(report)
}

/// Names the workspace that is not the active one in the hint, and the folder where something is
/// missing.
pub(super) fn completed(ctx: &Context, error: Error) -> Error {
    let (other, meant) = (ctx.other_workspace.borrow(), ctx.meant_workspace.borrow());
    // Without a name that command is about all workspaces.
    let named = if error.means_renew() { &meant } else { &other };
    let error = error.of_workspace(named.as_deref());
    let Ok(paths) = Paths::find(&ctx.env) else {
        return error;
    };
    let usable = ctx.env.os("NTCLI_CONFIG_DIR").is_some() || store::is_usable(&paths.dir);
    error.looked_in(&paths.dir, usable)
}
