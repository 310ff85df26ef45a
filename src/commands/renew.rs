//! `ntcli renew`: brings about what is wanted of every workspace. What a timer runs.

mod look;

use std::collections::BTreeSet;
use std::path::Path;

use super::check::metrics;
use super::dry_run::{self, Wish};
use super::results::{Telling, rotate, several};
use super::survey::{self, Holds, Survey, WorkspaceState};
use super::workspace::warn_of_two_tokens;
use crate::api::Api;
use crate::cli;
use crate::commands::prelude::*;
use crate::config::{Config, Workspace};
use crate::config_dir::ConfigDir;
use crate::error::{Failure, exit};
use crate::rotation::{
    self, Deliver, Event, Outcome, RefreshOptions, Refreshed, Tried, WorkspaceRef,
};
use crate::store;
use crate::targets::{SavedTargets, Targets};
use look::is_look_due;

/// Renews every workspace that has a token here, or those named.
pub(super) fn run(ctx: &Context, args: &cli::Renew) -> Result<Report> {
    let app = App::up_to_date(ctx)?;
    if let Some(path) = &args.metrics {
        metrics::check_path(&app, Path::new(path))?;
    }
    selected(&app.config()?, args)?;
    if args.dry_run {
        return dry_run(&app, args);
    }
    let mut dir = app.lock()?;
    if let Some(reason) = store::local_locks(&app.paths.dir) {
        app.console().warn(&reason);
    }
    let config = dir.config()?;
    warn_of_two_tokens(app.console(), &config);
    let mut consumers = app.remembered(&mut dir)?;
    let survey = survey::look_as_it_is(&app, &config, selected(&config, args)?, true)?.whole()?;
    survey.workspaces.iter().for_each(|state| consumers.tidy(&state.workspace));
    if let Some(fault) = survey.clock_fault() {
        app.console().warn(&format!("{fault}, so nothing looks due: timedatectl set-ntp true"));
    }
    let turns = survey.workspaces.iter().map(|_| Turn::default()).collect();
    let mut run = Run { app: &app, survey, turns, problem: None };
    match app.api(&config, As::User) {
        Ok(api) => {
            if !args.no_network {
                run.ask_server(&api);
            }
            run.rotate(&mut dir, &mut consumers, &api)?;
            run.note_looks();
        }
        // Nothing is asked for.
        Err(error) => run.problem = Some(error),
    }
    if args.workspaces.is_empty() {
        let lost = without_token(dir.targets()?, &config);
        run.problem = run.problem.take().or(lost);
    }
    // Whatever became of the rest, what is current must be where it is used.
    let after = dir.config()?;
    let again = selected(&after, args).unwrap_or_default();
    let now = survey::look_as_it_is(&app, &after, again, true)?.whole()?;
    run.deliver(&mut dir, &mut consumers, &now);
    let renewed = config.session().map(|s| s.bearer) != after.session().map(|s| s.bearer);
    Ok(run.report(&now, renewed))
}

fn dry_run(app: &App, args: &cli::Renew) -> Result<Report> {
    let _lock = dry_run::begin(app)?;
    let config = app.config()?;
    let consumers = app.consumers(&SavedTargets::load(&app.paths.targets)?, &[])?;
    let survey = survey::look_as_it_is(app, &config, selected(&config, args)?, true)?.whole()?;
    Ok(dry_run::report(app, &config, &survey, &consumers, |state| Wish {
        options: wish(state, false),
        lacking: state.lacking(),
        asks: !args.no_network && is_look_due(&survey, state),
    }))
}

/// The workspaces that are meant: the active one, or that of `NTCLI_WORKSPACE`, is no matter.
fn selected(config: &Config, args: &cli::Renew) -> Result<Vec<Workspace>> {
    let ids = args.workspaces.iter().map(|name| config.find(name).map(|found| found.id));
    let named = ids.collect::<Result<BTreeSet<String>>>()?;
    let mut meant = config.workspaces();
    meant.retain(|w| w.token.is_some() && (named.is_empty() || named.contains(&w.id)));
    if meant.len() < named.len().max(1) {
        return Err(Error::no_tokens_here());
    }
    Ok(meant)
}

/// What is asked for by the policy of a workspace. What the server does not know is due whatever its age, and
/// needs no time.
fn wish(state: &WorkspaceState, is_unknown: bool) -> RefreshOptions {
    RefreshOptions {
        expiry: state.policy.expiry(),
        due_within_s: (!is_unknown).then_some(state.window_s),
        unique_lifetime: true,
        grace_s: state.policy.revoke_after_s.filter(|_| !is_unknown),
        accept_scope: state.policy.accept_scope,
        ..RefreshOptions::default()
    }
}

