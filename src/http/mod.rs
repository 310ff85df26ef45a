//! HTTP to the control plane: limits, retries, proxies, TLS roots, and the outcome of a request.
//! The only user of `ureq`.
//!
//! Everything rests on one question: *did the server get this request?* A transport above TLS (see
//! `transport/connection.rs`) answers it exactly, so that [`Failure::NotSent`] is a promise.

mod answer;
mod attempt;
mod encode;
mod message;
mod no_proxy;
mod proxy;
mod request;
mod retry;
mod sent_secrets;
mod settings;
mod target;
#[cfg(test)]
mod tests;
mod transport;

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::context::Clock;
use crate::error::{Cause, Failure};
use crate::store;
use crate::text::printable;

use attempt::AttemptError;
use proxy::{Proxy, Route};
use retry::{ATTEMPTS, BUDGET, OWN_PAUSES, may_repeat, pause_after};
use sent_secrets::SentSecrets;
use target::presentable;
use transport::under_way::{Stage, UnderWay};
use transport::{agent, exchange, tls};
use ureq::Agent;

pub(crate) use attempt::our_fault;
pub(crate) use encode::{encode_form, encode_segment};
pub(crate) use message::with_extra;
pub(crate) use no_proxy::is_localhost;
pub(crate) use request::{Body, Repeat, Request, Response, unusable};
pub(crate) use settings::Settings;
pub(crate) use target::{Target, split_port};
pub(crate) use ureq::http::Method;

/// Longer waits are shown to a user at a terminal.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// What a client reports while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HttpEvent {
    /// A line of the trace, redacted.
    Trace(String),
    /// It asks that server.
    Asking { host: String },
    /// It waits before it tries again.
    Waiting { pause: Duration },
}

/// The HTTP client. One per run: connections are kept and reused.
pub(crate) struct Http {
    settings: Settings,
    clock: Rc<dyn Clock>,
    on_event: Box<dyn Fn(HttpEvent)>,
    /// Never taken apart: the end of the program does that in one go.
    agent: ManuallyDrop<Agent>,
    under_way: UnderWay,
    /// How long this run has waited because servers asked for it.
    waited: Cell<Duration>,
    sent_secrets: SentSecrets,
}

impl Http {
    /// The way to a URL. Nothing is sent.
    ///
    /// # Errors
    /// What is wrong with the URL, or with the variable of the proxy.
    pub(crate) fn route(&self, url: &str) -> Result<Route, String> {
        let target = Target::parse(url)?;
        let proxy = self.settings.proxy.choose(&target)?;
        Ok(Route { target, proxy })
    }

    /// A client that has not used the network, nor read any file, yet.
    pub(crate) fn new(
        settings: Settings,
        clock: Rc<dyn Clock>,
        on_event: impl Fn(HttpEvent) + 'static,
    ) -> Self {
        let under_way = UnderWay::default();
        Self {
            agent: ManuallyDrop::new(agent::agent(settings.timeout, &under_way)),
            under_way,
            settings,
            clock,
            on_event: Box::new(on_event),
            waited: Cell::default(),
            sent_secrets: SentSecrets::default(),
        }
    }

    /// The longest time that one [`Http::send`] takes from now on, attempts and pauses together.
    pub(crate) fn longest(&self) -> Duration {
        self.settings.timeout * ATTEMPTS + BUDGET.saturating_sub(self.waited.get()) + OWN_PAUSES
    }

    /// How long one request may take, from the look-up of the name to the last byte of the answer.
    pub(crate) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Sends the request, repeats it as `request.repeat` allows, and reads the answer.
    ///
    /// # Errors
    /// Everything but a 2xx answer read to its end. After several attempts the failure is the last
    /// one's. A time-out after sending is [`Failure::Unknown`] with `in_flight`; a cut is not
    /// `in_flight`, since a peer that cuts the connection has ended its work on the request.
    pub(crate) fn send(&self, request: &Request) -> Result<Response, Failure> {
        self.sent_secrets.add(request.secrets());
        let target = self.prepare(request).map_err(|failure| self.failed(failure))?;
        (self.on_event)(HttpEvent::Asking { host: target.host.clone() });
        if let Some(signal) = self.clock.interrupted() {
            let reason = format!("signal {signal} asks for the end of this run");
            return Err(self.failed(Failure::NotSent { reason, cause: Cause::Network }));
        }
        let mut attempt = 1;
        loop {
            let (failure, may_pass) = match self.attempt(request, &target) {
                Ok(response) => return Ok(response),
                Err((failure, may_pass)) => (self.failed(failure), may_pass),
            };
            let again = may_pass && may_repeat(request.repeat, &failure);
            if !again || !self.back_off(failure.retry_after(), attempt) {
                return Err(failure);
            }
            attempt += 1;
        }
    }

