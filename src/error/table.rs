//! What each [`Error`] says, to people and to scripts.

use super::described::{Described, call, finish_pending, id, lines};
use super::{Error, NewTokenFate, exit};
use crate::secret::redact;
use crate::text::{printable, shell_word};

impl Error {
    #[allow(clippy::too_many_lines)] // a table
    pub(crate) fn described(&self) -> Described {
        match self {
            Self::Usage {
                message,
                hint,
                exit_code,
            } => Described::new("usage", *exit_code, message).hint(hint),
            Self::InvalidExpiry => Described::new(
                "invalid_expiration",
                exit::USAGE,
                "Invalid expiration time",
            )
            .hint("ntcli token refresh --expires-in 31536000")
            .cause(&"it must be seconds, 90s 15m 12h 30d 52w 1y 1d12h, a future date (2027-12-01), or never"),
            Self::InvalidValue { message } => Described::new("invalid_value", exit::USAGE, message).hint_on_variable(),
            Self::NoSession { reason } => {
                let described = Described::new(
                    "authentication_required",
                    exit::AUTH,
                    "Authentication required",
                )
                .hint("ntcli auth login");
                if reason.is_empty() {
                    described
                } else {
                    described.cause(reason)
                }
            }
            Self::NoWorkspace => {
                Described::new("no_workspace", exit::FAILED, "No workspace selected")
                    .hint("ntcli workspace select <name>, and ntcli workspace list")
            }
            Self::UnknownWorkspace { name, near, nowhere } => Described::new(
                "unknown_workspace",
                exit::FAILED,
                match near {
                    Some(near) => format!(
                        "No workspace '{}' is known here; did you mean '{}'?",
                        printable(name),
                        printable(near)
                    ),
                    None => format!("No workspace '{}' is known here", printable(name)),
                },
            )
            .hint(match near {
                None if !nowhere && redact(name, &[]) == *name => format!("ntcli workspace select {}", shell_word(&printable(name))),
                _ => "ntcli workspace list".to_owned(),
            }),
            Self::AmbiguousWorkspace { name, ids } => Described::new(
                "ambiguous_workspace",
                exit::USAGE,
                format!(
                    "Several workspaces are named '{}'; name one by its id:{}",
                    printable(name),
                    lines(ids)
                ),
            )
            .hint("ntcli workspace list"),
            Self::NoToken => {
                Described::new("no_token", exit::FAILED, "No current token to refresh")
                    .hint("ntcli token create")
            }
            Self::OldTokenLive { jti: Some(jti), reason } => Described::new(
                "old_token_live",
                exit::OLD_LIVE,
                format!(
                    "The old token ({}) may still be live; every later run tries to revoke it again",
                    printable(jti)
                ),
            )
            .hint("ntcli token revoke --pending")
            .cause(reason),
            Self::OldTokenLive { jti: None, reason } => Described::new(
                "old_token_live",
                exit::OLD_LIVE,
                "The old token is still live: it has no id, so ntcli cannot revoke it",
            )
            .hint("ntcli token list")
            .cause(reason),
            Self::WorkPending { at } => Described::new(
                "work_pending",
                exit::OLD_LIVE,
                "Work of an earlier run could not be finished and is still pending",
            )
            .hint(finish_pending(at.as_deref())),
            Self::SomeFailed {
                failed,
                total,
                exit_code,
            } => Described::new(
                "some_failed",
                *exit_code,
                format!("{failed} of {total} workspaces need attention"),
            )
            .hint("ntcli token history"),
            Self::NotDelivered { reason, again } => Described::new(
                "hand_over",
                exit::NOT_DELIVERED,
                "The token is stored but could not be delivered; the one it replaces is kept live until it is",
            )
            .hint(format!("fix that, then repeat what failed (with the same --token-file and --exec, if any): {again}"))
            .cause(reason),
            Self::CannotDeliver { target, reason, hint } => Described::new(
                "cannot_hand_on",
                exit::USAGE,
                "A new token could not be delivered, so none was requested",
            )
            .hint(hint)
            .cause(&target.map_or_else(|| reason.clone(), |id| format!("target {id}: {reason}"))),
            Self::CannotUse { path, reason, hint } => Described::new(
                "cannot_use",
                exit::USAGE,
                format!("Cannot use {}: {}", path.display(), printable(reason)),
            )
            .hint(hint),
            Self::DeliveryPending { own: false, .. } => Described::new(
                "hand_over_owed",
                exit::NOT_DELIVERED,
                "An earlier token is not delivered to every target yet; no other was requested",
            )
            .hint("ntcli token refresh"),
            Self::DeliveryPending { old, own: true } => {
                let old = old.as_deref().map_or_else(|| "JTI".to_owned(), shell_word);
                Described::new(
                    "hand_over_owed",
                    exit::NOT_DELIVERED,
                    "An earlier refresh still has to deliver its token, and this run was not given the target; no other token was requested",
                )
                .hint(format!(
                    "run it with the --token-file or --exec it had; or, if nothing needs the old token: ntcli token revoke {old}"
                ))
            }
            Self::ReadFile { path, source } => Described::new(
                "read_file",
                exit::USAGE,
                format!("Cannot read {}", path.display()),
            )
            .file(path, source),
            Self::WriteFile {
                action,
                path,
                source,
            } => Described::new(
                "write_file",
                exit::USAGE,
                format!("Cannot {action} {}", path.display()),
            )
            .file(path, source),
            Self::DamagedFile { path, place } => Described::new(
                "damaged_file",
                exit::USAGE,
                format!("Cannot use {}: {}", path.display(), printable(place)),
            )
            .hint(format!(
                "it was left as it is; fix it, or put it aside: mv {0} {0}.damaged",
                shell_word(&path.display().to_string())
            )),
            Self::NoHome => Described::new(
                "no_home",
                exit::USAGE,
                "Cannot find your home folder",
            )
            .hint("set HOME, or NTCLI_CONFIG_DIR to a folder of your own"),
            Self::Locked { path, waited } => Described::new(
                "locked",
                exit::LOCKED,
                format!(
                    "Another ntcli, or a command that one started, holds {} and did not finish within {} s; nothing was done",
                    path.display(),
                    waited.as_secs()
                ),
            )
            .hint("ntcli token refresh --lock-wait 5m"),
            Self::Call { action, failure } => call(action, failure),
            Self::NoTokenRoutes => Described {
                http_status: Some(404),
                ..Described::new(
                    "no_token_routes",
                    exit::FAILED,
                    "The server, or a gateway before it, has no /tokens routes; nothing has changed. If it is the open-source core, it issues no tokens and none are needed",
                )
                .hint("ntcli domain show")
            },
            Self::CreateUnknown { failure, found } if found.is_empty() => Described::new(
                "create_unknown",
                exit::UNKNOWN,
                "Outcome unknown: a token may have been created; the old one still works, and the next run checks",
            )
            .hint("ntcli token refresh")
            .failure(failure),
            Self::CreateUnknown { failure, found } => Described::new(
                "create_unknown",
                exit::UNKNOWN,
                format!(
                    "Outcome unknown: a token may have been created, perhaps {}; the old one still works",
                    printable(&found.join(", "))
                ),
            )
            .hint("ntcli token refresh --revoke-orphans")
            .failure(failure),
            Self::NewTokenRejected { jti, revoked } => {
                let (fate, hint) = if *revoked {
                    ("was revoked again", "ntcli token refresh --no-verify")
                } else {
                    ("must still be revoked", "ntcli token refresh")
                };
                Described::new(
                    "new_token_rejected",
                    exit::FAILED,
                    format!(
                        "The server rejected its own new token ({}); it {fate}, and the old token still works",
                        id(jti.as_deref())
                    ),
                )
                .hint(hint)
            }
            Self::StoreToken { jti, fate, causes } => {
                let fate = match fate {
                    NewTokenFate::Revoked => "it was revoked again",
                    NewTokenFate::Kept => "it is kept in the journal and the next run stores it",
                    NewTokenFate::Live => "it could not be revoked either and may be live",
                };
                Described::new(
                    "store_token",
                    exit::NOT_STORED,
                    format!(
                        "Could not store the new token ({}); {fate}, and the old token still works",
                        id(jti.as_deref())
                    ),
                )
                .hint("ntcli token refresh")
                .causes(causes)
            }
            Self::Unconfirmed { jti } => Described::new(
                "new_token_unconfirmed",
                exit::OLD_LIVE,
                format!(
                    "The server has not accepted the new token ({}) yet; it is kept in the journal, and the old token stays current",
                    id(jti.as_deref())
                ),
            )
            .hint("ntcli token refresh"),
            Self::SameToken => Described::new(
                "same_token",
                exit::FAILED,
                "The server returned the token that is already current; nothing has changed",
            )
            .hint("ntcli token list"),
            Self::NotHandedOut { jti, fate, source } => {
                let (fate, hint) = match fate {
                    NewTokenFate::Revoked => ("it was revoked again", "ntcli token create"),
                    NewTokenFate::Kept => (
                        "it is stored as the current token",
                        "ntcli token show --show-token",
                    ),
                    NewTokenFate::Live => (
                        "it could not be revoked and may be live",
                        match jti {
                            Some(_) => "ntcli token revoke --pending",
                            None => "ntcli token list",
                        },
                    ),
                };
                Described::new(
                    "not_handed_out",
                    exit::FAILED,
                    format!(
                        "The new token ({}) could not be printed; {fate}",
                        id(jti.as_deref())
                    ),
                )
                .hint(hint)
                .cause(source)
            }
            Self::RevocationPending { jti, reason } => Described::new(
                "revocation_pending",
                exit::OLD_LIVE,
                format!(
                    "Token {} may still be live; every later run tries to revoke it again",
                    printable(jti)
                ),
            )
            .hint("ntcli token revoke --pending")
            .cause(reason),
            Self::Unfinished => Described::new(
                "unfinished",
                exit::NOT_STORED,
                "An earlier refresh of this workspace could not be finished; no other token was requested",
            )
            .hint("ntcli token refresh"),
            Self::Overtaken => Described::new(
                "overtaken",
                exit::FAILED,
                "Another program stored a token meanwhile; that one is kept, and ours was discarded",
            )
            .hint("ntcli token show"),
            Self::WriteResult { source } => Described::new(
                "write_result",
                exit::FAILED,
                "The work is done, but its result could not be written",
            )
            .hint("ntcli token show")
            .cause(source),
            Self::Auth(error) => error.described(),
            Self::Manage(error) => error.described(),
            Self::Late(error) => Described {
                exit_code: exit::NOT_STORED,
                ..error.described()
            },
            Self::NoAnswer(error) => Described {
                exit_code: exit::NO_ANSWER,
                ..error.described()
            },
        }
    }
}