/// What became of one workspace.
#[derive(Default)]
struct Turn {
    outcome: Option<Result<Outcome>>,
    actions: Vec<Json>,
    /// What was delivered beside a refresh, in words.
    delivered: Vec<String>,
    problem: Option<Error>,
    /// Whether the server knows the token, where it was asked.
    is_known: Option<bool>,
}

struct Run<'a> {
    app: &'a App<'a>,
    /// What was found at the beginning.
    survey: Survey,
    /// In the order of its workspaces.
    turns: Vec<Turn>,
    /// What concerns all of them.
    problem: Option<Error>,
}

impl Run<'_> {
    /// Finishes what earlier runs left, and refreshes what is due.
    fn rotate(&mut self, dir: &mut ConfigDir, consumers: &mut Targets, api: &Api) -> Result<()> {
        let turns = &mut self.turns;
        let wishes = self.survey.workspaces.iter().zip(&*turns);
        let wishes: Vec<(WorkspaceRef, RefreshOptions)> = wishes
            .map(|(state, turn)| {
                (state.workspace.clone(), wish(state, turn.is_known == Some(false)))
            })
            .collect();
        let (overdue, events) = rotate(self.app, api, dir, consumers, |rotator| {
            rotator.refresh(&wishes);
            for (turn, (workspace, _)) in turns.iter_mut().zip(&wishes) {
                turn.outcome = Some(rotator.outcome_of(workspace));
            }
            rotator.overdue()
        })?;
        self.problem = self.problem.take().or(overdue);
        for event in events {
            self.note(event);
        }
        Ok(())
    }

    fn turn_of(&mut self, workspace: &WorkspaceRef) -> Option<&mut Turn> {
        let n = self.survey.workspaces.iter().position(|w| w.workspace.is(workspace))?;
        Some(&mut self.turns[n])
    }

    /// Keeps an event for the JSON.
    fn note(&mut self, event: Event) {
        let (workspace, action) = match event {
            Event::Finished { workspace, jti } | Event::Discarded { workspace, jti } => {
                (workspace, action("finish", jti, "an earlier run was interrupted"))
            }
            Event::Revoked { workspace, jti } => {
                (workspace, action("revoke", Some(jti), "an earlier run left it live"))
            }
            Event::Orphan { orphan, revoked: true } => {
                let why = "it was lost with the answer to its request";
                (orphan.workspace, action("revoke", Some(orphan.jti), why))
            }
            Event::Delivery { workspace, target, failed } => {
                (workspace, delivery(&target, failed.as_deref(), "the token is new"))
            }
            _ => return,
        };
        if let Some(turn) = self.turn_of(&workspace) {
            turn.actions.push(action);
        }
    }

    /// Delivers the current token to every target that lacks it, as far as a refresh has not done so.
    fn deliver(&mut self, dir: &mut ConfigDir, consumers: &mut Targets, now: &Survey) {
        for state in &now.workspaces {
            let all = consumers.targets(&state.workspace);
            let names = rotation::with_followers(&all, &state.lacking());
            let Some(turn) = self.turn_of(&state.workspace) else { continue };
            let is_done = match &turn.outcome {
                Some(Ok(Outcome::Refreshed(_))) => true,
                Some(Err(error)) => error.exit_code() == exit::NOT_DELIVERED,
                _ => false,
            };
            if names.is_empty() || is_done {
                continue;
            }
            let tried = rotation::deliver_current(dir, consumers, &state.workspace, &names);
            if let Err(error) = tried.and_then(|tried| turn.note_tried(state, tried)) {
                turn.problem.get_or_insert(error);
            }
        }
    }

    fn report(self, now: &Survey, renewed: bool) -> Report {
        let began = self.survey.now;
        let telling = Telling { console: self.app.console(), began, print: false };
        let (mut workspaces, mut reports) = (Vec::new(), Vec::new());
        for (turn, before) in self.turns.into_iter().zip(&self.survey.workspaces) {
            let after = now.workspaces.iter().find(|w| w.workspace.is(&before.workspace));
            reports.push(turn.report(&telling, self.problem.as_ref(), before, after));
            workspaces.push(before.workspace.clone());
        }
        let mut report = several(&workspaces, reports);
        if renewed {
            let why = "the session was about to end";
            report.json.set("actions", Json::Array(vec![action("renew_session", None, why)]));
        }
        let worst = report.problem.as_ref().map_or(0, Error::exit_code);
        let of_all =
            self.problem.filter(|error| error.exit_code() > worst || error.is_no_session());
        report.problem = of_all.or(report.problem);
        report
    }
}

