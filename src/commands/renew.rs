//! `ntcli renew`: brings about what is wanted of every workspace. What a timer runs.

mod look;
mod told;

use std::path::Path;

use super::check::metrics;
use super::dry_run::{self, DryRun};
use super::survey::{self, Survey, WorkspaceState};
use super::workspace::warn_of_two_tokens;
use crate::api::Api;
use crate::cli;
use crate::commands::prelude::*;
use crate::config::{Config, Workspace};
use crate::config_dir::ConfigDir;
use crate::error::{exit, renew_of};
use crate::rotation::{self, Deliver, Event, Outcome, RefreshOptions, Rotator, WorkspaceRef};
use crate::targets::{SavedTargets, Targets};
use look::is_look_due;
pub(super) use told::next_at;
use told::{action, delivery, had, without_token};

/// Renews every workspace that has a token here, or those named.
pub(super) fn run(ctx: &Context, args: &cli::Renew) -> Result<Report> {
    let app = App::open(ctx)?;
    if let Some(path) = &args.metrics {
        metrics::check_path(&app, Path::new(path))?;
    }
    selected(&app, &app.config()?, args)?;
    if args.dry_run {
        let consumers = app.consumers(&SavedTargets::load(&app.paths.targets)?, &[])?;
        let asks = &|survey: &Survey, state: &_| !args.no_network && is_look_due(survey, state);
        let run = DryRun { app: &app, options: &wish, consumers: &consumers, by_hand: false, asks };
        return dry_run::run(&run, |config| selected(&app, config, args));
    }
    let mut dir = app.lock()?;
    let config = dir.config()?;
    warn_of_two_tokens(app.console(), &config);
    let mut consumers = app.remembered(&mut dir)?;
    let survey = survey::look_as_it_is(&app, &config, selected(&app, &config, args)?, true)?;
    survey.workspaces.iter().for_each(|state| consumers.tidy(&state.workspace));
    if let Some(fault) = survey.clock_fault() {
        app.console().warn(&format!("{fault}, so nothing looks due: timedatectl set-ntp true"));
    }
    let mut run = Run::new(&app, survey);
    match app.api(&config, As::User) {
        Ok(api) => {
            let wishes = run.survey.workspaces.iter().map(wish).enumerate().collect();
            run.rotate(&mut dir, &mut consumers, &api, wishes)?;
            if !args.no_network {
                run.ask_server(&mut dir, &mut consumers, &api)?;
            }
        }
        Err(error) => run.problem = Some(error),
    }
    if args.workspaces.is_empty() {
        let lost = without_token(dir.targets()?, &config);
        run.problem = run.problem.take().or(lost);
    }
    // Whatever became of the rest, what is current must be where it is used.
    let after = dir.config()?;
    let again = selected(&app, &after, args).unwrap_or_default();
    let now = survey::look_as_it_is(&app, &after, again, true)?;
    run.deliver(&mut dir, &mut consumers, &now)?;
    let renewed = config.session().map(|s| s.bearer) != after.session().map(|s| s.bearer);
    Ok(run.report(&now, renewed))
}

/// The workspaces that are meant: the active one, or that of `NTCLI_WORKSPACE`, is no matter.
fn selected(app: &App, config: &Config, args: &cli::Renew) -> Result<Vec<Workspace>> {
    if args.workspaces.is_empty() {
        let all = app.selected(config, true, None);
        return all.map_err(|_| Error::no_tokens_here());
    }
    let mut named = Vec::<Workspace>::new();
    for name in &args.workspaces {
        let found = config.find(name)?;
        if found.token.is_none() {
            return Err(Error::no_tokens_here());
        }
        if named.iter().all(|other| other.id != found.id) {
            named.push(found);
        }
    }
    Ok(named)
}

