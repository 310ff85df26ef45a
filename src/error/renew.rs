//! What a run for all workspaces ends with.

use super::{Error, Kind, exit, id, with_word};
use crate::text::{counted, printable};

impl Error {
    /// No workspace has a token: a folder that was wiped, or another one than was meant.
    pub(crate) fn no_tokens_here() -> Self {
        Self::new("no_token", exit::FAILED, "No workspace has a token here")
            .kind_of(Kind::NoToken)
            .hinted("ntcli doctor")
    }

    /// The server has no such workspace any more.
    pub(crate) fn workspace_gone(name: &str) -> Self {
        let message = format!("{} is no longer on the server", printable(name));
        Self::new("workspace_gone", exit::FAILED, message).hinted("ntcli workspace sync")
    }

    /// A target whose workspace has no token here: what it holds is looked after by nobody.
    pub(crate) fn target_without_token(id: u32, name: &str, is_known: bool) -> Self {
        let message = format!("{} has target {id}, but no token here", printable(name));
        let error = Self::new("no_token", exit::FAILED, message);
        if is_known {
            return error.hinted_there("ntcli token create").of_workspace(Some(name));
        }
        error.hinted(format!(
            "ntcli workspace sync; or, if nothing needs it any more: ntcli target remove {id}"
        ))
    }

    /// Another machine that uses a copy of this folder has most likely replaced the token.
    pub(crate) fn token_was_unknown(jti: Option<&str>, name: &str) -> Self {
        let message = format!(
            "{} had a token ({}) that the server no longer knew: a copy of this folder may be in use, and \
             its token live",
            printable(name),
            id(jti)
        );
        Self::new("token_was_unknown", exit::OLD_LIVE, message)
            .hinted(with_word("ntcli token list", name))
    }

    /// Tokens that were made here live, and nothing here holds them.
    pub(crate) fn unused_tokens_live(count: usize, name: &str) -> Self {
        let (count, of) = (counted(count, "token"), printable(name));
        let message = format!("{count} of {of} may live that nothing here holds");
        Self::new("unused_tokens_live", exit::OLD_LIVE, message).hinted(format!(
            "{}; or keep them all: ntcli token revoke --pending --forget",
            with_word("ntcli token show", name)
        ))
    }
}
