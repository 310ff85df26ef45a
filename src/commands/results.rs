//! What became of the tokens of workspaces: the one form in which `token refresh`, `renew` and `token
//! rollback` tell it, in text and in JSON.

use super::granted;
use super::messages::print_orphans;
use crate::api::Api;
use crate::commands::prelude::*;
use crate::config_dir::ConfigDir;
use crate::context::Console;
use crate::error::renew_of;
use crate::rotation::{Event, OldFate, Outcome, RefreshOptions, Refreshed, Rotator, WorkspaceRef};
use crate::targets::Targets;
use crate::text::{counted, shell_word};
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

/// Runs a rotation that delivers to `consumers`. What it meets is said and kept; of tokens that nothing
/// here holds, the end of the run tells.
pub(super) fn rotate<T>(
    app: &App,
    api: &Api,
    dir: &mut ConfigDir,
    consumers: &mut Targets,
    work: impl FnOnce(&mut Rotator) -> T,
) -> Result<(T, Vec<Event>)> {
    let mut events = Vec::new();
    let mut on_event = |event| {
        if !matches!(event, Event::Orphan { revoked: false, .. }) {
            app.on_event(&event);
        }
        events.push(event);
    };
    let mut rotator = Rotator::new(api, dir, app.clock(), &mut on_event)?;
    rotator.deliver_to(consumers);
    let done = work(&mut rotator);
    drop(rotator);
    Ok((done, events))
}

/// Says to how many targets a new token went and which others live, which the JSON tells too.
pub(super) fn tell_events(events: Vec<Event>, console: &Console, json: &mut Json) {
    let is_delivered = |event: &&Event| matches!(event, Event::Delivery { failed: None, .. });
    let delivered = events.iter().filter(is_delivered).count();
    if delivered > 0 {
        let targets = counted(delivered, "target");
        console.note(&format!("The new token is delivered to {targets}."));
    }
    let (mut orphans, mut live) = (Vec::new(), Vec::new());
    for event in events {
        if let Event::Orphan { orphan, revoked } = event {
            orphans.push(Json::of([
                ("jti", orphan.jti.as_str().into()),
                ("workspace", app::json_workspace(&orphan.workspace)),
                ("revoked", revoked.into()),
            ]));
            live.extend((!revoked).then_some(orphan));
        }
    }
    print_orphans(console, &live);
    json.set("orphans", Json::Array(orphans));
}

/// How a run tells its results.
pub(super) struct Telling<'a> {
    pub(super) console: &'a Console,
    pub(super) began: Timestamp,
    /// Whether the new token itself is printed.
    pub(super) print: bool,
}

