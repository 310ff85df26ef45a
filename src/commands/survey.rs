//! One look at everything that is known here, as states: no server is asked, and nothing is said. What
//! the commands tell of tokens, targets, pending work and the session are views of it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use super::session::SessionState;
use super::token::pending::{self, Work};
use crate::commands::prelude::*;
use crate::config::{Config, Workspace};
use crate::config_dir::history::{self, Line};
use crate::config_dir::last_run::LastRun;
use crate::policy::{Policies, Policy};
use crate::rotation::{Pending, WorkspaceRef};
use crate::store;
use crate::targets::{Destination, SavedTarget, SavedTargets};
use crate::time::Timestamp;
use crate::token::{self, Due, Token};

/// A refresh takes seconds; whoever looks meanwhile would see work that is pending.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);
/// A clock that is behind by more is wrong; servers may be ahead by less.
const BEHIND_S: i64 = 300;

/// Everything that was looked at.
pub(super) struct Survey {
    pub(super) now: Timestamp,
    pub(super) workspaces: Vec<WorkspaceState>,
    pub(super) session: SessionState,
    pub(super) last_run: Option<LastRun>,
    /// All that the journal holds, of other workspaces too; nothing while another run is at work.
    pub(super) pending: Pending,
    /// Why this user may not read what is pending, nor what is wanted: the config file alone may be
    /// readable for a group.
    pub(super) unreadable: Option<Error>,
    /// Another run was at work all the time, so that pending work and targets cannot be told.
    pub(super) at_work: bool,
    /// What is tried while this is held disturbs nobody.
    _lock: Option<store::Lock>,
}

/// A workspace with a token, as it is now.
pub(super) struct WorkspaceState {
    pub(super) workspace: WorkspaceRef,
    /// Its name, or its UUID if another one has the name too.
    pub(super) called: String,
    pub(super) token: Token,
    pub(super) policy: Policy,
    /// How long before its end the token is to be renewed.
    pub(super) window_s: u64,
    pub(super) due: Due,
    /// What is pending and due.
    pub(super) pending: Vec<Work>,
    /// How many tokens may be live that nothing holds.
    pub(super) orphans: usize,
    pub(super) targets: Vec<TargetState>,
    /// When a refresh last left nothing to do for it.
    pub(super) succeeded_at: Option<Timestamp>,
}

impl WorkspaceState {
    /// Since when anything is pending, as far as that is known.
    pub(super) fn pending_since(&self) -> Option<Timestamp> {
        self.pending.iter().filter_map(|work| work.since).min()
    }

    /// When its token is to be renewed.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.token.renewal(self.window_s)
    }

    /// Adds what is known of its token to the JSON of a run, with what is done.
    pub(super) fn tell(&self, json: &mut Json, mut actions: Vec<Json>) {
        if actions.is_empty() {
            actions.push(app::json_action("none", ("jti", None), "not_due"));
        }
        json.set("jti", self.token.jti.clone().into());
        json.set("expires_at", self.token.expiry.at().into());
        json.set("next_at", self.next_at().into());
        json.set("actions", Json::Array(actions));
    }

    /// How many targets do not have its token.
    pub(super) fn drifted(&self) -> usize {
        self.targets.iter().filter(|target| target.holds.is_wrong()).count()
    }

    /// A target by its number; anything else as it is.
    pub(super) fn shown(&self, name: &str) -> String {
        let target = self.targets.iter().find(|target| target.name == name);
        target.map_or_else(|| name.to_owned(), |target| format!("target {}", target.id))
    }

    /// The names of the targets that must get its token.
    pub(super) fn lacking(&self) -> Vec<String> {
        let lacking = self.targets.iter().filter(|target| target.holds.is_wrong());
        lacking.map(|target| target.name.clone()).collect()
    }
}

/// A target, and what it has.
pub(super) struct TargetState {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) holds: Holds,
}

/// What a target has of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holds {
    Current,
    /// It had an earlier one, or something else stands there now.
    Drifted,
    NeverDelivered,
    /// That cannot be told, for this reason.
    Unreadable(String),
    /// A command that got it; what it did with it cannot be asked.
    Unverifiable,
}

impl Holds {
    pub(super) fn is_wrong(&self) -> bool {
        !matches!(self, Self::Current | Self::Unverifiable)
    }

    /// For programs, and for tables.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Drifted => "drifted",
            Self::NeverDelivered => "never_delivered",
            Self::Unreadable(_) => "unreadable",
            Self::Unverifiable => "unknown",
        }
    }

    /// What is wrong, in words that follow the target's name.
    pub(super) fn wrong(&self) -> Option<String> {
        match self {
            Self::Current | Self::Unverifiable => None,
            Self::Drifted => Some("does not hold the current token".to_owned()),
            Self::NeverDelivered => Some("never got the current token".to_owned()),
            Self::Unreadable(reason) => Some(format!("cannot be checked ({reason})")),
        }
    }
}

/// The history, read when something asks for it.
pub(super) struct Past<'a> {
    app: &'a App<'a>,
    /// Whether the command that can tell what a consumer has is run.
    asks: bool,
    lines: OnceCell<Vec<Line>>,
}

impl<'a> Past<'a> {
    pub(super) fn new(app: &'a App<'a>, asks: bool) -> Self {
        Self { app, asks, lines: OnceCell::new() }
    }

    fn lines(&self) -> &[Line] {
        self.lines.get_or_init(|| history::read(&self.app.paths.history).unwrap_or_default())
    }

    /// When a token was made. Only a JWT says so itself.
    fn created_at(&self, token: &Token) -> Option<Timestamp> {
        token.created_at().or_else(|| {
            let jti = token.jti.as_deref()?;
            let mut lines = self.lines().iter().rev();
            let born = lines.find(|l| l.jti.as_deref() == Some(jti) && l.is_birth())?;
            Timestamp::parse_rfc3339(&born.at)
        })
    }

