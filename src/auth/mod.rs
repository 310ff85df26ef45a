//! The session bearer: where it comes from, whether it can be used, and how it is renewed.

pub(crate) mod browser;
pub(crate) mod callback;
pub(crate) mod oauth;
mod renewal;
mod session;

pub(crate) use renewal::Keeper;
pub(crate) use session::{
    FromEnv, check, from_bearer, from_env, has_ended, ignores_variable, is_workspace_token, stored,
};

use crate::config::Notice;

/// What happens to a session during a run, for commands to report.
#[derive(Debug)]
pub(crate) enum Event {
    /// Its file was read or written.
    File(Notice),
    /// `NTCLI_TOKEN` holds a workspace token; the stored session is used instead.
    VariableIgnored,
    /// A renewal failed, but the current session is still valid and is used.
    NotRenewed { reason: String },
    /// The session was renewed but could not be stored: it lasts for this run only.
    NotStored { reason: String },
}
