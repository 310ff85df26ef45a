//! Trying again, or not; keeping connections.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::server::{Reply, Server, json, raw, with_header};
use super::*;

#[test]
fn one_connection_for_several_requests() {
    let server = Server::start(vec![json(200, "{}"), json(404, "{}"), json(201, "{}")]);
    let client = Client::new();
    client.get(&server.url("/a")).unwrap();
    client.get(&server.url("/b")).unwrap_err();
    client.create(&server.url("/c")).unwrap();
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
}

#[test]
fn a_connection_that_ended_while_it_slept_is_not_used() {
    let hang_up = Arc::new(OnceLock::new());
    let end = Reply::SendAndHangUp(raw("200 X", "{}"), Arc::clone(&hang_up));
    let server = Server::start(vec![end, json(201, "{}")]);
    let client = Client::new();
    client.get(&server.url("/")).unwrap();
    hang_up.set(()).unwrap();
    server.wait_until_hung_up();
    client.create(&server.url("/")).unwrap();
    assert_eq!((server.requests().len(), server.connections()), (2, 2));
    assert!(client.pauses().is_empty());
}

#[test]
fn a_cut_on_a_used_connection_is_tried_again_if_safe() {
    for safe in [true, false] {
        let cut = Reply::SendAndClose(vec![]);
        let server = Server::start(vec![json(200, "{}"), cut, json(200, "{}")]);
        let client = Client::new();
        client.get(&server.url("/")).unwrap();
        let result =
            if safe { client.get(&server.url("/")) } else { client.create(&server.url("/")) };
        assert_eq!(result.is_ok(), safe);
        assert_eq!(server.requests().len(), if safe { 3 } else { 2 });
        assert_eq!(client.pauses().len(), usize::from(safe));
    }
}

#[test]
fn safe_requests_survive_what_passes() {
    let server = Server::start(vec![
        Reply::SendAndClose(vec![]),
        json(502, ""),
        Reply::SendAndClose(b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{".to_vec()),
        json(200, "{}"),
    ]);
    let client = Client::new();
    client.get(&server.url("/")).unwrap();
    let pauses = client.pauses();
    for (pause, base) in pauses.iter().zip([250, 500, 1000]) {
        let millis = pause.as_millis();
        assert!(millis >= base * 3 / 4 && millis <= base * 5 / 4, "{pauses:?}");
    }
    assert_eq!(pauses.len(), 3);
    assert!(client.waits().is_empty(), "too short to be told");
}

#[test]
fn four_attempts_then_the_last_failure() {
    let server = Server::start(vec![json(503, ""), json(504, ""), json(502, ""), json(429, "")]);
    let (class, status, ..) = parts(Client::new().get(&server.url("/")));
    assert_eq!((class, status), ("rejected", Some(429)));
    assert_eq!(server.requests().len(), 4);
}

/// A gateway may say any of these after the create was carried out: it is never repeated here.
#[test]
fn a_create_that_was_answered_is_not_repeated() {
    for status in [408, 425, 429, 500, 501, 502, 503, 504] {
        let server = Server::start(vec![with_header(status, "Retry-After: 7"), json(201, "{}")]);
        let client = Client::new();
        let failure = client.create(&server.url("/")).unwrap_err();
        assert!(matches!(failure, Failure::Unknown { .. }), "{failure:?}");
        assert_eq!(failure.status(), Some(status));
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
        assert!(failure.to_string().ends_with(" (it asks to wait 7 s)"));
        assert_eq!(server.requests().len(), 1, "{status}");
        assert!(client.pauses().is_empty());
    }
    let server = Server::start(vec![json(500, "{}")]);
    Client::new().get(&server.url("/")).unwrap_err();
    assert_eq!(server.requests().len(), 1, "a GET is not repeated after a 500 either");
}

/// A caller that repeats such a create waits as the client itself does.
#[test]
fn backing_off() {
    let client = Client::new();
    assert!(client.http.back_off(Some(Duration::from_secs(7)), 1));
    assert!(client.http.back_off(None, 2));
    assert!(!client.http.back_off(Some(Duration::from_secs(54)), 3));
    assert!(!client.http.back_off(None, 4), "that was the last attempt");
    let pauses = client.pauses();
    assert_eq!((pauses.len(), pauses[0]), (2, Duration::from_secs(7)));
    assert!((375..=625).contains(&pauses[1].as_millis()), "{pauses:?}");
    assert!(!client.http.back_off(Some(Duration::from_secs(61)), 1), "more than a run waits");
    assert!(!client.http.back_off(Some(Duration::from_secs(1)), 4), "that was the last attempt");
    let own: Duration = (1..ATTEMPTS).map(pause_after).sum();
    assert!(own > Duration::ZERO && own <= OWN_PAUSES, "{own:?}");
}

/// The waits of one request reduce those of the next.
#[test]
fn all_waiting_of_a_run_is_bounded() {
    let busy = with_header(503, "Retry-After: 25");
    let server = Server::start(vec![busy; 6]);
    let client = Client::new();
    let before = client.http.longest();
    for asked in [3, 4, 5] {
        let failure = client.get(&server.url("/")).unwrap_err();
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(25)));
        assert_eq!(server.requests().len(), asked);
    }
    assert_eq!(client.pauses(), [Duration::from_secs(25); 2]);
    assert_eq!(client.http.longest() + Duration::from_secs(50), before);
}

