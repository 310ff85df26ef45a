//! HTTP to the control plane: limits, retries, proxies, TLS roots, and what became of a request.
//! The only user of `ureq`.
//!
//! Everything rests on one question: *did the server get this request?* A witness transport above
//! TLS (see `witness.rs`) answers it exactly, so that [`Failure::NotSent`] is a promise.

mod answer;
mod encode;
mod exchange;
mod fault;
mod message;
mod no_proxy;
mod proxy;
mod request;
mod settings;
mod target;
#[cfg(test)]
mod tests;
mod transport;

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::context::{Clock, Console, Context};
use crate::error::{Error, Failure};
use crate::secret::{Secret, redact};
use crate::text::printable;
use crate::time::Timestamp;

use fault::{Again, Fault, Scene, our_fault};
use target::Target;
use transport::agent::Agents;

pub use encode::{encode_form, encode_segment};
pub use proxy::{ProxySettings, ProxyVariable};
pub use request::{Body, Field, Method, Repeat, Request, Response};
pub use settings::Settings;

/// How often one request is tried, the first time included.
const ATTEMPTS: u32 = 4;
/// The pause before the second attempt; it doubles from then on.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest `Retry-After` that is waited for; beyond it the user is told instead.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// From here on a person at a terminal is told that we wait.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// The HTTP client. One for the whole run: connections are kept and used again.
pub struct Http {
    settings: Settings,
    console: Console,
    clock: Rc<dyn Clock>,
    agents: Agents,
    /// Every secret of the requests so far, none of which may show in what a server says.
    told: RefCell<Vec<Secret>>,
}

impl Http {
    /// A client that has not touched the network, nor any file, yet.
    #[must_use]
    pub fn new(settings: Settings, console: Console, clock: Rc<dyn Clock>) -> Self {
        Self {
            settings,
            console,
            clock,
            agents: Agents::default(),
            told: RefCell::default(),
        }
    }

    /// A client as the run's surroundings want it.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for a variable that makes no sense.
    pub fn of(ctx: &Context) -> crate::error::Result<Self> {
        let mut settings =
            Settings::from_env(&ctx.env).map_err(|message| Error::InvalidValue { message })?;
        settings.debug |= ctx.debug;
        Ok(Self::new(settings, ctx.console.clone(), ctx.clock.clone()))
    }

    /// How long one [`Http::send`] takes at the most, attempts and pauses together.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.settings.timeout * ATTEMPTS + LONGEST_WAIT * (ATTEMPTS - 1)
    }

    /// How long one request may take, from the look-up of the name to the last byte of the answer.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Sends the request, again where `request.repeat` allows it, and reads the answer.
    ///
    /// # Errors
    /// Whatever is no 2xx answer read to its end. After several attempts the failure is the last
    /// one's. A time-out after sending is [`Failure::Unknown`] with `in_flight`; a cut is not
    /// `in_flight`, since whoever cut the connection has ended its work on the request.
    pub fn send(&self, request: &Request) -> Result<Response, Failure> {
        self.remember(request);
        let target = prepare(request).inspect_err(|failure| self.trace(&format!("! {failure}")))?;
        let mut attempt = 1;
        loop {
            let fault = match self.attempt(request, &target) {
                Ok(response) => return Ok(response),
                Err(fault) => fault,
            };
            self.trace(&format!("! {}", fault.failure));
            let Some(pause) = pause_before_next(&fault, request.repeat, attempt) else {
                return Err(fault.failure);
            };
            attempt += 1;
            self.pause(pause, attempt, &target);
        }
    }

    /// Keeps what servers are told, longest first: one may be a part of another.
    fn remember(&self, request: &Request) {
        let mut told = self.told.borrow_mut();
        for secret in request.secrets() {
            if !told.contains(&secret) {
                told.push(secret);
            }
        }
        told.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    fn attempt(&self, request: &Request, target: &Target) -> Result<Response, Fault> {
        let line = self
            .agents
            .line_to(target, &self.settings)
            .map_err(|reason| Fault {
                failure: our_fault(reason),
                again: Again::No,
                wait: None,
            })?;
        self.trace_request(request, target);
        let started = Instant::now();
        let witness = self.agents.witness();
        witness.reset();
        let outcome = exchange::run(&line, request, target);
        let (stage, reused) = (witness.stage(), !witness.connected());
        let scene = Scene {
            target,
            proxy: line.proxy.as_ref(),
            stage,
            reused,
            timeout: self.settings.timeout,
            secrets: &self.told.borrow(),
        };
        let answer = outcome.map_err(|error| fault::of(&error, &scene))?;
        let took = started.elapsed().as_millis();
        let size = answer.body.as_ref().map_or_else(
            |_| "body incomplete".to_owned(),
            |body| format!("{} bytes", body.len()),
        );
        self.trace(&format!("< {} ({took} ms), {size}", answer.status));
        answer::judge(answer, request, &scene, self.clock.now())
    }

    fn pause(&self, pause: Duration, attempt: u32, target: &Target) {
        self.trace(&format!(
            "* attempt {attempt} of {ATTEMPTS} in {} ms",
            pause.as_millis()
        ));
        if pause.is_zero() {
            return;
        }
        if pause >= WORTH_TELLING {
            self.console.progress(&format!(
                "Waiting {} s: {} is busy…",
                pause.as_secs(),
                target.host
            ));
        }
        self.clock.sleep(pause);
    }

    fn trace_request(&self, request: &Request, target: &Target) {
        if !self.settings.debug {
            return;
        }
        self.trace(&format!("> {} {}", request.method.name(), target.shown));
        if request.bearer.is_some() {
            self.trace("> Authorization: Bearer [redacted]");
        }
        if let Some(length) = request.body.length() {
            self.trace(&format!("> {length} bytes"));
        }
    }

    /// Every line goes through here, so that even a token in a path or a reason is not shown.
    fn trace(&self, line: &str) {
        if self.settings.debug {
            self.console.say(&redact(line, &[]));
        }
    }
}

