//! `ntcli doctor`: looks at everything that a refresh depends on, and says what is wrong with it and
//! what helps. It shows no secret, so that it can be put into a report.

mod local;
mod network;
mod timers;

use crate::cli;
use crate::commands::prelude::*;
use crate::config::Config;
use crate::secret::redact;

/// What became of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Warning,
    Failed,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What was looked at, and what helps where something is wrong.
struct Entry {
    area: &'static str,
    status: Status,
    text: String,
    fix: Option<String>,
}

/// Everything that was looked at, in order.
struct Checks(Vec<Entry>);

impl Checks {
    fn add(&mut self, area: &'static str, status: Status, text: &str, fix: &str) {
        let tame = |text: &str| printable(&redact(text, &[]));
        let fix = (!fix.is_empty()).then(|| tame(fix));
        self.0.push(Entry { area, status, text: tame(text), fix });
    }

    fn ok(&mut self, area: &'static str, text: impl AsRef<str>) {
        self.add(area, Status::Ok, text.as_ref(), "");
    }

    fn warn(&mut self, area: &'static str, text: impl AsRef<str>, fix: impl AsRef<str>) {
        self.add(area, Status::Warning, text.as_ref(), fix.as_ref());
    }

    fn fail(&mut self, area: &'static str, text: impl AsRef<str>, fix: impl AsRef<str>) {
        self.add(area, Status::Failed, text.as_ref(), fix.as_ref());
    }

    /// An error as commands would report it.
    fn error(&mut self, area: &'static str, error: &Error) {
        self.fail(area, error.in_one_line(), error.hint().unwrap_or_default());
    }

    fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|entry| entry.status == status).count()
    }
}

/// Looks at everything. What cannot be looked at is said, and the rest goes on.
pub(super) fn run(app: &App, args: &cli::Doctor) -> Report {
    let mut checks = Checks(Vec::new());
    local::program(&mut checks, app);
    local::variables(&mut checks, app);
    local::folder(&mut checks, app);
    // Without one that can be used, the rest goes by the defaults.
    let config = local::config(&mut checks, app);
    local::history(&mut checks, app);
    if let Some(config) = &config {
        local::tokens(&mut checks, app, config);
        local::mounts(&mut checks, app);
        local::session_file(&mut checks, app, config);
    }
    timers::look(&mut checks, app);
    if !args.offline {
        let config = config.unwrap_or_else(|| Config::empty(&app.paths.config));
        network::look(&mut checks, app, &config);
    }
    report(&checks)
}

fn report(checks: &Checks) -> Report {
    let (failed, warnings) = (checks.count(Status::Failed), checks.count(Status::Warning));
    let mut text = String::new();
    let mut entries = Vec::new();
    for Entry { area, status, text: said, fix } in &checks.0 {
        text += &format!("{:8} {area:9} {said}\n", status.word());
        if let Some(fix) = fix {
            text += &format!("{:18} -> {fix}\n", "");
        }
        entries.push(Json::of([
            ("area", (*area).into()),
            ("status", status.word().into()),
            ("text", said.as_str().into()),
            ("fix", fix.clone().into()),
        ]));
    }
    text += &match (failed, warnings) {
        (0, 0) => "Nothing is wrong.\n".to_owned(),
        (failed, warnings) => format!("Failed: {failed}; warnings: {warnings}.\n"),
    };
    let json = Json::of([
        ("checks", entries.into()),
        ("failed", failed.into()),
        ("warnings", warnings.into()),
    ]);
    Report::new(text, json).with_problem((failed > 0).then(|| Error::unsound(failed)))
}
