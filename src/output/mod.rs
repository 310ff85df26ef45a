//! A report as text or JSON: stdout is the result, stderr is everything else.

pub mod table;

use crate::context::Console;
use crate::error::{Error, exit};
use crate::json::Json;
use crate::secret::redact;
use crate::text::{acts_on_terminal, printable};

/// What a command has to say when it is done.
pub struct Report {
    /// For people and plain pipes; with its newlines.
    pub text: String,
    /// For programs: an object.
    pub json: Json,
    /// What went wrong beside it, after a success in part.
    pub problem: Option<Error>,
    /// The exit code of a success, for commands that answer by it.
    pub exit: u8,
    /// The exit code when the report itself cannot be written.
    pub unwritten: u8,
}

impl Report {
    /// A success.
    #[must_use]
    pub fn new(text: impl Into<String>, json: Json) -> Self {
        Self {
            text: text.into(),
            json,
            problem: None,
            exit: 0,
            unwritten: exit::FAILED,
        }
    }

    /// A success in part.
    #[must_use]
    pub fn with_problem(mut self, problem: Option<Error>) -> Self {
        self.problem = problem;
        self
    }
}

/// Prints what a command came to and answers the exit code.
#[must_use]
pub fn finish(console: &Console, as_json: bool, outcome: Result<Report, Error>) -> u8 {
    console.clear_progress();
    let (report, error) = match outcome {
        Ok(mut report) => {
            let problem = report.problem.take();
            (Some(report), problem)
        }
        Err(error) => (None, Some(error)),
    };
    let success = report.as_ref().map_or(0, |r| r.exit);
    let unwritten = report.as_ref().map_or(exit::FAILED, |r| r.unwritten);
    let printed = if as_json {
        let mut object = report.map_or_else(Json::object, |report| report.json);
        if let Some(error) = &error {
            object.set("error", describe(error));
        }
        let text = serde_json::to_string_pretty(&object).unwrap_or_default();
        console.result(&format!("{}\n", escaped(&text)))
    } else {
        report.map_or(Ok(()), |r| console.result(&r.text))
    };
    if let Some(error) = &error {
        explain(console, error);
    }
    match (printed, error) {
        (_, Some(error)) => error.exit_code(),
        (Ok(()), None) => success,
        (Err(source), None) => {
            explain(console, &Error::WriteResult { source });
            unwritten
        }
    }
}

/// JSON leaves some characters raw that a terminal acts on; inside a string their escape means
/// the same, and outside of strings there are none.
fn escaped(json: &str) -> String {
    json.chars().fold(String::new(), |mut text, c| {
        if c != '\n' && acts_on_terminal(c) {
            text += &format!("\\u{:04x}", u32::from(c)); // all of them have four digits
        } else {
            text.push(c);
        }
        text
    })
}

/// An error for people. A cause and a hint take one line each, whatever the ids in them hold.
fn explain(console: &Console, error: &Error) {
    console.error(&message(error));
    for cause in causes(error) {
        console.say(&format!("Caused by: {}", printable(&cause)));
    }
    if let Some(hint) = error.hint() {
        console.say(&format!("Hint: {}", printable(&hint)));
    }
}

/// What failed. It may repeat what was typed, and a token may have been pasted in the wrong place.
fn message(error: &Error) -> String {
    redact(&error.to_string(), &[])
}

fn causes(error: &Error) -> Vec<String> {
    let causes = error.causes().into_iter();
    causes.map(|cause| redact(&cause, &[])).collect()
}

/// An error for programs.
#[must_use]
pub fn describe(error: &Error) -> Json {
    let mut object = Json::of([
        ("code", error.code().into()),
        ("message", message(error).into()),
        ("hint", error.hint().into()),
        ("exit_code", i64::from(error.exit_code()).into()),
        ("retryable", error.retryable().into()),
    ]);
    if let Some(status) = error.http_status() {
        object.set("http_status", i64::from(status).into());
    }
    let causes = causes(error);
    if !causes.is_empty() {
        object.set("causes", causes.into());
    }
    object
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
        assert!(
            !safe.chars().any(|c| c != '\n' && acts_on_terminal(c)),
            "{safe:?}"
        );
        let back: Json = serde_json::from_str(&safe).unwrap();
        assert_eq!(back.get("a").and_then(Json::as_str), Some(hostile));
    }
}
