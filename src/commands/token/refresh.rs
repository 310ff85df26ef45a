//! `ntcli token refresh`

use std::path::Path;
use std::time::Duration;

use crate::cli::TokenRefresh;
use crate::commands::check::metrics;
use crate::commands::dry_run::{self, DryRun};
use crate::commands::prelude::*;
use crate::commands::prompt;
use crate::commands::results::{Events, Telling, line, several};
use crate::commands::survey::WorkspaceState;
use crate::commands::workspace::warn_of_two_tokens;
use crate::config::{Config, Workspace};
use crate::config_dir::ConfigDir;
use crate::config_dir::last_run::LastRun;
use crate::error::{exit, renew_of};
use crate::policy::{Policies, Policy};
use crate::rotation::{self, RefreshOptions, Rotation, Rotator, WorkspaceRef};
use crate::targets::{
    Destination, EXEC_TIMEOUT_S, FileOptions, SavedTarget, SavedTargets, Targets,
};
use crate::token::{Token, due};

/// Refreshes the token of one workspace, or of all.
pub(crate) fn run(ctx: &Context, args: &TokenRefresh) -> Result<Report> {
    let app = App::up_to_date(ctx)?;
    if let Some(path) = &args.metrics {
        metrics::check_path(&app, Path::new(path))?;
    }
    refresh(&app, args)
}

/// Tells monitoring how a run ended, once its result is out.
pub(crate) fn record_run(ctx: &Context, args: &TokenRefresh, succeeded: &[String], exit_code: u8) {
    // A value that was mistyped is no run, wherever it was typed.
    let is_slip = exit_code == exit::USAGE && options(ctx, args).is_err();
    if !args.dry_run && !is_slip {
        let names: Vec<String> = args.workspace.iter().cloned().collect();
        record(ctx, &names, args.metrics.as_deref(), succeeded, exit_code);
    }
}

/// The same of any run that may refresh. A name that no workspace has was mistyped: that is no run.
pub(crate) fn record(
    ctx: &Context,
    names: &[String],
    metrics: Option<&str>,
    succeeded: &[String],
    exit_code: u8,
) {
    // A person who mistypes is no timer that has stopped.
    let is_slip = exit_code == exit::USAGE && ctx.console.err_is_terminal();
    let Ok(app) = App::open(ctx) else {
        return;
    };
    let config = || Config::load(&app.paths.config, &|_| {});
    let is_unknown = |name: &String| config().is_ok_and(|config| config.find(name).is_err());
    if is_slip || (exit_code != 0 && names.iter().any(is_unknown)) {
        return;
    }
    LastRun::note(&app.paths, app.clock(), exit_code, succeeded);
    if let Some(path) = metrics {
        metrics::write(ctx, path, exit_code);
    }
}

