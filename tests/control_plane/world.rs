//! Everything behind the server's one lock.

use std::time::SystemTime;

use super::faults::{Fault, Faults};
use super::http::{Answer, Request};
use super::oauth::{self, Provider};
use super::options::Options;
use super::routes::{Found, Route};
use super::state::State;
use super::{clock, management, refusal};

#[derive(Default)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) state: State,
    pub(crate) provider: Provider,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) panics: Vec<String>,
}

impl World {
    /// Unix seconds by the server's clock.
    pub(crate) fn now(&self) -> u64 {
        clock::now(self.options.clock_offset_s).as_secs()
    }

    /// Records an incoming request, and returns its fault.
    pub(crate) fn receive(
        &mut self,
        connection: u64,
        found: Found,
        request: &Request,
    ) -> (LogEntry, Option<Fault>) {
        let entry = self.log.add(Recorded {
            method: request.method.clone(),
            path: request.target.clone(),
            route: found.route(),
            bearer: request.bearer().map(str::to_owned),
            body: request.body.clone(),
            headers: request.headers.clone(),
            status: None,
            at: clock::real(),
            connection,
        });
        let fault = found.route().and_then(|route| self.faults.take(route, &request.target));
        (entry, fault)
    }

    pub(crate) fn apply(&mut self, found: Found, request: &Request) -> Answer {
        let route = match found {
            Found::Route(route) => route,
            Found::WrongMethod => return refusal::wrong_method(),
            Found::Nothing => return refusal::unknown_route(),
        };
        let (state, options) = (&mut self.state, &self.options);
        let outcome = match route {
            Route::OauthAuthorize
            | Route::OauthToken
            | Route::OauthUserinfo
            | Route::TokenExchange => {
                oauth::handle(&mut self.provider, state, options, route, request)
            }
            _ => management::handle(state, options, route, request),
        };
        outcome.unwrap_or_else(|refusal| refusal.answer(options.error_style))
    }
}

/// A request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    /// With its query, not decoded.
    pub(crate) path: String,
    pub(crate) route: Option<Route>,
    pub(crate) bearer: Option<String>,
    pub(crate) body: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The answer; `None` until a status line is sent.
    pub(crate) status: Option<u16>,
    pub(crate) at: SystemTime,
    /// Requests of one connection have the same number.
    pub(crate) connection: u64,
}

impl Recorded {
    /// A header, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|(n, _)| n.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }
}

/// Stays valid when the log is cleared meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct LogEntry(usize);

#[derive(Default)]
pub(crate) struct Log {
    cleared: usize,
    requests: Vec<Recorded>,
}

impl Log {
    fn add(&mut self, request: Recorded) -> LogEntry {
        self.requests.push(request);
        LogEntry(self.cleared + self.requests.len() - 1)
    }

    pub(crate) fn answered(&mut self, entry: LogEntry, status: u16) {
        let place = entry.0.checked_sub(self.cleared);
        if let Some(request) = place.and_then(|place| self.requests.get_mut(place)) {
            request.status = Some(status);
        }
    }

    pub(crate) fn requests(&self) -> &[Recorded] {
        &self.requests
    }

    pub(crate) fn clear(&mut self) {
        self.cleared += self.requests.len();
        self.requests.clear();
    }
}
