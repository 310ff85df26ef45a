//! The token commands.

mod claims;
pub(crate) mod history;
mod listed;
pub(crate) mod local;
mod pending;
pub(crate) mod refresh;
pub(crate) mod revoke;
