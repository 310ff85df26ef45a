//! The module as a whole, against real sockets.

#[path = "../../../tests/control_plane/certificates.rs"]
mod certificates;
mod failures;
mod fuzz;
#[path = "../../../tests/control_plane/ports.rs"]
mod ports;
mod proxies;
mod retries;
mod secure;
mod server;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::proxy::ProxySettings;
use super::*;
use crate::error::{Cause, Failure};
use crate::secret::Secret;
use crate::time::Timestamp;

/// A clock that stands still and records the requested waits.
#[derive(Default)]
pub(super) struct StillClock(RefCell<Vec<Duration>>);

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_754_568_000)
    }

    fn sleep(&self, duration: Duration) {
        self.0.borrow_mut().push(duration);
    }
}

/// A client with its reports and its pauses.
pub(super) struct Client {
    pub(super) http: Http,
    events: Rc<RefCell<Vec<HttpEvent>>>,
    clock: Rc<StillClock>,
}

impl Client {
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let events = Rc::<RefCell<Vec<HttpEvent>>>::default();
        let clock = Rc::new(StillClock::default());
        let settings = Settings { debug: true, ..settings };
        let reported = Rc::clone(&events);
        let report = move |event| reported.borrow_mut().push(event);
        Self { http: Http::new(settings, clock.clone(), report), events, clock }
    }

    pub(super) fn impatient() -> Self {
        Self::with(Settings { timeout: Duration::from_millis(500), ..Settings::default() })
    }

    pub(super) fn get(&self, url: &str) -> Result<Response, Failure> {
        self.http.send(&Request::get(url))
    }

    pub(super) fn create(&self, url: &str) -> Result<Response, Failure> {
        let body = Some(Body::json(&crate::json::Json::of([])));
        self.http.send(&Request::post(url, body))
    }

    /// The trace.
    pub(super) fn said(&self) -> String {
        let events = self.events.borrow();
        let lines = events.iter().filter_map(|event| match event {
            HttpEvent::Trace(line) => Some(format!("{line}\n")),
            _ => None,
        });
        lines.collect()
    }

    /// The waits that are shown to a person.
    pub(super) fn waits(&self) -> Vec<Duration> {
        let events = self.events.borrow();
        let waits = events.iter().filter_map(|event| match event {
            HttpEvent::Trace(_) | HttpEvent::Asking { .. } => None,
            HttpEvent::Waiting { pause } => Some(*pause),
        });
        waits.collect()
    }

    pub(super) fn pauses(&self) -> Vec<Duration> {
        self.clock.0.borrow().clone()
    }
}

/// The parts of a failure: class, status, whether the cause is here or `in_flight`, text.
pub(super) fn parts(
    result: Result<Response, Failure>,
) -> (&'static str, Option<u16>, bool, String) {
    match result.unwrap_err() {
        Failure::NotSent { reason, cause } => {
            ("not sent", None, !matches!(cause, Cause::Network | Cause::Trust), reason)
        }
        Failure::Rejected { status, message, .. } => ("rejected", Some(status), false, message),
        Failure::Unknown { reason, status, in_flight, .. } => {
            ("unknown", status, in_flight, reason)
        }
    }
}

#[test]
fn debug_shows_neither_secrets_nor_bodies_nor_queries() {
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJ4In0.c2lnbmF0dXJl";
    let answer =
        format!(r#"{{"access_token":"{token}","detail":"hush-bearer hush-code {token}"}}"#);
    let server = server::Server::start(vec![
        server::json(500, &answer),
        server::json(400, &answer),
        server::json(201, &answer),
    ]);
    let client = Client::new();
    let (bearer, code) = (Secret::new("hush-bearer"), Secret::new("hush-code"));
    for _ in 0..3 {
        let body =
            Some(Body::form(&[("code", code.expose()), ("client_id", "c1")]).hiding(&[&code]));
        let request = Request::post(server.url("/oauth/token?code=hush-code"), body);
        if let Err(failure) = client.http.send(&request.bearer(&bearer)) {
            assert!(!format!("{failure} {failure:?}").contains("hush"));
        }
    }
    let said = client.said();
    assert!(!said.contains("hush") && !said.contains("eyJ") && !said.contains("c1"), "{said}");
    assert!(said.contains("> Authorization: Bearer [redacted]"), "{said}");
    assert!(said.contains(&format!("> POST {}\n", server.url("/oauth/token"))), "{said}");
    assert!(said.contains("< 201 ("), "{said}");
    assert!(server.requests()[0].contains("\r\n\r\ncode=hush-code&client_id=c1"));
}

#[test]
fn requests_look_right_on_the_wire() {
    let server = server::Server::start(vec![server::json(200, "{}"); 3]);
    let client = Client::new();
    let bearer = Secret::new("wst_1");
    client.http.send(&Request::get(server.url("/a?b=c")).bearer(&bearer)).unwrap();
    client
        .http
        .send(&Request { method: Method::DELETE, ..Request::get(server.url("/a")) })
        .unwrap();
    client.http.send(&Request::post(server.url("/a"), None)).unwrap();
    let seen: Vec<String> = server.requests().iter().map(|r| r.to_ascii_lowercase()).collect();
    assert!(seen[0].starts_with("get /a?b=c http/1.1\r\n"), "{seen:?}");
    assert!(seen[0].contains("authorization: bearer wst_1\r\n"), "{seen:?}");
    assert!(seen[0].contains("accept: application/json\r\n"), "{seen:?}");
    assert!(seen[0].contains(concat!("user-agent: ntcli/", env!("CARGO_PKG_VERSION"), "\r\n")));
    assert!(!seen[0].contains("accept-encoding") && !seen[0].contains("expect"), "{seen:?}");
    assert!(!seen[1].contains("content-length"), "{seen:?}");
    assert!(seen[2].contains("content-length: 0\r\n"), "{seen:?}");
}
