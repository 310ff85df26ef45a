//! What is known about a failure, and what follows from it.

use std::path::Path;
use std::{fmt, io};

use super::failure::call_codes;
use super::{Error, ErrorKind, Failure, NewTokenFate, exit};
use crate::text::{printable, shell_word};

/// What helps if a server wants a client certificate, whatever was asked of it.
const CERTIFICATE: &str =
    "export NTCLI_CLIENT_CERT=/path/to/client.pem NTCLI_CLIENT_KEY=/path/to/client.key";

/// Everything that is reported about a failure. Each kind of error has one table for it.
pub(crate) struct Described {
    /// A short name for scripts, in the JSON of a failure.
    pub(crate) code: &'static str,
    pub(crate) exit_code: u8,
    /// What failed, and the resulting state.
    pub(crate) message: String,
    /// What to do next: a command to paste, if there is one.
    pub(crate) hint: Option<String>,
    /// The causes, nearest first.
    pub(crate) causes: Vec<String>,
    /// The HTTP status behind it.
    pub(crate) http_status: Option<u16>,
}

impl Described {
    pub(super) fn new(code: &'static str, exit_code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            exit_code,
            message: message.into(),
            hint: None,
            causes: Vec::new(),
            http_status: None,
        }
    }

    /// A failed request, which decides the codes.
    pub(super) fn call(failure: &Failure, message: impl Into<String>) -> Self {
        let (code, exit_code) = call_codes(failure);
        let described = Self::new(code, exit_code, message).failure(failure);
        // A setting that cannot be used comes from a variable.
        if exit_code == exit::USAGE { described.hint("ntcli help environment") } else { described }
    }

    /// The first hint is kept: that of the cause fits best.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: self.hint.or_else(|| Some(hint.into())), ..self }
    }

    /// Where the message begins with an environment variable, the list of them helps.
    pub(super) fn hint_on_variable(self) -> Self {
        let name = self.message.split(' ').next().unwrap_or_default();
        if name.contains('_') && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
            self.hint("ntcli help environment")
        } else {
            self
        }
    }

    pub(super) fn causes(self, causes: &[String]) -> Self {
        Self { causes: causes.to_vec(), ..self }
    }

    pub(super) fn cause(self, cause: &impl ToString) -> Self {
        Self { causes: vec![cause.to_string()], ..self }
    }

    /// A file that could not be used, and what shows who may or where the space went.
    pub(super) fn file(self, path: &Path, source: &io::Error) -> Self {
        let word = |path: &Path| shell_word(&printable(&path.display().to_string()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = word(folder.unwrap_or(Path::new(".")));
        let hint = match source.kind() {
            io::ErrorKind::PermissionDenied => Some(format!("ls -ld {folder} {}", word(path))),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some(format!("df -h {folder}"))
            }
            io::ErrorKind::ReadOnlyFilesystem => Some(format!("findmnt -T {folder}")),
            // Ours: it is not of a kind that we take.
            io::ErrorKind::Other => Some(format!("ls -l {}", word(path))),
            _ => None,
        };
        Self { hint, ..self.cause(source) }
    }

    /// The request that failed is the cause.
    pub(super) fn failure(self, failure: &Failure) -> Self {
        let hint = failure.is_about_certificate().then(|| CERTIFICATE.to_owned());
        Self {
            http_status: failure.status(),
            hint: hint.or(self.hint.clone()),
            ..self.cause(failure)
        }
    }
}

