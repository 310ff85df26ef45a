//! `ntcli completions` and `ntcli man`

use crate::cli::{self, Completions};
use crate::json::Json;
use crate::output::Report;

/// Prints the completions of a shell.
pub(super) fn completions(args: &Completions) -> Report {
    let script = cli::completions(args.shell);
    let json = Json::of([("script", script.as_str().into())]);
    Report::new(script, json)
}

/// Prints the manual page.
pub(super) fn man() -> Report {
    let page = cli::man_page();
    let json = Json::of([("page", page.as_str().into())]);
    Report::new(page, json)
}
