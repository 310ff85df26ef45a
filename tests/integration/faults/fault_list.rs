//! Every fault of a server.

use crate::control_plane::{Fault, Times};

const HTML: &str = "<html><head><title>502 Bad Gateway</title></head></html>";
const NULLS: &str = r#"{"access_token":null,"token_type":null,"expires_in":null,"jti":null,
    "workspace_id":null,"tokens":null,"count":null,"status":null,"message":null}"#;

/// A fault, and whether it lasts forever.
pub(crate) type Case = (&'static str, Times, Fault);

fn status(status: u16, body: &str) -> Fault {
    Fault::Status(status, body.to_owned(), Vec::new())
}

fn busy(seconds: &str) -> Fault {
    let header = ("Retry-After".to_owned(), seconds.to_owned());
    Fault::Status(429, r#"{"detail":"slow down"}"#.to_owned(), vec![header])
}

fn nonsense(body: &str) -> Fault {
    Fault::Body(body.to_owned())
}

/// The server has not done what it was asked to, and says so.
pub(crate) fn refusals() -> Vec<Case> {
    let detail = r#"{"detail":"no such luck"}"#;
    let mut cases: Vec<Case> = vec![
        ("429 huge", Times::Always, busy("86400")),
        ("429 small", Times::Once, busy("1")),
        ("429 for ever", Times::Always, status(429, detail)),
        ("503 once", Times::Once, status(503, "")),
        ("503 for ever", Times::Always, status(503, "")),
        ("500", Times::Always, status(500, detail)),
        ("501", Times::Always, status(501, detail)),
        ("502 html", Times::Always, status(502, HTML)),
        ("504", Times::Always, status(504, HTML)),
    ];
    for (name, code) in
        [("400", 400), ("401", 401), ("403", 403), ("404", 404), ("409", 409), ("422", 422)]
    {
        cases.push((name, Times::Always, status(code, detail)));
    }
    cases
}

/// An answer that is incomplete or cannot be understood. `true` for those that the server has
/// carried out.
pub(crate) fn broken_answers() -> Vec<(Case, bool)> {
    let always = |name, fault, applied| ((name, Times::Always, fault), applied);
    vec![
        always("closed before", Fault::CloseBefore, false),
        always("closed after", Fault::CloseAfter, true),
        always("truncated", Fault::Truncate, true),
        always("garbage", nonsense("\u{0}\u{1}garbage"), true),
        always("garbage, not applied", status(200, "garbage"), false),
        always("empty", nonsense(""), true),
        always("empty, not applied", status(201, ""), false),
        always("[]", nonsense("[]"), true),
        always("nulls", nonsense(NULLS), true),
        always("60 MB", Fault::Huge(60_000_000), true),
        always("drip", Fault::Drip, true),
        always("no answer, applied", Fault::Stall { apply: true }, true),
        always("no answer", Fault::Stall { apply: false }, false),
        always("500, applied", Fault::AppliedStatus(500, String::new(), Vec::new()), true),
        always("502, applied", Fault::AppliedStatus(502, HTML.to_owned(), Vec::new()), true),
        // What a gateway may put in place of its upstream's failure.
        always("404, applied", Fault::AppliedStatus(404, HTML.to_owned(), Vec::new()), true),
        always("405, applied", Fault::AppliedStatus(405, String::new(), Vec::new()), true),
    ]
}

/// Both, where it does not matter whether the server has done what it was asked to.
pub(crate) fn all_cases() -> Vec<Case> {
    let broken = broken_answers().into_iter().map(|(case, _)| case);
    refusals().into_iter().chain(broken).collect()
}
