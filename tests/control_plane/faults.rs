//! The faults: what goes wrong, where, and how often.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use super::routes::Route;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Once,
    N(usize),
    /// Lets the requests before the n-th pass, then happens once.
    Nth(usize),
    Always,
}

/// "Applied" means that the request was carried out as usual (which includes being refused),
/// independent of what the client hears of it.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Not applied: this status, body and headers instead.
    Status(u16, String, Vec<(String, String)>),
    /// Applied, then this status, body and headers.
    AppliedStatus(u16, String, Vec<(String, String)>),
    /// Not applied; the connection is closed.
    CloseBefore,
    /// Applied; the connection is closed without a byte of answer.
    CloseAfter,
    /// Applied; the whole head, half of the body, and the connection is closed.
    Truncate,
    /// Applied; the route's usual status of success, with this body.
    Body(String),
    /// Applied; a body of that many bytes.
    Huge(u64),
    /// Applied; one byte of the answer each half second.
    Drip,
    /// No answer, until the peer or the server closes.
    Stall { apply: bool },
    /// A wait, then everything as usual.
    Delay(Duration),
    /// Calls this, which may wait, then everything as usual.
    Wait(Arc<dyn Fn() + Send + Sync>),
    /// Not applied: a 307 to there.
    Redirect(String),
    /// Calls `f` before or after applying, then closes without an answer: a
    /// test kills the client in there. With `after: false` nothing is applied.
    Call { after: bool, f: Arc<dyn Fn() + Send + Sync> },
}

impl Debug for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Status(status, ..) => write!(f, "Status({status})"),
            Fault::AppliedStatus(status, ..) => write!(f, "AppliedStatus({status})"),
            Fault::CloseBefore => f.write_str("CloseBefore"),
            Fault::CloseAfter => f.write_str("CloseAfter"),
            Fault::Truncate => f.write_str("Truncate"),
            Fault::Body(body) => write!(f, "Body({body:?})"),
            Fault::Huge(bytes) => write!(f, "Huge({bytes})"),
            Fault::Drip => f.write_str("Drip"),
            Fault::Stall { apply } => write!(f, "Stall {{ apply: {apply} }}"),
            Fault::Delay(delay) => write!(f, "Delay({delay:?})"),
            Fault::Wait(_) => f.write_str("Wait"),
            Fault::Redirect(location) => write!(f, "Redirect({location:?})"),
            Fault::Call { after, .. } => write!(f, "Call {{ after: {after} }}"),
        }
    }
}

/// Faults that wait for requests; each route meets its own in the order set.
#[derive(Default)]
pub(crate) struct Faults {
    waiting: Vec<Waiting>,
}

struct Waiting {
    route: Route,
    /// Only requests whose path holds this.
    part: String,
    times: Times,
    fault: Fault,
    /// Requests to this route since it became this fault's turn.
    seen: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, route: Route, part: &str, times: Times, fault: Fault) {
        if times != Times::N(0) {
            self.waiting.push(Waiting { route, part: part.to_owned(), times, fault, seen: 0 });
        }
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The fault for the request for `path` that has just come to `route`.
    pub(crate) fn take(&mut self, route: Route, path: &str) -> Option<Fault> {
        let concerned = |w: &Waiting| w.route == route && path.contains(&w.part);
        let turn = self.waiting.iter().position(concerned)?;
        let waiting = &mut self.waiting[turn];
        waiting.seen += 1;
        let (happens, met) = match waiting.times {
            Times::Once => (true, true),
            Times::N(n) => (true, waiting.seen >= n),
            Times::Nth(n) => (waiting.seen >= n, waiting.seen >= n),
            Times::Always => (true, false),
        };
        let fault = happens.then(|| waiting.fault.clone());
        if met {
            self.waiting.remove(turn);
        }
        fault
    }

    pub(crate) fn unmet(&self) -> Vec<String> {
        let finite = self.waiting.iter().filter(|w| w.times != Times::Always);
        finite.map(Waiting::describe).collect()
    }
}

impl Waiting {
    fn describe(&self) -> String {
        let Waiting { route, part, times, fault, seen } = self;
        format!("{route:?} {part}: {fault:?} {times:?}, after {seen} requests")
    }
}
