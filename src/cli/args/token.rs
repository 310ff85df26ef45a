//! `ntcli token …`

use std::ffi::OsString;
use std::time::Duration;

use super::{seconds, variable, wait};

group! {
    /// Replace, create, show and revoke workspace tokens.
    Token(TokenCommand) "token" ["ntcli token refresh", "ntcli token show --format json"]

    /// Replace the current token with a new one and revoke the old. The new token
    /// is created, verified, stored and delivered before the old one is revoked. If
    /// a crash or a lost answer interrupts it, the next run finishes it.
    #[allow(clippy::struct_excessive_bools)] // switches are bools
    Refresh(TokenRefresh) "refresh" [
        "ntcli token refresh",
        "ntcli token refresh prod --expires-in 30d --format json",
        "ntcli token refresh --if-expires-within 30d --exec 'systemctl reload app'",
        "ntcli token refresh --token-file env:TOKEN=/etc/app.env --revoke-after 1h"
    ] {
        WORKSPACE
        /// lifetime of the new token: seconds, 90s 15m 12h 30d 52w 1y 1d12h, a date, or never (default 31536000, a year)
        #[argh(option, arg_name = "DURATION")]
        pub expires_in: Option<String>,
        /// when the new token expires: Unix seconds or RFC 3339
        #[argh(option, arg_name = "TIME")]
        pub expires_at: Option<String>,
        /// print the new token too
        #[argh(switch)]
        pub print: bool,
        /// store the new token without verifying it
        #[argh(switch)]
        pub no_verify: bool,
        /// how long the server may take to accept the new token (default 2.5 s; 0 asks once); the next
        /// run asks again
        #[argh(option, arg_name = "DURATION", from_str_fn(wait))]
        pub verify_wait: Option<Duration>,
        /// also revoke tokens that match a lost request in time, lifetime and number
        #[argh(switch)]
        pub revoke_orphans: bool,
        /// revoke the old token although the new one lacks a right that it has
        #[argh(switch)]
        pub accept_scope: bool,
        /// refresh only a token that expires within this time; otherwise do what is pending and exit 0
        #[argh(option, arg_name = "DURATION", from_str_fn(seconds))]
        pub if_expires_within: Option<u64>,
        /// refresh every workspace that has a token here
        #[argh(switch)]
        pub all: bool,
        /// remember this file as a target, as target add --file does; repeatable; env:NAME=PATH and
        /// replace:PATH are as --env and --replace there
        #[argh(option, arg_name = "PATH")]
        pub token_file: Vec<String>,
        /// remember this command as a target, as target add --exec does; repeatable
        #[argh(option, arg_name = "COMMAND")]
        pub exec: Vec<String>,
        /// leave the old token live for this time; the first run after it revokes it
        #[argh(option, arg_name = "DURATION", from_str_fn(seconds))]
        pub revoke_after: Option<u64>,
        /// show what would be done, and change nothing
        #[argh(switch)]
        pub dry_run: bool,
    }

    /// Create a token for CI or another system, and print it. It becomes the
    /// current token (which a later refresh revokes) only with --save, or if the
    /// workspace has none yet. A token that cannot be printed is revoked.
    Create(TokenCreate) "create" [
        "ntcli token create",
        "ntcli token create prod --expires-in 12h --no-save --format json"
    ] {
        WORKSPACE
        /// lifetime of the token: seconds, 90s 15m 12h 30d 52w 1y 1d12h, a date, or never (default 31536000, a year)
        #[argh(option, arg_name = "DURATION")]
        pub expires_in: Option<String>,
        /// when the token expires: Unix seconds or RFC 3339
        #[argh(option, arg_name = "TIME")]
        pub expires_at: Option<String>,
        /// make it the current token
        #[argh(switch)]
        pub save: bool,
        /// never store it, even when the workspace has no token yet
        #[argh(switch)]
        pub no_save: bool,
    }

    /// Show the current token's JTI, dates and status, and pending work. Only
    /// --check asks the server.
    Show(TokenShow) "show" [
        "ntcli token show",
        "ntcli token show prod --show-token",
        "ntcli token show --check"
    ] {
        WORKSPACE
        /// print the token itself too
        #[argh(switch)]
        pub show_token: bool,
        /// ask the server whether it accepts the token; no session is needed
        #[argh(switch)]
        pub check: bool,
    }

    /// Print the current token alone, for a script, without asking the server.
    Print(TokenPrint) "print" ["ntcli token print", "ntcli token print prod --format json"] { WORKSPACE }

    /// Run a command with the current token in its environment. The command replaces ntcli
    /// and gets everything after --, but no session variable.
    Exec(TokenExec) "exec" [
        "ntcli token exec -- ./deploy.sh",
        "ntcli token exec prod --env API_TOKEN -- terraform apply"
    ] [
        0 "the command's own exit code, as any not listed here",
        126 "the command cannot be run",
        127 "there is no such command"
    ] {
        WORKSPACE
        /// the variable that holds the token, instead of `NTCLI_WORKSPACE_TOKEN`
        #[argh(option, arg_name = "NAME", from_str_fn(variable))]
        pub env: Option<String>,
        /// what follows --, as the system gave it; the parser puts it here
        #[argh(option, hidden_help)]
        pub program: Vec<OsString>,
    }

    /// List the workspace's tokens that the server knows.
    List(TokenList) "list" [
        "ntcli token list",
        "ntcli token list prod --show-expired --format json"
    ] {
        WORKSPACE
        /// list expired tokens too, and a status column
        #[argh(switch)]
        pub show_expired: bool,
    }

    /// Tell by the exit code whether a refresh is due, without asking the server:
    /// for scripts, and the `ExecCondition` of systemd.
    NeedsRefresh(TokenNeedsRefresh) "needs-refresh" [
        "ntcli token needs-refresh --within 14d && ntcli token refresh"
    ] [
        0 "a refresh is due, or earlier work is pending",
        1 "not due yet",
        255 "an error, wrong usage included"
    ] {
        WORKSPACE
        /// due when the token expires within this time (default 30d)
        #[argh(option, arg_name = "DURATION", from_str_fn(seconds))]
        pub within: Option<u64>,
    }

    /// Revoke a token by its JTI (JWT ID), or do the pending revocations. Revoking
    /// one locks out everything that uses it, so it asks first; where it cannot ask,
    /// it needs --force. What is not proven to be revoked stays pending, and every
    /// later run tries again.
    Revoke(TokenRevoke) "revoke" [
        "ntcli token revoke jti_old123 --force",
        "ntcli token revoke jti_old123 -w prod",
        "ntcli token revoke --pending",
        "ntcli token revoke jti_old123 --forget"
    ] {
        /// the token to revoke, as token list shows it
        #[argh(positional, arg_name = "JTI")]
        pub jti: Option<String>,
        /// name, UUID or full local id; otherwise `NTCLI_WORKSPACE` or the active one
        #[argh(option, short = 'w', arg_name = "WORKSPACE")]
        pub workspace: Option<String>,
        /// do the pending revocations that are due instead
        #[argh(switch)]
        pub pending: bool,
        /// send nothing: drop what is pending about it, though it may be live; with --pending: about
        /// all tokens
        #[argh(switch)]
        pub forget: bool,
        /// do not ask
        #[argh(switch, short = 'f')]
        pub force: bool,
    }

    /// Go back to the previous token while it is still live: after a refresh with
    /// --revoke-after, or one that could not deliver. It becomes the current one
    /// again and is delivered to every target; the newer one is revoked.
    Rollback(TokenRollback) "rollback" [
        "ntcli token rollback",
        "ntcli token rollback prod --format json"
    ] { WORKSPACE }

    /// Show what was refreshed, revoked and recovered, and when; the latest
    /// first. Never a token. All workspaces when none is named and none active.
    History(TokenHistory) "history" [
        "ntcli token history",
        "ntcli token history prod --format json"
    ] { WORKSPACE }
}
