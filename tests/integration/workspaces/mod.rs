//! The workspace commands.

pub(crate) mod manage;
mod twins;
pub(crate) mod workspace_create;
