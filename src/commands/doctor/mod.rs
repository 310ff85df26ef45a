//! `ntcli doctor`: looks at everything that a refresh depends on, and says what is wrong with it and
//! what helps. It shows no secret, so that it can be put into a report.

mod local;
mod network;

use super::check::findings::{Findings, Level};
use crate::cli;
use crate::commands::prelude::*;
use crate::config::Config;

/// Looks at everything. What cannot be looked at is said, and the rest goes on.
pub(super) fn run(app: &App, args: &cli::Doctor) -> Report {
    let mut found = Findings::default();
    local::program(&mut found, app);
    local::variables(&mut found, app);
    local::folder(&mut found, app);
    // Without one that can be used, the rest goes by the defaults.
    let config = local::config(&mut found, app);
    local::history(&mut found, app);
    if let Some(config) = &config {
        local::state(&mut found, app, config);
        local::mounts(&mut found, app);
        local::session_file(&mut found, app, config);
    }
    if !args.offline && app.paths.state_command.is_some() {
        if let Err(error) = app.lock() {
            found.error("state", &error);
        }
    }
    if !args.offline {
        let config = config.unwrap_or_else(|| Config::empty(&app.paths.config));
        if let Err(error) = network::look(&mut found, app, &config) {
            found.error("server", &error);
        }
    }
    report(&found)
}

fn word(level: Level) -> &'static str {
    if level == Level::Critical { "failed" } else { level.word() }
}

fn report(found: &Findings) -> Report {
    let (failed, warnings) = (found.count(Level::Critical), found.count(Level::Warning));
    let mut text = String::new();
    for finding in &found.0 {
        text += &format!("{:8} {:9} {}\n", word(finding.level), finding.area, finding.said());
        if !finding.fix.is_empty() {
            text += &format!("{:18} -> {}\n", "", finding.fix);
        }
    }
    text += &match (failed, warnings) {
        (0, 0) => "Nothing is wrong.\n".to_owned(),
        (failed, warnings) => format!("Failed: {failed}; warnings: {warnings}.\n"),
    };
    let rows = found.0.iter().map(|finding| finding.json(("status", word(finding.level))));
    let json = Json::of([
        ("checks", Json::Array(rows.collect())),
        ("failed", failed.into()),
        ("warnings", warnings.into()),
    ]);
    Report::new(text, json).with_problem((failed > 0).then(|| Error::unsound(failed)))
}
