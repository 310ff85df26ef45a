//! `ntcli token refresh --dry-run`: what a refresh would do, without doing any of it.

use super::pending;
use super::refresh_report::token_json;
use crate::api::Api;
use crate::auth;
use crate::commands::app::{self, App};
use crate::config::{Config, Workspace};
use crate::error::{Error, Failure, Result};
use crate::hooks::{Hooks, Prober};
use crate::json::Json;
use crate::output::{self, Report};
use crate::rotation::{ControlPlane, Deliver, OwnTargets, Pending, RefreshOptions};
use crate::secret::Secret;
use crate::store;
use crate::text::printable;
use crate::token::{Token, due};

/// What the refresh would be asked for.
pub(super) struct Ask<'a> {
    pub(super) app: &'a App<'a>,
    /// By the UUID of the workspace.
    pub(super) options: &'a dyn Fn(&str) -> RefreshOptions,
    pub(super) hooks: &'a Hooks,
}

/// What would become of one workspace.
struct Plan {
    refresh: bool,
    why: &'static str,
    words: String,
    problem: Option<Error>,
    /// What the deliveries would do, with the ids of remembered targets.
    targets: Vec<(Option<u32>, String)>,
}

/// Tells, for each workspace, whether it would be refreshed and why; what is pending; and whether
/// the session is good and every file can be written. The exit code is what a refresh could know
/// of its own before it asks for a token.
pub(super) fn run(
    ask: &Ask,
    selected: impl FnOnce(&Config) -> Result<Vec<Workspace>>,
) -> Result<Report> {
    // A run that is at work would be seen half-way, and must not lose the file it is writing to
    // our trial. Where there is no lock nobody is at work, and none is made.
    let (app, paths) = (ask.app, &ask.app.paths);
    let lock = || store::lock(&paths.lock, app.lock_wait(), app.clock(), &mut || {});
    let _lock = paths.lock.exists().then(lock).transpose()?;
    let config = app.config()?;
    let selected = selected(&config)?;
    let pending = app.pending()?;
    store::probe_replace(&paths.config)?;
    store::probe_replace(&paths.journal)?;
    let mut bearer = auth::bearer_as_it_is(&app.ctx.env, &config, app.now())?;
    app.note_ignored(&config);

    let mut prober = ask.hooks.prober();
    let mut text = String::new();
    let mut results = Vec::with_capacity(selected.len());
    let (mut would, mut worst) = (0_i64, 0);
    let mut problems = Vec::new();
    for workspace in &selected {
        let token = workspace.token.as_ref().ok_or_else(Error::nothing_to_refresh)?;
        let mut plan = plan(ask, &mut prober, &pending, workspace, token);
        if bearer.is_some() {
            let problem = try_session(app, &config, workspace, &mut bearer)?;
            plan.problem = problem.or(plan.problem);
        }
        would += i64::from(plan.refresh);
        let (lines, result) = told(workspace, token, &plan, &pending);
        text += &lines;
        results.push(result);
        if let Some(problem) = plan.problem {
            worst = worst.max(problem.exit_code());
            problems.push(problem);
        }
    }
    let (session, code) = match bearer {
        Some(_) => ("is good", "good"),
        None => ("has ended and would be renewed", "to_be_renewed"),
    };
    text += &format!("The session {session}. Nothing was changed.\n");
    let json = Json::of([
        ("dry_run", true.into()),
        ("would_refresh", would.into()),
        ("session", code.into()),
        ("results", Json::Array(results)),
    ]);
    let failed = problems.len();
    let problem = match (problems.pop(), selected.len()) {
        (Some(only), 1) => Some(only),
        (Some(_), total) => {
            Some(Error::some_failed(failed, total, worst, "ntcli doctor".to_owned()))
        }
        (None, _) => None,
    };
    let mut report = Report::new(text, json).with_problem(problem);
    report.changed = false;
    Ok(report)
}