impl Telling<'_> {
    /// What became of a workspace; `served` is how many targets have its new token, where that counts.
    pub(super) fn one(
        &self,
        workspace: &WorkspaceRef,
        outcome: Result<Outcome>,
        options: &RefreshOptions,
        served: usize,
    ) -> Report {
        let refreshed = match outcome {
            Ok(Outcome::Refreshed(refreshed)) => refreshed,
            Ok(Outcome::NotDue(token)) => return not_due(workspace, &token, options),
            Err(error) => {
                let outcome = ("outcome", "failed".into());
                let json = Json::of([("workspace", app::json_workspace(workspace)), outcome]);
                return Report::new("", json).with_problem(Some(error));
            }
        };
        let name = printable(&workspace.name);
        if refreshed.new.jti.is_none() {
            self.console.warn(&format!(
                "The new token of '{name}' has no id: ntcli will not be able to revoke it"
            ));
        }
        if refreshed.verified == Some(false) {
            self.console.note(&format!(
                "The new token of '{name}' is not verified: the server does not tell whether it works"
            ));
        }
        let Refreshed { new, old, resumed, .. } = &refreshed;
        let granted = granted::difference(options, new, old.as_ref(), self.began);
        let granted = granted.filter(|_| !resumed);
        let done = "Token refreshed successfully";
        let [message, outcome, brief] = match &refreshed.fate {
            OldFate::Kept(_) => {
                ["Token refreshed but not delivered", "delivery_failed", "not delivered"]
            }
            _ if *resumed => ["Token of an earlier run delivered", "delivered", "delivered"],
            OldFate::Live(_) | OldFate::LosesScope => {
                [done, "refreshed_old_live", "refreshed but the old token may be live"]
            }
            _ => [done, "refreshed", "refreshed"],
        };
        let words = [message, outcome, brief, "New", "Old"];
        let mut report = self.replaced(workspace, refreshed, words, served);
        if let Some((text, json)) = granted {
            self.console.warn(&format!("{name}: {text}"));
            report.json.set("granted", json);
        }
        report
    }

    /// What a rollback came to.
    pub(super) fn rolled_back(&self, workspace: &WorkspaceRef, refreshed: Refreshed) -> Report {
        let message = match &refreshed.fate {
            OldFate::Kept(_) => "Token rolled back but not delivered",
            _ => "Token rolled back",
        };
        let words = [message, "rolled_back", "rolled back", "Current", "Newer"];
        self.replaced(workspace, refreshed, words, 0)
    }

    /// What there is to say when another run was faster.
    pub(super) fn already(&self, workspace: &WorkspaceRef, current: Token, old: Token) -> Report {
        let message = "Token was refreshed by another run while this one waited";
        let (old, fate) = (Some(old), OldFate::None);
        let refreshed = Refreshed { new: current, old, fate, verified: None, resumed: false };
        let words = [message, "already_refreshed", "already refreshed", "New", "Old"];
        self.replaced(workspace, refreshed, words, 0).that_changed(false)
    }

    /// One token in the place of another: what happened, its code, the same in brief, and what to call
    /// the two.
    fn replaced(
        &self,
        workspace: &WorkspaceRef,
        refreshed: Refreshed,
        [message, outcome, brief, which, other]: [&str; 5],
        served: usize,
    ) -> Report {
        let Refreshed { new, old, fate, verified, .. } = refreshed;
        let (expires, jti) = (new.expiry.for_people(), printable(new.jti_for_people()));
        let (of_old, lives, old_token, problem) = of_old(workspace, old.as_ref(), &fate);
        let of_old = of_old.map_or(String::new(), |text| format!("{other} token {text}\n"));
        let mut text = format!(
            "{message}.\n{of_old}{which} token expires: {expires}\n{which} token JTI: {jti}\n"
        );
        if self.print {
            text += &format!("Token: {}\n", new.access_token.expose());
        }
        let token = match served {
            0 => jti,
            1 => format!("1 target has the new token ({jti})"),
            n => format!("{} have the new token ({jti})", counted(n, "target")),
        };
        let json = Json::of([
            ("new_token", token_json(&new, self.print)),
            ("old_token", old_token),
            ("message", message.into()),
            ("outcome", outcome.into()),
            ("workspace", app::json_workspace(workspace)),
            ("verified", verified.into()),
        ]);
        let brief = format!("{brief}, {token}, expires {expires}{lives}");
        Report::new(text, json).with_problem(problem).in_brief(brief)
    }

    /// The result of the only workspace: its line names it.
    pub(super) fn alone(&self, workspace: &WorkspaceRef, mut report: Report) -> Report {
        let name = printable(&workspace.name);
        report.brief = report.brief.map(|brief| format!("{name}: {brief}"));
        if report.problem.is_none() {
            report.succeeded.push(workspace.id.clone());
        }
        if self.print { report.asked_for() } else { report }
    }
}

