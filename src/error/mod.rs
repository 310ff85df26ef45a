//! All errors. What each says, to people and to scripts, stands in its constructor; the files here
//! group them by what went wrong.

mod auth;
pub(crate) mod exit;
mod failure;
mod files;
mod given;
mod refresh;
mod renew;
mod request;
mod token;
mod workspace;

use std::fmt;
use std::path::Path;

pub(crate) use auth::{is_dead_grant, is_refusal};
pub(crate) use failure::{Cause, ErrorKind, Failure, WORKSPACE_NOT_FOUND};

use crate::json::Json;
use crate::secret::redact;
use crate::text::{printable, shell_word};

/// What helps where the home folder is of no use; the packaged user's folder is an example that exists.
const ANOTHER_FOLDER: &str = "export NTCLI_CONFIG_DIR=/var/lib/ntcli";

/// The result of everything that can fail for the user.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Everything that is reported about a failure.
#[derive(Debug, Clone)]
pub(crate) struct Error(Box<Details>);

#[derive(Debug, Clone, Default)]
struct Details {
    kind: Kind,
    code: &'static str,
    exit_code: u8,
    message: String,
    hint: Option<String>,
    /// Whether the hint is about a workspace, so that it must name one that is not the active one.
    about_workspace: bool,
    causes: Vec<String>,
    http_status: Option<u16>,
    retryable: bool,
}

/// The errors that other code tells apart.
#[derive(Debug, Clone, Default)]
pub(crate) enum Kind {
    /// Every other one.
    #[default]
    Plain,
    /// No session, or one that has ended.
    NoSession,
    /// No workspace named and none active.
    NoWorkspace,
    /// The workspace that was named is not known here.
    UnknownWorkspace(String),
    /// The workspace holds no token here.
    NoToken,
    /// Another run holds the lock.
    Locked,
    /// Another machine has pushed its state meanwhile.
    StateChanged,
    /// A file could not be read or written, or is invalid.
    File {
        /// Whether this user may not.
        denied: bool,
    },
    /// A request to a server failed.
    Call(Failure),
    /// The server has no such route: the core edition, which makes no tokens.
    NoTokenRoutes,
    /// A token may have been created; the ids of those that were, around that time.
    CreateUnknown(Vec<String>),
    /// The new token could not be stored.
    StoreToken(NewTokenFate),
    /// The new token was created and then rejected by the server.
    NewTokenRejected,
}

/// What happened to a new token that could not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewTokenFate {
    /// The token was revoked.
    Revoked,
    /// The journal holds the token: the next run stores it.
    Kept,
    /// The token is live and could not be revoked; the next run tries or names it.
    Live,
}

impl NewTokenFate {
    /// As a message about the token goes on.
    fn said(self) -> &'static str {
        match self {
            Self::Revoked => "was revoked again",
            Self::Kept => "is kept in the journal, and the next run stores it",
            Self::Live => "could not be revoked and may be live",
        }
    }
}

impl Error {
    /// `message` says what failed, and the resulting state; `code` is its name for scripts.
    fn new(code: &'static str, exit_code: u8, message: impl Into<String>) -> Self {
        let (message, retryable) = (message.into(), is_retryable(exit_code));
        Self(Box::new(Details { code, exit_code, message, retryable, ..Details::default() }))
    }

