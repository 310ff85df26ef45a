//! The only access from a command to the config folder, the server and the rotation.

use std::cell::OnceCell;
use std::time::Duration;

use super::messages;
pub(super) use super::words::{
    json_action, json_tokens, json_workspace, word_among, word_for, workspace_ref,
};
use crate::api::Api;
use crate::auth::{self, Keeper};
use crate::config::{Config, Paths, Workspace};
use crate::config_dir::{self, ConfigDir, LOCK_WAIT};
use crate::context::{Clock, Console, Context};
use crate::endpoints;
use crate::error::{Error, Failure, Result};
use crate::http::{Http, Settings};
use crate::rotation::{Acceptance, Answer, ControlPlane, Event, Moment, Pending, Store};
use crate::secret::Secret;
use crate::store;
use crate::targets::{SavedTarget, SavedTargets, Targets};
use crate::text::printable;
use crate::time::Timestamp;
use crate::token::Token;

/// What a command works with.
pub(super) struct App<'c> {
    pub(super) ctx: &'c Context,
    pub(super) paths: Paths,
    /// One per run: connections are reused, and so is the list of secrets to redact.
    http: OnceCell<Http>,
    /// The server sees the same session throughout a run.
    keeper: OnceCell<Keeper>,
}

/// The identity under which a command talks to the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// The signed-in user.
    User,
    /// The signed-in user, or no session: some servers do not require one.
    Anybody,
    Anonymous,
}

/// What may be so where no one has signed in and nothing has a token.
pub(super) const WITHOUT_TOKENS: &str =
    "if this server issues no tokens, as the open-source core does not, none are needed";

impl<'c> App<'c> {
    /// # Errors
    /// [`Error::no_home`].
    pub(super) fn open(ctx: &'c Context) -> Result<Self> {
        let paths = Paths::find(&ctx.env)?;
        Ok(Self { ctx, paths, http: OnceCell::new(), keeper: OnceCell::new() })
    }

    /// For a command that changes something: where several machines share the state, the latest one.
    ///
    /// # Errors
    /// As [`App::open`]; as [`App::lock`] if `NTCLI_STATE_COMMAND` is set.
    pub(super) fn up_to_date(ctx: &'c Context) -> Result<Self> {
        let app = Self::open(ctx)?;
        if app.paths.state_command.is_some() {
            app.lock()?;
        }
        Ok(app)
    }