    fn failed(&self, failure: Failure) -> Failure {
        let failure = failure.map_text(|text| self.sent_secrets.redact(text));
        self.trace(&format!("! {failure}"));
        failure
    }

    /// Waits before the attempt that follows `attempt` (the first is 1), as [`Http::send`] does
    /// between its own: `wait` is what the server asks for. Returns `false`, at once, if that was the
    /// last attempt or the wait does not fit what this run may wait in all.
    pub(crate) fn back_off(&self, wait: Option<Duration>, attempt: u32) -> bool {
        let waited = self.waited.get() + wait.unwrap_or_default();
        if attempt >= ATTEMPTS || waited > BUDGET {
            return false;
        }
        self.waited.set(waited);
        let pause = wait.unwrap_or_else(|| pause_after(attempt));
        let (next, millis) = (attempt + 1, pause.as_millis());
        self.trace(&format!("* attempt {next} of {ATTEMPTS} in {millis} ms"));
        if pause >= WORTH_TELLING {
            (self.on_event)(HttpEvent::Waiting { pause });
        }
        self.clock.sleep(pause);
        self.clock.interrupted().is_none()
    }

    /// What can be rejected before anything is sent; chooses the way.
    fn prepare(&self, request: &Request) -> Result<Target, Failure> {
        let route = self.route(&request.url).map_err(our_fault)?;
        if request.bearer.is_some_and(|bearer| {
            !bearer.is_header_safe() || bearer.expose().len() > exchange::LONGEST_BEARER
        }) {
            return Err(our_fault(
                "the token is too long to be sent, or holds characters that cannot be (a line break, a blank, \
                 or something that is no ASCII)",
            ));
        }
        self.sent_secrets.add(route.proxy.iter().flat_map(Proxy::secrets));
        let target = route.target.clone();
        let mut attempt = self.under_way.attempt();
        attempt.route = route;
        if target.secure && attempt.tls.is_none() {
            attempt.tls = Some(tls::config(&self.settings).map_err(our_fault)?);
        }
        Ok(target)
    }

    fn attempt(&self, request: &Request, target: &Target) -> Result<Response, AttemptError> {
        self.under_way.attempt().stage = Stage::Connect;
        self.trace_request(request);
        let started = Instant::now();
        let answer = exchange::run(&self.agent, request, target).map_err(|error| {
            attempt::failed(&error, &self.under_way.attempt(), self.settings.timeout)
        })?;
        let took = started.elapsed().as_millis();
        let size = answer.body.as_ref().map_or(0, Vec::len);
        self.trace(&format!("< {} ({took} ms), {size} bytes", answer.status));
        let now = self.clock.now();
        answer::judge(answer, request.repeat, &target.host, &self.sent_secrets, now)
    }

    fn trace_request(&self, request: &Request) {
        if !self.settings.debug {
            return;
        }
        self.trace(&format!("> {} {}", request.method, presentable(&request.url)));
        if request.bearer.is_some() {
            self.trace("> Authorization: Bearer [redacted]");
        }
        if let Some(body) = &request.body {
            self.trace(&format!("> {} bytes", body.text.expose().len()));
        }
    }

    /// Every line goes through here, so that even a token in a path or a reason is not shown.
    fn trace(&self, line: &str) {
        if self.settings.debug {
            (self.on_event)(HttpEvent::Trace(self.sent_secrets.redact(line)));
        }
    }
}

/// An error of the system in a few words, without its number and std's preamble.
pub(crate) fn describe_io(error: &std::io::Error) -> String {
    let text = error.to_string();
    let preamble = "failed to lookup address information: ";
    let text = text.strip_prefix(preamble).unwrap_or(&text);
    let end = text.rfind(" (os error").unwrap_or(text.len());
    let mut chars = text[..end].chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    printable(&first.into_iter().chain(chars).collect::<String>())
}

/// A file of the user's that is no longer than that, never waiting: a pipe or a device might give nothing,
/// or no end. A link that another user has put there is not followed. The error is a sentence.
pub(crate) fn read_file(path: &Path, longest: usize) -> Result<Vec<u8>, String> {
    let found = store::read_path(path);
    let found = found.map_err(|error| error.chain().pop().unwrap_or_default())?;
    match found.map(|contents| contents.bytes) {
        Some(bytes) if bytes.len() <= longest => Ok(bytes),
        Some(_) => Err(format!("it is larger than {} KiB", longest / 1024)),
        None => Err("no such file or directory".to_owned()),
    }
}