    fn kind_of(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    fn code_of(mut self, code: &'static str) -> Self {
        self.0.code = code;
        self
    }

    /// The exit code of the command that failed, where it has its own.
    pub(crate) fn with_exit_code(mut self, exit_code: u8) -> Self {
        self.0.exit_code = exit_code;
        self.0.retryable = is_retryable(exit_code);
        self
    }

    /// The first hint is kept: that of the cause fits best.
    fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// A hint about the workspace that is meant.
    fn hinted_there(mut self, hint: impl Into<String>) -> Self {
        self.0.about_workspace = self.0.hint.is_none();
        self.hinted(hint)
    }

    /// Names the workspace that is meant in the hint, once.
    pub(crate) fn of_workspace(mut self, name: Option<&str>) -> Self {
        if let (true, Some(name)) = (self.0.about_workspace, name) {
            let is_renew = self.means_renew();
            self.0.about_workspace = false;
            let hint = self.0.hint.get_or_insert_default();
            *hint = if is_renew {
                hint.replace(RENEW, &renew_of([name]))
            } else {
                with_word(&format!("{hint} -w"), name)
            };
        }
        self
    }

    /// Whether the hint would renew every workspace, until one is named in it.
    pub(crate) fn means_renew(&self) -> bool {
        self.0.about_workspace && self.0.hint.as_ref().is_some_and(|hint| hint.ends_with(RENEW))
    }

    /// Says which folder was looked into, where something that it could hold is missing. `usable` is
    /// whether this user could have such a folder; if not, another one helps.
    pub(crate) fn looked_in(mut self, folder: &Path, usable: bool) -> Self {
        let missing = matches!(
            self.0.kind,
            Kind::NoSession | Kind::NoWorkspace | Kind::UnknownWorkspace(_) | Kind::NoToken
        );
        if missing {
            let shown = printable(&folder.display().to_string());
            let exists = if folder.exists() { "" } else { ", which does not exist" };
            self.0.causes.push(format!("looked in {shown}{exists}"));
        }
        if !usable && (missing || matches!(self.0.kind, Kind::File { .. })) {
            self.0.hint = Some(ANOTHER_FOLDER.to_owned());
        }
        self
    }

    fn caused_by(mut self, cause: &impl ToString) -> Self {
        self.0.causes = vec![cause.to_string()];
        self
    }

    fn with_causes(mut self, causes: Vec<String>) -> Self {
        self.0.causes = causes;
        self
    }

    /// The error after a request had been sent: an unusable file is then not the user's wrong usage.
    pub(crate) fn after_sending(self) -> Self {
        match self.0.kind {
            Kind::File { .. } => self.with_exit_code(exit::NOT_STORED),
            _ => self,
        }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// A short name for scripts, in the JSON of a failure.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.0.exit_code
    }

    /// What to do next: a command to paste, if there is one.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// For programs.
    pub(crate) fn json(&self) -> Json {
        let Details { code, message, hint, exit_code, retryable, http_status, causes, .. } =
            *self.redacted().0;
        let mut object = Json::of([
            ("code", code.into()),
            ("message", message.into()),
            ("hint", hint.into()),
            ("exit_code", i64::from(exit_code).into()),
            ("retryable", retryable.into()),
        ]);
        if let Some(status) = http_status {
            object.set("http_status", i64::from(status).into());
        }
        if !causes.is_empty() {
            object.set("causes", causes.into());
        }
        object
    }

    /// The nearest cause, which may be empty.
    pub(crate) fn reason(&self) -> &str {
        self.0.causes.first().map_or("", String::as_str)
    }

    pub(crate) fn is_no_session(&self) -> bool {
        matches!(self.0.kind, Kind::NoSession)
    }

    /// Whether this user may not use a file.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.0.kind, Kind::File { denied: true })
    }

    pub(crate) fn is_locked(&self) -> bool {
        matches!(self.0.kind, Kind::Locked)
    }

    /// The name that no workspace here has.
    pub(crate) fn unknown_name(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::UnknownWorkspace(name) => Some(name),
            _ => None,
        }
    }

    /// The request that failed, if it was one.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.0.kind {
            Kind::Call(failure) => Some(failure),
            _ => None,
        }
    }

    /// What happened to the new token that could not be stored.
    pub(crate) fn new_token_fate(&self) -> Option<NewTokenFate> {
        match self.0.kind {
            Kind::StoreToken(fate) => Some(fate),
            _ => None,
        }
    }

    /// The error and its causes, as the reason of a larger error.
    pub(crate) fn in_one_line(&self) -> String {
        self.chain().join(": ")
    }

    /// The message and all causes, nearest first.
    pub(crate) fn chain(&self) -> Vec<String> {
        [std::slice::from_ref(&self.0.message), &self.0.causes].concat()
    }

    /// The form that may be printed: an error may repeat the input, and a token may have been pasted
    /// in the wrong place.
    pub(crate) fn redacted(&self) -> Self {
        let mut error = self.clone();
        let Details { message, hint, causes, .. } = &mut *error.0;
        for text in causes.iter_mut().chain([message]).chain(hint) {
            *text = redact(text, &[]);
        }
        error
    }
}

/// Lets the next run finish what is left.
const RENEW: &str = "ntcli renew";
/// Does the revocations that are due.
const PENDING: &str = "ntcli token revoke --pending";

/// Renews these workspaces.
pub(crate) fn renew_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = names.into_iter().map(|name| shell_word(&printable(name))).collect();
    let options_end = if words.iter().any(|word| word.starts_with('-')) { " --" } else { "" };
    format!("{RENEW}{options_end} {}", words.join(" "))
}

fn is_retryable(exit_code: u8) -> bool {
    exit_code > 128 && exit_code < exit::ANSWER_UNKNOWN
        || matches!(exit_code, exit::UNAVAILABLE | exit::LOCKED | exit::OLD_LIVE | exit::UNKNOWN)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// A command about what is named so.
fn with_word(command: &str, name: &str) -> String {
    format!("{command} {}", shell_word(&printable(name)))
}

/// A token's id as a message names it.
fn id(jti: Option<&str>) -> String {
    printable(jti.unwrap_or("no id"))
}

/// Each on a line of its own.
fn lines(texts: &[String]) -> String {
    let lines = texts.iter().map(|text| format!("\n  {}", printable(text)));
    lines.collect()
}
