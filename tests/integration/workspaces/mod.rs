//! The workspace commands.

mod entries;
pub(crate) mod manage;
mod twins;
pub(crate) mod workspace_create;
