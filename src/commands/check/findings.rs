//! What is not as it should be, by a survey: the judgement of `check` and `doctor`.

use crate::commands::app::App;
use crate::commands::survey::{LOCK_WAIT, SessionState, Survey, WorkspaceState};
use crate::error::exit;
use crate::http::Settings;
use crate::rotation::WorkspaceRef;
use crate::store;
use crate::text::printable;
use crate::time::Timestamp;
use crate::token::Due;

pub(crate) const DAY_S: i64 = 86_400;
/// What a journal and a config file may need.
pub(crate) const SPACE: usize = 256 << 10;
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

/// Something that is not as it should be, and the command that helps.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    pub(crate) text: String,
    /// The command that helps; may be empty.
    pub(crate) fix: String,
}

/// When something is too late, seconds; what is not given goes by the policy.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) warning: Option<u64>,
    pub(crate) critical: Option<u64>,
    pub(crate) max_age: Option<u64>,
}

impl Limits {
    /// Of a session that cannot renew itself.
    fn of_session(&self) -> (u64, u64) {
        (self.warning.unwrap_or(30 * 86_400), self.critical.unwrap_or(7 * 86_400))
    }

    /// Of a token: whoever renews it is late by two days, and then by half of what was left.
    pub(crate) fn of(&self, workspace: &WorkspaceState) -> (u64, u64) {
        let window_s = workspace.window_s;
        let warning = self.warning.unwrap_or(window_s - LATE_S.min(window_s / 4));
        (warning, self.critical.unwrap_or_else(|| warning.min(window_s / 2)))
    }
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

/// Everything that is wrong: with which workspace, or with all of them.
pub(crate) struct Findings {
    of_each: Vec<(WorkspaceRef, Finding)>,
    /// What concerns every workspace.
    of_all: Vec<Finding>,
    pub(crate) session: Option<Finding>,
}

impl Findings {
    pub(crate) fn level(&self) -> Level {
        self.all().map(|(_, finding)| finding.level).max().unwrap_or(Level::Ok)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (Option<&WorkspaceRef>, &Finding)> {
        let session = self.session.iter().map(|finding| (None, finding));
        self.of_each().chain(session).chain(self.of_all.iter().map(|finding| (None, finding)))
    }

    pub(crate) fn of_each(&self) -> impl Iterator<Item = (Option<&WorkspaceRef>, &Finding)> {
        self.of_each.iter().map(|(workspace, finding)| (Some(workspace), finding))
    }

    pub(crate) fn of(&self, workspace: &WorkspaceRef) -> bool {
        self.of_each.iter().any(|(of, _)| of.is(workspace))
    }
}

/// Judges what was looked at.
pub(crate) fn judge(app: &App, survey: &Survey, limits: &Limits) -> Findings {
    let (mut of_each, mut of_all) = (Vec::new(), Vec::new());
    for workspace in &survey.workspaces {
        let mut find = |level, text: String, fix: &str| {
            let finding = Finding { level, text, fix: fix.to_owned() };
            of_each.push((workspace.workspace.clone(), finding));
        };
        judge_token(workspace, survey.now, limits, &mut find);
        judge_runs(workspace, survey.now, limits, &mut find);
        judge_pending(workspace, &mut find);
        judge_targets(workspace, &mut find);
    }
    let mut find = |level, text: String, fix: &str| {
        of_all.push(Finding { level, text, fix: fix.to_owned() });
    };
    if let Some(fault) = survey.clock_fault() {
        find(Level::Critical, fault, "timedatectl set-ntp true");
    }
    judge_last_run(survey, &mut find);
    judge_surroundings(app, survey.at_work, &mut find);
    Findings { session: judge_session(&survey.session, survey.now, limits), of_each, of_all }
}

type Find<'a> = &'a mut dyn FnMut(Level, String, &str);

/// The workspace as an argument of a command.
fn name(workspace: &WorkspaceState) -> String {
    let name = crate::text::shell_word(&printable(&workspace.called));
    if name.starts_with('-') { format!("--workspace={name}") } else { name }
}

fn judge_token(workspace: &WorkspaceState, now: Timestamp, limits: &Limits, find: Find) {
    let renew = format!("ntcli renew {}", name(workspace));
    match (workspace.due, workspace.token.expiry.at()) {
        (Due::Invalid, _) => find(Level::Critical, "the token cannot be used".to_owned(), &renew),
        (Due::UnknownEnd, _) => {
            find(Level::Warning, "the token does not say when it expires".to_owned(), &renew);
        }
        (Due::Expired, Some(end)) => {
            find(Level::Critical, format!("the token expired {end}"), &renew);
        }
        (_, Some(end)) => {
            let level = level(limits.of(workspace), end, now);
            if level > Level::Ok {
                let text = format!("the token expires {}", in_days(end, now));
                let refresh = format!("ntcli token refresh {}", name(workspace));
                // A wider window than that of the policy: by that, nothing is due.
                let fix = if workspace.due.is_due() { &renew } else { &refresh };
                find(level, text, fix);
            }
        }
        _ => {}
    }
}

fn judge_runs(workspace: &WorkspaceState, now: Timestamp, limits: &Limits, find: Find) {
    let Some(max_age) = limits.max_age.map(|s| i64::try_from(s).unwrap_or(i64::MAX)) else {
        return;
    };
    if workspace.succeeded_at.is_some_and(|at| now.secs() - at.secs() <= max_age) {
        return;
    }
    let last = match workspace.succeeded_at {
        None => "no successful refresh is known".to_owned(),
        Some(at) => format!("the last successful refresh ended {at}"),
    };
    find(Level::Warning, format!("{last}; does its timer run?"), "");
}

fn judge_pending(workspace: &WorkspaceState, find: Find) {
    if !workspace.pending.is_empty() {
        let since = workspace.pending_since().map(|at| format!(" since {at}")).unwrap_or_default();
        let words: Vec<&str> = workspace.pending.iter().map(|work| work.text.as_str()).collect();
        let fix = format!("ntcli renew {}", name(workspace));
        find(Level::Warning, format!("pending{since}: {}", words.join(", ")), &fix);
    }
    if workspace.orphans > 0 {
        let fix = format!("ntcli token show {}", name(workspace));
        find(Level::Warning, "tokens that nothing holds may be live".to_owned(), &fix);
    }
}

fn judge_targets(workspace: &WorkspaceState, find: Find) {
    // What is still to be delivered to is told of already.
    for target in workspace.targets.iter().filter(|_| workspace.pending.is_empty()) {
        if let Some(wrong) = target.holds.wrong() {
            let (text, id) = (format!("target {} {wrong}", target.id), target.id);
            find(Level::Critical, text, &format!("ntcli target deliver {id}"));
        }
    }
}

/// What a run has left pending is told by itself, and ends with it.
fn judge_last_run(survey: &Survey, find: Find) {
    let leaves_work =
        |code: u8| matches!(code, exit::OLD_LIVE | exit::NOT_DELIVERED | exit::UNKNOWN);
    let is_told = survey.workspaces.iter().any(|w| !w.pending.is_empty());
    let Some(last) = survey.last_run.as_ref().filter(|last| last.exit_code != 0 && !is_told) else {
        return;
    };
    if leaves_work(last.exit_code) && survey.pending.is_empty() {
        return;
    }
    let fix = if last.exit_code == exit::AUTH { "ntcli auth login" } else { "ntcli renew" };
    let text = format!("the last refresh ended {} with exit code {}", last.at, last.exit_code);
    find(Level::Warning, text, fix);
}

/// What would keep any refresh from working.
fn judge_surroundings(app: &App, at_work: bool, find: Find) {
    if let Err(reason) = Settings::from_env(&app.ctx.env) {
        find(Level::Critical, reason, "");
    }
    if at_work {
        let text = format!("another ntcli has been running for {} s", LOCK_WAIT.as_secs());
        return find(Level::Warning, text, "");
    }
    // The runs of another user find out by themselves whether they can write.
    if store::is_anothers(&app.paths.lock) {
        return;
    }
    let config = &app.paths.config;
    let probed = store::probe_replace(config).and_then(|()| store::probe_space(config, SPACE));
    if let Err(error) = probed {
        find(Level::Critical, error.in_one_line(), error.hint().unwrap_or_default());
    }
}

fn judge_session(session: &SessionState, now: Timestamp, limits: &Limits) -> Option<Finding> {
    let finding = |level, text| Some(Finding { level, text, fix: session.fix() });
    if let Some(error) = &session.unusable {
        let text = match error.is_no_session() {
            true if error.reason().is_empty() => "not signed in".to_owned(),
            true if session.given.is_some() => error.reason().to_owned(),
            true => format!("not signed in ({})", error.in_one_line()),
            false => error.in_one_line(),
        };
        return finding(Level::Critical, text);
    }
    let end = session.ends().filter(|_| !session.renews())?;
    let level = level(limits.of_session(), end, now);
    let text = if session.has_ended {
        format!("the session ended {end}")
    } else {
        format!("the session ends {} and cannot renew itself", in_days(end, now))
    };
    if level > Level::Ok { finding(level, text) } else { None }
}

/// `in 3 days (DATE)`.
pub(crate) fn in_days(end: Timestamp, now: Timestamp) -> String {
    format!("{} ({end})", end.from_now(now))
}
