//! `ntcli token refresh`

use std::time::Duration;

use super::dry_run;
use super::refresh_report as report;
use crate::cli::TokenRefresh;
use crate::commands::app::{self, App, As};
use crate::commands::workspace::warn_of_two_tokens;
use crate::config::{Config, Workspace};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::hooks::Hooks;
use crate::output::Report;
use crate::rotation::{RefreshOptions, Rotator, WorkspaceRef};
use crate::token::{Token, due};

const DEFAULT_EXEC_TIMEOUT_S: u64 = 60;

/// Refreshes the token of one workspace, or of all.
pub(in crate::commands) fn run(ctx: &Context, args: &TokenRefresh) -> Result<Report> {
    let options = options(ctx, args)?;
    let mut hooks = hooks(ctx, args)?;
    let lock_wait = app::lock_wait(args.lock_wait.as_deref())?;
    let app = App::open(ctx)?;
    let before = app.config()?;
    app.check_session(&before)?;
    let seen = selected(&app, &before, args)?;
    if args.all {
        warn_of_two_tokens(app.console(), &before);
    }
    drop(before); // with many workspaces these are large
    if args.dry_run {
        let ask = dry_run::Ask { app: &app, lock_wait, options: &options, hooks: hooks.as_ref() };
        return dry_run::run(&ask, |config| selected(&app, config, args));
    }
    let seen = the_one(seen, args);

    let (mut dir, waited) = app.lock_for(lock_wait)?;
    // Another run may have changed everything while we waited.
    let config = dir.config()?;
    let current = selected(&app, &config, args)?;
    let server = app.server(&config)?;
    let workspaces: Vec<WorkspaceRef> =
        current.iter().map(|w| app::workspace_ref(w, &server)).collect();
    if let Some(hooks) = &mut hooks {
        probe(&app, hooks, &current, &options)?;
        hooks.hold(dir.lock_for_child()?);
    }
    let current = the_one(current, args);
    let api = app.api(&config, As::User)?;
    drop(config);
    // What this run delivers to may not have got the token from the other one.
    let refreshed_meanwhile = seen
        .zip(current)
        .filter(|(old, new)| waited && hooks.is_none() && old.access_token != new.access_token);
    let mut orphans = report::Orphans::default();
    let mut on_event = |event| {
        app.on_event(&event);
        orphans.take(event);
    };
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    if let Some(hooks) = &mut hooks {
        rotator.deliver_to(hooks);
    }
    let mut outcomes = report::Outcomes::new(app.console(), &workspaces, args);
    match refreshed_meanwhile {
        Some((old, new)) => {
            rotator.recover_only(&workspaces, options.revoke_orphans);
            outcomes.already(&new, &old, rotator.pending());
        }
        None => rotator.refresh(&workspaces, &options, &mut |n, outcome| {
            outcomes.take(n, outcome);
        }),
    }
    let overdue = rotator.is_overdue();
    drop(rotator);
    Ok(outcomes.report(orphans, overdue))
}

fn options(ctx: &Context, args: &TokenRefresh) -> Result<RefreshOptions> {
    let seconds = |option, text: &Option<String>| {
        text.as_deref().map(|text| app::seconds(option, text)).transpose()
    };
    let verify_wait_ms = match args.verify_wait.as_deref() {
        None => RefreshOptions::VERIFY_WAIT_MS,
        Some("0") => 0,
        Some(text) => app::seconds("--verify-wait", text)?.saturating_mul(1000),
    };
    Ok(RefreshOptions {
        expiry: app::expiry(
            args.expires_in.as_deref(),
            args.expires_at.as_deref(),
            ctx.clock.now(),
        )?,
        verify: !args.no_verify,
        verify_wait_ms,
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
    let hooks = Hooks::new(&args.token_file, args.exec.as_deref(), timeout, ctx.clock.clone())?;
    if args.all && hooks.as_ref().is_some_and(Hooks::mixes_workspaces) {
        return Err(Error::InvalidValue {
            message: "With --all every --token-file needs {name} or {id} in its path, \
                      or the workspaces would overwrite each other's"
                .to_owned(),
        });
    }
    Ok(hooks)
}

/// Finds out whether every new token could be handed on, before one is asked for.
fn probe(
    app: &App,
    hooks: &Hooks,
    workspaces: &[Workspace],
    options: &RefreshOptions,
) -> Result<()> {
    let own = app.paths.files();
    let mut prober = hooks.prober(&own);
    for workspace in workspaces {
        let is_due = |within_s| {
            let token = workspace.token.as_ref();
            token.is_some_and(|token| due(token, within_s, app.now()).is_due())
        };
        if options.due_within_s.is_none_or(is_due) {
            prober.probe(&app::workspace_ref(workspace, ""))?;
        }
    }
    Ok(())
}

/// The token of the one workspace that is meant.
fn the_one(mut selected: Vec<Workspace>, args: &TokenRefresh) -> Option<Token> {
    selected.pop().filter(|_| !args.all)?.token
}

/// The workspaces that are meant; each holds a token.
fn selected(app: &App, config: &Config, args: &TokenRefresh) -> Result<Vec<Workspace>> {
    let mut meant = if args.all {
        config.workspaces()
    } else {
        vec![app.workspace(config, args.workspace.as_deref())?]
    };
    meant.retain(|workspace| workspace.token.is_some());
    if args.all {
        // No workspace is refreshed twice.
        let unused = config.unused_tokens();
        meant.retain(|workspace| unused.iter().all(|(_, other)| other.key != workspace.key));
    }
    if meant.is_empty() {
        return Err(Error::NoToken);
    }
    Ok(meant)
}