    pub(super) fn console(&self) -> &'c Console {
        &self.ctx.console
    }

    pub(super) fn clock(&self) -> &'c dyn Clock {
        &*self.ctx.clock
    }

    pub(super) fn now(&self) -> Timestamp {
        self.ctx.clock.now()
    }

    /// The config file, read without the lock.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(super) fn config(&self) -> Result<Config> {
        Config::load(&self.paths.config, &|notice| {
            messages::print_notice(self.console(), &notice);
        })
    }

    /// The pending work, read without the lock: for reports only.
    ///
    /// # Errors
    /// As [`config_dir::peek_pending`] and [`SavedTargets::load`].
    pub(super) fn pending(&self) -> Result<Pending> {
        let mut pending = config_dir::peek_pending(&self.paths)?;
        if !pending.rotations.is_empty() {
            let targets = SavedTargets::load(&self.paths.targets)?;
            for open in &mut pending.rotations {
                let lacks = open.lacks(&targets.to_deliver(&open.workspace.id), &[]);
                open.awaits_delivery = !lacks.is_empty();
            }
        }
        Ok(pending)
    }

    /// Says that there is nothing to show, or that the folder is not there.
    pub(super) fn note_none(&self, none: &str, rest: &str) {
        let dir = &self.paths.dir;
        let folder = || format!(": {} does not exist", printable(&dir.display().to_string()));
        let rest = if dir.exists() { rest.to_owned() } else { folder() };
        self.console().note(&format!("{none}{rest}"));
    }

    /// How long to wait for another `ntcli`: `--lock-wait`, 60 s by default.
    pub(super) fn lock_wait(&self) -> Duration {
        self.ctx.lock_wait.unwrap_or(LOCK_WAIT)
    }

    /// The config folder, locked.
    ///
    /// # Errors
    /// [`Error::locked`], [`Error::write_file`].
    pub(super) fn lock(&self) -> Result<ConfigDir<'c>> {
        Ok(self.lock_at(&self.paths, self.lock_wait())?.0)
    }

    /// A config folder, locked, and whether it had to be waited for.
    ///
    /// # Errors
    /// As [`App::lock`].
    pub(super) fn lock_at(&self, paths: &Paths, wait: Duration) -> Result<(ConfigDir<'c>, bool)> {
        let console = self.console();
        let on_notice = Box::new(move |notice| messages::print_notice(console, &notice));
        ConfigDir::lock(paths, wait, self.clock(), on_notice)
    }

    /// Keeps other runs away from what is looked at or tried: one that is at work would be seen
    /// half-way. Where there is no lock nobody is at work, and none is made.
    ///
    /// # Errors
    /// [`Error::locked`].
    pub(super) fn keep_others_away(&self) -> Result<Option<store::Lock>> {
        let lock = || store::lock(&self.paths.lock, self.lock_wait(), self.clock(), &mut || {});
        self.paths.lock.exists().then(lock).transpose()
    }

    /// The targets as a run uses them; those of `new` never got a token.
    ///
    /// # Errors
    /// As [`Targets::of_saved`].
    pub(super) fn consumers(&self, targets: &SavedTargets, new: &[SavedTarget]) -> Result<Targets> {
        let (history, clock) = (self.paths.history.clone(), self.ctx.clock.clone());
        let earlier = move || config_dir::history::earlier(&history);
        Targets::of_saved(targets, new, &self.paths.unfinished, earlier, clock, &self.ctx.env)
    }

    /// Everything that is remembered as a target.
    ///
    /// # Errors
    /// As [`SavedTargets::load`] and [`Targets::of_saved`].
    pub(super) fn remembered(&self, dir: &mut ConfigDir<'c>) -> Result<Targets> {
        let mut consumers = self.consumers(dir.targets()?, &[])?;
        self.wait_for_command(&mut consumers, dir)?;
        Ok(consumers)
    }

    /// Waits for the command of a run that was killed.
    ///
    /// # Errors
    /// As [`Targets::wait_for`].
    pub(super) fn wait_for_command(
        &self,
        consumers: &mut Targets,
        dir: &mut ConfigDir<'c>,
    ) -> Result<()> {
        let earlier = if consumers.has_commands() { dir.pending()?.running } else { None };
        consumers.wait_for(earlier, self.lock_wait(), &self.paths.lock)
    }

    /// The HTTP client of this run.
    ///
    /// # Errors
    /// [`Error::invalid_value`] for an invalid variable.
    pub(super) fn http(&self) -> Result<&Http> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let mut settings = Settings::from_env(&self.ctx.env).map_err(Error::invalid_value)?;
        settings.debug |= self.ctx.debug;
        let console = self.console().clone();
        let on_event = move |event| messages::print_http(&console, &event);
        Ok(self.http.get_or_init(|| Http::new(settings, self.ctx.clock.clone(), on_event)))
    }

    fn keeper(&self) -> &Keeper {
        self.keeper.get_or_init(|| {
            let console = self.console().clone();
            let on_event =
                Box::new(move |event: &auth::Event| messages::print_session(&console, event));
            let (env, clock) = (self.ctx.env.clone(), self.ctx.clock.clone());
            Keeper::new(env, clock, self.paths.clone(), on_event)
        })
    }

    /// Finds out early, before the lock, whether there is a session.
    ///
    /// # Errors
    /// [`Error::no_session`].
    pub(super) fn check_session(&self, config: &Config) -> Result<()> {
        // Where a workspace could be made without a sign-in, to ask for one may lead nowhere.
        let may_need_none = || {
            let known = config.workspaces();
            !known.is_empty() && known.iter().all(|w| w.token.is_none())
        };
        auth::check(&self.ctx.env, config, self.now()).map_err(|error| match error {
            _ if error.is_no_session() && error.reason().is_empty() && may_need_none() => {
                Error::no_session(WITHOUT_TOKENS)
            }
            error => error,
        })
    }

    /// Reports that a variable is ignored, for a command that reads the stored session itself.
    pub(super) fn note_ignored(&self, config: &Config) {
        if auth::ignores_variable(&self.ctx.env, config) {
            messages::print_session(self.console(), &auth::Event::VariableIgnored);
        }
    }

    /// The base URL of the management API.
    ///
    /// # Errors
    /// [`Error::invalid_value`].
    pub(super) fn server(&self, config: &Config) -> Result<String> {
        endpoints::management(&self.ctx.env, config)
    }

    /// The management API. A rejected session is renewed once.
    ///
    /// # Errors
    /// [`Error::no_session`], and why the session could not be renewed; a setting that makes no sense.
    pub(super) fn api(&self, config: &Config, who: As) -> Result<Api<'_>> {
        let (http, keeper) = (self.http()?, self.keeper());
        let bearer: Option<Secret> = match who {
            As::User => Some(keeper.bearer(http, config)?),
            As::Anybody => keeper.optional_bearer(http, config)?,
            As::Anonymous => None,
        };
        Ok(self.api_with(config, bearer)?.renewing(keeper))
    }

    /// The management API as seen with that bearer, which is never renewed.
    ///
    /// # Errors
    /// A setting that makes no sense; a folder that names a server for another user.
    pub(super) fn api_with(&self, config: &Config, bearer: Option<Secret>) -> Result<Api<'_>> {
        store::check_folder(&self.paths.lock)?;
        Ok(Api::new(self.http()?, self.clock(), self.server(config)?, bearer))
    }

    /// The server that made a token, if that is known to be another one than is asked.
    pub(super) fn other_maker(&self, api: &Api, token: &Token) -> Option<String> {
        let maker = config_dir::past::maker_of(&self.paths.history, &token.mark());
        maker.filter(|maker| maker != api.server())
    }

    /// Whether the server accepts a token, unless another one made it.
    pub(super) fn check_token(&self, api: &Api, token: &Token) -> Answer<Acceptance> {
        match self.other_maker(api, token) {
            Some(maker) => Err(Failure::of_another_server(&maker)),
            None => api.check(&token.access_token),
        }
    }

    /// The workspace to use: the one named, else `NTCLI_WORKSPACE`, else the active one.
    ///
    /// # Errors
    /// [`Error::no_workspace`], and as [`Config::find`].
    pub(super) fn workspace(&self, config: &Config, named: Option<&str>) -> Result<Workspace> {
        let ctx = self.ctx;
        let variable = ctx.env.text("NTCLI_WORKSPACE");
        let active = config.active_key().and_then(|key| config.workspace(key));
        let Some(name) = named.or(variable.as_deref()) else {
            let active = active.ok_or_else(Error::no_workspace)?;
            *ctx.meant_workspace.borrow_mut() = Some(word_for(config, &active));
            return Ok(active);
        };
        let found = config.find(name)?;
        *ctx.meant_workspace.borrow_mut() = Some(word_for(config, &found));
        if variable.is_some() || active.is_none_or(|active| active.id != found.id) {
            *ctx.other_workspace.borrow_mut() = Some(word_for(config, &found));
        }
        Ok(found)
    }

    /// The workspaces that are meant; each holds a token, and no workspace is there twice.
    ///
    /// # Errors
    /// [`Error::nothing_to_refresh`] if there is none, and as [`App::workspace`].
    pub(super) fn selected(
        &self,
        config: &Config,
        all: bool,
        named: Option<&str>,
    ) -> Result<Vec<Workspace>> {
        let mut meant =
            if all { config.workspaces() } else { vec![self.workspace(config, named)?] };
        meant.retain(|workspace| workspace.token.is_some());
        if meant.is_empty() {
            return Err(Error::nothing_to_refresh());
        }
        Ok(meant)
    }

    /// The current moment, as far as it is known without the server.
    pub(super) fn moment(&self) -> Moment {
        Moment { ours: self.now(), boot: self.ctx.clock.boot_time(), skew_s: None }
    }

    /// Reports the progress of a rotation to the user.
    pub(super) fn on_event(&self, event: &Event) {
        messages::print_rotation(self.console(), event);
    }
}
