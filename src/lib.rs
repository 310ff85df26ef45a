//! ntcli rotates and looks after `NimbleTools` workspace tokens: ask for a new one, store it,
//! revoke the old one, confirm, so that a kill, a full disk or a lost answer loses nothing.

pub mod api;

pub mod cli;
pub mod commands;
pub mod config;
pub mod context;
pub mod endpoints;
pub mod error;
#[cfg(test)]
mod fuzz;
pub mod hooks;

pub mod http;
pub mod json;
pub mod jwt;

pub mod auth;
pub mod config_dir;
pub mod output;
pub mod rotation;
pub mod secret;
pub mod store;

pub mod text;
pub mod time;
pub mod token;

use std::ffi::OsString;

use cli::{Format, Parsed};
use context::Context;
use error::Error;

/// Runs one command, `args` without the program's name, and answers the exit code.
pub fn run(args: Vec<OsString>, ctx: &mut Context) -> u8 {
    let console = ctx.console.clone();
    let (format, outcome) = match cli::parse(args) {
        Ok(Parsed::Show(text)) => {
            return match console.result(&text) {
                Ok(()) => 0,
                Err(source) => output::finish(&console, false, Err(Error::WriteResult { source })),
            };
        }
        Ok(Parsed::Run(invocation)) => {
            ctx.debug = invocation.debug;
            (invocation.format, commands::run(ctx, &invocation.command))
        }
        Err(wrong) => {
            let format = wrong.format;
            let error = Error::Usage {
                message: wrong.message,
                hint: wrong.hint,
                exit_code: wrong.exit_code,
            };
            (format, Err(error))
        }
    };
    output::finish(&console, format == Format::Json, outcome)
}