fn refresh(app: &App, args: &TokenRefresh) -> Result<Report> {
    let given = options(app.ctx, args)?;
    let destinations = destinations(app.ctx, args)?;
    let policies = Policies::load(&app.paths.policies)?;
    let options = |id: &str| wanted(&given, args, &policies.of(id));
    let before = app.config()?;
    app.check_session(&before)?;
    let selected = |config: &Config| app.selected(config, args.all, args.workspace.as_deref());
    let seen = selected(&before)?;
    if args.all {
        warn_of_two_tokens(app.console(), &before);
    }
    if args.dry_run {
        let mut targets = SavedTargets::load(&app.paths.targets)?;
        let new = add(&destinations, &seen, &mut targets)?;
        let consumers = app.consumers(&targets, &new)?;
        let options = |state: &WorkspaceState| wanted(&given, args, &state.policy);
        let asks = &|_: &_, _: &_| false;
        let run = DryRun { app, options: &options, consumers: &consumers, by_hand: true, asks };
        return dry_run::run(&run, selected);
    }
    prompt::agree_to(app.ctx, given.expiry, args.yes, true)?;
    let seen = single_token(seen, args);

    let (mut dir, waited) = app.lock_and_tell()?;
    dir.expect(before);
    // Another run may have changed everything while we waited.
    let config = dir.config()?;
    let current = selected(&config)?;
    let server = app.server(&config)?;
    let workspaces: Vec<WorkspaceRef> =
        current.iter().map(|w| app::workspace_ref(w, &server)).collect();
    let mut targets = dir.targets()?.clone();
    let new = add(&destinations, &current, &mut targets)?;
    let mut consumers = app.consumers(&targets, &new)?;
    probe(app, &consumers, &current, &given)?;
    remember(app, &mut dir, targets, &new)?;
    if !destinations.is_empty() {
        rotation::name_targets(&mut dir, &workspaces)?;
    }
    // What is new has not got the token from the other run.
    let waited = waited && new.is_empty();
    let telling = Telling { console: app.console(), began: app.now(), print: args.print };
    app.wait_for_command(&mut consumers, &mut dir)?;
    let current = single_token(current, args);
    let api = app.api(&config, As::User)?;
    drop(config);
    let refreshed_meanwhile =
        seen.zip(current).filter(|(old, new)| waited && old.access_token != new.access_token);
    let mut events = Events::default();
    let mut on_event = |event| events.record_and_print(event, app);
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    rotator.deliver_to(&mut consumers);
    let mut reports = Vec::with_capacity(workspaces.len());
    if let Some((old, new)) = refreshed_meanwhile {
        rotator.recover_only(&workspaces, &given);
        let pending = rotator.pending();
        let open = pending.rotation(&workspaces[0]).filter(|open| open.awaits_delivery());
        let problem = open.map(delivery_pending);
        reports.push(telling.already(&workspaces[0], new, old).with_problem(problem));
    } else {
        let wishes = workspaces.iter().map(|w| (w.clone(), options(&w.id)));
        let wishes: Vec<(WorkspaceRef, RefreshOptions)> = wishes.collect();
        rotator.refresh(&wishes, &mut |n, outcome| {
            let report = telling.one(&workspaces[n], outcome, &wishes[n].1, 0);
            if args.all {
                print_line(app, &workspaces[n], &report);
            }
            reports.push(report);
        });
    }
    let overdue = rotator.overdue();
    drop(rotator);
    let mut report = match reports.pop() {
        Some(only) if !args.all => telling.alone(&workspaces[0], only),
        last => sums(&workspaces, reports.into_iter().chain(last).collect()),
    };
    events.finish(app.console(), &mut report.json);
    report.problem = report.problem.or(overdue);
    Ok(report)
}

/// What is wrong where an earlier run's token is still to be delivered.
pub(crate) fn delivery_pending(open: &Rotation) -> Error {
    let old = open.old.as_ref().and_then(|old| old.jti.as_deref());
    Error::delivery_pending(old, open.unnamed)
}

/// One of many has its line as soon as something is known of it.
fn print_line(app: &App, workspace: &WorkspaceRef, report: &Report) {
    let line = line(workspace, report);
    if report.json["outcome"].as_str() == Some("not_due") {
        app.console().note(&line);
    } else {
        app.console().say(&line);
    }
}

/// What became of many in all.
fn sums(workspaces: &[WorkspaceRef], reports: Vec<Report>) -> Report {
    let with = |outcome: &str| {
        reports.iter().filter(|report| report.json["outcome"].as_str() == Some(outcome)).count()
    };
    let (total, not_due, failed) = (reports.len(), with("not_due"), with("failed"));
    let refreshed = total - not_due - failed;
    let not_due_text = if not_due > 0 { format!(", {not_due} not due") } else { String::new() };
    let mut report = several(workspaces, reports, |words| renew_of(words.iter().copied()));
    report.text =
        format!("Refreshed {refreshed} of {total} workspaces{not_due_text}, {failed} failed.\n");
    for (name, count) in [("refreshed", refreshed), ("not_due", not_due), ("failed", failed)] {
        report.json.set(name, count.into());
    }
    report.that_changed(false)
}

fn options(ctx: &Context, args: &TokenRefresh) -> Result<RefreshOptions> {
    let seconds = |option, text: &Option<String>| app::seconds(ctx, option, text.as_deref());
    let verify_wait_ms = match args.verify_wait.as_deref() {
        Some("0") => Some(0),
        _ => seconds("--verify-wait", &args.verify_wait)?.map(|secs| secs.saturating_mul(1000)),
    };
    let given = [&args.expires_in, &args.expires_at];
    Ok(RefreshOptions {
        expiry: app::expiry(given, ctx.clock.now(), "ntcli token refresh")
            .map_err(|error| error.of_workspace(args.workspace.as_deref()))?,
        unique_lifetime: false,
        verify: !args.no_verify,
        verify_wait_ms: verify_wait_ms.unwrap_or(RefreshOptions::VERIFY_WAIT_MS),
        revoke_orphans: args.revoke_orphans,
        accept_scope: args.accept_scope,
        due_within_s: seconds("--if-expires-within", &args.if_expires_within)?,
        grace_s: seconds("--revoke-after", &args.revoke_after)?,
    })
}