/// What can be known to be wrong before anything is sent.
fn prepare(request: &Request) -> Result<Target, Failure> {
    let target = Target::parse(&request.url).map_err(our_fault)?;
    if let Some(bearer) = request.bearer {
        if !bearer.is_header_safe() {
            return Err(our_fault(
                "the token holds characters that cannot be sent (a line break, a blank, \
                 or something that is no ASCII)",
            ));
        }
        if bearer.expose().len() > exchange::LONGEST_BEARER {
            return Err(our_fault(format!(
                "the token is longer than the {} bytes that can be sent",
                exchange::LONGEST_BEARER
            )));
        }
    }
    Ok(target)
}

/// The pause before the next attempt; `None` when this was the last.
fn pause_before_next(fault: &Fault, repeat: Repeat, attempt: u32) -> Option<Duration> {
    let allowed = match (repeat, fault.again) {
        (Repeat::Never, _)
        | (_, Again::No)
        | (Repeat::IfNotCarriedOut, Again::MayBeCarriedOut | Again::AtOnce) => false,
        (Repeat::Safe, _) | (Repeat::IfNotCarriedOut, Again::NotCarriedOut) => true,
    };
    if !allowed || attempt >= ATTEMPTS || fault.wait.is_some_and(|wait| wait > LONGEST_WAIT) {
        return None;
    }
    if fault.again == Again::AtOnce {
        return Some(Duration::ZERO);
    }
    Some(
        fault
            .wait
            .unwrap_or_else(|| jittered(FIRST_PAUSE * 2_u32.pow(attempt - 1))),
    )
}

/// Between three and five quarters of `pause`, so that many clients do not come back at once.
fn jittered(pause: Duration) -> Duration {
    // The standard library seeds its hash maps at random: enough for this, and no crate more.
    let random = std::collections::hash_map::RandomState::new().hash_one(0_u8);
    let percent = 75 + u32::try_from(random % 51).unwrap_or_default();
    pause * percent / 100
}

/// An error of the system in a few words, without its number and std's preamble.
fn describe_io(error: &std::io::Error) -> String {
    let text = error.to_string();
    let preamble = "failed to lookup address information: ";
    let text = text.strip_prefix(preamble).unwrap_or(&text);
    let end = text.rfind(" (os error").unwrap_or(text.len());
    let mut chars = text[..end].chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    printable(&first.into_iter().chain(chars).collect::<String>())
}

/// A length of time as people say it.
fn span(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// The server's clock, from its `Date` header.
fn date(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(Timestamp::parse_http_date)
}
