//! `ntcli token refresh`

use crate::cli::TokenRefresh;
use crate::commands::check::metrics;
use crate::commands::dry_run::{self, Wish};
use crate::commands::policy::warn_if_short;
use crate::commands::prelude::*;
use crate::commands::results::{Telling, rotate, several, tell_events};
use crate::commands::survey;
use crate::commands::workspace::warn_of_two_tokens;
use crate::config::{Config, Workspace};
use crate::config_dir::last_run::LastRun;
use crate::error::exit;
use crate::policy::{Policies, Policy};
use crate::rotation::{Deliver, Outcome, RefreshOptions, WorkspaceRef};
use crate::targets::{Destination, EXEC, EXEC_TIMEOUT_S, SavedTarget, SavedTargets, Targets};
use crate::time::Expiry;
use crate::token::{Token, due};

const HELP: &str = "ntcli token refresh --help";
const ACCEPTED: &str =
    "--token-file takes a PATH, env:NAME=PATH for a line in an env file, or replace:PATH";

/// Tells monitoring how a run that may refresh ended. A name that no workspace has was mistyped: that is no
/// run.
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

/// Refreshes the token of one workspace, or of all.
pub(crate) fn run(app: &App, args: &TokenRefresh) -> Result<Report> {
    let lifetime = lifetime(app.ctx, args)?;
    destinations(args)?;
    let policies = Policies::load(&app.paths.policies)?;
    let before = app.config()?;
    app.check_session(&before)?;
    let selected = |config: &Config| app.selected(config, args.all, args.workspace.as_deref());
    let seen = selected(&before)?;
    if args.all {
        warn_of_two_tokens(app.console(), &before);
    }
    if args.dry_run {
        return dry_run(app, args, lifetime, selected);
    }
    warn_if_short(app.ctx, lifetime.unwrap_or_default(), true);

    let (mut dir, waited) = app.lock_at(&app.paths, app.lock_wait())?;
    dir.expect(before);
    // Another run may have changed everything while we waited.
    let config = dir.config()?;
    let current = selected(&config)?;
    let server = app.server(&config)?;
    let wish = |workspace: &Workspace| {
        let policy = policies.of(&workspace.id);
        (app::workspace_ref(workspace, &server), wanted(args, lifetime, &policy))
    };
    let mut wishes: Vec<(WorkspaceRef, RefreshOptions)> = current.iter().map(wish).collect();
    let workspaces: Vec<WorkspaceRef> = wishes.iter().map(|(w, _)| w.clone()).collect();
    let mut targets = dir.targets()?.clone();
    let (mut consumers, new) = consumers(app, args, &current, &mut targets)?;
    if !new.is_empty() {
        dir.change_targets(|all| *all = targets)?;
        say_remembered(app, &new);
    }
    app.wait_for_command(&mut consumers, &mut dir)?;
    // What is new has not got the token from the other run.
    let waited = waited && new.is_empty() && !args.all;
    let seen = seen.into_iter().next().and_then(|workspace| workspace.token);
    let is_current = |seen: &Token| current[0].token.as_ref().is_some_and(|now| now.is_same(seen));
    let replaced = seen.filter(|seen| waited && !is_current(seen));
    if replaced.is_some() {
        wishes[0].1.due_within_s = Some(0);
    }
    let telling = Telling { console: app.console(), began: app.now(), print: args.print };
    let api = app.api(&config, As::User)?;
    drop((config, current));
    let ((mut reports, overdue), events) =
        rotate(app, &api, &mut dir, &mut consumers, |rotator| {
            rotator.refresh(&wishes);
            let told = |(workspace, options): &_| {
                let mut report = match (rotator.outcome_of(workspace), &replaced) {
                    (Ok(Outcome::NotDue(new)), Some(old)) => {
                        telling.already(workspace, new, old.clone())
                    }
                    (outcome, _) => telling.one(workspace, outcome, options, 0),
                };
                // Of thousands, what is not printed is not kept.
                if args.all {
                    report.text = String::new();
                }
                if !app.ctx.json {
                    report.json = Json::Null;
                }
                report
            };
            (wishes.iter().map(told).collect::<Vec<Report>>(), rotator.overdue())
        })?;
    let mut report = match reports.pop() {
        Some(only) if !args.all => telling.alone(&workspaces[0], only),
        last => several(&workspaces, reports.into_iter().chain(last).collect()),
    };
    tell_events(events, app.console(), &mut report.json);
    report.problem = report.problem.or(overdue);
    Ok(report)
}

