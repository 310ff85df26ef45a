//! What monitoring looks at, from what is known here: no server is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::auth;
use crate::commands::app::{self, App};
use crate::commands::token::pending::{self, Work};
use crate::config::{Config, Workspace};
use crate::config_dir::last_run::LastRun;
use crate::context::Env;
use crate::error::Result;
use crate::hooks::Receiver;
use crate::http::Settings;
use crate::rotation::{Pending, WorkspaceRef};
use crate::store;
use crate::targets::Targets;
use crate::text::printable;
use crate::time::Timestamp;
use crate::token::{self, Due, Token};

/// A refresh takes seconds; whoever looks meanwhile would see work that is pending.
const LOCK_WAIT: Duration = Duration::from_secs(5);
pub(in crate::commands) const DAY_S: i64 = 86_400;

/// How bad it is; the numbers are the exit codes of a monitoring plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::commands) enum Level {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl Level {
    pub(in crate::commands) fn word(self) -> &'static str {
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
pub(in crate::commands) struct Finding {
    pub(in crate::commands) level: Level,
    pub(in crate::commands) text: String,
    /// The command that helps; may be empty.
    pub(in crate::commands) fix: String,
}

/// When something is too late, seconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct Limits {
    pub(in crate::commands) warning: u64,
    pub(in crate::commands) critical: u64,
    pub(in crate::commands) max_age: Option<u64>,
}

impl Limits {
    pub(in crate::commands) const DEFAULT: Self =
        Self { warning: 30 * 86_400, critical: 7 * 86_400, max_age: None };

    /// How bad it is that something ends then.
    fn level(&self, end: Timestamp, now: Timestamp) -> Level {
        let left_s = end.secs() - now.secs();
        match u64::try_from(left_s) {
            Err(_) => Level::Critical,
            Ok(left_s) if left_s < self.critical => Level::Critical,
            Ok(left_s) if left_s < self.warning => Level::Warning,
            Ok(_) => Level::Ok,
        }
    }
}

/// A workspace as it is now.
pub(in crate::commands) struct Watched {
    pub(in crate::commands) workspace: WorkspaceRef,
    /// Its name, or its UUID if another one has the name too.
    pub(in crate::commands) called: String,
    pub(in crate::commands) token: Token,
    /// What is pending and due.
    pub(in crate::commands) pending: Vec<Work>,
    pub(in crate::commands) targets: usize,
    pub(in crate::commands) drifted: usize,
    /// When a refresh last left nothing to do for it.
    pub(in crate::commands) succeeded_at: Option<Timestamp>,
    pub(in crate::commands) findings: Vec<Finding>,
}

/// The session that the next run would use.
#[derive(Default)]
pub(in crate::commands) struct SessionState {
    pub(in crate::commands) is_usable: bool,
    pub(in crate::commands) renews: bool,
    pub(in crate::commands) ends: Option<Timestamp>,
    pub(in crate::commands) finding: Option<Finding>,
}

/// Everything that is looked at.
pub(in crate::commands) struct State {
    pub(in crate::commands) now: Timestamp,
    pub(in crate::commands) workspaces: Vec<Watched>,
    pub(in crate::commands) session: SessionState,
    pub(in crate::commands) last_run: Option<LastRun>,
    /// What concerns every workspace.
    pub(in crate::commands) of_all: Vec<Finding>,
    /// Another run was at work all the time, so that pending work and targets cannot be told.
    pub(in crate::commands) at_work: bool,
}

impl State {
    pub(in crate::commands) fn level(&self) -> Level {
        self.findings().map(|(_, finding)| finding.level).max().unwrap_or(Level::Ok)
    }

    /// What is wrong, and with which workspace.
    pub(in crate::commands) fn findings(
        &self,
    ) -> impl Iterator<Item = (Option<&WorkspaceRef>, &Finding)> {
        let all = self.workspaces.iter();
        let all = all.flat_map(|w| w.findings.iter().map(|finding| (Some(&w.workspace), finding)));
        let of_all = self.session.finding.iter().chain(&self.of_all);
        all.chain(of_all.map(|finding| (None, finding)))
    }
}

