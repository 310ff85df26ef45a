//! `ntcli auth login --token-stdin`

use std::io::Read;

use crate::auth;
use crate::commands::prelude::*;
use crate::commands::prompt;
use crate::config::Session;
use crate::rotation::Store;
use crate::secret::Secret;

/// How long a session is taken to last that does not say so: a year.
const ASSUMED_LIFETIME_S: i64 = 31_536_000;
/// The longest bearer: it must fit into a header.
const LONGEST_BEARER: u64 = 16 << 10;

/// Stores the session bearer from standard input, unless the server rejects it.
pub(super) fn run(app: &App) -> Result<Report> {
    let now = app.now();
    let bearer = read_bearer(app)?;
    // Nothing is sent where another user's folder says, nor what could not be stored.
    app.lock()?.probe()?;
    let config = app.config()?;
    app.console().progress("Signing in…");
    let unchecked = match app.api_with(&config, Some(bearer.clone()))?.takes_bearer() {
        Ok(()) => None,
        Err(failure) if failure.status() == Some(401) => return Err(Error::sign_in(&failure)),
        Err(failure) => Some(failure),
    };
    let server = app.server(&config)?;
    let mut session = Session { server: Some(server), ..auth::from_bearer(bearer) };
    let end = session.expires_at;
    // The existing client takes a session without an end for none.
    session.expires_at = end.or(Some(now.plus_secs(ASSUMED_LIFETIME_S)));
    app.lock()?.update(|config| config.set_session(&session))?;
    if let Some(failure) = &unchecked {
        app.console().warn(&format!("The session was not checked: {failure}"));
    }
    super::warn_of_variable(app);
    let message = if unchecked.is_none() { "Signed in" } else { "Session stored" };
    session.expires_at = end;
    let mut report = super::signed_in(message, &session);
    report.json.set("checked", unchecked.is_none().into());
    let until = end.map_or_else(|| "the server rejects it".to_owned(), |end| end.to_string());
    Ok(report.with_next_step(Some(format!(
        "The session cannot renew itself: timers work until {until}. Then: ntcli auth login --token-stdin"
    ))))
}

/// One bearer from standard input, trimmed.
fn read_bearer(app: &App) -> Result<Secret> {
    let read = if (app.ctx.stdin_is_terminal)() {
        prompt::hidden(app.ctx, "Paste the session token, then press Enter:")
    } else {
        let mut text = String::new();
        let mut input = app.ctx.stdin.borrow_mut();
        (&mut *input).take(LONGEST_BEARER + 1).read_to_string(&mut text).map(|_| text)
    };
    let text = read.ok().filter(|text| text.len() as u64 <= LONGEST_BEARER).unwrap_or_default();
    let bearer = Secret::new(text.trim());
    if text.trim().is_empty() || !bearer.is_header_safe() {
        let what = "Standard input must hold a session token and nothing else: one word in ASCII";
        return Err(Error::invalid_value(what));
    }
    Ok(bearer)
}
