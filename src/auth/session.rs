//! Where the session bearer of a run comes from, and whether it can be used.

use std::path::PathBuf;

use crate::config::{Config, Session};
use crate::context::Env;
use crate::endpoints;
use crate::error::{Error, ErrorKind, Failure, Result};
use crate::http::read_file;
use crate::json::Json;
use crate::jwt;
use crate::secret::Secret;
use crate::text::{printable, shell_word};
use crate::time::Timestamp;

/// The variable that holds a session bearer.
const VARIABLE: &str = "NTCLI_SESSION_TOKEN";
/// The variable that names a file with one.
const FILE_VARIABLE: &str = "NTCLI_SESSION_TOKEN_FILE";
/// The old name of the first. The platform's documents put a *workspace* token there.
const OLD_VARIABLE: &str = "NTCLI_TOKEN";
/// Set by systemd: the folder with what `LoadCredential=` gives a service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The name of the session there.
const CREDENTIAL: &str = "ntcli.session";
/// More than any session; a wrong file may be large.
const LONGEST_FILE: usize = 64 * 1024;

/// A session bearer from the environment.
pub(crate) struct FromEnv {
    /// The variable that holds it, or leads to its file.
    pub variable: &'static str,
    /// The file that holds it, if one does.
    pub file: Option<PathBuf>,
    pub bearer: Secret,
}

impl FromEnv {
    /// What holds it, for people.
    pub(crate) fn place(&self) -> String {
        match &self.file {
            Some(file) => format!("{} ({})", printable(&file.display().to_string()), self.variable),
            None => self.variable.to_owned(),
        }
    }

    /// What to do if the server rejects it.
    pub(crate) fn fix(&self) -> String {
        match &self.file {
            Some(file) => {
                let file = shell_word(&file.display().to_string());
                format!("put a fresh session token into {file}")
            }
            None => format!("unset {}, or put a fresh session token into it", self.variable),
        }
    }
}

/// The session bearer that the environment holds or leads to. A workspace token in `NTCLI_TOKEN`
/// does not count.
///
/// # Errors
/// [`Error::invalid_value`] when it cannot be read, or not be sent in a header.
pub(crate) fn from_env(env: &Env, config: &Config) -> Result<Option<FromEnv>> {
    if let Some(text) = env.text(VARIABLE) {
        return usable(VARIABLE, None, &Ok(text)).map(Some);
    }
    if let Some(file) = env.os(FILE_VARIABLE) {
        return in_file(FILE_VARIABLE, PathBuf::from(file)).map(Some);
    }
    let old = env.text(OLD_VARIABLE);
    if let Some(text) = old.filter(|text| !is_workspace_token(text.trim_end(), config)) {
        return usable(OLD_VARIABLE, None, &Ok(text)).map(Some);
    }
    match env.os(CREDENTIALS).map(|folder| PathBuf::from(folder).join(CREDENTIAL)) {
        // A service may have other credentials and not this one. One that cannot be looked at is read, and the
        // error told.
        Some(file) if file.try_exists().unwrap_or(true) => in_file(CREDENTIALS, file).map(Some),
        _ => Ok(None),
    }
}