/// What became of the token that is not the current one any more: in words, with the way back to it; in
/// brief; for programs; and what is wrong about that.
fn of_old(
    workspace: &WorkspaceRef,
    old: Option<&Token>,
    fate: &OldFate,
) -> (Option<String>, String, Json, Option<Error>) {
    let (name, jti) = (workspace.name.as_str(), old.and_then(|old| old.jti.as_deref()));
    let mut json = Json::of([("jti", jti.map(str::to_owned).into()), ("revoked_at", Json::Null)]);
    let (mut brief, mut undo) = (String::new(), "");
    let (words, problem) = match fate {
        OldFate::None => return (None, brief, json, None),
        OldFate::Revoked(at) => {
            json.set("revoked_at", (*at).into());
            ("has been revoked".to_owned(), None)
        }
        OldFate::Grace(until) => {
            json.set("revoke_after", (*until).into());
            brief = format!(", the old one lives until {until}");
            undo = "Undo until then";
            let ends = old.and_then(|old| old.expiry.at()).filter(|ends| ends <= until);
            let words = match ends {
                Some(ends) => format!("stays live until {ends}, when it expires"),
                None => format!("stays live until {until}; the first run after that revokes it"),
            };
            (words, None)
        }
        OldFate::Live(reason) => {
            ("may still be live".to_owned(), Some(Error::old_token_live(jti, reason)))
        }
        OldFate::LosesScope => ("is still live".to_owned(), Some(Error::loses_scope(name))),
        OldFate::Kept(reason) => {
            undo = "Undo";
            (
                "is still live".to_owned(),
                Some(Error::not_delivered(vec![reason.clone()], &renew_of([name]))),
            )
        }
    };
    let mut text = format!(
        "({}) {words}.",
        old.map_or_else(String::new, |old| printable(old.jti_for_people()))
    );
    if !undo.is_empty() {
        text += &format!("\n{undo}: ntcli token rollback {}", shell_word(&printable(name)));
    }
    (old.map(|_| text), brief, json, problem)
}

fn not_due(workspace: &WorkspaceRef, token: &Token, options: &RefreshOptions) -> Report {
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
    let brief = not_due_before(token.renewal(options.due_within_s.unwrap_or_default()));
    Report::new(text, json).in_brief(brief).that_changed(false)
}

/// What is said of a token that lasts long enough.
pub(super) fn not_due_before(at: Option<Timestamp>) -> String {
    at.map_or("never due".to_owned(), |at| format!("not due before {at}"))
}

/// The results of several workspaces as one: a line each, what was done and what is wrong, and in brief those
/// with news. What is wrong with the only one is told as such, else of how many something is wrong.
pub(super) fn several(workspaces: &[WorkspaceRef], reports: Vec<Report>) -> Report {
    let (mut text, mut brief, mut results) = (String::new(), Vec::new(), Vec::new());
    let (mut succeeded, mut problems, mut failing) = (Vec::new(), Vec::new(), Vec::new());
    for (workspace, mut report) in workspaces.iter().zip(reports) {
        let problem = report.problem.map(|error| error.of_workspace(Some(&workspace.name)));
        let wrong = problem.as_ref().map(|error| {
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            error.in_one_line() + &hint
        });
        let has_news = report.changed || problem.is_some();
        let said: Vec<String> = report.brief.into_iter().chain(wrong).collect();
        let line = printable(&format!("{}: {}", workspace.name, said.join("; ")));
        text += &format!("{line}\n");
        brief.extend(has_news.then_some(line));
        match problem {
            None => succeeded.push(workspace.id.clone()),
            Some(error) => {
                report.json.set("error", error.json());
                failing.push(app::word_among(workspaces.iter(), workspace));
                problems.push(error);
            }
        }
        results.push(report.json);
    }
    let (failed, total) = (problems.len(), results.len());
    let worst = problems.iter().map(Error::exit_code).max().unwrap_or(0);
    let problem = match problems.pop() {
        Some(_) if total > 1 => Some(Error::some_failed(failed, total, worst, renew_of(failing))),
        only => only,
    };
    let json = Json::of([("results", Json::Array(results))]);
    let report = Report::new(text, json).with_problem(problem).that_changed(!brief.is_empty());
    let mut report = report.in_brief(brief.join("\n"));
    report.succeeded = succeeded;
    report
}

/// A token for programs; itself only where it was asked for.
pub(super) fn token_json(token: &Token, print: bool) -> Json {
    let mut json =
        Json::of([("jti", token.jti.clone().into()), ("expires_at", token.expiry.at().into())]);
    if print {
        json.set("access_token", token.access_token.expose().into());
    }
    json
}
