//! What a server, or a gateway in front of it, can answer.

pub(crate) mod fault_list;
pub(crate) mod lost;
mod orphans;
mod proof;
pub(crate) mod refused;
pub(crate) mod server;
mod verified;
mod whose;
pub(crate) mod workspace_gone;
