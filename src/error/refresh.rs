//! What a new token's way to its consumers can end with.

use std::io;

use super::{Error, Failure, Kind, NewTokenFate, PENDING, RENEW, exit, id, with_word};
use crate::text::{printable, shell_word};

impl Error {
    /// A signal has ended the run at a safe point; `left` is what the journal holds.
    pub(crate) fn interrupted(signal: u8, left: &[String]) -> Self {
        let (named, code) = (printable(&left.join(", ")), 128 + signal);
        let message = format!("Ended by signal {signal}; ");
        if left.is_empty() {
            return Self::new("interrupted", code, message + "nothing is left half done");
        }
        let message = format!("{message}the next run goes on with {named}");
        Self::new("interrupted", code, message).hinted_there(RENEW)
    }

    /// The workspace holds no token here.
    pub(crate) fn nothing_to_refresh() -> Self {
        Self::new("no_token", exit::FAILED, "No current token to refresh")
            .kind_of(Kind::NoToken)
            .hinted_there("ntcli token create")
    }

    /// Nothing proves that a token is revoked; without an id it cannot be.
    pub(crate) fn old_token_live(jti: Option<&str>, reason: &str) -> Self {
        let live =
            |message| Self::new("old_token_live", exit::OLD_LIVE, message).caused_by(&reason);
        let Some(jti) = jti else {
            let no_id = "The old token is still live: it has no id, so ntcli cannot revoke it";
            let mut error = live(no_id.to_owned()).hinted_there("ntcli token list");
            error.0.retryable = false;
            return error;
        };
        let jti = printable(jti);
        live(format!("Token {jti} may still be live; every later run tries to revoke it again"))
            .hinted(PENDING)
    }

    /// Work of earlier runs could not be done: what is `left`, the `delivery` that only another command
    /// can do, and the server of some of it, if that is another one.
    pub(crate) fn work_pending(
        left: Vec<String>,
        delivery: Option<String>,
        at: Option<&str>,
    ) -> Self {
        let at = at.map(|url| format!("NTCLI_API_URL={} ", shell_word(url))).unwrap_or_default();
        let message = "Work of an earlier run is still pending; every later run tries again";
        Self::new("work_pending", exit::OLD_LIVE, message)
            .hinted(delivery.unwrap_or_else(|| format!("{at}{PENDING}")))
            .with_causes(left)
    }

    /// The new token lacks a right of the old one, which stays live until the user accepts that.
    pub(crate) fn loses_scope(workspace: &str) -> Self {
        let name = printable(workspace);
        let message =
            format!("The new token of '{name}' may do less than the old one, which stays live");
        let name = shell_word(&name);
        Self::new("loses_scope", exit::OLD_LIVE, message)
            .hinted(format!("ntcli token refresh {name} --if-expires-within 1 --accept-scope"))
    }

    /// Some of several workspaces failed; the exit code is the highest of theirs. The hint is what to
    /// run for those.
    pub(crate) fn some_failed(failed: usize, total: usize, exit_code: u8, hint: String) -> Self {
        let message = format!("{failed} of {total} workspaces need attention");
        Self::new("some_failed", exit_code, message).hinted(hint)
    }

    /// Targets could not get a token that is stored: which and why; `again` repeats what failed.
    pub(crate) fn not_delivered(reasons: Vec<String>, again: &str) -> Self {
        let message = "The token is stored, but not delivered to every target";
        Self::new("not_delivered", exit::NOT_DELIVERED, message)
            .hinted(format!("fix that, then: {again}"))
            .with_causes(reasons)
    }

    /// A new target could not get the token, so it is not remembered, and no token was requested. The
    /// hint says how to fix it.
    pub(crate) fn cannot_deliver(reason: &str, hint: impl Into<String>) -> Self {
        let message = "The target was not added: it could not get the token";
        Self::new("cannot_deliver", exit::USAGE, message).hinted(hint).caused_by(&reason)
    }

    /// The error about a remembered target, which does not stop a refresh and can also be given up.
    pub(crate) fn of_target(mut self, id: u32) -> Self {
        let cause = format!("target {id}: {}", self.reason());
        let hint = self.hint().unwrap_or_default();
        self.0.hint =
            Some(format!("{hint}; or, if nothing needs it any more: ntcli target remove {id}"));
        self.0.causes = vec![cause];
        self.0.message = "Not every target can get the new token".into();
        self.with_exit_code(exit::NOT_DELIVERED)
    }

    /// A remembered target that this version cannot use.
    pub(crate) fn useless_target(id: u32, cause: &Self) -> Self {
        let message = "This version cannot use every target";
        Self::new("cannot_deliver", exit::USAGE, message)
            .hinted(format!("ntcli target remove {id}"))
            .caused_by(&format!("target {id}: {}", cause.in_one_line()))
    }

