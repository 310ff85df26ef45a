//! What a refresh came to, as text and JSON.

use crate::commands::app;
use crate::context::Console;
use crate::error::{Error, Result};
use crate::json::Json;
use crate::output::{self, Report};
use crate::rotation::journal::WorkspaceRef;
use crate::rotation::{OldFate, Outcome, Refreshed};
use crate::text::printable;
use crate::token::{Token, TokenExpiry};

/// What became of one workspace.
pub(super) fn one(place: &WorkspaceRef, outcome: Outcome, print: bool) -> Report {
    match outcome {
        Outcome::Refreshed(refreshed) => done(place, refreshed, print),
        Outcome::NotDue(token) => not_due(place, &token),
    }
}

fn done(place: &WorkspaceRef, refreshed: Refreshed, print: bool) -> Report {
    let Refreshed {
        new,
        old,
        fate,
        verified,
        resumed,
    } = refreshed;
    let (message, outcome) = match &fate {
        OldFate::Kept(_) => ("Token refreshed but not handed on", "hand_over_failed"),
        _ if resumed => ("Token of an earlier run handed on", "handed_over"),
        OldFate::Live(_) => ("Token refreshed successfully", "refreshed_old_live"),
        _ => ("Token refreshed successfully", "refreshed"),
    };
    let mut text = format!("{message}.\n");
    if let Some(old) = &old {
        let words = match &fate {
            OldFate::Revoked(_) => "has been revoked".to_owned(),
            OldFate::Grace(until) => {
                format!("stays live until {until}; the first run after that revokes it")
            }
            OldFate::Live(_) | OldFate::Kept(_) | OldFate::None => "is still live".to_owned(),
        };
        text += &format!("Old token ({}) {words}.\n", printable(old.jti_for_people()));
    }
    text += &new_token_lines(&new, print);
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
        ("workspace", app::json_place(place)),
        ("verified", verified.into()),
    ]);
    let problem = match fate {
        OldFate::Live(reason) => Some(Error::OldTokenLive {
            jti: old_jti,
            reason,
        }),
        OldFate::Kept(reason) => Some(Error::HandOver { reason }),
        _ => None,
    };
    Report::new(text, json).with_problem(problem)
}

fn not_due(place: &WorkspaceRef, token: &Token) -> Report {
    let name = printable(&place.name);
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
        ("workspace", app::json_place(place)),
        ("current_token", token_json(token, false)),
    ]);
    Report::new(text, json)
}

/// What there is to say when another run was faster.
pub(super) fn already(
    place: &WorkspaceRef,
    current: &Token,
    before: &Token,
    print: bool,
) -> Report {
    let message = "Token was refreshed by another run while this one waited";
    let text = format!("{message}.\n{}", new_token_lines(current, print));
    let json = Json::of([
        ("new_token", token_json(current, print)),
        (
            "old_token",
            Json::of([
                ("jti", before.jti.clone().into()),
                ("revoked_at", Json::Null),
            ]),
        ),
        ("message", message.into()),
        ("outcome", "already_refreshed".into()),
        ("workspace", app::json_place(place)),
        ("verified", Json::Null),
    ]);
    Report::new(text, json)
}

/// What becomes of many workspaces: a line each on stderr as it is known, the sums on stdout.
pub(super) struct Many<'a> {
    console: &'a Console,
    places: &'a [WorkspaceRef],
    results: Vec<Json>,
    refreshed: usize,
    not_due: usize,
    failed: usize,
    /// How many there is something to say of, refreshed or not.
    trouble: usize,
    worst: u8,
}

impl<'a> Many<'a> {
    pub(super) fn new(console: &'a Console, places: &'a [WorkspaceRef]) -> Self {
        Self {
            console,
            places,
            results: vec![Json::Null; places.len()],
            refreshed: 0,
            not_due: 0,
            failed: 0,
            trouble: 0,
            worst: 0,
        }
    }

    /// Takes what became of the n-th.
    pub(super) fn take(&mut self, n: usize, outcome: Result<Outcome>) {
        let place = &self.places[n];
        let name = printable(&place.name);
        let (mut json, problem) = match outcome {
            Err(error) => {
                self.failed += 1;
                let json = Json::of([
                    ("workspace", app::json_place(place)),
                    ("outcome", "failed".into()),
                ]);
                (json, Some(error))
            }
            Ok(outcome) => {
                let not_due = matches!(outcome, Outcome::NotDue(_));
                self.not_due += usize::from(not_due);
                self.refreshed += usize::from(!not_due);
                let report = one(place, outcome, false);
                (report.json, report.problem)
            }
        };
        if let Some(error) = &problem {
            self.trouble += 1;
            self.worst = self.worst.max(error.exit_code());
            self.console
                .say(&format!("{name}: {}", error.in_one_line()));
            json.set("error", output::describe(error));
        } else {
            self.console.say(&format!("{name}: {}", in_a_line(&json)));
        }
        self.results[n] = json;
    }

    pub(super) fn report(self) -> Report {
        let Self {
            refreshed,
            not_due,
            failed,
            trouble,
            ..
        } = self;
        let total = self.places.len();
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
    let outcome = json["outcome"]
        .as_str()
        .unwrap_or_default()
        .replace('_', " ");
    let token = match &json["new_token"]["jti"] {
        Json::Null => &json["current_token"],
        _ => &json["new_token"],
    };
    let jti = printable(token["jti"].as_str().unwrap_or("no id"));
    let end = token["expires_at"].as_str().unwrap_or("never");
    format!("{outcome}, {jti}, expires {end}")
}

fn new_token_lines(token: &Token, print: bool) -> String {
    let mut text = app::expires_line("New token expires", token.expiry);
    text += &format!("New token JTI: {}\n", printable(token.jti_for_people()));
    if print {
        text += &format!("Token: {}\n", token.access_token.expose());
    }
    text
}

fn token_json(token: &Token, print: bool) -> Json {
    let mut json = Json::of([
        ("jti", token.jti.clone().into()),
        ("expires_at", token.expiry.at().into()),
    ]);
    if print {
        json.set("access_token", token.access_token.expose().into());
    }
    json
}
