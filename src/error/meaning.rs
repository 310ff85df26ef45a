//! What an error means to a script and to whoever mends it: its code, its exit code, its hint.

use std::io;

use super::failure::{call_code, call_exit};
use super::{Error, ErrorKind, Failure, exit};
use crate::text::shell_word;

impl Error {
    /// A [`Error::WriteFile`].
    #[must_use]
    pub fn write_file(action: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::WriteFile {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// A failed request for `action`. A 404 that names nothing is a server without token routes,
    /// unlike one for a workspace that is not there.
    #[must_use]
    pub fn call(action: &'static str, failure: Failure) -> Self {
        match &failure {
            Failure::Rejected {
                status: 404,
                kind: ErrorKind::NoRoute,
                ..
            } if action.contains("token") => Self::NoTokenRoutes,
            _ => Self::Call { action, failure },
        }
    }

    /// A short name for scripts, in the JSON of a failure.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "usage",
            Self::InvalidExpiry => "invalid_expiration",
            Self::InvalidValue { .. } => "invalid_value",
            Self::NoSession { .. } => "authentication_required",
            Self::NoWorkspace => "no_workspace",
            Self::UnknownWorkspace { .. } => "unknown_workspace",
            Self::AmbiguousWorkspace { .. } => "ambiguous_workspace",
            Self::NoToken => "no_token",
            Self::ReadFile { .. } => "read_file",
            Self::WriteFile { .. } => "write_file",
            Self::DamagedFile { .. } => "damaged_file",
            Self::NoHome => "no_home",
            Self::Locked { .. } => "locked",
            Self::Call { failure, .. } => call_code(failure),
            Self::NoTokenRoutes => "no_token_routes",
            Self::CreateUnknown { .. } => "create_unknown",
            Self::NewTokenRejected { .. } => "new_token_rejected",
            Self::StoreToken { .. } => "store_token",
            Self::Unfinished => "unfinished",
            Self::Overtaken => "overtaken",
            Self::OldTokenLive { .. } => "old_token_live",
            Self::WorkPending => "work_pending",
            Self::SomeFailed { .. } => "some_failed",
            Self::HandOver { .. } => "hand_over",
            Self::CannotHandOn { .. } => "cannot_hand_on",
            Self::HandOverOwed { .. } => "hand_over_owed",
            Self::WriteResult { .. } => "write_result",
            Self::Auth(error) => error.code(),
            Self::Manage(error) => error.code(),
            Self::NoAnswer(error) => error.code(),
        }
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { exit_code, .. } | Self::SomeFailed { exit_code, .. } => *exit_code,
            Self::InvalidExpiry
            | Self::InvalidValue { .. }
            | Self::AmbiguousWorkspace { .. }
            | Self::ReadFile { .. }
            | Self::WriteFile { .. }
            | Self::DamagedFile { .. }
            | Self::NoHome => exit::USAGE,
            Self::NoSession { .. } => exit::AUTH,
            Self::NoWorkspace
            | Self::UnknownWorkspace { .. }
            | Self::NoToken
            | Self::NoTokenRoutes
            | Self::NewTokenRejected { .. }
            | Self::Overtaken
            | Self::WriteResult { .. } => exit::FAILED,
            Self::Locked { .. } => exit::LOCKED,
            Self::Call { failure, .. } => call_exit(failure),
            Self::CreateUnknown { .. } => exit::UNKNOWN,
            Self::StoreToken { .. } | Self::Unfinished => exit::NOT_STORED,
            Self::OldTokenLive { .. } | Self::WorkPending => exit::OLD_LIVE,
            Self::Auth(error) => error.exit_code(),
            Self::HandOver { .. } | Self::CannotHandOn { .. } | Self::HandOverOwed { .. } => {
                exit::NOT_HANDED_ON
            }
            Self::Manage(error) => error.exit_code(),
            Self::NoAnswer(_) => exit::NO_ANSWER,
        }
    }

    /// What to do next: a command that can be pasted, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Usage { hint, .. } => hint,
            Self::InvalidExpiry => "ntcli token refresh --expires-in 31536000",
            Self::NoSession { .. } => "ntcli auth login",
            Self::NoWorkspace => "ntcli workspace select <name>, and ntcli workspace list",
            Self::UnknownWorkspace { .. } | Self::AmbiguousWorkspace { .. } => {
                "ntcli workspace list"
            }
            Self::NoToken => "ntcli token create",
            Self::DamagedFile { path, .. } => {
                return Some(format!(
                    "it was left as it is; mend it, or put it aside: mv {0} {0}.damaged",
                    shell_word(&path.display().to_string())
                ));
            }
            Self::NoHome => "set HOME, or NTCLI_CONFIG_DIR to a folder of your own",
            Self::Locked { .. } => "ntcli token refresh --lock-wait 5m",
            Self::Call {
                failure:
                    Failure::Rejected {
                        kind: ErrorKind::SessionVariable(variable),
                        ..
                    },
                ..
            } => {
                return Some(format!(
                    "unset {variable}, or put a fresh session token into it"
                ));
            }
            Self::Call { failure, .. } => match failure.status() {
                Some(401) => "ntcli auth login",
                Some(403) => "ntcli auth login, with an account that may do this",
                Some(404) => "ntcli workspace list",
                _ if call_exit(failure) == exit::UNAVAILABLE => "ntcli health",
                Some(_) => "ntcli domain show, and the same command with --debug",
                None => return None,
            },
            Self::OldTokenLive { jti: Some(_), .. } | Self::WorkPending => {
                "ntcli token revoke --pending"
            }
            Self::OldTokenLive { jti: None, .. } => "ntcli token list",
            Self::SomeFailed { .. } => "ntcli token history",
            Self::HandOver { .. } | Self::CannotHandOn { .. } => {
                "mend that, and run the same command again"
            }
            Self::HandOverOwed { old } => {
                let old = old.as_deref().map_or_else(|| "JTI".to_owned(), shell_word);
                return Some(format!(
                    "run it with the --token-file or --exec it had; or, if nobody needs the old token: ntcli token revoke {old}"
                ));
            }
            Self::NoTokenRoutes => "ntcli domain show",
            Self::CreateUnknown { found, .. } if found.is_empty() => "ntcli token refresh",
            Self::CreateUnknown { .. } => "ntcli token refresh --revoke-orphans",
            Self::NewTokenRejected { revoked: true, .. } => "ntcli token refresh --no-verify",
            Self::NewTokenRejected { .. } | Self::StoreToken { .. } | Self::Unfinished => {
                "ntcli token refresh"
            }
            Self::WriteResult { .. } | Self::Overtaken => "ntcli token show",
            Self::Auth(error) => error.hint()?,
            Self::Manage(error) => return error.hint(),
            Self::NoAnswer(error) => return error.hint(),
            Self::InvalidValue { .. } | Self::ReadFile { .. } | Self::WriteFile { .. } => {
                return None;
            }
        };
        Some(text.to_owned())
    }

    /// Whether the same command may succeed later with nothing mended.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::NoAnswer(error) => error.retryable(),
            _ => matches!(
                self.exit_code(),
                exit::UNAVAILABLE | exit::LOCKED | exit::UNKNOWN
            ),
        }
    }

    /// The HTTP status behind it.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Call { failure, .. } | Self::CreateUnknown { failure, .. } => failure.status(),
            Self::NoTokenRoutes => Some(404),
            Self::Auth(error) => error.failure()?.status(),
            Self::Manage(error) => error.failure()?.status(),
            Self::NoAnswer(error) => error.http_status(),
            _ => None,
        }
    }

    /// The error and what lies behind it, as the reason of something larger.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let mut parts = vec![self.to_string()];
        parts.extend(self.causes());
        parts.join(": ")
    }

    /// What lies behind it, nearest first.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        match self {
            Self::ReadFile { source, .. }
            | Self::WriteFile { source, .. }
            | Self::WriteResult { source } => vec![source.to_string()],
            Self::NoSession { reason } if !reason.is_empty() => vec![reason.clone()],
            Self::Call { failure, .. } | Self::CreateUnknown { failure, .. } => {
                vec![failure.to_string()]
            }
            Self::StoreToken { causes, .. } => causes.clone(),
            Self::Auth(error) => error.causes(),
            Self::OldTokenLive { reason, .. }
            | Self::HandOver { reason }
            | Self::CannotHandOn { reason } => vec![reason.clone()],
            Self::Manage(error) => error.causes(),
            Self::NoAnswer(error) => error.causes(),
            _ => Vec::new(),
        }
    }
}