/// What was given, and by the policy of the workspace what was not.
fn wanted(given: &RefreshOptions, args: &TokenRefresh, policy: &Policy) -> RefreshOptions {
    let asks = args.expires_in.is_some() || args.expires_at.is_some();
    RefreshOptions {
        expiry: if asks { given.expiry } else { policy.expiry() },
        grace_s: given.grace_s.or(policy.revoke_after_s),
        accept_scope: given.accept_scope || policy.accept_scope,
        ..*given
    }
}

/// What is given by options, in the order given.
fn destinations(ctx: &Context, args: &TokenRefresh) -> Result<Vec<Destination>> {
    let timeout_s = app::seconds(ctx, "--exec-timeout", args.exec_timeout.as_deref())?;
    let timeout = Duration::from_secs(timeout_s.unwrap_or(EXEC_TIMEOUT_S));
    let accepted =
        "--token-file takes a PATH, env:NAME=PATH for a line in an env file, or replace:PATH";
    let help = "ntcli token refresh --help";
    let files = args
        .token_file
        .iter()
        .map(|text| Destination::file(text, &FileOptions::default(), accepted, help));
    let commands = args.exec.iter().map(|text| Destination::command(text, None, timeout, help));
    files.chain(commands).collect()
}

/// Adds what is given to the targets of each workspace, unless it is one of them already; what is new.
fn add(
    destinations: &[Destination],
    workspaces: &[Workspace],
    targets: &mut SavedTargets,
) -> Result<Vec<SavedTarget>> {
    let mut new = Vec::new();
    for workspace in workspaces {
        let local = app::workspace_ref(workspace, "");
        for destination in destinations {
            let target = destination.to_remember(&local)?;
            if !targets.to_deliver(&local.id).iter().any(|one| one.name == target.name) {
                new.push(targets.add(target).0);
            }
        }
    }
    Ok(new)
}

/// Remembers what is new, and says so.
fn remember(
    app: &App,
    dir: &mut ConfigDir,
    targets: SavedTargets,
    new: &[SavedTarget],
) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    dir.change_targets(|all| *all = targets)?;
    for target in new {
        // What it is may hold a secret.
        let (id, name) = (target.id, printable(&target.workspace));
        app.console().say(&format!(
            "Target {id} is remembered: every refresh of '{name}' delivers to it, until ntcli target remove {id}"
        ));
    }
    Ok(())
}

/// Finds out whether every new token could be delivered, before one is asked for. What is remembered
/// and cannot be served is named, and does not stop what is due.
///
/// # Errors
/// A new target cannot be served.
fn probe(
    app: &App,
    consumers: &Targets,
    workspaces: &[Workspace],
    options: &RefreshOptions,
) -> Result<()> {
    if consumers.is_empty() {
        return Ok(());
    }
    let (pending, mut lost) = (app.pending()?, Vec::new());
    for workspace in workspaces {
        let Some(token) = &workspace.token else { continue };
        let local = app::workspace_ref(workspace, "");
        // An interrupted refresh may have replaced the token in some files.
        let open = pending.rotation(&local);
        let old = open.and_then(|open| open.old.as_ref());
        let tokens: Vec<&Token> =
            open.map(|open| &open.token).into_iter().chain(old).chain([token]).collect();
        consumers.probe_new(&local, &tokens)?;
        if options.due_within_s.is_none_or(|within_s| due(token, within_s, app.now()).is_due()) {
            lost.extend(consumers.probe(&local, &tokens));
        }
    }
    warn_of_lost(app, &lost);
    Ok(())
}

/// Names the remembered targets that cannot get the token.
pub(super) fn warn_of_lost(app: &App, lost: &[Error]) {
    for lost in lost {
        let hint = lost.hint().unwrap_or_default();
        app.console().warn(&format!("{} ({hint})", lost.in_one_line()));
    }
}

/// The token of the one workspace that is meant.
fn single_token(mut selected: Vec<Workspace>, args: &TokenRefresh) -> Option<Token> {
    selected.pop().filter(|_| !args.all)?.token
}
