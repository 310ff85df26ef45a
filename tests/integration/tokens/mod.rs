//! The token commands.

mod claims;
pub(crate) mod history;
mod listed;
pub(crate) mod local;
pub(crate) mod refresh;
pub(crate) mod revoke;
