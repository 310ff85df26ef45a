//! `ntcli health`

use crate::commands::prelude::*;
use crate::rotation::ControlPlane;

/// The words that servers use for healthy.
const WELL: [&str; 5] = ["healthy", "ok", "up", "pass", "alive"];

/// Asks the server for its health.
pub(super) fn run(app: &App) -> Result<Report> {
    let config = app.config()?;
    let api = app.api(&config, As::Anonymous)?;
    let health = api.health();
    let ask = "get the health of the server";
    let health = health.map_err(|failure| match failure.status() {
        Some(401 | 403) => Error::call(ask, failure),
        _ => Error::could_not(ask, &failure, "ntcli domain show"),
    })?;

    let field = |name: &str| health[name].as_str();
    let known = |name: &str| printable(field(name).unwrap_or("-"));
    let status = field("status").unwrap_or_default();
    let well = WELL.iter().any(|w| status.eq_ignore_ascii_case(w));
    let text = format!(
        "Server:  {}\nStatus:  {}\nService: {}\nVersion: {}\nClock:   {}\n",
        printable(api.server()),
        known("status"),
        known("service"),
        known("version"),
        known("timestamp")
    );
    let json = Json::of([
        ("status", status.into()),
        ("healthy", well.into()),
        ("version", field("version").into()),
        ("service", field("service").into()),
        ("timestamp", field("timestamp").into()),
        ("api", api.server().into()),
    ]);
    let problem = (!well).then_some(Error::unhealthy(status));
    Ok(Report::new(text, json).with_problem(problem))
}
