//! What a refresh came to, as text and JSON.

use crate::commands::messages::print_orphans;
use crate::commands::prelude::*;
use crate::context::Console;
use crate::error::renew_of;
use crate::rotation::{Event, OldFate, Orphan, Outcome, Refreshed, WorkspaceRef};
use crate::targets::EXEC;
use crate::text::shell_word;
use crate::token::{Token, TokenExpiry};

/// What a run meets on its way, for JSON.
#[derive(Default)]
pub(super) struct RunEvents {
    orphans: Vec<Json>,
    /// Those of them that live, told of at the end.
    live: Vec<Orphan>,
    deliveries: Vec<Json>,
}

impl RunEvents {
    pub(super) fn record_and_print(&mut self, event: Event, app: &App) {
        if !matches!(event, Event::Orphan { revoked: false, .. }) {
            app.on_event(&event);
        }
        match event {
            Event::Orphan { orphan, revoked } => {
                self.orphans.push(Json::of([
                    ("jti", orphan.jti.as_str().into()),
                    ("workspace", app::json_workspace(&orphan.workspace)),
                    ("revoked", revoked.into()),
                ]));
                self.live.extend((!revoked).then_some(orphan));
            }
            Event::Delivery { workspace, target, failed } => self.deliveries.push(Json::of([
                ("target", target.into()),
                ("workspace", app::json_workspace(&workspace)),
                ("delivered", failed.is_none().into()),
                ("reason", failed.into()),
            ])),
            _ => {}
        }
    }

    /// What to say at the end: where the new token is now, and which others live.
    pub(super) fn print(&self, console: &Console) {
        let delivered = self.deliveries.iter().filter(|one| one["delivered"] == Json::Bool(true));
        // A command may hold a secret.
        let name = |name| if str::starts_with(name, EXEC) { "a command" } else { name };
        let names = delivered.filter_map(|one| one["target"].as_str().map(name));
        let names: Vec<&str> = names.collect();
        if !names.is_empty() {
            let names = printable(&names.join(", "));
            console.note(&format!("The new token is delivered to {names}."));
        }
        print_orphans(console, &self.live);
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
pub(super) fn one(workspace: &WorkspaceRef, outcome: Outcome, print: bool) -> Report {
    match outcome {
        Outcome::Refreshed(refreshed) => done(workspace, refreshed, print),
        Outcome::NotDue(token) => not_due(workspace, &token),
    }
}

fn done(workspace: &WorkspaceRef, refreshed: Refreshed, print: bool) -> Report {
    let (message, outcome) = match &refreshed.fate {
        OldFate::Kept(_) => ("Token refreshed but not delivered", "delivery_failed"),
        _ if refreshed.resumed => ("Token of an earlier run delivered", "delivered"),
        OldFate::Live(_) | OldFate::LosesScope => {
            ("Token refreshed successfully", "refreshed_old_live")
        }
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
    replaced(workspace, refreshed, false, (message, "rolled_back", "Current", "Newer"))
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
            OldFate::Grace(until) if Some(*until) >= old.expiry.at() => {
                format!("stays live until {until}, when it expires")
            }
            OldFate::Grace(until) => {
                format!("stays live until {until}; the first run after that revokes it")
            }
            OldFate::Live(_) => "may still be live".to_owned(),
            OldFate::Kept(_) | OldFate::LosesScope | OldFate::None => "is still live".to_owned(),
        };
        text += &format!("{other} token ({}) {words}.\n", printable(old.jti_for_people()));
        let until = if matches!(fate, OldFate::Grace(_)) { " until then" } else { "" };
        if matches!(fate, OldFate::Grace(_) | OldFate::Kept(_)) {
            let name = shell_word(&printable(&workspace.name));
            text += &format!("Undo{until}: ntcli token rollback {name}\n");
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
    let problem = problem(workspace, old_jti.as_deref(), &fate);
    let brief = brief(workspace, &json, &new, print);
    Report::new(text, json).with_problem(problem).in_brief(brief)
}

/// What is wrong after a refresh, by what became of the old token.
pub(crate) fn problem(
    workspace: &WorkspaceRef,
    old_jti: Option<&str>,
    fate: &OldFate,
) -> Option<Error> {
    match fate {
        OldFate::Live(reason) => Some(Error::old_token_live(old_jti, reason)),
        OldFate::LosesScope => Some(Error::loses_scope(&workspace.name)),
        OldFate::Kept(reason) => {
            Some(Error::not_delivered(reason, &renew_of([workspace.name.as_str()])))
        }
        _ => None,
    }
}

/// The change in a line; the token that was asked for is the result even where only changes are.
fn brief(workspace: &WorkspaceRef, json: &Json, token: &Token, print: bool) -> String {
    let line = format!("{}: {}", printable(&workspace.name), in_a_line(json));
    if print { format!("{line}\n{}", bare_line(token).trim_end()) } else { line }
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
    Report::new(text, json).that_changed(false)
}

/// What there is to say when another run was faster.
pub(super) fn already(
    workspace: &WorkspaceRef,
    current: &Token,
    before: &Token,
    print: bool,
) -> Report {
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
    let brief = brief(workspace, &json, current, print);
    Report::new(text, json).in_brief(brief).that_changed(print)
}

/// One result, for the line it gets.
pub(super) fn in_a_line(json: &Json) -> String {
    let outcome = match json["outcome"].as_str().unwrap_or_default() {
        "delivery_failed" => "not delivered".to_owned(),
        "refreshed_old_live" => "refreshed but the old token may be live".to_owned(),
        "delivered" => "delivered".to_owned(),
        outcome => outcome.replace('_', " "),
    };
    let token = match &json["new_token"]["jti"] {
        Json::Null => &json["current_token"],
        _ => &json["new_token"],
    };
    let jti = printable(token["jti"].as_str().unwrap_or("no id"));
    let end = token["expires_at"].as_str().unwrap_or("never");
    format!("{outcome}, {jti}, expires {end}")
}

fn token_lines(which: &str, token: &Token, print: bool) -> String {
    let mut text = format!("{which} token expires: {}\n", token.expiry.for_people());
    text += &format!("{which} token JTI: {}\n", printable(token.jti_for_people()));
    if print {
        text += &bare_line(token);
    }
    text
}

fn bare_line(token: &Token) -> String {
    format!("Token: {}\n", token.access_token.expose())
}

pub(crate) fn token_json(token: &Token, print: bool) -> Json {
    let mut json =
        Json::of([("jti", token.jti.clone().into()), ("expires_at", token.expiry.at().into())]);
    if print {
        json.set("access_token", token.access_token.expose().into());
    }
    json
}