#[test]
fn never_is_never() {
    let server = Server::start(vec![json(503, "{}")]);
    let request = Request { repeat: Repeat::Never, ..Request::post(server.url("/"), None) };
    let client = Client::new();
    client.http.send(&request).unwrap_err();
    assert_eq!(server.requests().len(), 1);
    assert!(client.pauses().is_empty());
}

#[test]
fn retry_after_is_obeyed_or_told() {
    let soon = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:49 GMT";
    for (header, waits) in [
        ("Retry-After: 7", Some(7)),
        ("Retry-After: 60", Some(60)),
        (soon, Some(12)),
        ("Retry-After: 61", None),
        ("Retry-After: 99999999999999999999999", None),
        // By our own clock, which stands at 12:00:00, where the server does not tell its own.
        ("Retry-After: Thu, 07 Aug 2025 12:00:09 GMT", Some(9)),
        ("Retry-After: Fri, 08 Aug 2025 12:00:00 GMT", None),
    ] {
        let server = Server::start(vec![with_header(429, header), json(200, "{}")]);
        let client = Client::new();
        let result = client.get(&server.url("/"));
        if let Some(secs) = waits {
            result.unwrap();
            assert_eq!(client.pauses(), [Duration::from_secs(secs)], "{header}");
        } else {
            let Err(Failure::Rejected { retry_after, .. }) = result else {
                panic!("{result:?}");
            };
            assert!(retry_after.unwrap() > Duration::from_secs(60), "{header}");
            assert!(client.pauses().is_empty());
        }
    }
}

#[test]
fn a_retry_after_that_says_nothing_is_passed_over() {
    for header in ["0", "-5", "soon", "Sun, 06 Nov 1994 08:49:37 GMT", ""] {
        let reply = with_header(503, &format!("Retry-After: {header}"));
        let server = Server::start(vec![reply, json(200, "{}")]);
        let client = Client::new();
        client.get(&server.url("/")).unwrap();
        assert!(client.pauses()[0] < Duration::from_millis(400), "{header}");
    }
}

#[test]
fn the_last_answer_tells_when_to_come_back() {
    let server = Server::start(vec![with_header(503, "Retry-After: 5"); 4]);
    let client = Client::new();
    let Err(Failure::Rejected { retry_after, .. }) = client.get(&server.url("/")) else {
        panic!();
    };
    assert_eq!(retry_after, Some(Duration::from_secs(5)));
    assert_eq!(client.pauses(), [Duration::from_secs(5); 3]);
    assert_eq!(client.waits(), client.pauses());
}
