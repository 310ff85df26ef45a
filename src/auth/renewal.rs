//! Renewing the stored session.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::Duration;

use super::Event;
use super::session::{
    explain, from_env, has_ended, ignores_variable, stored, why_over, with_reason,
};
use crate::auth::oauth::Provider;
use crate::config::{Config, Notice, Paths, Session};
use crate::config_dir::{ConfigDir, LOCK_WAIT};
use crate::context::{Clock, Env, uninterrupted};
use crate::endpoints;
use crate::error::{Cause, Error, Failure, Result, exit, is_dead_grant, is_refusal};
use crate::http::Http;
use crate::secret::Secret;
use crate::store;

/// A session that ends within this time is renewed, so that it lasts for the work at hand.
const MARGIN_SECS: i64 = 60;

/// Keeps the stored session alive: renews it with its refresh token when it expires or when the
/// server rejects it. A renewal takes the lock, unless this run already holds it.
pub(crate) struct Keeper {
    env: Env,
    clock: Rc<dyn Clock>,
    paths: Paths,
    on_event: Box<dyn Fn(&Event)>,
    /// Whether the session can be renewed: how long a request may take.
    renewable: Cell<bool>,
    /// Whether the bearer came from the environment.
    from_env: Cell<bool>,
    /// The server of this run: a session is sent to no other, even if the config changes meanwhile.
    server: OnceCell<String>,
}

impl Keeper {
    /// For the session of this run's config folder; tells `on_event` what happens to it.
    pub(crate) fn new(
        env: Env,
        clock: Rc<dyn Clock>,
        paths: Paths,
        on_event: Box<dyn Fn(&Event)>,
    ) -> Self {
        let (renewable, from_env) = (Cell::default(), Cell::default());
        Self { env, clock, paths, on_event, renewable, from_env, server: OnceCell::new() }
    }

    /// The bearer: from the environment, else that of the session in `config`, renewed if due.
    ///
    /// # Errors
    /// [`Error::no_session`] if there is no session for this server, or its renewal was refused;
    /// otherwise why it could not be renewed. The stored refresh token is then as it was, or newer.
    pub(crate) fn bearer(&self, http: &Http, config: &Config) -> Result<Secret> {
        store::check_folder(&self.paths.lock)?;
        if let Some(found) = from_env(&self.env, config)? {
            self.from_env.set(true);
            return Ok(found.bearer);
        }
        let session = self.session_of(config)?;
        if ignores_variable(&self.env, config) {
            (self.on_event)(&Event::VariableIgnored);
        }
        let now = self.clock.now();
        if has_ended(&session, now) {
            return self.replace(http, &session.bearer, LOCK_WAIT);
        }
        let due = has_ended(&session, now.plus_secs(MARGIN_SECS));
        if !due || session.refresh_token.is_none() {
            return Ok(session.bearer);
        }
        // There is time left: a later run may have more luck.
        let outcome = self.replace(http, &session.bearer, Duration::ZERO);
        outcome.or_else(|error| {
            if !error.is_locked() {
                let reason = error.in_one_line();
                (self.on_event)(&Event::NotRenewed { reason });
            }
            Ok(session.bearer)
        })
    }

    /// The bearer for a request that some servers take without one: `None` if not signed in.
    ///
    /// # Errors
    /// As [`Keeper::bearer`], except for not being signed in.
    pub(crate) fn optional_bearer(&self, http: &Http, config: &Config) -> Result<Option<Secret>> {
        match super::check(&self.env, config, self.clock.now()) {
            Err(error) if error.is_no_session() => Ok(None),
            _ => self.bearer(http, config).map(Some),
        }
    }

    fn config(&self) -> Result<Config> {
        Config::load(&self.paths.config, &|notice| self.notice(notice))
    }

    fn notice(&self, notice: Notice) {
        (self.on_event)(&Event::File(notice));
    }

    fn session_of(&self, config: &Config) -> Result<Session> {
        let session = stored(&self.env, config)?;
        let here = endpoints::management(&self.env, config)?;
        if *self.server.get_or_init(|| here.clone()) != here {
            let reason = format!("the server was changed to {here} meanwhile");
            return Err(Error::no_session(reason));
        }
        self.renewable.set(session.refresh_token.is_some());
        Ok(session)
    }

