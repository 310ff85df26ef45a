//! `ntcli auth status`: who is signed in, from what is known here. No network.

use crate::auth;
use crate::commands::prelude::*;
use crate::commands::survey::SessionState;
use crate::config::Session;

/// Reports where the bearer comes from, whose it is, and when it ends.
pub(crate) fn run(app: &App) -> Result<Report> {
    let config = app.config()?;
    let state = SessionState::look(&app.ctx.env, &config, app.now());
    let given = &state.given;
    let session = match (&state.session, state.unusable) {
        (Some(session), None) => session,
        (_, Some(error)) if error.is_no_session() => {
            return Ok(not_signed_in(error.reason().to_owned()));
        }
        (_, error) => return Err(error.unwrap_or_else(|| Error::no_session(""))),
    };
    app.note_ignored(&config);
    let config_file = || app.paths.config.display().to_string();
    let place = given.as_ref().map_or_else(config_file, auth::FromEnv::place);
    let ended = session.expires_at.filter(|end| *end <= app.now());
    if let (Some(end), None) = (ended, &session.refresh_token) {
        return Ok(not_signed_in(format!("the session in {place} ended {end}")));
    }
    let mut json = super::json(session);
    let file = given.as_ref().and_then(|found| found.file.as_ref());
    let of_file = file.map_or("environment", |_| "file");
    json.set("source", given.as_ref().map_or("config", |_| of_file).into());
    json.set("variable", given.as_ref().map(|found| found.variable.to_owned()).into());
    json.set("file", file.map(|file| file.display().to_string()).into());
    json.set("server", session.server.clone().into());
    json.set("expired", state.has_ended.into());
    Ok(Report::new(text(session, &place, app), json))
}

/// Not signed in: exit 4, with the same field as when signed in.
fn not_signed_in(reason: String) -> Report {
    let json = Json::of([("signed_in", false.into())]);
    Report::new("", json).with_problem(Some(Error::no_session(reason)))
}

fn text(session: &Session, place: &str, app: &App) -> String {
    let who = super::name(&session.user)
        .unwrap_or_else(|| "an unnamed user (the session does not say)".to_owned());
    let organization = session.user.filled("organizationId").unwrap_or("-");
    let end = match session.expires_at {
        None => "unknown".to_owned(),
        Some(end) if end <= app.now() => format!("{end} (the next command renews it)"),
        Some(end) => end.to_string(),
    };
    let renews = if session.refresh_token.is_some() { "yes" } else { "no" };
    format!(
        "Signed in as {who}\n  \
           Organization:  {}\n  \
           Session from:  {}\n  \
           Expires:       {end}\n  \
           Renews itself: {renews}\n",
        printable(organization),
        printable(place)
    )
}
