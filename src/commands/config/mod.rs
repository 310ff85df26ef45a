//! `ntcli config …`

pub(super) mod reset;
pub(super) mod show;

use crate::config::Paths;
use crate::context::Context;
use crate::error::Result;
use crate::json::Json;
use crate::output::Report;
use crate::text::printable;

/// Prints where the config file is.
pub(super) fn path(ctx: &Context) -> Result<Report> {
    let path = Paths::find(&ctx.env)?.config.display().to_string();
    // A pipe gets the exact bytes, to open the file.
    let text = if ctx.console.out_is_terminal() { printable(&path) } else { path.clone() };
    let json = Json::of([("path", path.into())]);
    Ok(Report::new(format!("{text}\n"), json))
}