/// Looks at these workspaces, each of which has a token.
///
/// # Errors
/// A file of the folder cannot be read, or is damaged.
pub(in crate::commands) fn look(
    app: &App,
    config: &Config,
    workspaces: Vec<Workspace>,
    limits: &Limits,
) -> Result<State> {
    let lock = app
        .paths
        .lock
        .exists()
        .then(|| store::lock(&app.paths.lock, LOCK_WAIT, app.clock(), &mut || {}));
    let at_work = lock.is_some_and(|lock| lock.is_err_and(|error| error.is_locked()));
    let (pending, targets) = (app.pending()?, Targets::load(&app.paths.targets)?);
    let last_run = LastRun::load(&app.paths.last_run);
    let now = app.now();
    let server = app.server(config)?;
    let mut names = BTreeMap::<String, usize>::new();
    for workspace in &workspaces {
        *names.entry(workspace.name.clone()).or_default() += 1;
    }
    let looked = workspaces.into_iter().filter_map(|workspace| {
        let local = app::workspace_ref(&workspace, &server);
        let is_only = names.get(&local.name) == Some(&1);
        let mut watched = Watched {
            called: if is_only { local.name.clone() } else { local.id.clone() },
            token: workspace.token?,
            pending: Vec::new(),
            targets: 0,
            drifted: 0,
            succeeded_at: last_run.as_ref().and_then(|last| last.succeeded_at(&local.id)),
            findings: Vec::new(),
            workspace: local,
        };
        watched.look_at_token(limits, now);
        watched.look_at_runs(limits, now);
        if !at_work {
            watched.look_at_pending(app, &pending);
            watched.look_at_targets(&targets);
        }
        Some(watched)
    });
    let workspaces: Vec<Watched> = looked.collect();
    let session = session(&app.ctx.env, config, limits, now);
    // What it has left pending is told already.
    let last = last_run.as_ref().filter(|_| workspaces.iter().all(|w| w.pending.is_empty()));
    let of_all = of_all(app, last, at_work);
    Ok(State { now, workspaces, session, last_run, of_all, at_work })
}

/// What would keep any refresh from working, or has done so.
fn of_all(app: &App, last_run: Option<&LastRun>, at_work: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut find = |level, text: String, fix: &str| {
        found.push(Finding { level, text, fix: fix.to_owned() });
    };
    if let Some(last) = last_run.filter(|last| last.exit_code != 0) {
        let text = format!("the last refresh ended {} with exit code {}", last.at, last.exit_code);
        find(Level::Warning, text, "ntcli token refresh");
    }
    if let Err(reason) = Settings::from_env(&app.ctx.env) {
        find(Level::Critical, reason, "");
    }
    if at_work {
        let text = format!("another ntcli has been running for {} s", LOCK_WAIT.as_secs());
        find(Level::Warning, text, "");
    } else if store::is_anothers(&app.paths.lock) {
        // Its user's runs find out whether it can be written.
    } else if let Err(error) = store::probe_replace(&app.paths.config) {
        find(Level::Critical, error.in_one_line(), error.hint().unwrap_or_default());
    }
    found
}

impl Watched {
    /// Since when anything is pending, as far as that is known.
    pub(in crate::commands) fn pending_since(&self) -> Option<Timestamp> {
        self.pending.iter().filter_map(|work| work.since).min()
    }

    fn find(&mut self, level: Level, text: &str, fix: &str) {
        let (text, fix) = (text.to_owned(), fix.to_owned());
        self.findings.push(Finding { level, text, fix });
    }

    /// The workspace as an argument of a command.
    fn name(&self) -> String {
        let name = crate::text::shell_word(&printable(&self.called));
        if name.starts_with('-') { format!("--workspace={name}") } else { name }
    }

    fn look_at_token(&mut self, limits: &Limits, now: Timestamp) {
        let (name, due) = (self.name(), token::due(&self.token, limits.warning, now));
        let refresh = format!("ntcli token refresh {name}");
        match (due, self.token.expiry.at()) {
            (Due::Invalid, _) => self.find(Level::Critical, "the token cannot be used", &refresh),
            (Due::UnknownEnd, _) => {
                self.find(Level::Warning, "the token does not say when it expires", &refresh);
            }
            (Due::Expired, Some(end)) => {
                self.find(Level::Critical, &format!("the token expired {end}"), &refresh);
            }
            (_, Some(end)) if limits.level(end, now) > Level::Ok => {
                let text = format!("the token expires {}", in_days(end, now));
                self.find(limits.level(end, now), &text, &refresh);
            }
            _ => {}
        }
    }

