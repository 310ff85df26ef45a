//! Rules for every command: streams, formats, secrets, settings.

mod contract;
mod durable;
pub(crate) mod every_command;
pub(crate) mod exchanged;
mod exit_codes;
pub(crate) mod folders;
mod forged_lines;
pub(crate) mod formats;
mod habits;
mod hints;
pub(crate) mod outputs;
pub(crate) mod owners;
pub(crate) mod people;
mod promises;
mod quiet;
mod readme;
mod secrets;
pub(crate) mod settings;
pub(crate) mod shells;
pub(crate) mod streams;
