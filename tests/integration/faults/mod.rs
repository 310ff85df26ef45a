//! What a server, or whatever stands before it, can answer.

pub(crate) mod fault_list;
pub(crate) mod lost;
pub(crate) mod refused;
pub(crate) mod server;
pub(crate) mod workspace_gone;
