//! `ntcli auth status`: who is signed in, from what is known here. No network.

use crate::auth;
use crate::commands::app::App;
use crate::config::Session;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::Json;
use crate::output::Report;
use crate::text::printable;

/// Reports where the bearer comes from, whose it is, and when it ends.
pub(in crate::commands) fn run(ctx: &Context) -> Result<Report> {
    let now = ctx.clock.now();
    let app = App::open(ctx)?;
    let config = app.config()?;
    let (session, variable) = match auth::from_env(&ctx.env, &config)? {
        Some(found) => (auth::from_bearer(found.bearer, None), Some(found.variable)),
        None => match auth::stored(&ctx.env, &config) {
            Ok(session) => (session, None),
            Err(Error::NoSession { reason }) => return Ok(not_signed_in(reason)),
            Err(error) => return Err(error),
        },
    };
    app.note_ignored(&config);
    let place = variable.map_or_else(|| app.paths.config.display().to_string(), str::to_owned);
    if let (Some(end), None) = (session.expires_at, &session.refresh_token)
        && end <= now
    {
        return Ok(not_signed_in(format!("the session in {place} ended {end}")));
    }
    let mut json = super::json(&session);
    let source = variable.map_or("config", |_| "environment");
    json.set("source", source.into());
    json.set("variable", variable.map(str::to_owned).into());
    json.set("server", session.server.clone().into());
    json.set("expired", auth::has_ended(&session, now).into());
    Ok(Report::new(text(&session, &place, ctx), json))
}

/// Not signed in: exit 4, with the same field as when signed in.
fn not_signed_in(reason: String) -> Report {
    let json = Json::of([("signed_in", false.into())]);
    Report::new("", json).with_problem(Some(Error::NoSession { reason }))
}

fn text(session: &Session, place: &str, ctx: &Context) -> String {
    let who = super::name(&session.user)
        .unwrap_or_else(|| "an unnamed user (the session does not say)".to_owned());
    let organization = session.user.organization_id.as_deref().unwrap_or("-");
    let end = match session.expires_at {
        None => "unknown".to_owned(),
        Some(end) if end <= ctx.clock.now() => format!("{end} (the next command renews it)"),
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
