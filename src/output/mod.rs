//! A report as text or JSON: stdout is the result, stderr is everything else.

pub(crate) mod table;

use std::io;

use crate::context::Console;
use crate::error::Error;
use crate::json::Json;
use crate::text::{acts_on_terminal, printable};
use crate::time::Timestamp;

/// The report of a finished command.
#[derive(Default)]
pub(crate) struct Report {
    /// For people and plain pipes; with its newlines.
    pub text: String,
    /// For programs: an object.
    pub json: Json,
    /// The error beside a partial success.
    pub problem: Option<Error>,
    /// The exit code of a success, for commands that answer by it.
    pub exit: u8,
    /// Whether something is another way than before.
    pub changed: bool,
    /// Whether this very text was asked for.
    asked_for: bool,
    /// The workspaces, by their UUIDs, that a refresh left with nothing to do.
    pub succeeded: Vec<String>,
    /// What changed, in a line; otherwise the first one of the text says it.
    pub brief: Option<String>,
    /// What to do next, said after the result.
    pub next: Option<String>,
    /// Whether the result has been printed already.
    delivered: bool,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    pub as_json: bool,
    /// What was asked for by name, the change in a line, or what is wrong; else nothing.
    pub quiet: bool,
}

impl Report {
    /// A success.
    pub(crate) fn new(text: impl Into<String>, json: Json) -> Self {
        Self { text: text.into(), json, changed: true, ..Self::default() }
    }

    /// A success whose result has been printed with [`deliver`].
    pub(crate) fn delivered() -> Self {
        Self { delivered: true, ..Self::new("", Json::Null) }
    }

    /// This very text was asked for: a run that is to be quiet prints it too.
    pub(crate) fn asked_for(self) -> Self {
        Self { asked_for: true, ..self }
    }

    /// Tells whether something is another way than before, unless that is told already.
    pub(crate) fn that_changed(self, changed: bool) -> Self {
        Self { changed: self.changed && changed, ..self }
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

    /// The text of a run that is to be quiet.
    fn in_short(self, went_wrong: bool) -> String {
        if self.asked_for || (went_wrong && !self.changed) {
            return self.text;
        }
        let first = || self.text.lines().next().map(str::to_owned);
        let line = self.brief.or_else(first).filter(|line| self.changed && !line.is_empty());
        line.map(|line| line + "\n").unwrap_or_default()
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
    style: Style,
    outcome: Result<Report, Error>,
    unprintable: u8,
) -> u8 {
    console.clear_progress();
    let failed = |error| Report::new("", Json::of([])).with_problem(Some(error));
    let mut report = outcome.unwrap_or_else(failed);
    let (problem, next, success) = (report.problem.take(), report.next.take(), report.exit);
    let printed = if report.delivered {
        Ok(())
    } else if style.as_json {
        if let Some(error) = &problem {
            report.json.set("error", error.json());
        }
        console.result(&laid_out(&report.json))
    } else {
        console.result(&if style.quiet { report.in_short(problem.is_some()) } else { report.text })
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
    console.error(&error.to_string());
    for cause in &error.chain()[1..] {
        console.say(&format!("Caused by: {}", printable(cause)));
    }
    if let Some(hint) = error.hint() {
        console.say(&format!("Hint: {}", printable(hint)));
    }
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
