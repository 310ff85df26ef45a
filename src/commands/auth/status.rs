//! `ntcli auth status`: who is signed in, from what is known here. No network.

use crate::auth;
use crate::config::{Config, Paths, Session};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::json::Json;
use crate::output::Report;
use crate::text::printable;

/// Tells where the bearer comes from, whose it is, and until when it holds.
pub(in crate::commands) fn run(ctx: &mut Context) -> Result<Report> {
    let now = ctx.clock.now();
    let (session, source, place) = if let Some(bearer) = auth::from_env(&ctx.env)? {
        let session = auth::handed_in(bearer, None);
        (session, "environment", "NTCLI_TOKEN".to_owned())
    } else {
        let paths = Paths::find(&ctx.env)?;
        let config = Config::load(&paths.config, &ctx.console)?;
        let Some(session) = config.session() else {
            return Ok(nobody(String::new()));
        };
        (session, "config", paths.config.display().to_string())
    };
    if let (Some(end), None) = (session.expires_at, &session.refresh_token)
        && end <= now
    {
        return Ok(nobody(format!("the session in {place} ended {end}")));
    }
    let mut json = super::json(&session);
    json.set("source", source.into());
    json.set("expired", auth::has_ended(&session, now).into());
    Ok(Report::new(text(&session, &place, ctx), json))
}

/// Not signed in: exit 4, and the same field as when somebody is.
fn nobody(reason: String) -> Report {
    let json = Json::of([("signed_in", false.into())]);
    Report::new("", json).with_problem(Some(Error::NoSession { reason }))
}

fn text(session: &Session, place: &str, ctx: &Context) -> String {
    let who = super::name(&session.user)
        .unwrap_or_else(|| "somebody (the session does not say who)".to_owned());
    let organization = session.user.organization_id.as_deref().unwrap_or("-");
    let end = match session.expires_at {
        None => "unknown".to_owned(),
        Some(end) if end <= ctx.clock.now() => format!("{end} (the next command renews it)"),
        Some(end) => end.to_string(),
    };
    let renews = if session.refresh_token.is_some() {
        "yes"
    } else {
        "no"
    };
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