    fn look_at_runs(&mut self, limits: &Limits, now: Timestamp) {
        let Some(max_age) = limits.max_age else {
            return;
        };
        let age = self.succeeded_at.map(|at| now.secs() - at.secs());
        if age.is_some_and(|age| age <= max_age.cast_signed()) {
            return;
        }
        let last = self.succeeded_at.map_or_else(
            || "no successful refresh is known".to_owned(),
            |at| format!("the last successful refresh ended {at}"),
        );
        self.find(Level::Warning, &format!("{last}; does its timer run?"), "");
    }

    fn look_at_pending(&mut self, app: &App, pending: &Pending) {
        let due = pending.due_for(&self.workspace, &app.moment());
        self.pending = pending::of(&due, &self.workspace);
        if !self.pending.is_empty() {
            let since = self.pending_since().map(|at| format!(" since {at}")).unwrap_or_default();
            let words: Vec<&str> = self.pending.iter().map(|work| work.text.as_str()).collect();
            let words = words.join(", ");
            let fix = format!("ntcli token refresh {}", self.name());
            self.find(Level::Warning, &format!("pending{since}: {words}"), &fix);
        }
        let orphans = pending.orphans.iter().filter(|o| o.workspace.is(&self.workspace)).count();
        if orphans > 0 {
            let fix = format!("ntcli token show {}", self.name());
            self.find(Level::Warning, "tokens that nothing holds may be live", &fix);
        }
    }

    fn look_at_targets(&mut self, targets: &Targets) {
        let id = self.workspace.id.clone();
        for target in targets.all().iter().filter(|target| target.workspace_id == id) {
            self.targets += 1;
            let held = Receiver::remembered(target)
                .map_err(|error| error.in_one_line())
                .and_then(|receiver| receiver.holds(&self.workspace, &self.token));
            let wrong = match held {
                Ok(Some(true) | None) => continue,
                Ok(Some(false)) => "does not hold the current token".to_owned(),
                Err(reason) => format!("cannot be checked ({reason})"),
            };
            self.drifted += 1;
            // One that is still to be delivered to is told of already.
            if self.pending.is_empty() {
                let id = target.id;
                let fix = format!("ntcli target deliver {id}");
                self.find(Level::Critical, &format!("target {id} {wrong}"), &fix);
            }
        }
    }
}

fn session(env: &Env, config: &Config, limits: &Limits, now: Timestamp) -> SessionState {
    let given = auth::from_env(env, config);
    let fix = match &given {
        Ok(Some(found)) => found.fix(),
        _ => "ntcli auth login".to_owned(),
    };
    let finding = |level, text| Finding { level, text, fix: fix.clone() };
    let unusable = |text: String| SessionState {
        finding: Some(finding(Level::Critical, text)),
        ..SessionState::default()
    };
    let session = match &given {
        Ok(Some(found)) if auth::is_workspace_token(found.bearer.expose(), config) => {
            return unusable(format!("{} holds a workspace token, not a session", found.place()));
        }
        Ok(Some(found)) => auth::from_bearer(found.bearer.clone(), None),
        Ok(None) => match auth::stored(env, config) {
            Ok(session) => session,
            Err(error) if error.is_no_session() && error.reason().is_empty() => {
                return unusable("not signed in".to_owned());
            }
            Err(error) => return unusable(format!("not signed in ({})", error.in_one_line())),
        },
        Err(error) => return unusable(error.in_one_line()),
    };
    let (renews, ends) = (session.refresh_token.is_some(), session.expires_at);
    let finding = ends.filter(|_| !renews).and_then(|end| {
        let level = limits.level(end, now);
        let text = if auth::has_ended(&session, now) {
            format!("the session ended {end}")
        } else {
            format!("the session ends {} and cannot renew itself", in_days(end, now))
        };
        (level > Level::Ok).then(|| finding(level, text))
    });
    let is_usable = renews || !auth::has_ended(&session, now);
    SessionState { is_usable, renews, ends, finding }
}

/// `in 3 days (DATE)`.
pub(in crate::commands) fn in_days(end: Timestamp, now: Timestamp) -> String {
    format!("{} ({end})", end.from_now(now))
}
