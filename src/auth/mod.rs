//! The session bearer: where it comes from, whether it still holds, and how it renews itself.

pub mod browser;
pub mod callback;
pub mod oauth;
mod renewal;

use crate::config::{Config, Session, User};
use crate::context::{Context, Env};
use crate::error::{Error, Result};
use crate::http::Http;
use crate::jwt;
use crate::secret::Secret;
use crate::time::Timestamp;

pub use renewal::Keeper;

/// `NTCLI_TOKEN`, if it is set.
///
/// # Errors
/// [`Error::InvalidValue`] when it cannot stand in a header.
pub fn from_env(env: &Env) -> Result<Option<Secret>> {
    let Some(text) = env.text("NTCLI_TOKEN") else {
        return Ok(None);
    };
    let bearer = Secret::new(text.trim_end());
    if bearer.is_header_safe() {
        Ok(Some(bearer))
    } else {
        Err(Error::InvalidValue {
            message: "NTCLI_TOKEN holds a character that no token has (a space, a line break, or beyond ASCII)"
                .to_owned(),
        })
    }
}

/// Whether there is a session, or one that can be renewed: for finding out early, before the lock.
///
/// # Errors
/// [`Error::NoSession`] when there is none, or when the stored one has ended for good.
pub fn check(env: &Env, config: &Config, now: Timestamp) -> Result<()> {
    if from_env(env)?.is_some() {
        return Ok(());
    }
    let session = config.session().ok_or(Error::NoSession {
        reason: String::new(),
    })?;
    if has_ended(&session, now) && session.refresh_token.is_none() {
        return Err(no_more(&session, now));
    }
    Ok(())
}

/// The bearer as it is, for looking only; `None` when it has ended and a run would renew it.
///
/// # Errors
/// As [`check`].
pub fn bearer_as_it_is(env: &Env, config: &Config, now: Timestamp) -> Result<Option<Secret>> {
    check(env, config, now)?;
    if let Some(bearer) = from_env(env)? {
        return Ok(Some(bearer));
    }
    let session = config.session().filter(|session| !has_ended(session, now));
    Ok(session.map(|session| session.bearer))
}

/// Whether a session that is turned down could be renewed.
///
/// # Errors
/// As [`from_env`].
pub fn is_renewable(env: &Env, config: &Config) -> Result<bool> {
    let renewable = config.session().is_some_and(|s| s.refresh_token.is_some());
    Ok(from_env(env)?.is_none() && renewable)
}

/// The bearer where the server may do without: none when nobody is signed in.
///
/// # Errors
/// As [`Keeper::bearer`], but for nobody being signed in.
pub fn optional_bearer(ctx: &Context, config: &Config) -> Result<Option<Secret>> {
    if check(&ctx.env, config, ctx.clock.now()).is_err_and(|e| matches!(e, Error::NoSession { .. }))
    {
        return Ok(None);
    }
    let http = Http::of(ctx)?;
    Keeper::new(ctx)?.bearer(&http, config).map(Some)
}

/// A session that was handed in whole: no renewal, and no more known of its user than its claims.
#[must_use]
pub fn handed_in(bearer: Secret, expires_at: Option<Timestamp>) -> Session {
    let claims = jwt::claims(bearer.expose()).unwrap_or_default();
    Session {
        expires_at: expires_at.or(claims.expires_at),
        refresh_token: None,
        user: User {
            organization_id: claims.organization_id,
            ..Default::default()
        },
        bearer,
    }
}

/// Whether its time is over. One whose end nobody told holds until the server turns it down.
#[must_use]
pub fn has_ended(session: &Session, now: Timestamp) -> bool {
    session.expires_at.is_some_and(|end| end <= now)
}

fn no_more(session: &Session, now: Timestamp) -> Error {
    let reason = match session.expires_at {
        Some(end) if end <= now => format!("the session ended {end}"),
        _ => String::new(),
    };
    Error::NoSession { reason }
}
