//! What holds for every command: streams, formats, secrets, settings.

pub(crate) mod every_command;
pub(crate) mod folders;
mod forged_lines;
pub(crate) mod formats;
pub(crate) mod outputs;
pub(crate) mod secrets;
pub(crate) mod settings;
pub(crate) mod shells;
pub(crate) mod streams;
