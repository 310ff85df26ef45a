//! `ntcli check`: a plugin for monitoring systems.

pub(super) mod metrics;
pub(super) mod watch;

use crate::cli;
use crate::commands::app::{self, App};
use crate::commands::hints::completed;
use crate::commands::token::pending;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::json::Json;
use crate::output::{self, Report};
use crate::rotation::WorkspaceRef;
use crate::secret::redact;
use crate::text::printable;
use watch::{DAY_S, Finding, Level, Limits, State, Watched, in_days};

/// Tells whether all is well, in one line. What keeps it from telling is an answer too: `unknown`.
pub(super) fn run(ctx: &Context, args: &cli::Check) -> Report {
    match (look(ctx, args), args.prometheus) {
        (Ok((state, _)), true) => {
            let mut report = Report::new(metrics::whole(&state), Json::Null);
            report.exit = state.level() as u8;
            report
        }
        (Ok((state, limits)), _) => {
            let mut report = Report::new(line(&state, &limits), json(&state));
            report.exit = state.level() as u8;
            report
        }
        (Err(error), _) => {
            let error = completed(ctx, error);
            let help = error.hint().map(|hint| format!(": {hint}")).unwrap_or_default();
            let text = one_line(&format!("NTCLI UNKNOWN: {}{help}", error.in_one_line()));
            let json = Json::of([
                ("status", Level::Unknown.word().into()),
                ("error", output::describe(&error)),
            ]);
            let text = if args.prometheus {
                ctx.console.say(&text);
                String::new()
            } else {
                format!("{text}\n")
            };
            let mut report = Report::new(text, json);
            report.exit = Level::Unknown as u8;
            report
        }
    }
}

fn look(ctx: &Context, args: &cli::Check) -> Result<(State, Limits)> {
    let seconds = |option, text: &Option<String>| {
        text.as_deref().map(|text| app::seconds(ctx, option, text)).transpose()
    };
    let limits = Limits {
        warning: seconds("--warning", &args.warning)?.unwrap_or(Limits::DEFAULT.warning),
        critical: seconds("--critical", &args.critical)?.unwrap_or(Limits::DEFAULT.critical),
        max_age: seconds("--max-age", &args.max_age)?,
    };
    if limits.warning < limits.critical {
        let message = "--warning must not be shorter than --critical".to_owned();
        return Err(Error::invalid_value(message));
    }
    let app = App::open(ctx)?;
    let config = app.config()?;
    let workspaces = match app.selected(&config, args.all, args.workspace.as_deref()) {
        Err(error) if matches!(error.kind(), Kind::NoToken) => return Err(Error::no_token()),
        selected => selected?,
    };
    Ok((watch::look(&app, &config, workspaces, &limits)?, limits))
}

/// `NTCLI STATUS: what is to be said | performance data`.
fn line(state: &State, limits: &Limits) -> String {
    let level = state.level();
    let mut said: Vec<String> = Vec::new();
    // The worst first: a pager shows the beginning.
    for wanted in [Level::Critical, Level::Warning] {
        let those = state.findings().filter(|(_, finding)| finding.level == wanted);
        said.extend(those.map(|(workspace, finding)| found(workspace, finding)));
    }
    if said.is_empty() {
        said.push(all_is_well(state));
    }
    if state.at_work {
        said.push(
            "another ntcli is running, so pending work and targets were not checked".to_owned(),
        );
    }
    let data = state.workspaces.iter().flat_map(|w| performance(w, state, limits));
    let data: Vec<String> = data.collect();
    let word = level.word().to_uppercase();
    format!("NTCLI {word}: {} | {}\n", one_line(&said.join("; ")), data.join(" "))
}

fn found(workspace: Option<&WorkspaceRef>, finding: &Finding) -> String {
    let name = workspace.map(|workspace| format!("{}: ", workspace.name)).unwrap_or_default();
    let fix = if finding.fix.is_empty() { "" } else { ": " };
    format!("{name}{}{fix}{}", finding.text, finding.fix)
}

