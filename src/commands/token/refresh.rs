//! `ntcli token refresh`

use std::time::Duration;

use super::dry_run;
use super::refresh_report as report;
use crate::api::Api;
use crate::auth;
use crate::cli::TokenRefresh;
use crate::commands::workspace::warn_of_two_tokens;
use crate::commands::{self, app};
use crate::config::{Config, Paths, Workspace};
use crate::config_dir::State;
use crate::context::Context;
use crate::endpoints;
use crate::error::{Error, Result};
use crate::hooks::Hooks;
use crate::json::Json;
use crate::output::Report;
use crate::rotation::journal::WorkspaceRef;
use crate::rotation::{Event, Outcome, RefreshOptions, Rotator};
use crate::text::printable;
use crate::token::Token;

const DEFAULT_EXEC_TIMEOUT_S: u64 = 60;

/// Refreshes the token of one workspace, or of all.
pub(in crate::commands) fn run(ctx: &mut Context, args: &TokenRefresh) -> Result<Report> {
    let order = order(ctx, args)?;
    let mut hooks = hooks(ctx, args)?;
    let lock_wait = app::lock_wait(args.lock_wait.as_deref())?;
    let http = app::http(ctx)?;
    let paths = Paths::find(&ctx.env)?;
    let before = Config::load(&paths.config, &ctx.console)?;
    auth::check(&ctx.env, &before, ctx.clock.now())?;
    let seen = targets(ctx, &before, args)?;
    if args.all {
        warn_of_two_tokens(&ctx.console, &before);
    }
    drop(before); // with many workspaces these are large
    if args.dry_run {
        let ask = dry_run::Ask {
            paths: &paths,
            lock_wait,
            order: &order,
            hooks: hooks.as_ref(),
        };
        return dry_run::run(ctx, &http, &ask, |config| targets(ctx, config, args));
    }
    let seen = the_one(seen, args);

    let (mut state, waited) = State::lock(&paths, lock_wait, &*ctx.clock, &ctx.console)?;
    let keeper = commands::auth::keeper(ctx)?;
    // Another run may have changed everything while we waited.
    let config = state.config()?;
    let bearer = keeper.bearer(&http, &config)?;
    let current = targets(ctx, &config, args)?;
    let base = endpoints::management(&ctx.env, &config)?;
    drop(config);
    let places: Vec<WorkspaceRef> = current.iter().map(app::place).collect();
    let current = the_one(current, args);
    let api = Api::new(&http, &*ctx.clock, base, Some(bearer)).renewing(&keeper);
    let mut orphans = Vec::new();
    let mut tell = |event: Event| {
        app::tell(&ctx.console, &event);
        if let Event::Orphan {
            place,
            jti,
            revoked,
        } = event
        {
            orphans.push(Json::of([
                ("jti", jti.into()),
                ("workspace", app::json_place(&place)),
                ("revoked", revoked.into()),
            ]));
        }
    };
    let mut rotator = Rotator::new(&api, &mut state, &*ctx.clock, &mut tell)?;
    // Whoever this run hands the token to may not have got it from the other one.
    let waited = waited && hooks.is_none();
    if let Some(hooks) = &mut hooks {
        rotator.set_hooks(hooks);
    }

    if let (Some(old), Some(new), true) = (&seen, &current, waited)
        && old.access_token != new.access_token
    {
        rotator.recover_only(&places, order.revoke_orphans);
        drop(rotator);
        let mut report = report::already(&places[0], new, old, args.print);
        report.json.set("orphans", orphans.into());
        return Ok(report);
    }
    let mut one = Err(Error::NoToken);
    let mut many = report::Many::new(&ctx.console, &places);
    rotator.refresh(&places, &order, &mut |n, outcome| {
        if let Ok(Outcome::Refreshed(refreshed)) = &outcome
            && refreshed.new.jti.is_none()
        {
            let name = printable(&places[n].name);
            ctx.console.warn(&format!(
                "The new token of '{name}' has no id: ntcli will not be able to revoke it"
            ));
        }
        if args.all {
            many.take(n, outcome);
        } else {
            one = outcome;
        }
    });
    let overdue = rotator.is_overdue();
    drop(rotator);
    let mut report = if args.all {
        many.report()
    } else {
        match one {
            Ok(outcome) => report::one(&places[0], outcome, args.print),
            // What else was found out is worth knowing then, too.
            Err(error) => Report::new("", Json::object()).with_problem(Some(error)),
        }
    };
    report.json.set("orphans", orphans.into());
    if report.problem.is_none() && overdue {
        report.problem = Some(Error::WorkPending);
    }
    Ok(report)
}

fn order(ctx: &Context, args: &TokenRefresh) -> Result<RefreshOptions> {
    let seconds = |option, text: &Option<String>| {
        text.as_deref()
            .map(|text| app::seconds(option, text))
            .transpose()
    };
    Ok(RefreshOptions {
        expiry: app::expiry(
            args.expires_in.as_deref(),
            args.expires_at.as_deref(),
            ctx.clock.now(),
        )?,
        verify: !args.no_verify,
        revoke_orphans: args.revoke_orphans,
        due_within_s: seconds("--if-expires-within", &args.if_expires_within)?,
        grace_s: seconds("--revoke-after", &args.revoke_after)?,
    })
}

fn hooks(ctx: &Context, args: &TokenRefresh) -> Result<Option<Hooks>> {
    let timeout_s = match args.exec_timeout.as_deref() {
        Some(text) => app::seconds("--exec-timeout", text)?,
        None => DEFAULT_EXEC_TIMEOUT_S,
    };
    let timeout = Duration::from_secs(timeout_s);
    let hooks = Hooks::new(
        &args.token_file,
        args.exec.as_deref(),
        timeout,
        ctx.clock.clone(),
    )?;
    if args.all && hooks.as_ref().is_some_and(Hooks::mixes_workspaces) {
        return Err(Error::InvalidValue {
            message: "With --all every --token-file needs {name} or {id} in its path, \
                      or the workspaces would overwrite each other's"
                .to_owned(),
        });
    }
    Ok(hooks)
}

/// The token of the one workspace that is meant.
fn the_one(mut targets: Vec<Workspace>, args: &TokenRefresh) -> Option<Token> {
    targets.pop().filter(|_| !args.all)?.token
}

/// The workspaces that are meant; each holds a token.
fn targets(ctx: &Context, config: &Config, args: &TokenRefresh) -> Result<Vec<Workspace>> {
    let mut meant = if args.all {
        config.workspaces()
    } else {
        vec![app::workspace(ctx, config, args.workspace.as_deref())?]
    };
    meant.retain(|workspace| workspace.token.is_some());
    if args.all {
        // No workspace is refreshed twice.
        let unused: Vec<_> = config
            .unused_tokens()
            .into_iter()
            .map(|(_, w)| w.key)
            .collect();
        meant.retain(|workspace| !unused.contains(&workspace.key));
    }
    if meant.is_empty() {
        return Err(Error::NoToken);
    }
    Ok(meant)
}