/// What is said of one workspace, in text and in JSON.
fn told(workspace: &Workspace, token: &Token, plan: &Plan, pending: &Pending) -> (String, Json) {
    let local = app::workspace_ref(workspace, "");
    let pending = pending::of(pending, &local);
    let mut text = plan.words.clone();
    for work in &pending {
        text += &format!("  Pending first: {}\n", work.text);
    }
    let mut json = Json::of([
        ("workspace", app::json_workspace(&local)),
        ("would_refresh", plan.refresh.into()),
        ("reason", plan.why.into()),
        ("current_token", token_json(token, false)),
        ("current_jti", token.jti.clone().into()),
        ("expires_at", token.expiry.at().into()),
        ("pending", pending::json(&pending)),
    ]);
    let mut targets = Vec::with_capacity(plan.targets.len());
    for (id, does) in &plan.targets {
        let label = id.map_or("  Delivery".to_owned(), |id| format!("  Target {id}"));
        text += &format!("{label}: {does}\n");
        targets.push(Json::of([("id", id.map(i64::from).into()), ("does", does.as_str().into())]));
    }
    if !targets.is_empty() {
        json.set("targets", Json::Array(targets));
    }
    if let Some(problem) = &plan.problem {
        text += &format!("  But: {}\n", problem.in_one_line());
        json.set("error", output::describe(problem));
    }
    (text, json)
}

/// Lists the workspace's tokens, which needs the same session as a refresh and changes nothing. Takes
/// a session away that would be renewed; answers what a refresh of this workspace would meet.
fn try_session(
    app: &App,
    config: &Config,
    workspace: &Workspace,
    bearer: &mut Option<Secret>,
) -> Result<Option<Error>> {
    let (env, action) = (&app.ctx.env, "list the tokens");
    let api = Api::new(app.http()?, app.clock(), app.server(config)?, bearer.clone());
    match api.list(&workspace.id).err() {
        None => Ok(None),
        Some(failure) if failure.status() == Some(401) => {
            if !auth::is_renewable(env, config)? {
                return Err(Error::token_call(action, auth::explain(env, config, failure)));
            }
            *bearer = None;
            Ok(None)
        }
        Some(failure @ Failure::Rejected { .. }) => Ok(Some(Error::token_call(action, failure))),
        Some(failure) => Err(Error::token_call(action, failure)),
    }
}

fn plan(
    ask: &Ask,
    prober: &mut Prober,
    pending: &Pending,
    workspace: &Workspace,
    token: &Token,
) -> Plan {
    let place = app::workspace_ref(workspace, "");
    let (name, jti) = (printable(&place.name), printable(token.jti_for_people()));
    let open = pending.rotation(&place).filter(|open| open.awaits_delivery());
    let old = open.and_then(|open| open.old.as_ref());
    let tokens: Vec<&Token> = old.into_iter().chain([token]).collect();
    let problem = match open {
        Some(open) if open.own == OwnTargets::Waiting && !ask.hooks.has_own() => {
            let old = old.and_then(|old| old.jti.clone());
            Some(Error::delivery_pending(old.as_deref(), true))
        }
        _ => {
            let refused = prober.probe(&place, &tokens).err();
            refused.or(std::mem::take(&mut prober.lost).into_iter().next())
        }
    };
    let options = (ask.options)(&workspace.id);
    let due = options.due_within_s.map(|within| due(token, within, ask.app.now()));
    let (refresh, why) = match due {
        _ if open.is_some() => (false, "delivery_pending"),
        None => (true, "as_asked"),
        Some(due) => (due.is_due(), due.code()),
    };
    let then = match options.grace_s {
        None => format!("and then revoke its token {jti}"),
        Some(secs) => format!("and leave its token {jti} live for {secs} s"),
    };
    let words = if open.is_some() {
        format!("Would deliver the current token of '{name}'; no other would be created.\n")
    } else if refresh {
        format!("Would refresh '{name}' ({}) {then}.\n", why.replace('_', " "))
    } else {
        let end = token.expiry.for_people();
        format!("Would leave '{name}' alone (not due): its token expires {end}.\n")
    };
    let targets = if refresh || open.is_some() { ask.hooks.plan(&place) } else { Vec::new() };
    Plan { refresh, why, words, problem, targets }
}