    /// Which tokens a target is known to have got.
    fn delivered<'s>(&'s self, target: &'s SavedTarget) -> impl Iterator<Item = &'s Line> {
        self.lines().iter().filter(move |l| {
            l.event == "delivered"
                && l.workspace_id == target.workspace_id
                && l.target.as_deref() == Some(&target.name)
        })
    }
}

/// What a target has of its workspace's token.
pub(super) fn holds(
    past: &Past,
    target: &SavedTarget,
    workspace: &WorkspaceRef,
    token: &Token,
) -> Holds {
    let destination = Destination::remembered(target).map_err(|error| error.in_one_line());
    let looked = destination.and_then(|destination| match destination.as_file() {
        None if !past.asks => Ok(None),
        _ => destination.looked_at(workspace, token, None, past.app.clock()),
    });
    match looked {
        Ok(Some(true)) => Holds::Current,
        Ok(None) if token.jti.is_none() => Holds::Unverifiable,
        Ok(None) if past.delivered(target).any(|l| l.jti == token.jti) => Holds::Unverifiable,
        Ok(_) if past.delivered(target).next().is_none() => Holds::NeverDelivered,
        Ok(_) => Holds::Drifted,
        Err(reason) => Holds::Unreadable(reason),
    }
}

impl Survey {
    /// # Errors
    /// What could not be read.
    pub(super) fn whole(self) -> Result<Self> {
        self.unreadable.clone().map_or(Ok(self), Err)
    }

    /// How this machine's clock is seen to be behind: a token was created later than it says. By such a
    /// clock nothing is due.
    pub(super) fn clock_fault(&self) -> Option<String> {
        let created = self.workspaces.iter().filter_map(|w| Some((w, w.token.created_at()?)));
        let (workspace, at) = created.max_by_key(|(_, at)| *at)?;
        let (now, name) = (self.now, printable(&workspace.called));
        (at.secs() > now.secs() + BEHIND_S).then(|| {
            format!("this machine's clock says {now}, but the token of '{name}' was created {at}")
        })
    }
}

/// Looks at these workspaces while no other run is at work; those without a token are left out.
///
/// # Errors
/// A file of the folder cannot be read, or is damaged.
pub(super) fn look(app: &App, config: &Config, workspaces: Vec<Workspace>) -> Result<Survey> {
    let wait = || store::lock(&app.paths.lock, LOCK_WAIT, app.clock(), &mut || {});
    let lock = app.paths.lock.exists().then(wait);
    let at_work = matches!(&lock, Some(Err(error)) if error.is_locked());
    let survey = take(&Past::new(app, false), config, workspaces, at_work)?.whole()?;
    Ok(Survey { _lock: lock.and_then(Result::ok), ..survey })
}

/// The same without the lock: for a run that holds it, or that does not mind one that is at work. `asks`: also
/// by running the commands that can tell what a consumer has.
///
/// # Errors
/// As [`look`], but what this user may not read is [`Survey::unreadable`].
pub(super) fn look_as_it_is(
    app: &App,
    config: &Config,
    workspaces: Vec<Workspace>,
    asks: bool,
) -> Result<Survey> {
    take(&Past::new(app, asks), config, workspaces, false)
}

fn take(past: &Past, config: &Config, workspaces: Vec<Workspace>, at_work: bool) -> Result<Survey> {
    let app = past.app;
    let read = || -> Result<_> {
        let policies = Policies::load(&app.paths.policies)?;
        if at_work {
            return Ok((Pending::default(), None, policies));
        }
        Ok((app.pending()?, Some(SavedTargets::load(&app.paths.targets)?), policies))
    };
    let (unreadable, (pending, targets, policies)) = match read() {
        Err(error) if error.is_denied() => (Some(error), Default::default()),
        read => (None, read?),
    };
    let last_run = LastRun::load(&app.paths.last_run);
    let (now, server) = (app.now(), app.server(config)?);
    let mut names = BTreeMap::<String, usize>::new();
    for workspace in &workspaces {
        *names.entry(workspace.name.clone()).or_default() += 1;
    }
    let mut of_each = BTreeMap::<&str, Vec<&SavedTarget>>::new();
    for target in targets.iter().flat_map(SavedTargets::all) {
        of_each.entry(&target.workspace_id).or_default().push(target);
    }
    let due = pending.due(&app.moment());
    let looked = workspaces.into_iter().filter_map(|workspace| {
        let local = app::workspace_ref(&workspace, &server);
        let (token, policy) = (workspace.token?, policies.of(&local.id));
        let window_s = policy.window_s(&token, past.created_at(&token));
        let look = |target: &&SavedTarget| TargetState {
            id: target.id,
            name: target.name.clone(),
            holds: holds(past, target, &local, &token),
        };
        Some(WorkspaceState {
            called: if names.get(&local.name) == Some(&1) { &local.name } else { &local.id }
                .clone(),
            due: token::due(&token, window_s, now),
            pending: pending::of(&due, |w| w.is(&local)),
            orphans: pending.orphans.iter().filter(|o| o.workspace.is(&local)).count(),
            targets: of_each.get(local.id.as_str()).into_iter().flatten().map(look).collect(),
            succeeded_at: last_run.as_ref().and_then(|last| last.succeeded_at(&local.id)),
            workspace: local,
            token,
            policy,
            window_s,
        })
    });
    let workspaces = looked.collect();
    let session = SessionState::look(&app.ctx.env, config, now);
    Ok(Survey { now, workspaces, session, last_run, pending, unreadable, at_work, _lock: None })
}
