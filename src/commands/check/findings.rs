//! What is not as it should be, by a survey: the judgement of `check` and `doctor`.

use crate::cli::Check;
use crate::commands::prelude::*;
use crate::commands::survey::{LOCK_WAIT, SessionState, Survey, WorkspaceState};
use crate::error::exit;
use crate::http::Settings;
use crate::rotation::WorkspaceRef;
use crate::secret::redact;
use crate::store;
use crate::time::Timestamp;
use crate::token::Due;

pub(crate) const DAY_S: i64 = 86_400;
/// What a journal and a config file may need.
const SPACE: usize = 256 << 10;
/// How long past its time a refresh may be before somebody is told: a timer may miss a night.
const LATE_S: u64 = 2 * 86_400;

/// How bad it is; the numbers are the exit codes of a monitoring plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }
}

/// What was looked at: how bad it is, and the command that helps, which may be empty.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) area: &'static str,
    pub(crate) level: Level,
    pub(crate) workspace: Option<WorkspaceRef>,
    /// For people; without what may be a secret.
    pub(crate) text: String,
    pub(crate) fix: String,
}

impl Finding {
    /// With the workspace that it is about.
    pub(crate) fn said(&self) -> String {
        let name = self.workspace.as_ref().map(|w| format!("{}: ", printable(&w.name)));
        name.unwrap_or_default() + &self.text
    }

    /// For programs; `level` is the field for its level, and how that is called.
    pub(crate) fn json(&self, level: (&str, &str)) -> Json {
        Json::of([
            ("area", self.area.into()),
            (level.0, level.1.into()),
            ("workspace", self.workspace.as_ref().map(app::json_workspace).into()),
            ("text", self.text.as_str().into()),
            ("fix", Some(self.fix.as_str()).filter(|fix| !fix.is_empty()).into()),
        ])
    }
}

/// Everything that was looked at, in order.
#[derive(Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    pub(crate) fn add(
        &mut self,
        area: &'static str,
        level: Level,
        text: impl AsRef<str>,
        fix: impl AsRef<str>,
    ) {
        let tame = |text: &str| printable(&redact(text, &[]));
        let fix = if level == Level::Ok { "" } else { fix.as_ref() };
        let (text, fix) = (tame(text.as_ref()), tame(fix));
        self.0.push(Finding { area, level, workspace: None, text, fix });
    }

    /// An error as commands would report it.
    pub(crate) fn error(&mut self, area: &'static str, error: &Error) {
        self.add(area, Level::Critical, error.in_one_line(), error.hint().unwrap_or_default());
    }

    fn of(&mut self, workspace: &WorkspaceState, level: Level, text: impl AsRef<str>, fix: &str) {
        self.add("token", level, text, fix);
        if let Some(found) = self.0.last_mut() {
            found.workspace = Some(workspace.workspace.clone());
        }
    }

    pub(crate) fn level(&self) -> Level {
        self.0.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    /// What is not as it should be.
    pub(crate) fn bad(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(|finding| finding.level > Level::Ok)
    }

    /// How many are that bad.
    pub(crate) fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }
}

/// When it is too late for a session that cannot renew itself.
fn session_limits(limits: &Check) -> (u64, u64) {
    (limits.warning.unwrap_or(30 * 86_400), limits.critical.unwrap_or(7 * 86_400))
}

/// When it is too late for a token, by its policy unless something else was asked for: whoever renews it
/// is late by two days, and then by half of what was left.
pub(crate) fn token_limits(limits: &Check, workspace: &WorkspaceState) -> (u64, u64) {
    let window_s = workspace.window_s;
    let warning = limits.warning.unwrap_or(window_s - LATE_S.min(window_s / 4));
    (warning, limits.critical.unwrap_or_else(|| warning.min(window_s / 2)))
}

/// How bad it is that something ends then.
fn level((warning, critical): (u64, u64), end: Timestamp, now: Timestamp) -> Level {
    match u64::try_from(end.secs() - now.secs()) {
        Err(_) => Level::Critical,
        Ok(left_s) if left_s < critical => Level::Critical,
        Ok(left_s) if left_s < warning => Level::Warning,
        Ok(_) => Level::Ok,
    }
}

/// What there is to say of everything.
pub(crate) fn judge(app: &App, survey: &Survey, limits: &Check) -> Findings {
    let mut found = Findings::default();
    for workspace in &survey.workspaces {
        judge_token(workspace, survey.now, limits, &mut found);
        judge_runs(workspace, survey.now, limits, &mut found);
        judge_pending(workspace, &mut found);
        judge_targets(workspace, &mut found);
    }
    judge_session(&survey.session, survey.now, limits, &mut found);
    if let Some(fault) = survey.clock_fault() {
        found.add("clock", Level::Critical, fault, "timedatectl set-ntp true");
    }
    judge_last_run(survey, &mut found);
    judge_surroundings(app, survey.at_work, &mut found);
    found
}

/// The workspace as an argument of a command.
fn name(workspace: &WorkspaceState) -> String {
    let name = crate::text::shell_word(&printable(&workspace.called));
    if name.starts_with('-') { format!("--workspace={name}") } else { name }
}

