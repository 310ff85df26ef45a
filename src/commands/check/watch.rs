//! What monitoring looks at, from what is known here: no server is asked.

use std::time::Duration;

use crate::auth;
use crate::commands::app::{self, App};
use crate::commands::token::pending;
use crate::config::{Config, Workspace};
use crate::config_dir::last_run::LastRun;
use crate::context::Env;
use crate::error::{Error, Result};
use crate::hooks::Receiver;
use crate::rotation::{Pending, WorkspaceRef};
use crate::store;
use crate::targets::Targets;
use crate::text::printable;
use crate::time::Timestamp;
use crate::token::{self, Due, Token};

/// A refresh takes seconds; whoever looks meanwhile would see work that is pending.
const LOCK_WAIT: Duration = Duration::from_secs(5);
pub(super) const DAY_S: i64 = 86_400;

/// How bad it is; the numbers are the exit codes of a monitoring plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl Level {
    pub(super) fn word(self) -> &'static str {
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
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) text: String,
}

/// When something is too late, seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) warning: u64,
    pub(super) critical: u64,
    pub(super) max_age: Option<u64>,
}

impl Limits {
    pub(super) const DEFAULT: Self =
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
pub(super) struct Watched {
    pub(super) workspace: WorkspaceRef,
    pub(super) token: Token,
    /// How many operations are pending and due, and since when.
    pub(super) pending: usize,
    pub(super) pending_since: Option<Timestamp>,
    pub(super) targets: usize,
    pub(super) drifted: usize,
    /// When a refresh last left nothing to do for it.
    pub(super) succeeded_at: Option<Timestamp>,
    pub(super) findings: Vec<Finding>,
}

/// The session that the next run would use.
#[derive(Default)]
pub(super) struct SessionState {
    pub(super) is_usable: bool,
    pub(super) renews: bool,
    pub(super) ends: Option<Timestamp>,
    pub(super) finding: Option<Finding>,
}

/// Everything that is looked at.
pub(super) struct State {
    pub(super) now: Timestamp,
    pub(super) workspaces: Vec<Watched>,
    pub(super) session: SessionState,
    pub(super) last_run: Option<LastRun>,
    /// Another run was at work all the time, so that pending work and targets cannot be told.
    pub(super) at_work: bool,
}

impl State {
    pub(super) fn level(&self) -> Level {
        self.findings().map(|(_, finding)| finding.level).max().unwrap_or(Level::Ok)
    }

    /// What is wrong, and with which workspace.
    pub(super) fn findings(&self) -> impl Iterator<Item = (Option<&WorkspaceRef>, &Finding)> {
        let all = self.workspaces.iter();
        let all = all.flat_map(|w| w.findings.iter().map(|finding| (Some(&w.workspace), finding)));
        all.chain(self.session.finding.iter().map(|finding| (None, finding)))
    }
}

/// Looks at these workspaces, each of which has a token.
///
/// # Errors
/// A file of the folder cannot be read, or is damaged.
pub(super) fn look(
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
    let at_work = matches!(lock, Some(Err(Error::Locked { .. })));
    let (pending, targets) = (app.pending()?, Targets::load(&app.paths.targets)?);
    let last_run = LastRun::load(&app.paths.last_run);
    let now = app.now();
    let looked = workspaces.into_iter().filter_map(|workspace| {
        let local = app::workspace_ref(&workspace, &app.server(config).ok()?);
        let mut watched = Watched {
            token: workspace.token?,
            pending: 0,
            pending_since: None,
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
    let workspaces = looked.collect();
    let session = session(&app.ctx.env, config, limits, now);
    Ok(State { now, workspaces, session, last_run, at_work })
}

impl Watched {
    fn find(&mut self, level: Level, text: String) {
        self.findings.push(Finding { level, text });
    }

    /// The workspace as an argument of a command.
    fn name(&self) -> String {
        crate::text::shell_word(&printable(&self.workspace.name))
    }

    fn look_at_token(&mut self, limits: &Limits, now: Timestamp) {
        let (name, due) = (self.name(), token::due(&self.token, limits.warning, now));
        let refresh = format!("ntcli token refresh {name}");
        match (due, self.token.expiry.at()) {
            (Due::Invalid, _) => {
                self.find(Level::Critical, format!("the token cannot be used: {refresh}"));
            }
            (Due::UnknownEnd, _) => {
                let text = format!("the token does not say when it expires: {refresh}");
                self.find(Level::Warning, text);
            }
            (Due::Expired, Some(end)) => {
                self.find(Level::Critical, format!("the token expired {end}: {refresh}"));
            }
            (_, Some(end)) if limits.level(end, now) > Level::Ok => {
                let left = in_days(end, now);
                self.find(limits.level(end, now), format!("the token expires {left}: {refresh}"));
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
            || "no refresh is known to have gone well".to_owned(),
            |at| format!("the last refresh that went well ended {at}"),
        );
        self.find(Level::Warning, format!("{last}; does its timer run?"));
    }

    fn look_at_pending(&mut self, app: &App, pending: &Pending) {
        let due = pending.due_for(&self.workspace, &app.moment());
        self.pending = due.creates.len() + due.rotations.len() + due.revocations.len();
        let creates = due.creates.iter().map(|create| Some(create.at));
        let rotations = due.rotations.iter().map(|rotation| rotation.token.created_at());
        let revocations = due.revocations.iter().map(|revocation| revocation.since);
        self.pending_since = creates.chain(rotations).chain(revocations).flatten().min();
        if self.pending > 0 {
            let since = self.pending_since.map(|at| format!(" since {at}")).unwrap_or_default();
            let words = pending::words(&due, &self.workspace).join(", ");
            let text = format!("pending{since}: {words}: ntcli token refresh {}", self.name());
            self.find(Level::Warning, text);
        }
        let orphans = pending.orphans.iter().filter(|o| o.workspace.is(&self.workspace)).count();
        if orphans > 0 {
            let text =
                format!("tokens that nothing holds may be live: ntcli token show {}", self.name());
            self.find(Level::Warning, text);
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
                Err(reason) => format!("cannot be told ({reason})"),
            };
            self.drifted += 1;
            // One that is still to be delivered to is told of already.
            if self.pending == 0 {
                let id = target.id;
                let text = format!("target {id} {wrong}: ntcli target deliver {id}");
                self.find(Level::Critical, text);
            }
        }
    }
}

fn session(env: &Env, config: &Config, limits: &Limits, now: Timestamp) -> SessionState {
    let login = "ntcli auth login";
    let unusable = |text: String| SessionState {
        finding: Some(Finding { level: Level::Critical, text: format!("{text}: {login}") }),
        ..SessionState::default()
    };
    let session = match auth::from_env(env, config) {
        Ok(Some(found)) => auth::from_bearer(found.bearer, None),
        Ok(None) => match auth::stored(env, config) {
            Ok(session) => session,
            Err(Error::NoSession { reason }) if reason.is_empty() => {
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
            format!("the session ended {end}: {login}")
        } else {
            let left = in_days(end, now);
            format!("the session ends {left} and cannot renew itself: {login}")
        };
        (level > Level::Ok).then_some(Finding { level, text })
    });
    let is_usable = renews || !auth::has_ended(&session, now);
    SessionState { is_usable, renews, ends, finding }
}

/// `in 3 days (DATE)`.
pub(super) fn in_days(end: Timestamp, now: Timestamp) -> String {
    match (end.secs() - now.secs()).div_euclid(DAY_S) {
        1 => format!("in 1 day ({end})"),
        days => format!("in {days} days ({end})"),
    }
}
