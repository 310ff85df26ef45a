//! `ntcli auth …`

mod login;
mod login_stdin;
mod logout;
mod status;

use crate::auth;
use crate::cli::AuthLogin;
use crate::commands::prelude::*;
use crate::config::Session;

pub(super) use logout::run as logout;
pub(super) use status::run as status;

/// Warns at a sign-in that a variable still takes precedence over the stored session.
fn warn_of_variable(app: &App) {
    let config = app.config();
    if let Ok(Ok(Some(found))) = config.map(|config| auth::from_env(&app.ctx.env, &config)) {
        app.console().warn(&format!(
            "{} is set: commands keep using it instead of this session",
            found.variable
        ));
    }
}

/// Signs in with the browser, or with a session from standard input.
pub(super) fn login(app: &App, args: &AuthLogin) -> Result<Report> {
    if args.token_stdin { login_stdin::run(app) } else { login::run(app, args) }
}

/// The report on a session that is in the config file.
fn signed_in(message: &str, session: &Session) -> Report {
    let who = name(&session.user).map_or_else(String::new, |name| format!(" as {name}"));
    let until = session.expires_at.map_or_else(String::new, |end| format!(" until {end}"));
    let renews = session.refresh_token.as_ref().map_or("", |_| "; the session renews itself");
    Report::new(format!("{message}{who}{until}{renews}.\n"), json(session))
}

/// The user, for people: the address, else a name, else the provider's id.
fn name(user: &Json) -> Option<String> {
    let names = ["firstName", "lastName"].into_iter().filter_map(|name| user.filled(name));
    let full = names.collect::<Vec<_>>().join(" ");
    let full = Some(full.as_str()).filter(|full| !full.is_empty());
    user.filled("email").or(full).or(user.filled("id")).map(printable)
}

/// The session for programs, without its secrets.
fn json(session: &Session) -> Json {
    let of_user = |(name, field): (&'static str, &str)| (name, session.user[field].clone());
    let user = Json::of(
        [
            ("id", "id"),
            ("email", "email"),
            ("first_name", "firstName"),
            ("last_name", "lastName"),
            ("organization_id", "organizationId"),
        ]
        .map(of_user),
    );
    Json::of([
        ("signed_in", true.into()),
        ("expires_at", session.expires_at.into()),
        ("renews_itself", session.refresh_token.is_some().into()),
        ("user", user),
    ])
}