fn in_file(variable: &'static str, file: PathBuf) -> Result<FromEnv> {
    // A pipe could be read only once, and may never end.
    let read = read_file(&file, LONGEST_FILE);
    usable(variable, Some(file), &read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn usable(
    variable: &'static str,
    file: Option<PathBuf>,
    text: &std::result::Result<String, String>,
) -> Result<FromEnv> {
    let bearer = Secret::new(text.as_deref().unwrap_or_default().trim_end());
    let found = FromEnv { variable, file, bearer };
    let why = match text {
        Ok(_) if found.bearer.is_header_safe() => return Ok(found),
        Ok(text) if text.trim().is_empty() => "it is empty",
        Ok(_) => "it holds a character that no token has (a space, a line break, or beyond ASCII)",
        Err(why) => why,
    };
    let place = found.place();
    Err(Error::invalid_value(format!("The session token in {place} cannot be used: {why}")))
}

/// Whether `NTCLI_TOKEN` is not used because it holds a workspace token.
pub(crate) fn ignores_variable(env: &Env, config: &Config) -> bool {
    let old = env.text(OLD_VARIABLE);
    [VARIABLE, FILE_VARIABLE].iter().all(|name| env.os(name).is_none())
        && old.is_some_and(|text| is_workspace_token(text.trim_end(), config))
}

/// Detected by its text, its claims, or because the config file holds it.
pub(crate) fn is_workspace_token(text: &str, config: &Config) -> bool {
    if text.starts_with("wst_") || jwt::is_of_workspace(text) {
        return true;
    }
    let jti = jwt::claims(text).and_then(|claims| claims.jti);
    let held = config.holders().into_iter().filter_map(|w| w.token);
    held.into_iter()
        .any(|token| token.access_token.expose() == text || (jti.is_some() && token.jti == jti))
}

/// The stored session, expired or not, if it may be sent to the server of this run.
///
/// # Errors
/// [`Error::no_session`] if there is no session, or it was made for another server; as
/// [`endpoints::management`].
pub(crate) fn stored(env: &Env, config: &Config) -> Result<Session> {
    let Some(session) = config.session() else {
        return Err(no_session(env, config, ""));
    };
    let here = endpoints::management(env, config)?;
    match &session.server {
        Some(server) if !session.is_for(&here) => {
            let reason = format!("the stored session is for {server} and is not sent to {here}");
            Err(no_session(env, config, &reason))
        }
        _ => Ok(session),
    }
}

fn no_session(env: &Env, config: &Config, reason: &str) -> Error {
    let ignored = "NTCLI_TOKEN holds a workspace token, not a session";
    let ignored = if ignores_variable(env, config) { ignored } else { "" };
    Error::no_session(both([reason, ignored]))
}

/// Whether there is a session, or one that can be renewed: checked early, before the lock.
///
/// # Errors
/// As [`from_env`] and [`stored`]; [`Error::no_session`] if the stored one has ended and cannot be renewed.
pub(crate) fn check(env: &Env, config: &Config, now: Timestamp) -> Result<()> {
    if from_env(env, config)?.is_some() {
        return Ok(());
    }
    let session = stored(env, config)?;
    if has_ended(&session, now) && session.refresh_token.is_none() {
        return Err(no_session(env, config, &why_over(&session, now)));
    }
    Ok(())
}

/// A 401 with what is known about the session that was sent, or why none was sent.
pub(crate) fn explain(env: &Env, config: &Config, mut refusal: Failure) -> Failure {
    let why = match from_env(env, config) {
        Ok(Some(found)) => {
            if let Failure::Rejected { kind, .. } = &mut refusal {
                *kind = ErrorKind::GivenSession { fix: found.fix() };
            }
            let place = found.place();
            if is_workspace_token(found.bearer.expose(), config) {
                format!("{place} holds a workspace token, not a session")
            } else {
                format!("{place} holds the session that was sent")
            }
        }
        Ok(None) => {
            let error = stored(env, config).err().filter(Error::is_no_session);
            error.map(|error| error.reason().to_owned()).unwrap_or_default()
        }
        Err(_) => String::new(),
    };
    with_reason(refusal, &why)
}

/// A refusal with everything else that is known about it.
pub(super) fn with_reason(mut refusal: Failure, why: &str) -> Failure {
    if let Failure::Rejected { message, .. } = &mut refusal {
        *message = both([message.as_str(), why]);
    }
    refusal
}

/// Two reasons, of which either may be empty.
fn both(reasons: [&str; 2]) -> String {
    let said: Vec<&str> = reasons.into_iter().filter(|reason| !reason.is_empty()).collect();
    said.join("; ")
}

/// A session of which only the bearer is known: it cannot be renewed, and its claims name the user.
pub(crate) fn from_bearer(bearer: Secret) -> Session {
    let claims = jwt::claims(bearer.expose()).unwrap_or_default();
    Session {
        expires_at: claims.expires_at,
        refresh_token: None,
        server: None,
        user: Json::of([("organizationId", claims.organization_id.into())]),
        bearer,
    }
}

/// Whether it has expired. One without a known end is valid until the server rejects it.
pub(crate) fn has_ended(session: &Session, now: Timestamp) -> bool {
    session.expires_at.is_some_and(|end| end <= now)
}

/// Why a session that cannot be renewed is unusable; may be empty.
pub(super) fn why_over(session: &Session, now: Timestamp) -> String {
    let end = session.expires_at.filter(|end| *end <= now);
    end.map(|end| format!("the session ended {end}")).unwrap_or_default()
}