/// What is asked for by the policy of a workspace.
fn wish(state: &WorkspaceState) -> RefreshOptions {
    RefreshOptions {
        expiry: state.policy.expiry(),
        due_within_s: Some(state.window_s),
        unique_lifetime: true,
        grace_s: state.policy.revoke_after_s,
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

impl<'a> Run<'a> {
    fn new(app: &'a App<'a>, survey: Survey) -> Self {
        let turns = survey.workspaces.iter().map(|_| Turn::default()).collect();
        Self { app, survey, turns, problem: None }
    }

    /// Finishes what earlier runs left, and refreshes what is due.
    fn rotate(
        &mut self,
        dir: &mut ConfigDir,
        consumers: &mut Targets,
        api: &Api,
        wishes: Vec<(usize, RefreshOptions)>,
    ) -> Result<()> {
        let (app, mut events) = (self.app, Vec::new());
        let mut on_event = |event: Event| {
            // Those that live are counted in the line of their workspace.
            if !matches!(event, Event::Orphan { revoked: false, .. }) {
                app.on_event(&event);
            }
            events.push(event);
        };
        let mut rotator = Rotator::new(api, dir, app.clock(), &mut on_event)?;
        rotator.deliver_to(consumers);
        let (numbers, options): (Vec<usize>, Vec<RefreshOptions>) = wishes.into_iter().unzip();
        let workspaces = numbers.iter().map(|n| self.survey.workspaces[*n].workspace.clone());
        let wishes: Vec<(WorkspaceRef, RefreshOptions)> = workspaces.zip(options).collect();
        let turns = &mut self.turns;
        rotator.refresh(&wishes, &mut |n, outcome| turns[numbers[n]].outcome = Some(outcome));
        let overdue = rotator.overdue();
        drop(rotator);
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
            Event::Finished { workspace, jti } => {
                (workspace, action("finish", jti, "an interrupted refresh was finished"))
            }
            Event::Discarded { workspace, jti } => {
                (workspace, action("finish", jti, "an interrupted refresh was undone"))
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
    fn deliver(
        &mut self,
        dir: &mut ConfigDir,
        consumers: &mut Targets,
        now: &Survey,
    ) -> Result<()> {
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
            let mut reasons = Vec::new();
            let mut told = |name: &str, outcome: &std::result::Result<(), String>| {
                let target = state.targets.iter().find(|target| target.name == name);
                let why = target.and_then(|t| t.holds.wrong());
                let why = why.as_deref().unwrap_or("a file before it was written");
                turn.actions.push(delivery(name, outcome.as_ref().err().map(String::as_str), why));
                match outcome {
                    Ok(()) => {
                        let id = target.map_or(0, |target| target.id);
                        turn.delivered
                            .push(format!("delivered to target {id}, which {}", had(why)));
                    }
                    Err(reason) => reasons.push(reason.clone()),
                }
            };
            rotation::deliver_current(dir, consumers, &state.workspace, &names, &mut told)?;
            if !reasons.is_empty() {
                let error = Error::undelivered(reasons, "ntcli target deliver");
                turn.problem = turn.problem.take().or(Some(error));
            }
        }
        Ok(())
    }

    fn report(mut self, now: &Survey, renewed: bool) -> Report {
        let (mut text, mut brief, mut results) = (String::new(), String::new(), Vec::new());
        let (mut succeeded, mut problems, mut failing) = (Vec::new(), Vec::new(), Vec::new());
        let total = self.turns.len();
        for (n, turn) in std::mem::take(&mut self.turns).into_iter().enumerate() {
            let before = &self.survey.workspaces[n];
            let after = now.workspaces.iter().find(|w| w.workspace.is(&before.workspace));
            let (line, json, problem) = turn.told(before, after);
            let line = format!("{}: {line}\n", printable(&before.workspace.name));
            text += &line;
            let is_news = problem.is_some()
                || json["actions"].items().iter().any(|a| a["action"].as_str() != Some("none"));
            if is_news {
                brief += &line;
            }
            results.push(json);
            match problem {
                Some(problem) => {
                    problems.push(problem);
                    failing.push(&before.workspace);
                }
                None => succeeded.push(before.workspace.id.clone()),
            }
        }
        let mut json = Json::of([("results", Json::Array(results))]);
        if renewed {
            let why = "the session was about to end";
            json.set("actions", Json::Array(vec![action("renew_session", None, why)]));
        }
        let worst = problems.iter().map(Error::exit_code).max().unwrap_or(0);
        let of_all = self.problem.filter(|error| problems.is_empty() || error.exit_code() > worst);
        let failed = problems.len();
        let problem = match (of_all, problems.pop(), failed) {
            (Some(error), _, _) => Some(error),
            (None, Some(only), 1) if total == 1 => Some(only),
            (None, Some(_), _) => {
                let all = || self.survey.workspaces.iter().map(|state| &state.workspace);
                let words = failing.into_iter().map(|failed| app::word_among(all(), failed));
                Some(Error::some_failed(failed, total, worst, renew_of(words)))
            }
            (None, None, _) => None,
        };
        let changed = !brief.is_empty();
        let report = Report::new(text, json).with_problem(problem).that_changed(changed);
        let mut report = report.in_brief(brief.trim_end().to_owned());
        report.succeeded = succeeded;
        report
    }
}