fn all_is_well(state: &State) -> String {
    let ends = |w: &&Watched| w.token.expiry.at();
    let first = state.workspaces.iter().filter(|w| ends(w).is_some()).min_by_key(ends);
    let first = first.and_then(|w| Some((&w.workspace.name, w.token.expiry.at()?)));
    match (state.workspaces.as_slice(), first) {
        ([one], None) => format!("the token of {} never expires", one.workspace.name),
        ([_], Some((name, end))) => {
            format!("the token of {name} expires {}", in_days(end, state.now))
        }
        (all, None) => format!("the tokens of {} workspaces never expire", all.len()),
        (all, Some((name, end))) => {
            let (count, left) = (all.len(), in_days(end, state.now));
            format!("{count} workspaces; the first token to expire, of {name}, does so {left}")
        }
    }
}

/// What follows the bar belongs to the performance data, and a line break ends both.
fn one_line(text: &str) -> String {
    printable(&redact(text, &[])).replace('|', "/")
}

fn performance(watched: &Watched, state: &State, limits: &Limits) -> Vec<String> {
    let name = one_line(&watched.called).replace(['\'', '='], "_");
    let mut data = Vec::new();
    if let Some(end) = watched.token.expiry.at() {
        let left = days(end.secs() - state.now.secs());
        let limit = |secs: u64| days(secs.cast_signed());
        let (warning, critical) = (limit(limits.warning), limit(limits.critical));
        data.push(format!("'{name} days_left'={left};{warning}:;{critical}:"));
    }
    if !state.at_work {
        data.push(format!("'{name} pending'={};0", watched.pending.len()));
        data.push(format!("'{name} targets_drifted'={};;0", watched.drifted));
    }
    data
}

/// Whole days, or with two digits after the point, as far as the limits may differ.
fn days(secs: i64) -> String {
    let hundredths = (secs * 100).div_euclid(DAY_S);
    match hundredths % 100 {
        0 => (hundredths / 100).to_string(),
        _ => format!(
            "{}{}.{:02}",
            if secs < 0 { "-" } else { "" },
            hundredths.abs() / 100,
            hundredths.abs() % 100
        ),
    }
}

fn json(state: &State) -> Json {
    let count = |n: usize| Json::Number(n.into());
    let each = state.workspaces.iter().map(|w| {
        let left = w.token.expiry.at().map(|end| (end.secs() - state.now.secs()).div_euclid(DAY_S));
        Json::of([
            ("workspace", app::json_workspace(&w.workspace)),
            ("expires_at", w.token.expiry.at().into()),
            ("days_until_expiry", left.into()),
            ("pending", pending::json(&w.pending)),
            ("targets", count(w.targets)),
            ("targets_drifted", count(w.drifted)),
            ("last_success_at", w.succeeded_at.into()),
        ])
    });
    let findings = state.findings().map(|(workspace, finding)| {
        Json::of([
            ("level", finding.level.word().into()),
            ("workspace", workspace.map_or(Json::Null, app::json_workspace)),
            ("text", finding.text.as_str().into()),
            ("fix", Some(finding.fix.clone()).filter(|fix| !fix.is_empty()).into()),
        ])
    });
    let last_run = state.last_run.as_ref().map_or(Json::Null, |last| {
        Json::of([("at", last.at.into()), ("exit_code", i64::from(last.exit_code).into())])
    });
    Json::of([
        ("status", state.level().word().into()),
        ("workspaces", Json::Array(each.collect())),
        (
            "session",
            Json::of([
                ("usable", state.session.is_usable.into()),
                ("renews", state.session.renews.into()),
                ("expires_at", state.session.ends.into()),
            ]),
        ),
        ("last_run", last_run),
        ("refresh_at_work", state.at_work.into()),
        ("findings", Json::Array(findings.collect())),
    ])
}
