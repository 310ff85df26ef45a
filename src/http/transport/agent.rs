//! The ureq agents: one per route, built when it is first needed.

use std::cell::RefCell;
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;

use super::connection::Connect;
use super::resolve::Resolve;
use super::send_tracker::SendTracker;
use super::tls;
use crate::http::proxy::Proxy;
use crate::http::settings::Settings;
use crate::http::target::Target;

/// A name look-up that takes longer is not going to succeed: glibc waits 5 s for each name server
/// that is down, and there may be two before the one that works.
const LONGEST_RESOLVE: Duration = Duration::from_secs(12);
/// A host that takes longer to connect to is down.
pub(in crate::http) const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// The longest head of an answer.
const LONGEST_ANSWER_HEAD: usize = 64 * 1024;
/// Shorter than the 5 s after which common servers close: a request that may not be repeated must
/// not meet a connection that is just being closed.
const LONGEST_IDLE: Duration = Duration::from_secs(3);

/// A route to a server.
#[derive(Clone)]
pub(in crate::http) struct Route {
    /// The proxy on the route.
    pub(in crate::http) proxy: Option<Proxy>,
    pub(in crate::http) agent: Agent,
    secure: bool,
}

/// All routes that were needed so far.
#[derive(Default)]
pub(in crate::http) struct Agents {
    routes: RefCell<Vec<Route>>,
    tracker: SendTracker,
}

impl Agents {
    /// Records how far the last attempt got.
    pub(in crate::http) fn tracker(&self) -> &SendTracker {
        &self.tracker
    }

    /// The route to this target. The error is an invalid setting of ours.
    pub(in crate::http) fn route_to(
        &self,
        target: &Target,
        settings: &Settings,
    ) -> Result<Route, String> {
        let proxy = settings.proxy.choose(target)?;
        let mut routes = self.routes.borrow_mut();
        if let Some(route) =
            routes.iter().find(|route| route.secure == target.secure && route.proxy == proxy)
        {
            return Ok(route.clone());
        }
        let route = self.open(target.secure, proxy, settings)?;
        routes.push(route.clone());
        Ok(route)
    }

    fn open(
        &self,
        secure: bool,
        proxy: Option<Proxy>,
        settings: &Settings,
    ) -> Result<Route, String> {
        let tls = if secure { Some(tls::config(settings)?) } else { None };
        let connect = Connect { tracker: self.tracker.clone(), tls, proxy: proxy.clone() };
        let resolve = Resolve { instead: proxy.as_ref().and_then(Proxy::uri) };
        let agent = Agent::with_parts(config(settings.timeout), connect, resolve);
        Ok(Route { proxy, agent, secure })
    }
}

fn config(timeout: Duration) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // Or ureq reads the environment itself.
        .proxy(None)
        .user_agent(concat!("ntcli/", env!("CARGO_PKG_VERSION")))
        .accept("application/json")
        .accept_encoding("")
        .max_response_header_size(LONGEST_ANSWER_HEAD)
        .max_idle_connections(2)
        .max_idle_connections_per_host(1)
        .max_idle_age(LONGEST_IDLE)
        .timeout_global(Some(timeout))
        .timeout_resolve(Some(timeout.min(LONGEST_RESOLVE)))
        .timeout_connect(Some(timeout.min(LONGEST_CONNECT)))
        .build()
}
