//! The server that a command talks to, and as whom.

use std::rc::Rc;

use crate::api::Api;
use crate::auth::Keeper;
use crate::commands::{app, auth};
use crate::config::Config;
use crate::context::{Clock, Context};
use crate::endpoints;
use crate::error::Result;
use crate::http::Http;
use crate::secret::Secret;

/// Where requests go and what they carry.
pub(super) struct Server {
    http: Http,
    clock: Rc<dyn Clock>,
    keeper: Keeper,
    base: String,
    bearer: Option<Secret>,
}

impl Server {
    /// For requests that some servers take from anybody.
    ///
    /// # Errors
    /// As [`Keeper::optional_bearer`]; a setting that makes no sense.
    pub(super) fn for_anybody(ctx: &Context, config: &Config) -> Result<Self> {
        let mut server = Self::for_nobody(ctx, config)?;
        server.bearer = server.keeper.optional_bearer(&server.http, config)?;
        Ok(server)
    }

    /// For requests that need a session.
    ///
    /// # Errors
    /// As [`Keeper::bearer`]; a setting that makes no sense.
    pub(super) fn for_session(ctx: &Context, config: &Config) -> Result<Self> {
        let mut server = Self::for_nobody(ctx, config)?;
        server.bearer = Some(server.keeper.bearer(&server.http, config)?);
        Ok(server)
    }

    /// For requests that carry nobody's bearer.
    ///
    /// # Errors
    /// A setting that makes no sense.
    pub(super) fn for_nobody(ctx: &Context, config: &Config) -> Result<Self> {
        Ok(Self {
            http: app::http(ctx)?,
            clock: Rc::clone(&ctx.clock),
            keeper: auth::keeper(ctx)?,
            base: endpoints::management(&ctx.env, config)?,
            bearer: None,
        })
    }

    /// Its calls. A session that is turned down is renewed once.
    pub(super) fn api(&self) -> Api<'_> {
        let (base, bearer) = (self.base.clone(), self.bearer.clone());
        Api::new(&self.http, &*self.clock, base, bearer).renewing(&self.keeper)
    }

    /// The base URL of its API.
    pub(super) fn base(&self) -> &str {
        &self.base
    }
}