fn judge_token(state: &WorkspaceState, now: Timestamp, limits: &Check, found: &mut Findings) {
    let (level, text) = match (state.due, state.token.expiry.at()) {
        (Due::Invalid, _) => (Level::Critical, "the token cannot be used".to_owned()),
        (Due::UnknownEnd, _) => {
            (Level::Warning, "the token does not say when it expires".to_owned())
        }
        (Due::Expired, Some(end)) => (Level::Critical, format!("the token expired {end}")),
        (_, Some(end)) => (
            level(token_limits(limits, state), end, now),
            format!("the token expires {}", in_days(end, now)),
        ),
        _ => (Level::Ok, "the token never expires".to_owned()),
    };
    // A wider window than that of the policy: by that, nothing is due.
    let command = if state.due.is_due() { "renew" } else { "token refresh" };
    found.of(state, level, text, &format!("ntcli {command} {}", name(state)));
}

fn judge_runs(state: &WorkspaceState, now: Timestamp, limits: &Check, found: &mut Findings) {
    let Some(max_age) = limits.max_age else {
        return;
    };
    let age = |at: Timestamp| u64::try_from(now.secs() - at.secs()).unwrap_or(0);
    let last = match state.succeeded_at {
        Some(at) if age(at) <= max_age => return,
        Some(at) => format!("the last successful refresh ended {at}"),
        None => "no successful refresh is known".to_owned(),
    };
    found.of(state, Level::Warning, format!("{last}; does its timer run?"), "");
}

fn judge_pending(state: &WorkspaceState, found: &mut Findings) {
    if !state.pending.is_empty() {
        let since = state.pending_since().map(|at| format!(" since {at}")).unwrap_or_default();
        let words: Vec<&str> = state.pending.iter().map(|work| work.text.as_str()).collect();
        let text = format!("pending{since}: {}", words.join(", "));
        found.of(state, Level::Warning, text, &format!("ntcli renew {}", name(state)));
    }
    if state.orphans > 0 {
        let text = "tokens that nothing holds may be live";
        found.of(state, Level::Warning, text, &format!("ntcli token show {}", name(state)));
    }
}

fn judge_targets(state: &WorkspaceState, found: &mut Findings) {
    // What is still to be delivered to is told of already.
    for target in state.targets.iter().filter(|_| state.pending.is_empty()) {
        if let Some(wrong) = target.holds.wrong() {
            let (text, id) = (format!("target {} {wrong}", target.id), target.id);
            found.of(state, Level::Critical, text, &format!("ntcli target deliver {id}"));
        }
    }
}

/// What a run has left pending is told by itself, and ends with it.
fn judge_last_run(survey: &Survey, found: &mut Findings) {
    let leaves_work =
        |code: u8| matches!(code, exit::OLD_LIVE | exit::NOT_DELIVERED | exit::UNKNOWN);
    let is_told = survey.workspaces.iter().any(|w| !w.pending.is_empty());
    let Some(last) = survey.last_run.as_ref() else {
        return;
    };
    let is_over = leaves_work(last.exit_code) && survey.pending.is_empty();
    let is_bad = last.exit_code != 0 && !is_told && !is_over;
    let level = if is_bad { Level::Warning } else { Level::Ok };
    let fix = if last.exit_code == exit::AUTH { "ntcli auth login" } else { "ntcli renew" };
    found.add("timer", level, last.said(), fix);
}

/// What would keep any refresh from working.
fn judge_surroundings(app: &App, at_work: bool, found: &mut Findings) {
    if let Err(reason) = Settings::from_env(&app.ctx.env) {
        found.add("variables", Level::Critical, reason, "");
    }
    if at_work {
        let text = format!("another ntcli has been running for {} s", LOCK_WAIT.as_secs());
        return found.add("folder", Level::Warning, text, "");
    }
    // The runs of another user find out by themselves whether they can write.
    if store::is_anothers(&app.paths.lock) {
        return;
    }
    match store::probe_replace(&app.paths.config, SPACE) {
        Ok(()) => found.add("folder", Level::Ok, "the config file can be replaced", ""),
        Err(error) => found.error("folder", &error),
    }
}

fn judge_session(session: &SessionState, now: Timestamp, limits: &Check, found: &mut Findings) {
    let (level, text) = if let Some(error) = &session.unusable {
        let text = match error.is_no_session() {
            true if error.reason().is_empty() => "not signed in".to_owned(),
            true if session.given.is_some() => error.reason().to_owned(),
            true => format!("not signed in ({})", error.in_one_line()),
            false => error.in_one_line(),
        };
        (Level::Critical, text)
    } else {
        let ends = if session.has_ended { "ended" } else { "ends" };
        match session.ends() {
            _ if session.renews() => (Level::Ok, "the session renews itself".to_owned()),
            None => (Level::Ok, "the session does not say when it ends".to_owned()),
            Some(end) => {
                let when = in_days(end, now);
                let text = format!("the session {ends} {when} and cannot renew itself");
                (level(session_limits(limits), end, now), text)
            }
        }
    };
    found.add("session", level, text, session.fix());
}

/// `in 3 days (DATE)`.
pub(crate) fn in_days(end: Timestamp, now: Timestamp) -> String {
    format!("{} ({end})", end.from_now(now))
}