/// A failed request of a command; its hint depends on the status.
pub(super) fn call(action: &str, failure: &Failure) -> Described {
    let message = match failure.status() {
        Some(401) => "Authentication required".to_owned(),
        _ => format!("Could not {action}; nothing has changed"),
    };
    let described = Described::call(failure, message);
    if let Failure::Rejected { kind: ErrorKind::GivenSession { fix }, .. } = failure {
        return described.hint(fix);
    }
    let hint = match failure.status() {
        Some(401) => "ntcli auth login",
        // Not the API's words: a gateway or a proxy, which no sign-in opens.
        Some(403) if is_foreign(failure) => "ntcli doctor",
        Some(403) => "ntcli auth login, with an account that may do this",
        Some(404) => "ntcli workspace list",
        _ if described.exit_code == exit::UNAVAILABLE => "ntcli health",
        Some(_) => "ntcli domain show, and the same command with --debug",
        None => return described,
    };
    described.hint(hint)
}

fn is_foreign(failure: &Failure) -> bool {
    matches!(failure, Failure::Rejected { kind: ErrorKind::Foreign, .. })
}

/// The command that does pending work, at the server that it belongs to.
pub(super) fn finish_pending(at: Option<&str>) -> String {
    let at = at.map(|url| format!("NTCLI_API_URL={} ", shell_word(url))).unwrap_or_default();
    format!("{at}ntcli token revoke --pending")
}

/// A token's id as a message names it.
pub(super) fn id(jti: Option<&str>) -> String {
    printable(jti.unwrap_or("no id"))
}

/// Each on a line of its own.
pub(super) fn lines(texts: &[String]) -> String {
    let lines = texts.iter().map(|text| format!("\n  {}", printable(text)));
    lines.collect()
}

impl Error {
    /// The exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        self.described().exit_code
    }

    /// What to do next: a command to paste, if there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        self.described().hint
    }

    /// Whether the same command may succeed later with nothing fixed.
    pub(crate) fn retryable(&self) -> bool {
        match self {
            Self::NoAnswer(error) => error.retryable(),
            Self::OldTokenLive { jti: None, .. } => false,
            _ => matches!(
                self.exit_code(),
                exit::UNAVAILABLE | exit::LOCKED | exit::OLD_LIVE | exit::UNKNOWN
            ),
        }
    }

    /// The error and its causes, as the reason of a larger error.
    pub(crate) fn in_one_line(&self) -> String {
        chain(self).join(": ")
    }

    /// The request that failed, if it was one.
    pub(crate) fn into_failure(self) -> Option<Failure> {
        match self {
            Self::Call { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// What happened to the new token that could not be stored.
    pub(crate) fn new_token_fate(&self) -> Option<NewTokenFate> {
        match self {
            Self::StoreToken { fate, .. } => Some(*fate),
            _ => None,
        }
    }
}

/// A failure and all its causes, nearest first.
pub(crate) fn chain(error: &Error) -> Vec<String> {
    let Described { message, causes, .. } = error.described();
    [vec![message], causes].concat()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.described().message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_wrong_variable_leads_to_the_list_of_them() {
        let hint = |message: &str| Described::new("", 2, message).hint_on_variable().hint;
        assert_eq!(hint("NTCLI_TIMEOUT must be 1").as_deref(), Some("ntcli help environment"));
        assert_eq!(hint("The JTI is empty"), None);
        assert_eq!(hint("--lock-wait takes seconds"), None);
    }

    #[test]
    fn what_shows_why_a_file_cannot_be_used() {
        for (kind, path, hint) in [
            (io::ErrorKind::PermissionDenied, "/a b/x", Some("ls -ld '/a b' '/a b/x'")),
            (io::ErrorKind::PermissionDenied, "x", Some("ls -ld . x")),
            (io::ErrorKind::StorageFull, "/a/x", Some("df -h /a")),
            (io::ErrorKind::ReadOnlyFilesystem, "/a/x", Some("findmnt -T /a")),
            (io::ErrorKind::Other, "/a/x", Some("ls -l /a/x")),
            (io::ErrorKind::IsADirectory, "/a/x", None),
        ] {
            let error = Error::ReadFile { path: PathBuf::from(path), source: kind.into() };
            assert_eq!(error.hint().as_deref(), hint, "{path}");
        }
    }
}
