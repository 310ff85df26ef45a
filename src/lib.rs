//! ntcli rotates and looks after `NimbleTools` workspace tokens: ask for a new one, store it,
//! revoke the old one, confirm, so that a kill, a full disk or a lost answer loses nothing.

pub mod api;
pub mod browser;
pub mod callback;
pub mod cli;
pub mod config;
pub mod context;
pub mod endpoints;
pub mod error;
#[cfg(test)]
mod fuzz;
pub mod handover;
pub mod history;
pub mod http;
pub mod json;
pub mod jwt;
pub mod oauth;
pub mod output;
pub mod rotation;
pub mod secret;
pub mod session;
pub mod state;
pub mod store;
pub mod table;
pub mod time;
pub mod token;
