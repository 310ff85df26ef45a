//! `--dry-run` of `token refresh` and of `renew`: what a run would do, as `rotation::plan` says it.

use super::results::several;
use super::survey::{self, SessionState, Survey, WorkspaceState};
use super::token::pending;
use super::token::refresh::delivery_pending;
use crate::auth;
use crate::commands::prelude::*;
use crate::config::{Config, Workspace};
use crate::error::Failure;
use crate::rotation::{
    Certainty, ControlPlane, Deliver, Outlook, Pending, Planned, RefreshOptions, Step, WhyDeliver,
    WhyWait, plan,
};
use crate::secret::Secret;
use crate::store;
use crate::targets::Targets;
use crate::token::Token;

/// Why a token is revoked that a refresh replaces.
const REPLACED: &str = "it is replaced";

/// The run that is meant.
pub(super) struct DryRun<'a> {
    pub(super) app: &'a App<'a>,
    pub(super) options: &'a dyn Fn(&WorkspaceState) -> RefreshOptions,
    pub(super) consumers: &'a Targets,
    /// A refresh by hand tries the session and every delivery first; a renewal does what it can.
    pub(super) by_hand: bool,
    /// Of what the server is asked whether it still knows the token, and refreshed if not.
    pub(super) asks: &'a dyn Fn(&Survey, &WorkspaceState) -> bool,
}

/// Tells, for each workspace, what would be done and why. The exit code is what the run could know of
/// its own before it asks for a token.
pub(super) fn run(
    run: &DryRun,
    selected: impl FnOnce(&Config) -> Result<Vec<Workspace>>,
) -> Result<Report> {
    // A run that is at work would be seen half-way, and must not lose the file it is writing to
    // our trial. Where there is no lock nobody is at work, and none is made.
    let (app, paths) = (run.app, &run.app.paths);
    let _lock = app.keep_others_away()?;
    let config = app.config()?;
    let survey = survey::look_as_it_is(app, &config, selected(&config)?, !run.by_hand)?;
    store::probe_replace(&paths.config)?;
    store::probe_replace(&paths.journal)?;
    // What the next run would renew cannot be tried.
    let mut bearer = survey.session.bearer().filter(|_| run.by_hand);
    app.note_ignored(&config);

    let (mut text, mut reports, mut would) = (String::new(), Vec::new(), 0_i64);
    for state in &survey.workspaces {
        let mut report = of_one(run, &survey, state);
        would += i64::from(report.changed);
        report.problem = unable(run, state, &survey.pending);
        if bearer.is_some() {
            let id = &state.workspace.id;
            let refused = try_session(app, &config, &survey.session, id, &mut bearer)?;
            report.problem = refused.or(report.problem);
        }
        text += &report.text;
        if let Some(problem) = &report.problem {
            text += &format!("  But: {}\n", problem.in_one_line());
        }
        reports.push(report);
    }
    let session = &survey.session;
    let (words, code) = if !run.by_hand && !session.is_usable() {
        // A renewal without one does what needs none.
        ("No session can be used", "none")
    } else if bearer.is_some() || (!run.by_hand && !session.has_ended) {
        ("The session is good", "good")
    } else {
        ("The session has ended and would be renewed", "to_be_renewed")
    };
    let workspaces: Vec<_> = survey.workspaces.iter().map(|w| w.workspace.clone()).collect();
    let mut report = several(&workspaces, reports, |_| "ntcli doctor".to_owned());
    report.text = format!("{text}{words}. Nothing was changed.\n");
    report.json.set("dry_run", true.into());
    report.json.set("would_refresh", would.into());
    report.json.set("session", code.into());
    Ok(report.that_changed(false))
}

fn steps(run: &DryRun, state: &WorkspaceState, pending: &Pending) -> Vec<Planned> {
    let WorkspaceState { workspace, token, .. } = state;
    let lacking =
        if run.by_hand { run.consumers.lacking(workspace, token) } else { state.lacking() };
    let outlook = Outlook {
        pending,
        current: Some(token),
        targets: &run.consumers.targets(workspace),
        lacking: &lacking,
        now: &run.app.moment(),
    };
    plan(workspace, &outlook, &(run.options)(state))
}

