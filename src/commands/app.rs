//! What commands share: the options they have in common, and the way from them to a rotation.

use std::time::Duration;

use crate::config::{Config, Workspace};
use crate::config_dir;
use crate::context::{Console, Context};
use crate::error::{Error, Result};
use crate::http::Http;
use crate::json::Json;
use crate::rotation::Event;
use crate::rotation::journal::WorkspaceRef;
use crate::text::printable;
use crate::time::{Expiry, Timestamp, parse_duration};
use crate::token::TokenExpiry;

const DEFAULT_LOCK_WAIT: Duration = config_dir::LOCK_WAIT;

/// The expiry that `--expires-in` or `--expires-at` ask for, one year without them.
///
/// # Errors
/// [`Error::InvalidExpiry`].
pub(super) fn expiry(
    expires_in: Option<&str>,
    expires_at: Option<&str>,
    now: Timestamp,
) -> Result<Expiry> {
    let expiry = match (expires_in, expires_at) {
        (Some(text), _) => Expiry::parse_in(text, now),
        (None, Some(text)) => Expiry::parse_at(text, now),
        (None, None) => Some(Expiry::DEFAULT),
    };
    expiry.ok_or(Error::InvalidExpiry)
}

/// How long to wait for the lock: `--lock-wait`, 60 s without it. `0` does not wait.
///
/// # Errors
/// [`Error::InvalidValue`].
pub(super) fn lock_wait(text: Option<&str>) -> Result<Duration> {
    match text {
        None => Ok(DEFAULT_LOCK_WAIT),
        Some("0") => Ok(Duration::ZERO),
        Some(text) => match parse_duration(text) {
            Some(secs) => Ok(Duration::from_secs(secs)),
            None => Err(Error::InvalidValue {
                message: "--lock-wait takes seconds, or a duration such as 90s or 5m".to_owned(),
            }),
        },
    }
}

/// A length of time that `option` gives, in seconds.
///
/// # Errors
/// [`Error::InvalidValue`].
pub(super) fn seconds(option: &str, text: &str) -> Result<u64> {
    parse_duration(text).ok_or_else(|| Error::InvalidValue {
        message: format!("{option} takes seconds, or a duration such as 90s, 1h or 30d"),
    })
}

/// The workspace that is meant: the one named, else `NTCLI_WORKSPACE`, else the active one.
///
/// # Errors
/// [`Error::NoWorkspace`], and as [`Config::find`].
pub(super) fn workspace(ctx: &Context, config: &Config, named: Option<&str>) -> Result<Workspace> {
    if let Some(name) = named {
        return config.find(name);
    }
    if let Some(name) = ctx.env.text("NTCLI_WORKSPACE") {
        return config.find(&name);
    }
    let active = config.active_key().and_then(|key| config.workspace(key));
    active.ok_or(Error::NoWorkspace)
}

/// The workspace, as a rotation names it.
pub(super) fn place(workspace: &Workspace) -> WorkspaceRef {
    WorkspaceRef {
        key: workspace.key.clone(),
        id: workspace.id.clone(),
        name: workspace.name.clone(),
    }
}

/// The HTTP client, as the environment sets it up.
///
/// # Errors
/// [`Error::InvalidValue`] for a variable that makes no sense.
pub(super) fn http(ctx: &Context) -> Result<Http> {
    Http::of(ctx)
}

/// A workspace for JSON.
pub(super) fn json_place(place: &WorkspaceRef) -> Json {
    Json::of([
        ("name", place.name.as_str().into()),
        ("id", place.id.as_str().into()),
    ])
}

/// The line that tells when a new token ends.
pub(super) fn expires_line(label: &str, expiry: TokenExpiry) -> String {
    format!("{label}: {}\n", expiry.for_people())
}

/// Tells people what a rotation does.
pub(super) fn tell(console: &Console, event: &Event) {
    let id = |jti: &Option<String>| printable(jti.as_deref().unwrap_or("no id"));
    match event {
        Event::Progress(what) => console.progress(&format!("{}…", printable(what))),
        Event::Finished { place, jti } => console.say(&format!(
            "An interrupted refresh of '{}' was finished: its token ({}) is the current one.",
            printable(&place.name),
            id(jti)
        )),
        Event::Abandoned { place, jti } => console.say(&format!(
            "An interrupted refresh of '{}' was undone: its token ({}) is not needed.",
            printable(&place.name),
            id(jti)
        )),
        Event::Revoked { place, jti } => console.say(&format!(
            "Token {} of '{}', which an earlier run left live, has been revoked.",
            printable(jti),
            printable(&place.name)
        )),
        Event::StillLive { place, jti, reason } => console.warn(&format!(
            "Token {} of '{}' is still live and could not be revoked: {}. Every later run tries again.",
            printable(jti),
            printable(&place.name),
            printable(reason)
        )),
        Event::Orphan { place, jti, revoked: true } => console.say(&format!(
            "Token {} of '{}', whose answer was lost, has been revoked.",
            printable(jti),
            printable(&place.name)
        )),
        Event::Orphan { place, jti, revoked: false } => console.warn(&format!(
            "Token {} of '{}' is live, but nobody here holds it: it was made while a request had no answer. \
             Revoke it with: ntcli token refresh --revoke-orphans",
            printable(jti),
            printable(&place.name)
        )),
        Event::Unsettled { place, reason } => console.warn(&format!(
            "Work of an earlier run on '{}' could not be finished: {}. Every later run tries again.",
            printable(&place.name),
            printable(reason)
        )),
    }
}
