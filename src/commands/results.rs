//! What became of the tokens of workspaces: the one form in which `token refresh`, `renew` and `token
//! rollback` tell it, in text and in JSON.

use super::granted::Granted;
use super::messages::print_orphans;
use crate::commands::prelude::*;
use crate::context::Console;
use crate::error::renew_of;
use crate::output;
use crate::rotation::{Event, OldFate, Outcome, RefreshOptions, Refreshed, WorkspaceRef};
use crate::targets::EXEC;
use crate::text::{counted, shell_word};
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

/// What a run meets on its way.
#[derive(Default)]
pub(super) struct Events(pub(super) Vec<Event>);

impl Events {
    /// Keeps an event and says it; of tokens that nothing here holds, the end of the run tells.
    pub(super) fn record_and_print(&mut self, event: Event, app: &App) {
        if !matches!(event, Event::Orphan { revoked: false, .. }) {
            app.on_event(&event);
        }
        self.0.push(event);
    }

    /// Says where the new token is now and which others live, and adds both to the JSON.
    pub(super) fn finish(self, console: &Console, json: &mut Json) {
        let (mut orphans, mut live) = (Vec::new(), Vec::new());
        let (mut deliveries, mut places) = (Vec::new(), Vec::new());
        for event in self.0 {
            match event {
                Event::Orphan { orphan, revoked } => {
                    orphans.push(Json::of([
                        ("jti", orphan.jti.as_str().into()),
                        ("workspace", app::json_workspace(&orphan.workspace)),
                        ("revoked", revoked.into()),
                    ]));
                    live.extend((!revoked).then_some(orphan));
                }
                Event::Delivery { workspace, target, failed } => {
                    let env = target.strip_prefix("env:").and_then(|env| env.split_once('='));
                    let place = match env {
                        Some((variable, file)) => format!("{variable} in {file}"),
                        // A command may hold a secret.
                        None if target.starts_with(EXEC) => "a command".to_owned(),
                        None => target.strip_prefix("replace:").unwrap_or(&target).to_owned(),
                    };
                    places.extend(failed.is_none().then_some(place));
                    deliveries.push(Json::of([
                        ("target", target.into()),
                        ("workspace", app::json_workspace(&workspace)),
                        ("delivered", failed.is_none().into()),
                        ("reason", failed.into()),
                    ]));
                }
                _ => {}
            }
        }
        if !places.is_empty() {
            let places = printable(&places.join(", "));
            console.note(&format!("The new token is delivered to {places}."));
        }
        print_orphans(console, &live);
        json.set("orphans", Json::Array(orphans));
        if !deliveries.is_empty() {
            json.set("deliveries", Json::Array(deliveries));
        }
    }
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
        let granted = Granted::compare(options, new, old.as_ref(), self.began);
        let granted = granted.filter(|_| !resumed);
        let (message, outcome) = match &refreshed.fate {
            OldFate::Kept(_) => ("Token refreshed but not delivered", "delivery_failed"),
            _ if *resumed => ("Token of an earlier run delivered", "delivered"),
            OldFate::Live(_) | OldFate::LosesScope => {
                ("Token refreshed successfully", "refreshed_old_live")
            }
            _ => ("Token refreshed successfully", "refreshed"),
        };
        let words = [message, outcome, "New", "Old"];
        let mut report = self.replaced(workspace, refreshed, words, served);
        if let Some(granted) = granted {
            self.console.warn(&format!("{name}: {}", granted.text));
            report.json.set("granted", granted.json());
        }
        report
    }

    /// What a rollback came to.
    pub(super) fn rolled_back(&self, workspace: &WorkspaceRef, refreshed: Refreshed) -> Report {
        let message = match &refreshed.fate {
            OldFate::Kept(_) => "Token rolled back but not delivered",
            _ => "Token rolled back",
        };
        self.replaced(workspace, refreshed, [message, "rolled_back", "Current", "Newer"], 0)
    }

    /// What there is to say when another run was faster.
    pub(super) fn already(&self, workspace: &WorkspaceRef, current: Token, old: Token) -> Report {
        let message = "Token was refreshed by another run while this one waited";
        let (old, fate) = (Some(old), OldFate::None);
        let refreshed = Refreshed { new: current, old, fate, verified: None, resumed: false };
        let words = [message, "already_refreshed", "New", "Old"];
        self.replaced(workspace, refreshed, words, 0).that_changed(self.print)
    }

    /// One token in the place of another: what happened, its code, and what to call the two.
    fn replaced(
        &self,
        workspace: &WorkspaceRef,
        refreshed: Refreshed,
        [message, outcome, which, other]: [&str; 4],
        served: usize,
    ) -> Report {
        let Refreshed { new, old, fate, verified, .. } = refreshed;
        let (expires, jti) = (new.expiry.for_people(), printable(new.jti_for_people()));
        let mut text = format!("{message}.\n");
        text += &old.as_ref().map_or(String::new(), |old| of_other(workspace, other, old, &fate));
        text += &format!("{which} token expires: {expires}\n{which} token JTI: {jti}\n");
        if self.print {
            text += &format!("Token: {}\n", new.access_token.expose());
        }
        let what = match outcome {
            "delivery_failed" => "not delivered".to_owned(),
            "refreshed_old_live" => "refreshed but the old token may be live".to_owned(),
            outcome => outcome.replace('_', " "),
        };
        let token = match served {
            0 => jti,
            1 => format!("1 target has the new token ({jti})"),
            n => format!("{} have the new token ({jti})", counted(n, "target")),
        };
        let mut brief = format!("{what}, {token}, expires {expires}");
        let old_jti = old.and_then(|old| old.jti);
        let mut old_token = Json::of([("jti", old_jti.clone().into()), ("revoked_at", Json::Null)]);
        let problem = match &fate {
            OldFate::None => None,
            OldFate::Revoked(at) => {
                old_token.set("revoked_at", (*at).into());
                None
            }
            OldFate::Grace(until) => {
                old_token.set("revoke_after", (*until).into());
                brief += &format!(", the old one lives until {until}");
                None
            }
            OldFate::Live(reason) => Some(Error::old_token_live(old_jti.as_deref(), reason)),
            OldFate::LosesScope => Some(Error::loses_scope(&workspace.name)),
            OldFate::Kept(reason) => {
                let again = renew_of([workspace.name.as_str()]);
                Some(Error::not_delivered(vec![reason.clone()], &again))
            }
        };
        let json = Json::of([
            ("new_token", token_json(&new, self.print)),
            ("old_token", old_token),
            ("message", message.into()),
            ("outcome", outcome.into()),
            ("workspace", app::json_workspace(workspace)),
            ("verified", verified.into()),
        ]);
        Report::new(text, json).with_problem(problem).in_brief(brief)
    }

    /// The result of the only workspace: its line names it, and has the token that was asked for.
    pub(super) fn alone(&self, workspace: &WorkspaceRef, mut report: Report) -> Report {
        let token = report.text.lines().last().filter(|_| self.print);
        let token = token.map(|line| format!("\n{line}")).unwrap_or_default();
        let name = printable(&workspace.name);
        report.brief = report.brief.map(|brief| format!("{name}: {brief}{token}"));
        if report.problem.is_none() {
            report.succeeded.push(workspace.id.clone());
        }
        report
    }
}

