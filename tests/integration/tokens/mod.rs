//! The token commands.

mod checked;
mod claims;
mod granted;
mod hand_out;
pub(crate) mod history;
mod listed;
pub(crate) mod local;
mod nowhere;
mod paged;
mod pending;
mod pending_revocations;
pub(crate) mod refresh;
pub(crate) mod revoke;
mod servers;
mod short;
mod use_it;