/// The plan for one workspace, a line for each step; whether it would be refreshed, certainly or perhaps.
fn of_one(run: &DryRun, survey: &Survey, state: &WorkspaceState) -> Report {
    let WorkspaceState { workspace, token, .. } = state;
    let steps = steps(run, state, &survey.pending);
    let name = printable(&workspace.name);
    let (mut text, mut actions, mut refresh) = (String::new(), Vec::new(), None);
    for Planned { step, certainty } in &steps {
        let mut why = why(step);
        match step {
            Step::Refresh { .. } => refresh = Some((why.clone(), *certainty)),
            // That a refresh ends the token before it goes without saying.
            Step::Revoke { jti, .. } if replaces(&steps, jti) => REPLACED.clone_into(&mut why),
            _ => {}
        }
        let (action, field, all) = match step {
            Step::Search { .. } => ("finish", "jti", vec![None]),
            Step::Finish { jti, .. } => ("finish", "jti", vec![jti.clone()]),
            Step::Deliver { targets, .. } => {
                ("deliver", "target", targets.iter().cloned().map(Some).collect())
            }
            Step::Refresh { replaces, .. } => ("refresh", "jti", vec![replaces.clone()]),
            Step::Revoke { jti, .. } => ("revoke", "jti", vec![Some(jti.clone())]),
            Step::Wait { .. } => {
                text += &format!("{name}: {why}\n");
                continue;
            }
        };
        let is_open = *certainty == Certainty::Open && why != REPLACED;
        let perhaps = if is_open { "perhaps " } else { "" };
        let to = if action == "deliver" { " to" } else { "" };
        let of: Vec<String> = all.iter().flatten().map(|name| state.shown(name)).collect();
        let (of, words) = (printable(&of.join(", ")), why.replace('_', " "));
        text += &format!("{name}: would {perhaps}{action}{to} {of} ({words})\n");
        for value in all.into_iter().filter(|_| why != REPLACED) {
            let mut json = Json::of([
                ("action", action.into()),
                (field, value.into()),
                ("why", why.as_str().into()),
            ]);
            if is_open {
                json.set("depends_on_server", true.into());
            }
            actions.push(json);
        }
    }
    if actions.is_empty() {
        let (action, why) = ("none".into(), "not_due".into());
        actions.push(Json::of([("action", action), ("jti", Json::Null), ("why", why)]));
    }
    let reason = match &refresh {
        Some((why, _)) => why,
        None if survey.pending.rotation(workspace).is_some() => "delivery_pending",
        None => "not_due",
    };
    let mut json = Json::of([
        ("workspace", app::json_workspace(workspace)),
        ("would_refresh", refresh.is_some().into()),
        ("reason", reason.into()),
        ("jti", token.jti.clone().into()),
        ("expires_at", token.expiry.at().into()),
        ("next_at", state.next_at().into()),
        ("pending", pending::json(&pending::of(&survey.pending, workspace))),
        ("actions", Json::Array(actions)),
    ]);
    let is_certain = refresh.as_ref().is_some_and(|(_, is)| *is == Certainty::Certain);
    if !is_certain && (run.asks)(survey, state) {
        text += &format!("{name}: would refresh it if the server no longer knew its token\n");
        json.set("asks_server", true.into());
    }
    Report::new(text, json).that_changed(refresh.is_some())
}

fn replaces(steps: &[Planned], jti: &str) -> bool {
    steps.iter().any(|p| matches!(&p.step, Step::Refresh { replaces: Some(old), .. } if old == jti))
}

fn why(step: &Step) -> String {
    let why = match step {
        Step::Search { requested_at } => {
            return format!("a request of {requested_at} got no answer");
        }
        Step::Finish { .. } => "an earlier run was interrupted",
        Step::Deliver { why: WhyDeliver::New, .. } => "the token is new",
        Step::Deliver { why: WhyDeliver::LeftOver, .. } => "an earlier run could not deliver it",
        Step::Deliver { why: WhyDeliver::Lacking, .. } => "does not hold the current token",
        Step::Refresh { why, .. } => why.code(),
        Step::Revoke { .. } => "an earlier run left it live",
        Step::Wait { until: None, why: WhyWait::NotDue, .. } => "never due",
        Step::Wait { until: Some(until), why: WhyWait::NotDue, .. } => {
            return format!("not due before {until}");
        }
        Step::Wait { jti, until, .. } => {
            let jti = printable(jti.as_deref().unwrap_or("a token without an id"));
            return match until {
                Some(until) => format!("{jti} will be revoked after {until}"),
                None => format!("{jti} stays live"),
            };
        }
    };
    why.to_owned()
}

/// What a refresh by hand would meet at its targets.
fn unable(run: &DryRun, state: &WorkspaceState, pending: &Pending) -> Option<Error> {
    let (consumers, workspace) = (run.consumers, &state.workspace);
    let open = pending.rotation(workspace).filter(|open| open.awaits_delivery());
    if !run.by_hand {
        return None;
    }
    if let Some(open) = open.filter(|open| open.unnamed) {
        return Some(delivery_pending(open));
    }
    let old = open.and_then(|open| open.old.as_ref());
    let tokens: Vec<&Token> = old.into_iter().chain([&state.token]).collect();
    let refused = consumers.probe_new(workspace, &tokens).err();
    refused.or_else(|| consumers.probe(workspace, &tokens).into_iter().next())
}

/// Lists the workspace's tokens, which needs the same session as a refresh and changes nothing. Takes
/// a session away that would be renewed; answers what a refresh of this workspace would meet.
fn try_session(
    app: &App,
    config: &Config,
    session: &SessionState,
    workspace_id: &str,
    bearer: &mut Option<Secret>,
) -> Result<Option<Error>> {
    let (env, action) = (&app.ctx.env, "list the tokens");
    match app.api_with(config, bearer.clone())?.list(workspace_id).err() {
        None => Ok(None),
        Some(failure) if failure.status() == Some(401) => {
            if !session.renews() {
                return Err(Error::token_call(action, auth::explain(env, config, failure)));
            }
            *bearer = None;
            Ok(None)
        }
        Some(failure @ Failure::Rejected { .. }) => Ok(Some(Error::token_call(action, failure))),
        Some(failure) => Err(Error::token_call(action, failure)),
    }
}
