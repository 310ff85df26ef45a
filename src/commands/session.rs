//! The session that the next run would use, as it is known here.

use crate::auth::{self, FromEnv};
use crate::config::{Config, Session};
use crate::context::Env;
use crate::error::Error;
use crate::time::Timestamp;

/// The session that the next run would use.
pub(super) struct SessionState {
    /// The environment's, if that wins.
    pub(super) given: Option<FromEnv>,
    pub(super) session: Option<Session>,
    /// Why there is none that a run could use.
    pub(super) unusable: Option<Error>,
    pub(super) has_ended: bool,
}

impl SessionState {
    pub(super) fn look(env: &Env, config: &Config, now: Timestamp) -> Self {
        let mut state = Self { given: None, session: None, unusable: None, has_ended: false };
        match auth::from_env(env, config) {
            Err(error) => state.unusable = Some(error),
            Ok(Some(found)) => {
                if auth::is_workspace_token(found.bearer.expose(), config) {
                    let place = found.place();
                    let reason = format!("{place} holds a workspace token, not a session");
                    state.unusable = Some(Error::no_session(reason));
                }
                state.session = Some(auth::from_bearer(found.bearer.clone()));
                state.given = Some(found);
            }
            Ok(None) => match auth::stored(env, config) {
                Ok(session) => state.session = Some(session),
                Err(error) => state.unusable = Some(error),
            },
        }
        state.has_ended = state.session.as_ref().is_some_and(|s| auth::has_ended(s, now));
        state
    }

    pub(super) fn renews(&self) -> bool {
        self.good().is_some_and(|session| session.refresh_token.is_some())
    }

    pub(super) fn is_usable(&self) -> bool {
        self.good().is_some() && (self.renews() || !self.has_ended)
    }

    pub(super) fn ends(&self) -> Option<Timestamp> {
        self.good()?.expires_at
    }

    fn good(&self) -> Option<&Session> {
        self.session.as_ref().filter(|_| self.unusable.is_none())
    }

    /// What gives a session that can be used.
    pub(super) fn fix(&self) -> String {
        self.given.as_ref().map_or_else(|| "ntcli auth login".to_owned(), FromEnv::fix)
    }
}
