//! `ntcli auth login` and `signup`: sign-in with the browser.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::auth;
use crate::auth::browser;
use crate::auth::callback::Listener;
use crate::auth::oauth::{Attempt, Provider};
use crate::cli::{self, AuthLogin};
use crate::commands::prelude::*;
use crate::commands::prompt;
use crate::config::{Config, Session};
use crate::context::{Env, uninterrupted};
use crate::error::Failure;
use crate::jwt;
use crate::rotation::Store;
use crate::secret::Secret;

const DEFAULT_PORT: u16 = 41247;
/// How many further ports are tried if the first is taken.
const MORE_PORTS: u16 = 10;
const DEFAULT_TIMEOUT_MS: u64 = 300_000;

/// Signs in. The lock is held only at the end, for one write.
pub(super) fn run(app: &App, args: &AuthLogin) -> Result<Report> {
    let ports = ports(&app.ctx.env, args.port)?;
    let limit = time_limit(&app.ctx.env, args.timeout)?;
    let provider = Provider::new(&app.ctx.env, app.http()?, app.clock())?;
    let config = app.config()?;
    let server = app.server(&config)?;
    let signed_in = if args.force { None } else { still_signed_in(app, &config)? };
    if let Some(session) = signed_in {
        let again = "To sign in again: ntcli auth login --force".to_owned();
        let report = super::signed_in("Already signed in", &session);
        return Ok(report.with_next_step(Some(again)));
    }
    // Check that the config can be written before the user goes through the browser.
    app.lock()?.probe()?;

    let listener = Listener::open(ports)?;
    let attempt = Attempt::new(listener.port)?;
    let url = provider.authorize_url(&attempt);
    let opened = !args.no_browser
        && browser::open(&app.ctx.env, app.console().err_is_terminal(), &url).is_some();
    // The input of a script may be meant for another program.
    let mut may_paste = args.no_browser || ((app.ctx.stdin_is_terminal)() && !opened);
    invite(app, &url, listener.port, opened, may_paste);
    let hiding = (may_paste && (app.ctx.stdin_is_terminal)()).then(|| prompt::Hiding::start().ok());
    let mut pasted = || prompt::lines_if_ready(app.ctx, &mut may_paste);
    let stray =
        || app.console().warn("What was pasted is not the end of this sign-in, which still waits");
    let (answer, tab) = listener.wait(&attempt.state, limit, app.clock(), &mut pasted, &stray)?;
    drop(hiding);
    app.console().progress("Signing in…");
    // The code works once.
    let stored = uninterrupted(|| {
        let code = answer.map_err(|reason| Error::sign_in_refused(&reason))?;
        let session = redeem(app, &provider, &code, &attempt)?;
        let session = Session { server: Some(server), ..session };
        app.lock()?.update(|config| config.set_session(&session))?;
        Ok::<_, Error>(session)
    });
    // The browser is told last, so that it shows the actual outcome.
    match (&stored, tab) {
        (_, None) => {}
        (Ok(session), Some(tab)) => tab.end(Ok(super::name(&session.user).as_deref())),
        (Err(error), Some(tab)) => tab.end(Err((&error.in_one_line(), error.hint()))),
    }
    let session = stored?;
    super::warn_of_variable(app);
    Ok(super::signed_in("Signed in", &session))
}

/// The stored session, if it is valid for this server. The server is asked: otherwise a session
/// that it rejects would send users in circles, from a command that says to sign in to a sign-in
/// that sees no need.
fn still_signed_in(app: &App, config: &Config) -> Result<Option<Session>> {
    let session = match auth::stored(&app.ctx.env, config) {
        Ok(session) => session,
        Err(error) if error.is_no_session() => return Ok(None),
        Err(error) => return Err(error),
    };
    if auth::has_ended(&session, app.now()) {
        return Ok(None);
    }
    match app.api_with(config, Some(session.bearer.clone()))?.takes_bearer() {
        Err(Failure::Rejected { status: 401, .. }) => Ok(None),
        _ => Ok(Some(session)),
    }
}

/// Tells the user at the terminal what to do.
fn invite(app: &App, url: &str, port: u16, opened: bool, may_paste: bool) {
    let console = app.console();
    if opened {
        let text = format!("A browser was opened to sign in. If you see none, open:\n\n  {url}\n");
        console.say(&text);
    } else {
        console.say(&format!("Open this address in a browser to sign in:\n\n  {url}\n"));
        let forward = format!("  ssh -L {port}:localhost:{port} <this machine>");
        let text = "If the browser is on another machine, forward the port from there first:";
        console.say(&format!("{text}\n\n{forward}\n"));
        if may_paste {
            console.say(
                "Or paste the address here that it ended at (it is not shown), and press Enter.",
            );
        }
    }
    console.progress("Waiting for the browser…");
}

/// All steps between the code and the session.
fn redeem(app: &App, provider: &Provider, code: &Secret, attempt: &Attempt) -> Result<Session> {
    let failed = |failure| Error::sign_in(&failure);
    let grant = provider.redeem(code, attempt).map_err(failed)?;
    let mut user = provider.user(&grant).map_err(failed)?;
    let bearer = provider.exchange(&grant).map_err(|failure| match failure {
        Failure::Rejected { status: 403, message, .. } => {
            let reason = format!("this account has no CLI access: {message}");
            Error::sign_in_refused(&reason)
        }
        failure => failed(failure),
    })?;
    let organization = jwt::claims(bearer.expose()).and_then(|c| c.organization_id);
    user.set("organizationId", organization.into());
    Ok(Session {
        expires_at: grant.session_end(&bearer, app.now()),
        refresh_token: grant.refresh_token,
        server: None,
        user,
        bearer,
    })
}

/// The ports to try. A requested port is the only one.
fn ports(env: &Env, asked: Option<u16>) -> Result<RangeInclusive<u16>> {
    if let Some(port) = asked {
        return Ok(port..=port);
    }
    let first = given(env, "NTCLI_DEFAULT_PORT", cli::port)?.unwrap_or(DEFAULT_PORT);
    Ok(first..=first.saturating_add(MORE_PORTS))
}

fn time_limit(env: &Env, asked: Option<u64>) -> Result<Duration> {
    let set = || given(env, "NTCLI_OAUTH_TIMEOUT", cli::millis);
    let millis = asked.map_or_else(set, |millis| Ok(Some(millis)))?;
    Ok(Duration::from_millis(millis.unwrap_or(DEFAULT_TIMEOUT_MS)))
}

/// What a variable says, if it is set, in the form of the option that it stands for.
fn given<T>(
    env: &Env,
    variable: &str,
    parse: fn(&str) -> std::result::Result<T, String>,
) -> Result<Option<T>> {
    let parsed = env.text(variable).map(|text| parse(&text)).transpose();
    parsed.map_err(|accepted| Error::invalid_value(format!("{variable} must be {accepted}")))
}