/// What would be done.
fn dry_run(
    app: &App,
    args: &TokenRefresh,
    lifetime: Option<Expiry>,
    selected: impl Fn(&Config) -> Result<Vec<Workspace>>,
) -> Result<Report> {
    let _lock = dry_run::begin(app)?;
    let config = app.config()?;
    let meant = selected(&config)?;
    let mut targets = SavedTargets::load(&app.paths.targets)?;
    let (consumers, _) = consumers(app, args, &meant, &mut targets)?;
    let survey = survey::look_as_it_is(app, &config, meant, false)?.whole()?;
    Ok(dry_run::report(app, &config, &survey, &consumers, |state| Wish {
        options: wanted(args, lifetime, &state.policy),
        lacking: consumers.lacking(&state.workspace, &state.token),
        asks: false,
    }))
}

/// The lifetime that is asked for, if one is.
///
/// # Errors
/// [`Error::invalid_expiry`].
pub(crate) fn lifetime(ctx: &Context, args: &TokenRefresh) -> Result<Option<Expiry>> {
    expiry(ctx, "ntcli token refresh", [&args.expires_in, &args.expires_at, &args.workspace])
}

/// The same of any command that takes `--expires-in`, `--expires-at` and a workspace.
pub(super) fn expiry(
    ctx: &Context,
    command: &str,
    [expires_in, expires_at, workspace]: [&Option<String>; 3],
) -> Result<Option<Expiry>> {
    let now = ctx.clock.now();
    let expiry = match (expires_in, expires_at) {
        (Some(text), _) => Expiry::parse_in(text, now),
        (None, Some(text)) => Expiry::parse_at(text, now),
        (None, None) => return Ok(None),
    };
    let invalid = || Error::invalid_expiry(command).of_workspace(workspace.as_deref());
    expiry.map(Some).ok_or_else(invalid)
}

/// What was given, and by the policy of the workspace what was not.
fn wanted(args: &TokenRefresh, lifetime: Option<Expiry>, policy: &Policy) -> RefreshOptions {
    RefreshOptions {
        expiry: lifetime.unwrap_or_else(|| policy.expiry()),
        unique_lifetime: false,
        no_verify: args.no_verify,
        verify_wait: args.verify_wait,
        revoke_orphans: args.revoke_orphans,
        accept_scope: args.accept_scope || policy.accept_scope,
        due_within_s: args.if_expires_within,
        grace_s: args.revoke_after.or(policy.revoke_after_s),
    }
}

/// What is given by options, in the order given.
fn destinations(args: &TokenRefresh) -> Result<Vec<SavedTarget>> {
    if args.all && !(args.token_file.is_empty() && args.exec.is_empty()) {
        let what = "A target belongs to one workspace: --all takes no --token-file and no --exec";
        return Err(Error::usage(what, "ntcli target add --help"));
    }
    let given = |name: String, is_command, accepted| {
        let timeout_s = EXEC_TIMEOUT_S;
        let target = SavedTarget { name, timeout_s, ..SavedTarget::default() };
        Destination::given(target, is_command, accepted, HELP).map(|(_, target)| target)
    };
    let file = |text: &String| given(text.clone(), false, ACCEPTED);
    let command = |text: &String| given(format!("{EXEC}{text}"), true, "--exec takes a command");
    args.token_file.iter().map(file).chain(args.exec.iter().map(command)).collect()
}

/// The targets of a run, and which of them are new: what is given is added, unless it is remembered already. It is
/// tried whether each could get a token before one is asked for. What is remembered and cannot be served is
/// named, and does not stop what is due.
///
/// # Errors
/// A new target cannot be served.
fn consumers(
    app: &App,
    args: &TokenRefresh,
    meant: &[Workspace],
    targets: &mut SavedTargets,
) -> Result<(Targets, Vec<SavedTarget>)> {
    let mut new = Vec::new();
    for target in destinations(args)? {
        let target = target.of(&app::workspace_ref(&meant[0], ""));
        let known = targets.to_deliver(&target.workspace_id);
        if known.iter().all(|known| known.name != target.name) {
            new.push(targets.add(target).0);
        }
    }
    let consumers = app.consumers(targets, &new)?;
    let mut lost = Vec::new();
    for workspace in meant {
        let (local, token) = (app::workspace_ref(workspace, ""), workspace.token.as_ref());
        let lost_here = consumers.probe(&local, token)?;
        let is_due = |within_s| token.is_some_and(|t| due(t, within_s, app.now()).is_due());
        if args.if_expires_within.is_none_or(is_due) {
            lost.extend(lost_here);
        }
    }
    warn_of_lost(app, &lost);
    Ok((consumers, new))
}

fn say_remembered(app: &App, new: &[SavedTarget]) {
    for SavedTarget { id, workspace, .. } in new {
        // What it is may hold a secret.
        let name = printable(workspace);
        app.console().say(&format!(
            "Target {id} is remembered: every refresh of '{name}' delivers to it, until ntcli target remove {id}"
        ));
    }
}

/// Names the remembered targets that cannot get the token.
pub(super) fn warn_of_lost(app: &App, lost: &[Error]) {
    for lost in lost {
        let hint = lost.hint().unwrap_or_default();
        app.console().warn(&format!("{} ({hint})", lost.in_one_line()));
    }
}
