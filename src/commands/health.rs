//! `ntcli health`

use crate::commands::prelude::*;
use crate::output::moment;
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
        Some(_) => Error::no_server(ask, &failure),
        None => Error::no_server("reach the server", &failure),
    })?;

    let well = WELL.iter().any(|w| health.status.eq_ignore_ascii_case(w));
    let known = |field: &Option<String>| printable(field.as_deref().unwrap_or("-"));
    let text = format!(
        "Server:  {}\nStatus:  {}\nService: {}\nVersion: {}\nClock:   {}\n",
        printable(api.server()),
        printable(&health.status),
        known(&health.service),
        known(&health.version),
        moment(health.timestamp)
    );
    let json = Json::of([
        ("status", health.status.as_str().into()),
        ("healthy", well.into()),
        ("version", health.version.into()),
        ("service", health.service.into()),
        ("timestamp", health.timestamp.into()),
        ("api", api.server().into()),
    ]);
    let status = health.status;
    let problem = (!well).then_some(Error::unhealthy(&status));
    Ok(Report::new(text, json).with_problem(problem))
}