/// What became of the token that is not the current one any more, and the way back to it.
fn of_other(workspace: &WorkspaceRef, other: &str, old: &Token, fate: &OldFate) -> String {
    let (words, undo) = match fate {
        OldFate::None => return String::new(),
        OldFate::Revoked(_) => ("has been revoked".to_owned(), None),
        OldFate::Grace(until) => {
            let words = match old.expiry.at() {
                Some(ends) if ends <= *until => format!("stays live until {ends}, when it expires"),
                _ => format!("stays live until {until}; the first run after that revokes it"),
            };
            (words, Some("Undo until then"))
        }
        OldFate::Live(_) => ("may still be live".to_owned(), None),
        OldFate::LosesScope => ("is still live".to_owned(), None),
        OldFate::Kept(_) => ("is still live".to_owned(), Some("Undo")),
    };
    let name = shell_word(&printable(&workspace.name));
    let undo = undo.map(|undo| format!("{undo}: ntcli token rollback {name}\n"));
    let jti = printable(old.jti_for_people());
    format!("{other} token ({jti}) {words}.\n{}", undo.unwrap_or_default())
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
    let at = token.renewal(options.due_within_s.unwrap_or_default());
    let brief = at.map_or("never due".to_owned(), |at| format!("not due before {at}"));
    Report::new(text, json).in_brief(brief).that_changed(false)
}

/// What is said of one of several workspaces: what was done, and what is wrong.
pub(super) fn line(workspace: &WorkspaceRef, report: &Report) -> String {
    let wrong = report.problem.as_ref().map(|error| {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        error.in_one_line() + &hint
    });
    let said: Vec<String> = report.brief.iter().cloned().chain(wrong).collect();
    printable(&format!("{}: {}", workspace.name, said.join("; ")))
}

/// The results of several workspaces as one: a line each, and in brief those with news. What is wrong
/// with the only one is told as such, else of how many something is wrong; `hint` helps then.
pub(super) fn several(
    workspaces: &[WorkspaceRef],
    reports: Vec<Report>,
    hint: impl Fn(&[&str]) -> String,
) -> Report {
    let (mut text, mut brief, mut results) = (String::new(), Vec::new(), Vec::new());
    let (mut succeeded, mut problems, mut failing) = (Vec::new(), Vec::new(), Vec::new());
    for (workspace, mut report) in workspaces.iter().zip(reports) {
        report.problem = report.problem.map(|error| error.of_workspace(Some(&workspace.name)));
        let line = line(workspace, &report);
        text += &format!("{line}\n");
        brief.extend((report.changed || report.problem.is_some()).then_some(line));
        match report.problem {
            None => succeeded.push(workspace.id.clone()),
            Some(error) => {
                report.json.set("error", output::describe(&error));
                failing.push(app::word_among(workspaces.iter(), workspace));
                problems.push(error);
            }
        }
        results.push(report.json);
    }
    let (failed, total) = (problems.len(), results.len());
    let worst = problems.iter().map(Error::exit_code).max().unwrap_or(0);
    let problem = match problems.pop() {
        Some(_) if total > 1 => Some(Error::some_failed(failed, total, worst, hint(&failing))),
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
