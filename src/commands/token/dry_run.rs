//! `ntcli token refresh --dry-run`: what a refresh would do, without doing any of it.

use std::time::Duration;

use crate::api::Api;
use crate::auth;
use crate::commands::{self, app};
use crate::config::{Config, Paths, Workspace};
use crate::config_dir;
use crate::context::Context;
use crate::endpoints;
use crate::error::{Error, Failure, Result};
use crate::hooks::Hooks;
use crate::http::Http;
use crate::json::Json;
use crate::output::{self, Report};
use crate::rotation::journal::Pending;
use crate::rotation::{ControlPlane, RefreshOptions};
use crate::store;
use crate::text::printable;
use crate::token::{Token, due};

/// What the refresh would be asked for.
pub(super) struct Ask<'a> {
    pub(super) paths: &'a Paths,
    pub(super) lock_wait: Duration,
    pub(super) order: &'a RefreshOptions,
    pub(super) hooks: Option<&'a Hooks>,
}

/// What would become of one workspace.
struct Plan {
    refresh: bool,
    why: &'static str,
    words: String,
    problem: Option<Error>,
}

/// Tells, for each workspace, whether it would be refreshed and why; what is pending; and whether
/// the session is good and every file can be written. The exit code is what a refresh could know
/// of its own before it asks for a token.
pub(super) fn run(
    ctx: &Context,
    http: &Http,
    ask: &Ask,
    targets: impl FnOnce(&Config) -> Result<Vec<Workspace>>,
) -> Result<Report> {
    // A run that is at work would be seen half-way, and must not lose the file it is writing to
    // our trial. Where there is no lock nobody is at work, and none is made.
    let paths = ask.paths;
    let lock = || store::lock(&paths.lock, ask.lock_wait, &*ctx.clock, &mut || {});
    let _lock = paths.lock.exists().then(lock).transpose()?;
    let config = Config::load(&paths.config, &ctx.console)?;
    let targets = targets(&config)?;
    let ledger = config_dir::peek_ledger(paths)?;
    store::probe_replace(&paths.config)?;
    store::probe_replace(&paths.journal)?;
    let mut bearer = auth::bearer_as_it_is(&ctx.env, &config, ctx.clock.now())?;
    commands::auth::note_ignored(ctx, &config);
    let base = endpoints::management(&ctx.env, &config)?;

    let mut text = String::new();
    let mut results = Vec::with_capacity(targets.len());
    let (mut would, mut worst) = (0_i64, 0);
    let mut problems = Vec::new();
    for workspace in &targets {
        let token = workspace.token.as_ref().ok_or(Error::NoToken)?;
        let mut plan = plan(ctx, ask, &ledger, workspace, token);
        if let Some(session) = &bearer {
            // The list needs the same session as a refresh, and changes nothing.
            let api = Api::new(http, &*ctx.clock, base.clone(), Some(session.clone()));
            match api.list(&workspace.id).err() {
                None => {}
                Some(failure) if failure.status() == Some(401) => {
                    if !auth::is_renewable(&ctx.env, &config)? {
                        let failure = auth::explain(&ctx.env, &config, failure);
                        return Err(Error::call("list the tokens", failure));
                    }
                    bearer = None;
                }
                Some(failure @ Failure::Rejected { .. }) => {
                    plan.problem = Some(Error::call("list the tokens", failure));
                }
                Some(failure) => return Err(Error::call("list the tokens", failure)),
            }
        }
        would += i64::from(plan.refresh);
        let pending = super::show::pending(&ledger, &workspace.id);
        text += &plan.words;
        for work in &pending {
            text += &format!("  Pending first: {}\n", printable(work));
        }
        let mut result = Json::of([
            ("workspace", app::json_place(&app::place(workspace))),
            ("would_refresh", plan.refresh.into()),
            ("reason", plan.why.into()),
            ("current_jti", token.jti.clone().into()),
            ("expires_at", token.expiry.at().into()),
            ("pending", pending.into()),
        ]);
        if let Some(problem) = plan.problem {
            text += &format!("  But: {}\n", problem.in_one_line());
            result.set("error", output::describe(&problem));
            worst = worst.max(problem.exit_code());
            problems.push(problem);
        }
        results.push(result);
    }
    let session = match bearer {
        Some(_) => "is good",
        None => "has ended and would be renewed",
    };
    text += &format!("The session {session}. Nothing was changed.\n");
    let json = Json::of([
        ("dry_run", true.into()),
        ("would_refresh", would.into()),
        (
            "session",
            if bearer.is_some() {
                "good"
            } else {
                "to_be_renewed"
            }
            .into(),
        ),
        ("results", Json::Array(results)),
    ]);
    let failed = problems.len();
    let problem = match (problems.pop(), targets.len()) {
        (Some(only), 1) => Some(only),
        (Some(_), total) => Some(Error::SomeFailed {
            failed,
            total,
            exit_code: worst,
        }),
        (None, _) => None,
    };
    Ok(Report::new(text, json).with_problem(problem))
}

fn plan(ctx: &Context, ask: &Ask, ledger: &Pending, workspace: &Workspace, token: &Token) -> Plan {
    let place = app::place(workspace);
    let (name, jti) = (printable(&place.name), printable(token.jti_for_people()));
    let open = ledger.rotation(&place.id).filter(|open| open.hand_over);
    let problem = match (ask.hooks, open) {
        (Some(hooks), _) => {
            let probed = hooks.probe(&place).err();
            probed.map(|reason| Error::CannotHandOn { reason })
        }
        (None, None) => None,
        (None, Some(open)) => Some(Error::HandOverOwed {
            old: open.old.as_ref().and_then(|old| old.jti.clone()),
        }),
    };
    let due = ask
        .order
        .due_within_s
        .map(|within| due(token, within, ctx.clock.now()));
    let (refresh, why) = match due {
        _ if open.is_some() => (false, "hand_over_owed"),
        None => (true, "as_asked"),
        Some(due) => (due.is_due(), due.code()),
    };
    let then = match ask.order.grace_s {
        None => format!("and then revoke its token {jti}"),
        Some(secs) => format!("and leave its token {jti} live for {secs} s"),
    };
    let words = if open.is_some() {
        format!("Would hand on the token that '{name}' has; no other would be made.\n")
    } else if refresh {
        format!(
            "Would refresh '{name}' ({}) {then}.\n",
            why.replace('_', " ")
        )
    } else {
        let end = token.expiry.for_people();
        format!("Would leave '{name}' (not due): its token expires {end}.\n")
    };
    Plan {
        refresh,
        why,
        words,
        problem,
    }
}
