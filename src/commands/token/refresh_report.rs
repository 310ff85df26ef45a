//! What a refresh came to, as text and JSON.

use crate::cli::TokenRefresh;
use crate::commands::app;
use crate::context::Console;
use crate::error::{Error, Result};
use crate::json::Json;
use crate::output::{self, Report};
use crate::rotation::{Event, OldFate, Outcome, Pending, Refreshed, WorkspaceRef};
use crate::text::{printable, shell_word};
use crate::token::{Token, TokenExpiry};

/// What a run has met on its way, for JSON.
#[derive(Default)]
pub(super) struct Met {
    orphans: Vec<Json>,
    deliveries: Vec<Json>,
}

impl Met {
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Orphan { orphan, revoked } => self.orphans.push(Json::of([
                ("jti", orphan.jti.as_str().into()),
                ("workspace", app::json_workspace(&orphan.workspace)),
                ("revoked", revoked.into()),
            ])),
            Event::Delivery { workspace, target, failed } => self.deliveries.push(Json::of([
                ("target", target.into()),
                ("workspace", app::json_workspace(&workspace)),
                ("delivered", failed.is_none().into()),
                ("reason", failed.into()),
            ])),
            _ => {}
        }
    }

    /// Adds them to the JSON of a result.
    pub(super) fn add_to(self, json: &mut Json) {
        json.set("orphans", Json::Array(self.orphans));
        if !self.deliveries.is_empty() {
            json.set("deliveries", Json::Array(self.deliveries));
        }
    }
}

/// What became of one workspace.
fn one(workspace: &WorkspaceRef, outcome: Outcome, print: bool) -> Report {
    match outcome {
        Outcome::Refreshed(refreshed) => done(workspace, refreshed, print),
        Outcome::NotDue(token) => not_due(workspace, &token),
    }
}

fn done(workspace: &WorkspaceRef, refreshed: Refreshed, print: bool) -> Report {
    let (message, outcome) = match &refreshed.fate {
        OldFate::Kept(_) => ("Token refreshed but not delivered", "hand_over_failed"),
        _ if refreshed.resumed => ("Token of an earlier run delivered", "handed_over"),
        OldFate::Live(_) => ("Token refreshed successfully", "refreshed_old_live"),
        _ => ("Token refreshed successfully", "refreshed"),
    };
    replaced(workspace, refreshed, print, (message, outcome, "New", "Old"))
}

/// What a rollback came to.
pub(super) fn rolled_back(workspace: &WorkspaceRef, refreshed: Refreshed) -> Report {
    let message = match &refreshed.fate {
        OldFate::Kept(_) => "Token rolled back but not delivered",
        _ => "Token rolled back",
    };
    replaced(workspace, refreshed, false, (message, "rolled_back", "Current", "Undone"))
}

/// One token in the place of another: what happened, its code, and what to call the other one.
fn replaced(
    workspace: &WorkspaceRef,
    refreshed: Refreshed,
    print: bool,
    (message, outcome, one, other): (&str, &str, &str, &str),
) -> Report {
    let Refreshed { new, old, fate, verified, .. } = refreshed;
    let mut text = format!("{message}.\n");
    if let Some(old) = &old {
        let words = match &fate {
            OldFate::Revoked(_) => "has been revoked".to_owned(),
            OldFate::Grace(until) => {
                format!("stays live until {until}; the first run after that revokes it")
            }
            OldFate::Live(_) => "may still be live".to_owned(),
            OldFate::Kept(_) | OldFate::None => "is still live".to_owned(),
        };
        text += &format!("{other} token ({}) {words}.\n", printable(old.jti_for_people()));
        let until = if matches!(fate, OldFate::Grace(_)) { " until then" } else { "" };
        if matches!(fate, OldFate::Grace(_) | OldFate::Kept(_)) {
            let name = shell_word(&printable(&workspace.name));
            text += &format!("Way back{until}: ntcli token rollback {name}\n");
        }
    }
    text += &token_lines(one, &new, print);
    let old_jti = old.and_then(|o| o.jti);
    let mut old_token = Json::of([("jti", old_jti.clone().into()), ("revoked_at", Json::Null)]);
    match &fate {
        OldFate::Revoked(at) => old_token.set("revoked_at", (*at).into()),
        OldFate::Grace(until) => old_token.set("revoke_after", (*until).into()),
        _ => {}
    }
    let json = Json::of([
        ("new_token", token_json(&new, print)),
        ("old_token", old_token),
        ("message", message.into()),
        ("outcome", outcome.into()),
        ("workspace", app::json_workspace(workspace)),
        ("verified", verified.into()),
    ]);
    let problem = match fate {
        OldFate::Live(reason) => Some(Error::OldTokenLive { jti: old_jti, reason }),
        OldFate::Kept(reason) => {
            let name = shell_word(&printable(&workspace.name));
            Some(Error::NotDelivered { reason, again: format!("ntcli token refresh -w {name}") })
        }
        _ => None,
    };
    Report::new(text, json).with_problem(problem)
}

