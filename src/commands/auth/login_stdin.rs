//! `ntcli auth login --token-stdin`

use std::io::Read;

use crate::auth;
use crate::cli::AuthLogin;
use crate::commands::app;
use crate::config::Paths;
use crate::config_dir::State;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::output::Report;
use crate::secret::Secret;
use crate::time::Expiry;

/// No bearer is longer than what a header may hold.
const LONGEST_BEARER: u64 = 16 << 10;

/// Stores a session bearer that comes in on standard input.
pub(super) fn run(ctx: &mut Context, args: &AuthLogin) -> Result<Report> {
    let now = ctx.clock.now();
    let expires_at = match args.expires_in.as_deref() {
        None => None,
        Some(text) => match Expiry::parse_in(text, now).ok_or(Error::InvalidExpiry)? {
            Expiry::In(secs) => Some(now.plus_secs(secs.cast_signed())),
            Expiry::At(at) => Some(at),
            Expiry::Never => None,
        },
    };
    let bearer = read_bearer(ctx)?;
    let session = auth::handed_in(bearer, expires_at);
    let paths = Paths::find(&ctx.env)?;
    let (mut state, _) = State::lock(&paths, app::lock_wait(None)?, &*ctx.clock, &ctx.console)?;
    state.update(|config| {
        config.set_session(&session);
        Ok(())
    })?;
    Ok(super::signed_in("Signed in", &session, ctx.clock.now()))
}

/// One bearer from standard input, white space around it dropped.
fn read_bearer(ctx: &mut Context) -> Result<Secret> {
    let wrong = |message: &str| Error::InvalidValue {
        message: message.to_owned(),
    };
    if ctx.stdin_is_terminal {
        ctx.console
            .say("Paste the session token, then press Enter and Ctrl-D:");
    }
    let mut text = String::new();
    let read = (&mut ctx.stdin)
        .take(LONGEST_BEARER + 1)
        .read_to_string(&mut text);
    if read.is_err() || text.len() as u64 > LONGEST_BEARER {
        return Err(wrong("Standard input does not hold a session token"));
    }
    let bearer = Secret::new(text.trim());
    if text.trim().is_empty() {
        return Err(wrong(
            "Standard input is empty: pipe a session token into it",
        ));
    }
    if !bearer.is_header_safe() {
        return Err(wrong(
            "Standard input holds a character that no token has (a space, a line break, or beyond ASCII)",
        ));
    }
    Ok(bearer)
}
