//! `ntcli check`: a plugin for monitoring systems.

pub(super) mod findings;
pub(super) mod metrics;

use crate::cli;
use crate::commands::hints::completed;
use crate::commands::prelude::*;
use crate::commands::survey::{self, Survey, WorkspaceState};
use crate::commands::token::pending;
use crate::error::Kind;
use crate::secret::redact;
use findings::{DAY_S, Finding, Findings, Level, in_days, token_limits};

/// A line takes no more: of this many workspaces it has performance data, and so many findings.
const MANY: usize = 100;

/// Tells whether all is well, in one line. What keeps it from telling is an answer too: `unknown`.
pub(super) fn run(ctx: &Context, args: &cli::Check) -> Report {
    let (text, json, level) = match look(ctx, args) {
        Ok((survey, found)) if args.prometheus => {
            (metrics::whole(&survey), Json::Null, found.level())
        }
        Ok((survey, found)) => (line(&survey, &found, args), json(&survey, &found), found.level()),
        Err(error) => unknown(ctx, args, error),
    };
    Report::new(text, json).asked_for().answering(level as u8)
}

fn unknown(ctx: &Context, args: &cli::Check, error: Error) -> (String, Json, Level) {
    let error = completed(ctx, error);
    let help = error.hint().map(|hint| format!(": {hint}")).unwrap_or_default();
    let mut text = one_line(&format!("NTCLI UNKNOWN: {}{help}", error.in_one_line())) + "\n";
    if args.prometheus {
        ctx.console.say(text.trim_end());
        text.clear();
    }
    let error = error.json();
    let json = Json::of([("status", Level::Unknown.word().into()), ("error", error)]);
    (text, json, Level::Unknown)
}

fn look(ctx: &Context, args: &cli::Check) -> Result<(Survey, Findings)> {
    if args.warning.is_some_and(|warning| args.critical.is_some_and(|c| warning < c)) {
        let message = "--warning must not be shorter than --critical".to_owned();
        return Err(Error::invalid_value(message));
    }
    let app = App::open(ctx)?;
    let config = app.config()?;
    let named = args.workspace.as_deref();
    let selected = app.selected(&config, named.is_none(), named);
    let workspaces = selected.map_err(|error| match error.kind() {
        Kind::NoToken if named.is_none() => Error::no_tokens_here(),
        _ => error,
    })?;
    let survey = survey::look(&app, &config, workspaces)?;
    let found = findings::judge(&app, &survey, args);
    Ok((survey, found))
}

/// `NTCLI STATUS: what is to be said | performance data`.
fn line(survey: &Survey, found: &Findings, limits: &cli::Check) -> String {
    let level = found.level();
    let mut said: Vec<String> = Vec::new();
    // The worst first: a pager shows the beginning.
    for wanted in [Level::Critical, Level::Warning] {
        said.extend(found.0.iter().filter(|finding| finding.level == wanted).map(in_words));
    }
    if said.is_empty() {
        said.push(all_is_well(survey));
    }
    if survey.at_work {
        let unchecked = "another ntcli is running, so pending work and targets were not checked";
        said.push(unchecked.to_owned());
    }
    let more = said.len().saturating_sub(MANY);
    if more > 0 {
        said.truncate(MANY);
        said.push(format!("and {more} more: ntcli check --format json"));
    }
    let measured = survey.workspaces.iter().take(MANY);
    let data: Vec<String> = measured.flat_map(|w| performance(w, survey, limits)).collect();
    let word = level.word().to_uppercase();
    format!("NTCLI {word}: {} | {}\n", one_line(&said.join("; ")), data.join(" "))
}

fn in_words(finding: &Finding) -> String {
    let fix = if finding.fix.is_empty() { "" } else { ": " };
    format!("{}{fix}{}", finding.said(), finding.fix)
}

fn all_is_well(survey: &Survey) -> String {
    let ends = |w: &WorkspaceState| Some((w.token.expiry.at()?, w.workspace.name.clone()));
    let first = survey.workspaces.iter().filter_map(ends).min_by_key(|(end, _)| *end);
    let Some((end, name)) = first else {
        return "no token expires".to_owned();
    };
    let expires = format!("the token of {name} expires {}", in_days(end, survey.now));
    match survey.workspaces.len() {
        1 => expires,
        count => format!("{count} workspaces; the first: {expires}"),
    }
}

/// What follows the bar belongs to the performance data, and a line break ends both.
fn one_line(text: &str) -> String {
    printable(&redact(text, &[])).replace('|', "/")
}

fn performance(workspace: &WorkspaceState, survey: &Survey, limits: &cli::Check) -> Vec<String> {
    let name = one_line(&workspace.called).replace(['\'', '='], "_");
    let mut data = Vec::new();
    if let Some(end) = workspace.token.expiry.at() {
        let left = days(end.secs() - survey.now.secs());
        let limit = |secs: u64| days(i64::try_from(secs).unwrap_or(i64::MAX));
        let (warning, critical) = token_limits(limits, workspace);
        let (warning, critical) = (limit(warning), limit(critical));
        data.push(format!("'{name} days_left'={left};{warning}:;{critical}:"));
    }
    if !survey.at_work {
        data.push(format!("'{name} pending'={};0", workspace.pending.len()));
        data.push(format!("'{name} targets_drifted'={};;0", workspace.drifted()));
    }
    data
}

/// To a hundredth, as far as the limits may differ; to write floating point would take 17 KB of program.
fn days(secs: i64) -> String {
    let hundredths = secs.saturating_mul(100).div_euclid(DAY_S);
    let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    let sign = if secs < 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{rest:02}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn json(survey: &Survey, found: &Findings) -> Json {
    let each = survey.workspaces.iter().map(|w| {
        let left =
            w.token.expiry.at().map(|end| (end.secs() - survey.now.secs()).div_euclid(DAY_S));
        Json::of([
            ("workspace", app::json_workspace(&w.workspace)),
            ("expires_at", w.token.expiry.at().into()),
            ("days_until_expiry", left.into()),
            ("pending", pending::json(&w.pending)),
            ("targets", w.targets.len().into()),
            ("targets_drifted", w.drifted().into()),
            ("last_success_at", w.succeeded_at.into()),
        ])
    });
    let findings = found.bad().map(|finding| finding.json(("level", finding.level.word())));
    let last_run = survey.last_run.as_ref().map_or(Json::Null, |last| {
        Json::of([("at", last.at.into()), ("exit_code", i64::from(last.exit_code).into())])
    });
    Json::of([
        ("status", found.level().word().into()),
        ("workspaces", Json::Array(each.collect())),
        (
            "session",
            Json::of([
                ("usable", survey.session.is_usable().into()),
                ("renews", survey.session.renews().into()),
                ("expires_at", survey.session.ends().into()),
            ]),
        ),
        ("last_run", last_run),
        ("refresh_at_work", survey.at_work.into()),
        ("findings", Json::Array(findings.collect())),
    ])
}
