//! What becomes of the workspaces of a refresh.

use super::refresh_report::{RunEvents, already, in_a_line, one};
use crate::cli::TokenRefresh;
use crate::commands::app;
use crate::commands::granted::Granted;
use crate::context::Console;
use crate::error::{Error, Result, renew_of};
use crate::json::Json;
use crate::output::{self, Report};
use crate::rotation::{Outcome, Pending, Refreshed, WorkspaceRef};
use crate::text::printable;
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

/// What becomes of the workspaces: one has the whole report; of many there is a line each on stderr
/// as soon as it is known, and the sums on stdout.
pub(super) struct Outcomes<'a> {
    console: &'a Console,
    workspaces: &'a [WorkspaceRef],
    print: bool,
    /// What was asked for, and when.
    pub(super) asked: (Expiry, Timestamp),
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
    trouble: Vec<usize>,
    worst: u8,
}

impl<'a> Outcomes<'a> {
    pub(super) fn new(
        console: &'a Console,
        workspaces: &'a [WorkspaceRef],
        args: &TokenRefresh,
        asked: (Expiry, Timestamp),
    ) -> Self {
        let many = args
            .all
            .then(|| Many { results: vec![Json::Null; workspaces.len()], ..Many::default() });
        Self {
            console,
            workspaces,
            print: args.print,
            asked,
            one: None,
            many,
            succeeded: Vec::new(),
        }
    }

    /// Another run refreshed the one workspace while this one waited.
    /// It ends as that run ended.
    pub(super) fn already(&mut self, current: &Token, before: &Token, pending: &Pending) {
        let workspace = &self.workspaces[0];
        let open = pending.rotation(workspace).filter(|open| open.awaits_delivery());
        let problem = open.map(|open| {
            Error::delivery_pending(
                open.old.as_ref().and_then(|old| old.jti.clone()).as_deref(),
                open.unnamed,
            )
        });
        if problem.is_none() {
            self.succeeded.push(workspace.id.clone());
        }
        let report = already(workspace, current, before, self.print);
        self.one = Some(report.with_problem(problem));
    }

    /// Takes what became of the n-th.
    pub(super) fn take(&mut self, n: usize, outcome: Result<Outcome>) {
        let workspace = &self.workspaces[n];
        if outcome.as_ref().is_ok_and(Outcome::is_complete) {
            self.succeeded.push(workspace.id.clone());
        }
        let name = printable(&workspace.name);
        let lacks_id = |outcome: &Outcome| match outcome {
            Outcome::Refreshed(refreshed) => refreshed.new.jti.is_none(),
            Outcome::NotDue(_) => false,
        };
        if outcome.as_ref().is_ok_and(lacks_id) {
            self.console.warn(&format!(
                "The new token of '{name}' has no id: ntcli will not be able to revoke it"
            ));
        }
        if let Ok(Outcome::Refreshed(Refreshed { verified: Some(false), .. })) = &outcome {
            self.console.note(&format!(
                "The new token of '{name}' is not verified: the server does not tell whether it works"
            ));
        }
        let granted = match &outcome {
            Ok(Outcome::Refreshed(refreshed)) if !refreshed.resumed => {
                let (asked, now) = self.asked;
                Granted::compare(asked, &refreshed.new, refreshed.old.as_ref(), now)
            }
            _ => None,
        };
        if let Some(granted) = &granted {
            self.console.warn(&format!("{name}: {}", granted.text));
        }
        let granted = granted.map(|granted| granted.json());
        let Some(many) = &mut self.many else {
            let mut report = match outcome {
                Ok(outcome) => one(workspace, outcome, self.print),
                // What else was found out is worth knowing then, too.
                Err(error) => Report::new("", Json::object()).with_problem(Some(error)),
            };
            if let Some(granted) = granted {
                report.json.set("granted", granted);
            }
            self.one = Some(report);
            return;
        };
        let (not_due, failed) = (matches!(outcome, Ok(Outcome::NotDue(_))), outcome.is_err());
        let outcome = outcome.map_err(|error| error.of_workspace(Some(&workspace.name)));
        let (line, mut json) = many.count(n, workspace, outcome);
        if let Some(granted) = granted {
            json.set("granted", granted);
        }
        let line = format!("{name}: {line}");
        match (not_due, failed) {
            (true, _) => self.console.note(&line),
            (_, true) => self.console.detail(&line),
            _ => self.console.say(&line),
        }
        many.results[n] = json;
    }

    pub(super) fn report(self, events: RunEvents, overdue: Option<Error>) -> Report {
        let none =
            || Report::new("", Json::object()).with_problem(Some(Error::nothing_to_refresh()));
        let mut report = match self.many {
            Some(many) => many.report(self.workspaces),
            None => self.one.unwrap_or_else(none),
        };
        report.succeeded = self.succeeded;
        events.print(self.console);
        events.add_to(&mut report.json);
        report.problem = report.problem.or(overdue);
        report
    }
}

impl Many {
    /// The line and the JSON of one workspace.
    fn count(
        &mut self,
        n: usize,
        workspace: &WorkspaceRef,
        outcome: Result<Outcome>,
    ) -> (String, Json) {
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
        self.trouble.push(n);
        self.worst = self.worst.max(error.exit_code());
        json.set("error", output::describe(error));
        (error.in_one_line(), json)
    }

    fn report(self, workspaces: &[WorkspaceRef]) -> Report {
        let Self { refreshed, not_due, failed, trouble, .. } = self;
        let mut text = format!("Refreshed {refreshed} of {} workspaces", workspaces.len());
        if not_due > 0 {
            text += &format!(", {not_due} not due");
        }
        text += &format!(", {failed} failed.\n");
        let json = Json::of([
            ("results", Json::Array(self.results)),
            ("refreshed", refreshed.into()),
            ("not_due", not_due.into()),
            ("failed", failed.into()),
        ]);
        let problem = (!trouble.is_empty()).then(|| {
            let words = trouble.iter().map(|n| app::word_among(workspaces.iter(), &workspaces[*n]));
            Error::some_failed(trouble.len(), workspaces.len(), self.worst, renew_of(words))
        });
        // Each has had a line of its own.
        Report::new(text, json).with_problem(problem).that_changed(false)
    }
}