fn not_due(workspace: &WorkspaceRef, token: &Token) -> Report {
    let name = printable(&workspace.name);
    let text = match token.expiry {
        TokenExpiry::At(end) => format!("Token of '{name}' is not due: it expires {end}.\n"),
        _ => format!("Token of '{name}' is not due: it never expires.\n"),
    };
    let nothing = |field| Json::of([("jti", Json::Null), (field, Json::Null)]);
    let json = Json::of([
        ("new_token", nothing("expires_at")),
        ("old_token", nothing("revoked_at")),
        ("message", "Token is not due".into()),
        ("outcome", "not_due".into()),
        ("workspace", app::json_workspace(workspace)),
        ("current_token", token_json(token, false)),
    ]);
    Report::new(text, json)
}

/// What there is to say when another run was faster.
fn already(workspace: &WorkspaceRef, current: &Token, before: &Token, print: bool) -> Report {
    let message = "Token was refreshed by another run while this one waited";
    let text = format!("{message}.\n{}", token_lines("New", current, print));
    let json = Json::of([
        ("new_token", token_json(current, print)),
        ("old_token", Json::of([("jti", before.jti.clone().into()), ("revoked_at", Json::Null)])),
        ("message", message.into()),
        ("outcome", "already_refreshed".into()),
        ("workspace", app::json_workspace(workspace)),
        ("verified", Json::Null),
    ]);
    Report::new(text, json)
}

/// What becomes of the workspaces: one has the whole report; of many there is a line each on stderr
/// as soon as it is known, and the sums on stdout.
pub(super) struct Outcomes<'a> {
    console: &'a Console,
    workspaces: &'a [WorkspaceRef],
    print: bool,
    one: Option<Report>,
    many: Option<Many>,
    /// The workspaces that are left with nothing to do.
    succeeded: Vec<String>,
}

#[derive(Default)]
struct Many {
    results: Vec<Json>,
    refreshed: usize,
    not_due: usize,
    failed: usize,
    /// How many there is something to say of, refreshed or not.
    trouble: usize,
    worst: u8,
}

impl<'a> Outcomes<'a> {
    pub(super) fn new(
        console: &'a Console,
        workspaces: &'a [WorkspaceRef],
        args: &TokenRefresh,
    ) -> Self {
        let many = args
            .all
            .then(|| Many { results: vec![Json::Null; workspaces.len()], ..Many::default() });
        Self { console, workspaces, print: args.print, one: None, many, succeeded: Vec::new() }
    }

    /// Another run refreshed the one workspace while this one waited.
    /// It ends as that run ended.
    pub(super) fn already(&mut self, current: &Token, before: &Token, pending: &Pending) {
        let workspace = &self.workspaces[0];
        let open = pending.rotation(workspace).filter(|open| open.awaits_delivery());
        let problem = open.map(|open| Error::DeliveryPending {
            old: open.old.as_ref().and_then(|old| old.jti.clone()),
            own: open.own_targets,
        });
        if problem.is_none() {
            self.succeeded.push(workspace.id.clone());
        }
        let report = already(workspace, current, before, self.print);
        self.one = Some(report.with_problem(problem));
    }

    /// Takes why some cannot be refreshed; answers the numbers of the others.
    ///
    /// # Errors
    /// If it is the one that is meant, or what was given for the run is wrong.
    pub(super) fn refuse(&mut self, refused: Vec<Option<Error>>) -> Result<Vec<usize>> {
        let mut able = Vec::with_capacity(refused.len());
        for (n, error) in refused.into_iter().enumerate() {
            match error {
                None => able.push(n),
                Some(error @ Error::CannotDeliver { target: None, .. }) => return Err(error),
                Some(error) if self.many.is_none() => return Err(error),
                Some(error) => self.take(n, Err(error)),
            }
        }
        Ok(able)
    }