    /// Replaces the bearer `stale`, unless another run has done so already.
    fn replace(&self, http: &Http, stale: &Secret, wait: Duration) -> Result<Secret> {
        let clock = &*self.clock;
        let mut dir = if self.paths.lock.is_locked() {
            None
        } else {
            let on_notice = Box::new(|notice| self.notice(notice));
            Some(ConfigDir::lock(&self.paths, wait, clock, on_notice)?)
        };
        // Another run may have renewed it in the meantime.
        let session = self.session_of(&self.config()?)?;
        if session.bearer != *stale && !has_ended(&session, clock.now()) {
            return Ok(session.bearer);
        }
        let Some(refresh_token) = session.refresh_token.clone() else {
            let reason = why_over(&session, clock.now());
            return Err(Error::no_session(reason));
        };
        let renewed = uninterrupted(|| self.renew_stored(http, session, &refresh_token));
        if let Some(dir) = &mut dir {
            dir.0.push_or_tell();
        }
        renewed
    }

    /// The one-use refresh token is replaced in the config file before anything else is done, so
    /// that a kill after that loses nothing: the next run continues from there.
    fn renew_stored(
        &self,
        http: &Http,
        mut session: Session,
        refresh_token: &Secret,
    ) -> Result<Secret> {
        let provider = Provider::new(&self.env, http, &*self.clock)?;
        // Check that the file can be written before the provider invalidates the token.
        store::probe_replace(&self.paths.config, 0)?;
        let grant = provider.renew(refresh_token);
        if grant.as_ref().is_err_and(is_dead_grant) {
            // The session is good for what is left of it, and no later run need ask again.
            let ended = Session { refresh_token: None, ..session.clone() };
            let _ = self.store(&session, &ended);
        }
        let grant = grant.map_err(|failure| match failure {
            Failure::Unknown { .. } => Error::renewal_lost(&failure),
            failure => not_renewed(&failure),
        })?;
        let before = session.clone();
        if let Some(token) = &grant.refresh_token {
            session.refresh_token = Some(token.clone());
            self.store(&before, &session).map_err(|error| {
                let done = "The session was renewed";
                Error::stored_behind(done, "ntcli auth login --force", &error)
            })?;
        }
        let bearer = provider.exchange(&grant).map_err(|failure| not_renewed(&failure))?;
        let before = session.clone();
        session.expires_at = grant.session_end(&bearer, self.clock.now());
        session.bearer = bearer.clone();
        if let Err(error) = self.store(&before, &session) {
            let reason = error.in_one_line();
            (self.on_event)(&Event::NotStored { reason });
        }
        Ok(bearer)
    }

    /// Replaces `before` with `session`, unless another program that ignores the lock has stored
    /// another sign-in meanwhile.
    fn store(&self, before: &Session, session: &Session) -> Result<()> {
        let is_ours = |config: &Config| {
            config.session().is_some_and(|s| {
                s.bearer == before.bearer && s.refresh_token == before.refresh_token
            })
        };
        let mut tries = 0;
        loop {
            let mut config = self.config()?;
            if !is_ours(&config) {
                return Ok(());
            }
            config.set_session(session);
            if config.save(&*self.clock, tries)? {
                return Ok(());
            }
            tries += 1;
        }
    }

    /// A bearer to replace one that the server rejected.
    ///
    /// # Errors
    /// The outcome of the request: `refusal`, or why there is no other bearer. Never
    /// [`Failure::Unknown`]: a rejected request was not carried out.
    pub(crate) fn renew(
        &self,
        http: &Http,
        rejected: &Secret,
        refusal: Failure,
    ) -> std::result::Result<Secret, Failure> {
        if self.from_env.get() {
            return Err(self.explain(refusal)); // not ours to renew
        }
        match self.replace(http, rejected, LOCK_WAIT) {
            Ok(bearer) if bearer != *rejected => Ok(bearer),
            Ok(_) => Err(refusal),
            Err(error) if error.is_no_session() => Err(with_reason(refusal, error.reason())),
            // The request itself was rejected and can be repeated: nothing is unknown.
            Err(error) => Err(Failure::NotSent {
                cause: match error.exit_code() {
                    exit::USAGE => Cause::Setting,
                    _ => Cause::Network,
                },
                reason: format!("the session was rejected; {}", error.in_one_line()),
            }),
        }
    }

    /// A final 401, with what is known about the session that was sent, or why none was sent.
    pub(crate) fn explain(&self, refusal: Failure) -> Failure {
        match self.config() {
            Ok(config) => explain(&self.env, &config, refusal),
            Err(_) => refusal,
        }
    }

    /// The longest time that a renewal can take.
    pub(crate) fn longest(&self, http: &Http) -> Duration {
        let renewal = http.timeout() * 2 + http.longest();
        if self.renewable.get() { renewal } else { Duration::ZERO }
    }
}

fn not_renewed(failure: &Failure) -> Error {
    if is_refusal(failure) {
        return Error::no_session(format!("the session was not renewed: {failure}"));
    }
    Error::could_not("renew the session", failure, "ntcli auth login")
}
