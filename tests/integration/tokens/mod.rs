//! The token commands.

pub(crate) mod history;
pub(crate) mod local;
pub(crate) mod refresh;
pub(crate) mod revoke;
