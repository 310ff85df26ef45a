//! ntcli rotates and manages `NimbleTools` workspace tokens: create, store, deliver, revoke,
//! confirm, so that a kill, a power cut, a full disk or a lost answer loses nothing and leaks
//! nothing that the next run does not find.
//!
//! # The modules
//!
//! A single-threaded `main` passes the real streams, environment and clock to [`run`]. Each module
//! may use those below it, and `api`, `targets` and `config_dir` what `rotation` asks of them (`ports`):
//!
//! | module | its job |
//! |---|---|
//! | `cli` | arguments, rules, help, man page, completions; the only user of argh |
//! | `commands` | a file per command: options, one call, report. `app` opens what they share: folder, lock, session, server |
//! | `rotation` | the transaction, and the only owner of the journal. It is given a server, a store and targets (`ports`) and knows no argh, ureq, printing or path |
//! | `targets` | what must get a token: as it is saved, and the files and commands that receive it |
//! | `api` | the control plane's calls; answers are parsed once, into types |
//! | `auth` | session, renewal, OAuth, its callback, the browser |
//! | `http` | attempts, retries, the outcome of a request; `http/transport` plugs into ureq |
//! | `config_dir`, `config` | the locked folder with journal and history; the file shared with the existing client |
//! | `store` | lock, private folder, durable replacement, append-only log: what writes files |
//! | `policy`, `endpoints` | what is wanted of a token; the addresses of the servers |
//! | `context`, `error`, `output`, `text`, `json`, `time`, `token`, `jwt`, `secret` | leaves |
//!
//! Nothing below `commands` prints: the modules report events, and `commands/messages.rs` has the
//! messages.
//!
//! # The transaction
//!
//! A claim is made only from evidence that proves it. `rotation/refresh.rs` tells it from top to bottom; the command
//! does the first and the third step:
//!
//! 1. Lock the folder; read the config again; a run that finds the work done by another ends with
//!    the same result.
//! 2. Recover what the journal holds, for the server it belongs to (`recover`).
//! 3. Connect, and check for every failure that can be detected now. Nothing has been sent so far.
//! 4. Journal `creating`, durably.
//! 5. Request the token. Not sent, or rejected for certain: close, fail. Everything else may have
//!    been carried out: look for the token before trying again, else leave the request open.
//! 6. Journal `created` with the token: from here it cannot be lost.
//! 7. Verify the new token. Denied while the old one is accepted: keep it, ask again next time.
//! 8. Promote: one atomic write of the config file.
//! 9. Deliver to each target, with a record each. On failure the old token stays live, and only what
//!    failed is repeated (`deliver`). While it is live, `rollback` goes back to it: the same
//!    transaction with the roles exchanged.
//! 10. Revoke the old token, unless the config file holds it. Not proven: it stays pending.
//! 11. History, confirm, close.
//!
//! `rotation/tests` stops, fails and cuts the power at every effect of every command that touches a
//! token, with gateways that lie and a second machine, and checks the invariants.
//!
//! # The files, and how they may change
//!
//! All are in `~/.ntcli` (`NTCLI_CONFIG_DIR`), mode 0600:
//!
//! * `config.json` is shared with the existing client. Unknown fields are preserved.
//! * `rotation.journal` holds one JSON object a line (`rotation/journal.rs`). An empty line says that
//!   everything before it is on the disk; what follows the last one and does not parse was never
//!   acknowledged. Fields are only added, with a default; a record that is not known is refused. The
//!   file is removed when nothing is pending.
//! * `targets.json` holds what must get which workspace's token (`targets/saved.rs`). Fields are only added; a
//!   target that cannot be read stops a refresh, since its consumer would lose its token.
//! * `policies.json` holds what is wanted of each workspace's token (`policy.rs`). Fields are only added.
//! * `history.jsonl` holds one JSON object a line, for people. Readers pass over what they do not know.
//! * `last-run.json` says how the last refresh ended, and when each workspace last had one that went
//!   well: for monitoring alone. It is written without a sync, over the one before where
//!   nothing but digits differs, and read as nothing if it is damaged.
//! * `unfinished-write` holds what is being written over a file whose inode must stay, and what was there
//!   (`store/in_place.rs`). The next run finishes what a killed one left, and removes it.
//! * `ntcli.lock` is empty and never removed.
//!
//! The JSON on standard output is a contract: keys are added, never renamed or given another type
//! without a new minor version and a line in the changelog. Exit codes never change their meaning.

mod api;
mod auth;
mod cli;
mod commands;
mod config;
mod config_dir;
pub mod context;
mod endpoints;
mod error;
#[cfg(test)]
mod fuzz;
mod http;
mod json;
mod jwt;
mod output;
mod policy;
mod rotation;
mod secret;
mod store;
mod targets;
mod text;
pub mod time;
mod token;

use std::ffi::OsString;

use cli::{Format, Parsed};
use context::Context;
use error::{Error, exit};
use json::Json;
use output::{Report, Style};

/// Runs one command, `args` without the program's name, and returns the exit code.
pub fn run(args: Vec<OsString>, ctx: &mut Context) -> u8 {
    let console = ctx.console.clone();
    let (typed, error_exit) = match cli::parse(args) {
        Ok(Parsed::Run(typed, error_exit)) => (typed, error_exit),
        Ok(Parsed::Show(text)) => {
            let report = Report::new(text, Json::Null);
            return output::finish(&console, Style::default(), Ok(report), exit::FAILED);
        }
        Err(wrong) => return misused(&console, wrong),
    };
    ctx.debug = typed.debug;
    ctx.json = typed.format == Format::Json;
    ctx.lock_wait = typed.lock_wait;
    if typed.quiet {
        console.be_quiet();
    }
    let command = typed.command.chosen();
    let style = Style { as_json: ctx.json, quiet: typed.quiet };
    let outcome = commands::interrupt::explain(ctx, command.run(ctx));
    let mut outcome = commands::complete(ctx, outcome);
    let succeeded = outcome.as_mut().map(|report| std::mem::take(&mut report.succeeded));
    let succeeded = succeeded.unwrap_or_default();
    let exit_code = output::finish(&console, style, outcome, error_exit);
    command.record(ctx, &succeeded, exit_code);
    exit_code
}

/// Reports wrong usage. A monitoring system reads what is wrong from standard output.
fn misused(console: &context::Console, wrong: cli::UsageError) -> u8 {
    let style = Style { as_json: wrong.format == Format::Json, quiet: false };
    if wrong.exit_code == exit::PLUGIN_UNKNOWN && !style.as_json {
        let _ = console.result(&format!("NTCLI UNKNOWN: {}: {}\n", wrong.message, wrong.hint));
        return wrong.exit_code;
    }
    let error = Error::usage(wrong.message, wrong.hint).with_exit_code(wrong.exit_code);
    output::finish(console, style, Err(error), exit::FAILED)
}
