//! `ntcli auth login` and `signup`: sign-in with the browser.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::api::Api;
use crate::auth;
use crate::auth::browser;
use crate::auth::callback::{CallbackResult, Listener};
use crate::auth::oauth::{Attempt, Provider};
use crate::commands::app::App;
use crate::commands::prompt;
use crate::config::{Config, Session};
use crate::context::{Context, Env, uninterrupted};
use crate::endpoints;
use crate::error::{Error, Failure, Result};
use crate::http::Http;
use crate::jwt;
use crate::output::Report;
use crate::rotation::Store;
use crate::secret::Secret;

const DEFAULT_PORT: u16 = 41247;
/// How many further ports are tried if the first is taken.
const MORE_PORTS: u16 = 10;
const DEFAULT_TIMEOUT_MS: u64 = 300_000;

/// What the user asked for.
pub(super) struct LoginOptions {
    pub(super) port: Option<u16>,
    pub(super) timeout: Option<u64>,
    pub(super) browser: bool,
    pub(super) force: bool,
    /// What to do in the browser.
    pub(super) greeting: &'static str,
}

/// Signs in. The lock is held only at the end, for one write.
pub(super) fn run(ctx: &Context, options: &LoginOptions) -> Result<Report> {
    let ports = ports(&ctx.env, options.port)?;
    let limit = time_limit(&ctx.env, options.timeout)?;
    let app = App::open(ctx)?;
    let http = app.http()?;
    let provider = Provider::new(&ctx.env, http, &*ctx.clock)?;
    let config = app.config()?;
    let server = endpoints::management(&ctx.env, &config)?;
    let signed_in =
        if options.force { None } else { still_signed_in(ctx, &config, http, &server)? };
    if let Some(session) = signed_in {
        let again = "To sign in again: ntcli auth login --force".to_owned();
        let report = super::signed_in("Already signed in", &session, ctx.clock.now());
        return Ok(report.with_next_step(Some(again)));
    }
    // Check that the config can be written before the user goes through the browser.
    app.lock()?.probe()?;

    let listener = Listener::open(ports)?;
    let attempt = Attempt::new(listener.port())?;
    let url = provider.authorize_url(&attempt);
    let opened =
        options.browser && browser::open(&ctx.env, ctx.console.err_is_terminal(), &url).is_some();
    invite(ctx, options, &url, listener.port(), opened);
    // The input of a script may be meant for another program.
    let mut may_paste = !options.browser || (ctx.stdin_is_terminal && !opened);
    let hiding = (may_paste && ctx.stdin_is_terminal).then(|| prompt::Hiding::start().ok());
    let mut pasted = || prompt::lines_if_ready(ctx, &mut may_paste);
    let stray =
        || ctx.console.warn("What was pasted is not the end of this sign-in, which still waits");
    let (result, tab) = listener.wait(attempt.state(), limit, &*ctx.clock, &mut pasted, &stray)?;
    drop(hiding);
    ctx.console.progress("Signing in…");
    // The code works once.
    let stored = uninterrupted(|| {
        let session = match result {
            CallbackResult::Denied(reason) => return Err(Error::sign_in_refused(&reason)),
            CallbackResult::Code(code) => redeem(ctx, &provider, &code, &attempt)?,
        };
        let session = Session { server: Some(server), ..session };
        app.lock()?.update(|config| {
            config.set_session(&session);
            Ok(())
        })?;
        Ok::<_, Error>(session)
    });
    // The browser is told last, so that it shows the actual outcome.
    match (&stored, tab) {
        (_, None) => {}
        (Ok(session), Some(tab)) => tab.end(Ok(super::name(&session.user).as_deref())),
        (Err(error), Some(tab)) => tab.end(Err((&error.in_one_line(), error.hint()))),
    }
    let session = stored?;
    super::warn_of_variable(&app);
    Ok(super::signed_in("Signed in", &session, ctx.clock.now()))
}

/// The stored session, if it is valid for this server. The server is asked: otherwise a session
/// that it rejects would send users in circles, from a command that says to sign in to a sign-in
/// that sees no need.
fn still_signed_in(
    ctx: &Context,
    config: &Config,
    http: &Http,
    server: &str,
) -> Result<Option<Session>> {
    let session = match auth::stored(&ctx.env, config) {
        Ok(session) => session,
        Err(error) if error.is_no_session() => return Ok(None),
        Err(error) => return Err(error),
    };
    if auth::has_ended(&session, ctx.clock.now()) {
        return Ok(None);
    }
    let bearer = Some(session.bearer.clone());
    let api = Api::new(http, &*ctx.clock, server.to_owned(), bearer);
    match api.takes_bearer() {
        Err(Failure::Rejected { status: 401, .. }) => Ok(None),
        _ => Ok(Some(session)),
    }
}

/// Tells the user at the terminal what to do.
fn invite(ctx: &Context, options: &LoginOptions, url: &str, port: u16, opened: bool) {
    let greeting = options.greeting;
    let console = &ctx.console;
    if opened {
        console.say(&format!("A browser was opened to {greeting}. If you see none, open:"));
        console.say(&format!("\n  {url}\n"));
    } else {
        console.say(&format!("Open this address in a browser to {greeting}:"));
        console.say(&format!("\n  {url}\n"));
        console.say("If the browser is on another machine, forward the port from there first:");
        console.say(&format!("\n  ssh -L {port}:localhost:{port} <this machine>\n"));
        if ctx.stdin_is_terminal || !options.browser {
            console.say(
                "Or paste the address here that it ended at (it is not shown), and press Enter.",
            );
        }
    }
    console.progress("Waiting for the browser…");
}

/// All steps between the code and the session.
fn redeem(ctx: &Context, provider: &Provider, code: &Secret, attempt: &Attempt) -> Result<Session> {
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
    user.organization_id = jwt::claims(bearer.expose()).and_then(|c| c.organization_id);
    Ok(Session {
        expires_at: grant.session_end(&bearer, ctx.clock.now()),
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
    let first = match env.text("NTCLI_DEFAULT_PORT") {
        None => DEFAULT_PORT,
        Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
            let message = "NTCLI_DEFAULT_PORT must be a port number from 1 to 65535".to_owned();
            Error::invalid_value(message)
        })?,
    };
    Ok(first..=first.saturating_add(MORE_PORTS))
}

fn time_limit(env: &Env, asked: Option<u64>) -> Result<Duration> {
    let millis = match (asked, env.text("NTCLI_OAUTH_TIMEOUT")) {
        (Some(millis), _) => millis,
        (None, None) => DEFAULT_TIMEOUT_MS,
        (None, Some(text)) => text.parse().ok().filter(|ms| *ms > 0).ok_or_else(|| {
            let message = "NTCLI_OAUTH_TIMEOUT must be whole milliseconds from 1 up".to_owned();
            Error::invalid_value(message)
        })?,
    };
    Ok(Duration::from_millis(millis))
}
