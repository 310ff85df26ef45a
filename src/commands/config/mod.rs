//! `ntcli config …`

use crate::commands::prelude::*;

pub(super) mod reset;
pub(super) mod show;

/// Prints where the config file is.
pub(super) fn path(app: &App) -> Report {
    let path = app.paths.config.display().to_string();
    // A pipe gets the exact bytes, to open the file.
    let text = if app.console().out_is_terminal() { printable(&path) } else { path.clone() };
    let json = Json::of([("path", path.into())]);
    Report::new(format!("{text}\n"), json).asked_for()
}