    /// An earlier run could not deliver its new token.
    pub(crate) fn delivery_pending() -> Self {
        let message =
            "An earlier token is not delivered to every target yet; no other was requested";
        Self::new("delivery_pending", exit::NOT_DELIVERED, message).hinted_there(RENEW)
    }

    /// A token may have been created that is not stored here; `found` are the ids of those that were
    /// created around that time.
    pub(crate) fn create_unknown(failure: &Failure, found: &[String]) -> Self {
        let (perhaps, ending, hint) = if found.is_empty() {
            (String::new(), ", and the next run checks", RENEW)
        } else {
            let found = format!(", perhaps {}", printable(&found.join(", ")));
            (found, "", "ntcli token refresh --revoke-orphans")
        };
        let message = format!(
            "Outcome unknown: a token may have been created{perhaps}; the old one still works{ending}"
        );
        Self::new("create_unknown", exit::UNKNOWN, message)
            .kind_of(Kind::CreateUnknown(found.to_vec()))
            .hinted_there(hint)
            .after(failure)
    }

    /// The error about a token that was to be handed out: a refresh, which replaces the current
    /// one, was not asked for.
    pub(crate) fn of_hand_out(mut self) -> Self {
        let hint = match &self.0.kind {
            Kind::CreateUnknown(found) => match found.first() {
                Some(jti) => with_word("ntcli token revoke", jti),
                None => "ntcli token list".to_owned(),
            },
            Kind::StoreToken(NewTokenFate::Kept) => PENDING.to_owned(),
            Kind::StoreToken(_) | Kind::NewTokenRejected => "ntcli token create --save".to_owned(),
            _ => return self,
        };
        self.0.about_workspace = hint != PENDING;
        self.0.hint = Some(hint);
        self
    }

    /// The new token was created and then rejected by the server.
    pub(crate) fn new_token_rejected(jti: Option<&str>, revoked: bool) -> Self {
        let fate = if revoked { "was revoked again" } else { "must still be revoked" };
        let message = format!(
            "The server rejected its own new token ({}); it {fate}, and the old token still works",
            id(jti)
        );
        Self::new("new_token_rejected", exit::FAILED, message)
            .kind_of(Kind::NewTokenRejected)
            .hinted_there("ntcli token refresh")
    }

    /// The new token could not be stored.
    pub(crate) fn store_token(jti: Option<&str>, fate: NewTokenFate, cause: &Self) -> Self {
        let (jti, fate_of_it) = (id(jti), fate.said());
        let message = format!(
            "Could not store the new token ({jti}); it {fate_of_it}, and the old token still works"
        );
        let is_elsewhere = matches!(cause.kind(), Kind::StateChanged);
        let exit = if is_elsewhere { exit::LOCKED } else { exit::NOT_STORED };
        Self::new("store_token", exit, message)
            .kind_of(Kind::StoreToken(fate))
            .hinted_there(if fate == NewTokenFate::Kept { RENEW } else { "ntcli token refresh" })
            .with_causes(cause.chain())
    }

    /// The server does not accept the new token yet, but accepts the old one.
    pub(crate) fn unconfirmed(jti: Option<&str>) -> Self {
        let message = format!(
            "The server has not accepted the new token ({}) yet; it is kept in the journal, and the old token stays current",
            id(jti)
        );
        Self::new("new_token_unconfirmed", exit::OLD_LIVE, message).hinted_there(RENEW)
    }

    /// The server returned the token that is already current.
    pub(crate) fn same_token() -> Self {
        let message = "The server returned the token that is already current; nothing has changed";
        Self::new("same_token", exit::FAILED, message).hinted_there("ntcli token list")
    }

    /// A token could not be printed for its recipient.
    pub(crate) fn not_handed_out(
        jti: Option<&str>,
        fate: NewTokenFate,
        source: &io::Error,
    ) -> Self {
        let (what, hint) = match fate {
            NewTokenFate::Revoked => (fate.said(), "ntcli token create"),
            NewTokenFate::Kept => {
                ("is stored as the current token", "ntcli token show --show-token")
            }
            NewTokenFate::Live if jti.is_some() => (fate.said(), PENDING),
            NewTokenFate::Live => (fate.said(), "ntcli token list"),
        };
        let message = format!("The new token ({}) could not be printed; it {what}", id(jti));
        Self::new("not_handed_out", exit::FAILED, message).hinted_there(hint).caused_by(source)
    }

    /// An earlier refresh of the workspace could not be finished yet.
    pub(crate) fn unfinished() -> Self {
        let message = "An earlier refresh of this workspace could not be finished; no other token was requested";
        Self::new("unfinished", exit::NOT_STORED, message).hinted_there(RENEW)
    }

    /// Another program stored another token meanwhile.
    pub(crate) fn overtaken() -> Self {
        let message =
            "Another program stored a token meanwhile; that one is kept, and ours was discarded";
        Self::new("overtaken", exit::FAILED, message).hinted_there("ntcli token show")
    }
}
