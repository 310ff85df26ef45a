//! `ntcli auth logout`: forgets the session, and with `--all` first ends the workspace tokens.

use crate::api::Api;
use crate::auth;
use crate::cli::AuthLogout;
use crate::commands::app;
use crate::config::{Config, Paths};
use crate::config_dir::State;
use crate::context::Context;
use crate::endpoints;
use crate::error::{AuthError, Failure, Result};
use crate::json::Json;
use crate::output::Report;
use crate::rotation::journal::{Pending, Record, WorkspaceRef};
use crate::rotation::{ControlPlane, Event, HistoryEvent, Rotator, Store};
use crate::time::Timestamp;
use crate::token::TokenExpiry;

/// Signs out. Nothing is forgotten that is still live and not revoked.
pub(in crate::commands) fn run(ctx: &mut Context, args: &AuthLogout) -> Result<Report> {
    let paths = Paths::find(&ctx.env)?;
    let before = Config::load(&paths.config, &ctx.console)?;
    let to_end = args.all && has_tokens(&before, &crate::config_dir::peek_ledger(&paths)?);
    if to_end {
        auth::check(&ctx.env, &before, ctx.clock.now())?;
    } else if before.session().is_none() {
        return Ok(done(ctx, "Nobody was signed in", &[]));
    }
    let lock_wait = app::lock_wait(None)?;
    let (mut state, _) = State::lock(&paths, lock_wait, &*ctx.clock, &ctx.console)?;
    let mut ended = Ended::default();
    if to_end {
        ended = end_tokens(ctx, &mut state)?;
    }
    state.update(|config| {
        for place in &ended.workspaces {
            config.clear_token(&place.key);
        }
        if ended.left.is_empty() {
            config.clear_session();
        }
        Ok(())
    })?;
    if ended.left.is_empty() {
        return Ok(done(ctx, "Signed out", &ended.revoked));
    }
    let problem = AuthError::TokensLeft {
        left: ended.left,
        failure: ended.failure,
    };
    let json = Json::of([
        ("signed_out", false.into()),
        ("revoked", ended.revoked.into()),
    ]);
    Ok(Report::new("", json).with_problem(Some(problem.into())))
}

fn done(ctx: &Context, message: &str, revoked: &[String]) -> Report {
    let text = match revoked.len() {
        0 => format!("{message}.\n"),
        n => format!("{message}.\nWorkspace tokens revoked and forgotten: {n}\n"),
    };
    if ctx.env.os("NTCLI_TOKEN").is_some() {
        ctx.console
            .warn("NTCLI_TOKEN is set: commands go on using it");
    }
    let json = Json::of([
        ("signed_out", true.into()),
        ("revoked", revoked.to_vec().into()),
        ("message", message.into()),
    ]);
    Report::new(text, json)
}

/// Whether there is anything that only a server can end. Orphans are not ours to end unasked.
fn has_tokens(config: &Config, ledger: &Pending) -> bool {
    config.workspaces().iter().any(|w| w.token.is_some())
        || !(ledger.windows.is_empty() && ledger.rotations.is_empty() && ledger.owed.is_empty())
}

/// What became of the tokens.
#[derive(Default)]
struct Ended {
    /// Workspaces whose token is dead and may be forgotten.
    workspaces: Vec<WorkspaceRef>,
    /// The ids of the tokens that were revoked.
    revoked: Vec<String>,
    /// What is still live, or may be, for people.
    left: Vec<String>,
    /// Why the last of it is.
    failure: Option<Failure>,
}

/// Finishes what the journal holds, then revokes the current token of every workspace, and those
/// of which the journal says that they are to be revoked some day: that day is now.
fn end_tokens(ctx: &Context, state: &mut State) -> Result<Ended> {
    let http = app::http(ctx)?;
    let keeper = super::keeper(ctx)?;
    let config = state.config()?;
    let bearer = keeper.bearer(&http, &config)?;
    let base = endpoints::management(&ctx.env, &config)?;
    let api = Api::new(&http, &*ctx.clock, base, Some(bearer)).renewing(&keeper);
    let mut tell = |event: Event| app::tell(&ctx.console, &event);
    Rotator::new(&api, state, &*ctx.clock, &mut tell)?.recover_only(&[], false);

    let mut ledger = state.ledger()?;
    let mut ended = Ended::default();
    for owed in ledger.owed.clone() {
        if ended.revoke(&api, state, &owed.place, Some(&owed.jti)) {
            let (workspace, jti) = (owed.place.id, owed.jti);
            settle(state, &mut ledger, Record::Gone { workspace, jti });
        }
    }
    // One that waits to be handed on: its old token goes too, its new one is the current one.
    for rotation in ledger.rotations.clone().iter().filter(|r| r.promoted) {
        let old = rotation.old.as_ref();
        if old.is_none_or(|old| ended.revoke(&api, state, &rotation.place, old.jti.as_deref())) {
            let workspace = rotation.place.id.clone();
            settle(state, &mut ledger, Record::Done { workspace });
        }
    }
    for window in &ledger.windows {
        ended.left.push(format!(
            "{}: what became of a request of {} is not known yet",
            window.place.name, window.at
        ));
    }
    let now = ctx.clock.now();
    for workspace in state.config()?.workspaces() {
        let place = app::place(&workspace);
        let Some(token) = workspace.token else {
            continue;
        };
        if ledger.rotations.iter().any(|r| r.place.id == place.id) {
            ended
                .left
                .push(format!("{}: a refresh is not finished", place.name));
            continue;
        }
        let is_dead = token.jti.is_none() && is_over(token.expiry, now);
        if is_dead || ended.revoke(&api, state, &place, token.jti.as_deref()) {
            ended.workspaces.push(place);
        }
    }
    state.close(&ledger)?;
    Ok(ended)
}

fn is_over(expiry: TokenExpiry, now: Timestamp) -> bool {
    expiry.at().is_some_and(|end| end <= now)
}

/// Needs no fsync: to revoke once more what is revoked does no harm.
fn settle(state: &mut State, ledger: &mut Pending, record: Record) {
    if state.append(std::slice::from_ref(&record), false).is_ok() {
        ledger.apply(record);
    }
}

impl Ended {
    /// Whether the token is dead now.
    fn revoke(
        &mut self,
        api: &Api,
        state: &mut State,
        place: &WorkspaceRef,
        jti: Option<&str>,
    ) -> bool {
        let Some(jti) = jti else {
            self.left.push(format!(
                "{}: its token has no id by which to revoke it",
                place.name
            ));
            return false;
        };
        match api.revoke(&place.id, jti) {
            Ok(_) => {
                let jti = jti.to_owned();
                state.note(place, &HistoryEvent::Revoked { jti: jti.clone() });
                self.revoked.push(jti);
                true
            }
            Err(failure) => {
                self.left.push(format!("{}: {jti}", place.name));
                self.failure = Some(failure);
                false
            }
        }
    }
}
