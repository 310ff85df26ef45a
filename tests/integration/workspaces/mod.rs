//! The workspace commands.

pub(crate) mod manage;
pub(crate) mod workspace_create;