    /// Takes what became of the n-th.
    pub(super) fn take(&mut self, n: usize, outcome: Result<Outcome>) {
        let workspace = &self.workspaces[n];
        if outcome.as_ref().is_ok_and(Outcome::is_complete) {
            self.succeeded.push(workspace.id.clone());
        }
        let name = printable(&workspace.name);
        if let Ok(Outcome::Refreshed(refreshed)) = &outcome
            && refreshed.new.jti.is_none()
        {
            self.console.warn(&format!(
                "The new token of '{name}' has no id: ntcli will not be able to revoke it"
            ));
        }
        let Some(many) = &mut self.many else {
            self.one = Some(match outcome {
                Ok(outcome) => one(workspace, outcome, self.print),
                // What else was found out is worth knowing then, too.
                Err(error) => Report::new("", Json::object()).with_problem(Some(error)),
            });
            return;
        };
        let (line, json) = many.count(workspace, outcome);
        self.console.say(&format!("{name}: {line}"));
        many.results[n] = json;
    }

    /// The workspaces that are left with nothing to do, by their UUIDs.
    pub(super) fn succeeded(&mut self) -> Vec<String> {
        std::mem::take(&mut self.succeeded)
    }

    pub(super) fn report(self, met: Met, overdue: bool) -> Report {
        let total = self.workspaces.len();
        let none = || Report::new("", Json::object()).with_problem(Some(Error::NoToken));
        let mut report = match self.many {
            Some(many) => many.report(total),
            None => self.one.unwrap_or_else(none),
        };
        met.add_to(&mut report.json);
        if report.problem.is_none() && overdue {
            report.problem = Some(Error::WorkPending);
        }
        report
    }
}

impl Many {
    /// The line and the JSON of one workspace.
    fn count(&mut self, workspace: &WorkspaceRef, outcome: Result<Outcome>) -> (String, Json) {
        let (mut json, problem) = match outcome {
            Err(error) => {
                self.failed += 1;
                let json = Json::of([
                    ("workspace", app::json_workspace(workspace)),
                    ("outcome", "failed".into()),
                ]);
                (json, Some(error))
            }
            Ok(outcome) => {
                let not_due = matches!(outcome, Outcome::NotDue(_));
                self.not_due += usize::from(not_due);
                self.refreshed += usize::from(!not_due);
                let report = one(workspace, outcome, false);
                (report.json, report.problem)
            }
        };
        let Some(error) = &problem else {
            return (in_a_line(&json), json);
        };
        self.trouble += 1;
        self.worst = self.worst.max(error.exit_code());
        json.set("error", output::describe(error));
        (error.in_one_line(), json)
    }

    fn report(self, total: usize) -> Report {
        let Self { refreshed, not_due, failed, trouble, .. } = self;
        let mut text = format!("Refreshed {refreshed} of {total} workspaces");
        if not_due > 0 {
            text += &format!(", {not_due} not due");
        }
        text += &format!(", {failed} failed.\n");
        let count = |n: usize| Json::Number(n.into());
        let json = Json::of([
            ("results", Json::Array(self.results)),
            ("refreshed", count(refreshed)),
            ("not_due", count(not_due)),
            ("failed", count(failed)),
        ]);
        let problem = (trouble > 0).then_some(Error::SomeFailed {
            failed: trouble,
            total,
            exit_code: self.worst,
        });
        Report::new(text, json).with_problem(problem)
    }
}

/// One result, for the line it gets.
fn in_a_line(json: &Json) -> String {
    let outcome = json["outcome"].as_str().unwrap_or_default().replace('_', " ");
    let token = match &json["new_token"]["jti"] {
        Json::Null => &json["current_token"],
        _ => &json["new_token"],
    };
    let jti = printable(token["jti"].as_str().unwrap_or("no id"));
    let end = token["expires_at"].as_str().unwrap_or("never");
    format!("{outcome}, {jti}, expires {end}")
}

fn token_lines(which: &str, token: &Token, print: bool) -> String {
    let mut text = app::expires_line(&format!("{which} token expires"), token.expiry);
    text += &format!("{which} token JTI: {}\n", printable(token.jti_for_people()));
    if print {
        text += &format!("Token: {}\n", token.access_token.expose());
    }
    text
}

fn token_json(token: &Token, print: bool) -> Json {
    let mut json =
        Json::of([("jti", token.jti.clone().into()), ("expires_at", token.expiry.at().into())]);
    if print {
        json.set("access_token", token.access_token.expose().into());
    }
    json
}
