//! A report as text or JSON: stdout is the result, stderr is everything else.

pub(crate) mod table;

use std::io;

use crate::context::Console;
use crate::error::Error;
use crate::json::Json;
use crate::text::{acts_on_terminal, printable};
use crate::time::Timestamp;

/// The report of a finished command.
pub(crate) struct Report {
    /// For people and plain pipes; with its newlines.
    pub text: String,
    /// For programs: an object.
    pub json: Json,
    /// The error beside a partial success.
    pub problem: Option<Error>,
    /// The exit code of a success, for commands that answer by it.
    pub exit: u8,
    /// Whether something is another way than before; for commands that change something.
    pub changed: bool,
    /// The workspaces, by their UUIDs, that a refresh left with nothing to do.
    pub succeeded: Vec<String>,
    /// What changed, in a line; otherwise the first one of the text says it.
    pub brief: Option<String>,
    /// What to do next, said after the result.
    pub next: Option<String>,
    /// Whether the result has been printed already.
    delivered: bool,
}

/// How much of a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All of it.
    Whole,
    /// One line, and none if nothing changed.
    Change,
    Nothing,
    Json,
}

impl Detail {
    fn of(self, report: Report, went_wrong: bool) -> String {
        match self {
            Self::Nothing if went_wrong => report.text,
            Self::Change if report.changed => {
                let first = || report.text.lines().next().map(str::to_owned);
                let line = report.brief.or_else(first).filter(|line| !line.is_empty());
                line.map(|line| format!("{line}\n")).unwrap_or_default()
            }
            Self::Change | Self::Nothing => String::new(),
            Self::Whole | Self::Json => report.text,
        }
    }
}

impl Report {
    /// A success.
    pub(crate) fn new(text: impl Into<String>, json: Json) -> Self {
        Self {
            text: text.into(),
            json,
            problem: None,
            exit: 0,
            changed: true,
            succeeded: Vec::new(),
            brief: None,
            next: None,
            delivered: false,
        }
    }

    /// A success whose result has been printed with [`deliver`].
    pub(crate) fn delivered() -> Self {
        Self { delivered: true, ..Self::new("", Json::Null) }
    }

    /// Tells whether something is another way than before.
    pub(crate) fn that_changed(self, changed: bool) -> Self {
        Self { changed, ..self }
    }

    /// Says in a line what changed.
    pub(crate) fn in_brief(self, line: String) -> Self {
        Self { brief: Some(line), ..self }
    }

    /// Answers by the exit code.
    pub(crate) fn answering(self, exit: u8) -> Self {
        Self { exit, ..self }
    }

    /// Says what to do next, after the result.
    pub(crate) fn with_next_step(self, next: Option<String>) -> Self {
        Self { next, ..self }
    }

    /// A partial success.
    pub(crate) fn with_problem(self, problem: Option<Error>) -> Self {
        Self { problem, ..self }
    }
}

/// Prints a result that must be received.
///
/// # Errors
/// When standard output did not take all of it.
pub(crate) fn deliver(console: &Console, as_json: bool, text: &str, json: &Json) -> io::Result<()> {
    if as_json { console.deliver(&laid_out(json)) } else { console.deliver(text) }
}

/// Prints the result of a command and returns the exit code: `unprintable` if that cannot be done.
pub(crate) fn finish(
    console: &Console,
    detail: Detail,
    outcome: Result<Report, Error>,
    unprintable: u8,
) -> u8 {
    console.clear_progress();
    let failed = |error| Report::new("", Json::object()).with_problem(Some(error));
    let mut report = outcome.unwrap_or_else(failed);
    let (problem, next, success) = (report.problem.take(), report.next.take(), report.exit);
    let printed = if report.delivered {
        Ok(())
    } else if detail == Detail::Json {
        if let Some(error) = &problem {
            report.json.set("error", describe(error));
        }
        console.result(&laid_out(&report.json))
    } else {
        console.result(&detail.of(report, problem.is_some()))
    };
    if let Some(next) = next {
        console.note(&next);
    }
    if let Some(error) = &problem {
        explain(console, error);
    }
    match (printed, problem) {
        (_, Some(error)) => error.exit_code(),
        (Ok(()), None) if success == 0 && console.leaves_work() => crate::error::exit::OLD_LIVE,
        (Ok(()), None) => success,
        (Err(source), None) => {
            explain(console, &Error::write_result(&source));
            unprintable
        }
    }
}

/// One JSON value as a result.
pub(crate) fn laid_out(json: &Json) -> String {
    let text = serde_json::to_string_pretty(json).unwrap_or_default();
    format!("{}\n", escaped(&text))
}

/// JSON leaves some characters raw that a terminal interprets; inside a string their escape means
/// the same, and they do not occur elsewhere.
fn escaped(json: &str) -> String {
    json.chars().fold(String::new(), |mut text, c| {
        if c != '\n' && acts_on_terminal(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text += &format!("\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
        text
    })
}

/// An error for people. A cause and a hint take one line each, even with line breaks in an id.
fn explain(console: &Console, error: &Error) {
    let error = error.redacted();
    console.error(error.message());
    for cause in error.causes() {
        console.say(&format!("Caused by: {}", printable(cause)));
    }
    if let Some(hint) = error.hint() {
        console.say(&format!("Hint: {}", printable(hint)));
    }
}

/// An error for programs.
pub(crate) fn describe(error: &Error) -> Json {
    let error = error.redacted();
    let mut object = Json::of([
        ("code", error.code().into()),
        ("message", error.message().into()),
        ("hint", error.hint().map(str::to_owned).into()),
        ("exit_code", i64::from(error.exit_code()).into()),
        ("retryable", error.retryable().into()),
    ]);
    if let Some(status) = error.http_status() {
        object.set("http_status", i64::from(status).into());
    }
    if !error.causes().is_empty() {
        object.set("causes", error.causes().to_vec().into());
    }
    object
}

/// A moment as outputs show it: `-` if unknown.
pub(crate) fn moment(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_nothing_that_a_terminal_acts_on() {
        let hostile = "a\u{1b}[31m\u{9b}\u{7f}\u{202e}\nb";
        let raw =
            serde_json::to_string_pretty(&Json::of([("a", hostile.into())])).unwrap_or_default();
        let safe = escaped(&raw);
        assert!(!safe.chars().any(|c| c != '\n' && acts_on_terminal(c)), "{safe:?}");
        let back: Json = serde_json::from_str(&safe).unwrap();
        assert_eq!(back.get("a").and_then(Json::as_str), Some(hostile));
    }
}