impl Turn {
    /// Notes which targets were tried, and why some failed.
    ///
    /// # Errors
    /// [`Error::not_delivered`].
    fn note_tried(&mut self, state: &WorkspaceState, tried: Tried) -> Result<()> {
        let mut reasons = Vec::new();
        for (name, failed) in tried {
            let target = state.targets.iter().find(|target| target.name == name);
            let why = match target.map(|target| &target.holds) {
                Some(Holds::Drifted) => Some("had an old token".to_owned()),
                holds => holds.and_then(Holds::wrong),
            };
            let why = why.unwrap_or_else(|| "comes after a file".to_owned());
            self.actions.push(delivery(&name, failed.as_deref(), &why));
            if failed.is_none() {
                let target = state.shown(&name);
                self.delivered.push(format!("delivered to {target}, which {why}"));
            }
            reasons.extend(failed);
        }
        if reasons.is_empty() {
            return Ok(());
        }
        Err(Error::not_delivered(reasons, "ntcli target deliver"))
    }

    fn report(
        mut self,
        telling: &Telling,
        no_session: Option<&Error>,
        before: &WorkspaceState,
        after: Option<&WorkspaceState>,
    ) -> Report {
        let workspace = &before.workspace;
        let is_gone = |error: &Error| error.failure().is_some_and(Failure::is_workspace_missing);
        let outcome = self.outcome.unwrap_or_else(|| match no_session {
            Some(error) if before.due.is_due() => Err(error.clone()),
            _ => Ok(Outcome::NotDue(before.token.clone())),
        });
        let outcome = outcome.map_err(|error| match error {
            error if is_gone(&error) => Error::workspace_gone(&workspace.name),
            error => error,
        });
        if let Ok(Outcome::Refreshed(Refreshed { new, resumed: false, .. })) = &outcome {
            let why =
                if self.is_known == Some(false) { "unknown_to_server" } else { before.due.code() };
            self.actions.push(action("refresh", new.jti.clone(), why));
        }
        let is_idle = matches!(outcome, Ok(Outcome::NotDue(_)));
        let served = after.map_or(0, |after| after.targets.len() - after.drifted());
        let mut report = telling.one(workspace, outcome, &wish(before, false), served);
        if is_idle && !self.delivered.is_empty() {
            report.json.set("outcome", "delivered".into());
            report = report.in_brief(self.delivered.join("; "));
        } else if is_idle && self.problem.is_some() {
            report.json.set("outcome", "failed".into());
            report.brief = None;
        }
        let orphans = after.map_or(0, |after| after.orphans);
        let unused = (orphans > 0).then(|| Error::unused_tokens_live(orphans, &workspace.name));
        let is_left = after.is_some_and(|after| !after.pending.is_empty());
        let left = is_left.then(|| Error::work_pending(Vec::new(), None, None));
        let all = [report.problem, self.problem, unused, left].into_iter().flatten();
        report.problem = all.reduce(|a, b| if b.exit_code() > a.exit_code() { b } else { a });
        if report.problem.as_ref().is_some_and(|error| error.code() == "workspace_gone") {
            report.json.set("outcome", "gone".into());
        }
        // What was done beside a refresh is news too.
        report.changed |= !self.actions.is_empty();
        after.unwrap_or(before).tell(&mut report.json, self.actions);
        report
    }
}

/// A workspace that has targets and no token here: another program has taken it away, and nothing keeps
/// what the targets hold alive.
fn without_token(targets: &SavedTargets, config: &Config) -> Option<Error> {
    let known = config.workspaces();
    let has_token = |id: &str| known.iter().any(|w| w.id == id && w.token.is_some());
    let lost = targets.all().iter().find(|target| !has_token(&target.workspace_id))?;
    let is_known = known.iter().any(|w| w.id == lost.workspace_id);
    Some(Error::target_without_token(lost.id, &lost.workspace, is_known))
}

fn action(what: &str, jti: Option<String>, why: &str) -> Json {
    app::json_action(what, ("jti", jti), why)
}

fn delivery(target: &str, failed: Option<&str>, why: &str) -> Json {
    let mut json = app::json_action("deliver", ("target", Some(target.to_owned())), why);
    json.set("delivered", failed.is_none().into());
    json.set("reason", failed.map(str::to_owned).into());
    json
}
