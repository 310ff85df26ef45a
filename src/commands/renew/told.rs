//! What a renewal says of each workspace, and what it would do.

use super::Turn;
use crate::commands::app;
use crate::commands::survey::WorkspaceState;
use crate::config::Config;
use crate::error::{Error, Failure};
use crate::json::Json;
use crate::output;
use crate::rotation::{OldFate, Outcome, Refreshed, WorkspaceRef};
use crate::targets::SavedTargets;
use crate::text::{counted, printable};
use crate::time::Timestamp;

impl Turn {
    /// The line, the JSON and what is wrong.
    pub(super) fn told(
        mut self,
        before: &WorkspaceState,
        after: Option<&WorkspaceState>,
    ) -> (String, Json, Option<Error>) {
        let workspace = &before.workspace;
        let (outcome, line, failed) = match self.outcome.take() {
            Some(Ok(Outcome::Refreshed(refreshed))) if refreshed.resumed => {
                self.delivered.extend(self.actions.iter().filter_map(|action| {
                    let name = action["target"].as_str()?;
                    if action["delivered"] != true.into() {
                        return None;
                    }
                    let target = before.targets.iter().find(|target| target.name == name)?;
                    let why = target.holds.wrong().unwrap_or_default();
                    Some(format!("delivered to target {}, which {}", target.id, had(&why)))
                }));
                let outcome = if self.delivered.is_empty() { "failed" } else { "delivered" };
                (outcome, self.delivered.join("; "), problem(workspace, &refreshed))
            }
            Some(Ok(Outcome::Refreshed(refreshed))) => {
                let why =
                    if self.problem.is_some() { "unknown_to_server" } else { before.due.code() };
                self.actions.push(action("refresh", refreshed.new.jti.clone(), why));
                ("refreshed", refreshed_line(&refreshed, after), problem(workspace, &refreshed))
            }
            Some(Err(error)) if error.failure().is_some_and(Failure::is_workspace_missing) => {
                ("gone", String::new(), Some(Error::workspace_gone(&workspace.name)))
            }
            Some(Err(error)) => ("failed", String::new(), Some(error)),
            _ if self.problem.as_ref().is_some_and(|error| error.code() == "workspace_gone") => {
                ("gone", String::new(), None)
            }
            _ if !self.delivered.is_empty() => ("delivered", self.delivered.join("; "), None),
            Some(Ok(Outcome::NotDue(_))) if self.problem.is_some() => {
                ("failed", String::new(), None)
            }
            None if before.due.is_due() => ("failed", "due, but not refreshed".to_owned(), None),
            _ => ("not_due", not_due_line(before), None),
        };
        let orphans = after.map_or(0, |after| after.orphans);
        let is_left = after.is_some_and(|after| !after.pending.is_empty());
        let unused = (orphans > 0).then(|| Error::unused_tokens_live(orphans, &workspace.name));
        let left = is_left.then(|| Error::work_pending(None));
        let worst = [failed, self.problem, unused, left].into_iter().flatten();
        let problem = worst.reduce(|a, b| if b.exit_code() > a.exit_code() { b } else { a });
        let problem = problem.map(|error| error.of_workspace(Some(&workspace.name)));
        let line = match &problem {
            Some(error) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                let parts = [line, format!("{}{hint}", error.in_one_line())];
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
            }
            None => line,
        };
        if self.actions.is_empty() {
            self.actions.push(action("none", None, outcome));
        }
        let current = after.unwrap_or(before);
        let mut json = Json::of([
            ("workspace", app::json_workspace(workspace)),
            ("outcome", outcome.into()),
            ("actions", Json::Array(self.actions)),
            ("jti", current.token.jti.clone().into()),
            ("expires_at", current.token.expiry.at().into()),
            ("next_at", next_at(current).into()),
        ]);
        if let Some(error) = &problem {
            json.set("error", output::describe(error));
        }
        (printable(&line), json, problem)
    }
}

/// A workspace that has targets and no token here: another program has taken it away, and nothing keeps
/// what the targets hold alive.
pub(super) fn without_token(targets: &SavedTargets, config: &Config) -> Option<Error> {
    let known = config.workspaces();
    let has_token = |id: &str| known.iter().any(|w| w.id == id && w.token.is_some());
    let lost = targets.all().iter().find(|target| !has_token(&target.workspace_id))?;
    let is_known = known.iter().any(|w| w.id == lost.workspace_id);
    Some(Error::target_without_token(lost.id, &lost.workspace, is_known))
}

pub(super) fn problem(workspace: &WorkspaceRef, refreshed: &Refreshed) -> Option<Error> {
    let old = refreshed.old.as_ref().and_then(|old| old.jti.as_deref());
    crate::commands::token::refresh_report::problem(workspace, old, &refreshed.fate)
}

pub(super) fn action(what: &str, jti: Option<String>, why: &str) -> Json {
    Json::of([("action", what.into()), ("jti", jti.into()), ("why", why.into())])
}

pub(super) fn delivery(target: &str, failed: Option<&str>, why: &str) -> Json {
    Json::of([
        ("action", "deliver".into()),
        ("target", target.into()),
        ("why", why.into()),
        ("delivered", failed.is_none().into()),
        ("reason", failed.map(str::to_owned).into()),
    ])
}

pub(super) fn had(why: &str) -> &str {
    match why {
        "" => "comes after a file",
        "does not hold the current token" => "had an old token",
        why => why,
    }
}

/// When the token is to be renewed.
pub(crate) fn next_at(state: &WorkspaceState) -> Option<Timestamp> {
    let window_s = i64::try_from(state.window_s).unwrap_or(i64::MAX);
    state.token.expiry.at().map(|end| end.plus_secs(-window_s))
}

pub(super) fn not_due_line(state: &WorkspaceState) -> String {
    next_at(state).map_or("never due".to_owned(), |at| format!("not due before {at}"))
}

pub(super) fn refreshed_line(refreshed: &Refreshed, after: Option<&WorkspaceState>) -> String {
    let new = &refreshed.new;
    let served = after.map_or(0, |after| after.targets.len() - after.drifted());
    let to = match served {
        0 => String::new(),
        1 => ", 1 target has the new token".to_owned(),
        n => format!(", {} have the new token", counted(n, "target")),
    };
    let grace = match &refreshed.fate {
        OldFate::Grace(until) => format!(", the old one lives until {until}"),
        _ => String::new(),
    };
    format!("refreshed{to} ({}), expires {}{grace}", new.jti_for_people(), new.expiry.for_people())
}
