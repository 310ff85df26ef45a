//! Each class of failure.

use super::ports::free_port;
use super::server::{Reply, Server, json, raw};
use super::*;

#[test]
fn refused_is_not_sent() {
    let client = Client::new();
    for host in ["127.0.0.1", "localhost"] {
        let port = free_port();
        let (class, _, ours, reason) = parts(client.create(&format!("http://{host}:{port}/x")));
        assert_eq!((class, ours), ("not sent", false));
        assert_eq!(reason, format!("cannot connect to {host}:{port}: connection refused"));
    }
    assert_eq!(client.pauses().len(), 6, "a create is tried again if nothing was sent");
}

#[test]
fn an_unknown_name_is_not_sent() {
    let (class, _, ours, reason) = parts(Client::new().get("http://no-such-host.invalid/"));
    assert_eq!((class, ours), ("not sent", false));
    assert!(reason.contains("no-such-host.invalid") && !reason.contains("os error"), "{reason}");
}

#[test]
fn what_cannot_be_sent_is_our_setting() {
    let client = Client::new();
    let (class, _, ours, _) = parts(client.get("nonsense"));
    assert_eq!((class, ours), ("not sent", true));
    for bad in ["hush\r\nX: y", "", &"hush".repeat(3000)] {
        let bearer = Secret::new(bad);
        let request = Request::get("http://127.0.0.1:1/");
        let (class, _, ours, reason) = parts(client.http.send(&request.bearer(&bearer)));
        assert_eq!((class, ours), ("not sent", true));
        assert!(!reason.contains("hush"));
    }
}

#[test]
fn the_longest_url_and_bearer_fit() {
    let server = Server::start(vec![json(200, "{}")]);
    let bearer = Secret::new("b".repeat(8 * 1024));
    let path = format!("/{}", "p".repeat(4000));
    let request = Request::get(server.url(&path));
    Client::new().http.send(&request.bearer(&bearer)).unwrap();
    assert!(server.requests()[0].contains(bearer.expose()));
}

#[test]
fn closed_before_the_answer_is_unknown() {
    let server = Server::start(vec![Reply::SendAndClose(vec![])]);
    let client = Client::new();
    let (class, status, in_flight, reason) = parts(client.create(&server.url("/")));
    assert_eq!((class, status, in_flight), ("unknown", None, false));
    assert_eq!(reason, "127.0.0.1 closed the connection before it answered");
    assert_eq!(server.requests().len(), 1, "never sent twice");
}

#[test]
fn a_truncated_201_is_unknown() {
    for cut in [
        "HTTP/1.1 201 X\r\nContent-Length: 100\r\n\r\n{\"access",
        "HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"acc",
    ] {
        let server = Server::start(vec![Reply::SendAndClose(cut.into())]);
        let (class, status, in_flight, reason) = parts(Client::new().create(&server.url("/")));
        assert_eq!((class, status, in_flight), ("unknown", Some(201), false), "{reason}");
        assert!(reason.contains("in the middle"), "{reason}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn no_answer_in_time_is_unknown_and_not_repeated() {
    let server = Server::start(vec![Reply::Send(vec![]), Reply::Drip]);
    let client = Client::impatient();
    for _ in 0..2 {
        let (class, status, in_flight, reason) = parts(client.get(&server.url("/")));
        assert_eq!((class, status, in_flight), ("unknown", None, true), "{reason}");
        assert_eq!(reason, "no answer from 127.0.0.1 within 1 s");
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_dripping_body_is_unknown_or_rejected_by_its_status() {
    for (status, class) in [(201, "unknown"), (401, "rejected"), (404, "unknown")] {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\n{{");
        let server = Server::start(vec![Reply::Send(head.into_bytes())]);
        let (found, found_status, in_flight, _) =
            parts(Client::impatient().create(&server.url("/")));
        assert_eq!((found, found_status, in_flight), (class, Some(status), status == 201));
    }
}

#[test]
fn sixty_megabytes_stop_at_the_limit() {
    for head in [
        "HTTP/1.1 200 X\r\n\r\n",
        "HTTP/1.1 200 X\r\nContent-Length: 60000000\r\n\r\n",
        "HTTP/1.1 400 X\r\n\r\n",
    ] {
        let server = Server::start(vec![Reply::Flood(head.into())]);
        let (class, status, in_flight, reason) = parts(Client::new().get(&server.url("/")));
        if head.contains("400") {
            assert_eq!((class, status), ("rejected", Some(400)));
        } else {
            assert_eq!((class, status, in_flight), ("unknown", Some(200), false));
            assert_eq!(reason, "127.0.0.1 answered 200, with more than 1024 KiB");
        }
        assert!(server.flooded() < 20_000_000, "what the system buffers, not all");
    }
}

#[test]
fn a_body_of_the_limit_is_taken() {
    let body = "x".repeat(1024 * 1024);
    let server = Server::start(vec![json(200, &body)]);
    assert_eq!(Client::new().get(&server.url("/")).unwrap().body.len(), body.len());
}

#[test]
fn answers_that_are_not_http_are_unknown() {
    let many = format!("HTTP/1.1 200 X\r\n{}\r\n", "A: b\r\n".repeat(200));
    let long = format!("HTTP/1.1 200 X\r\nA: {}\r\n\r\n", "b".repeat(64 * 1024));
    for (garbage, words) in [
        ("SSH-2.0-x\r\n\r\n", " is not valid HTTP: "),
        ("HTTP/1.1 abc\r\n\r\n", " is not valid HTTP: "),
        (&many, "too many headers"),
        (&long, " is not valid HTTP: "),
    ] {
        let server = Server::start(vec![Reply::SendAndClose(garbage.into())]);
        let (class, status, in_flight, reason) = parts(Client::new().create(&server.url("/")));
        assert_eq!((class, status, in_flight), ("unknown", None, false), "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
    let broken = "HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}";
    let server = Server::start(vec![Reply::SendAndClose(broken.into())]);
    let (class, status, _, reason) = parts(Client::new().create(&server.url("/")));
    assert_eq!((class, status), ("unknown", Some(201)));
    assert!(reason.contains("is not valid HTTP: "), "{reason}");
    assert!(reason.contains("chunk"), "{reason}");
}

#[test]
fn headers_up_to_64_kib_are_taken() {
    let head = "HTTP/1.1 200 X\r\nContent-Length: 2\r\nA: ";
    let filler = "b".repeat(64 * 1024 - head.len() - "\r\n\r\n".len());
    let answer = format!("{head}{filler}\r\n\r\n{{}}");
    let server = Server::start(vec![Reply::Send(answer.into())]);
    assert_eq!(Client::new().get(&server.url("/")).unwrap().body, b"{}");
}

#[test]
fn statuses_and_their_classes() {
    let (no, maybe) = ("rejected", "unknown");
    for (status, safe, create) in [
        (304, no, maybe),
        (400, no, no),
        (401, no, no),
        (404, no, no),
        (409, no, no),
        (422, no, no),
        (408, no, maybe),
        (425, no, maybe),
        (429, no, maybe),
        (501, no, maybe),
        (503, no, maybe),
        (500, maybe, maybe),
        (502, maybe, maybe),
        (504, maybe, maybe),
        (599, maybe, maybe),
    ] {
        let server = Server::start(vec![json(status, r#"{"detail":"why"}"#); 5]);
        let client = Client::new();
        for (result, class) in
            [(client.get(&server.url("/")), safe), (client.create(&server.url("/")), create)]
        {
            let (found, found_status, in_flight, text) = parts(result);
            assert_eq!((found, found_status), (class, Some(status)));
            assert_eq!(in_flight, status == 504);
            assert!(status == 304 || text.contains("why"), "{text}");
        }
    }
}

#[test]
fn a_503_that_carries_a_token_is_no_refusal() {
    let server = Server::start(vec![json(503, r#"{"access_token":"t"}"#)]);
    let (class, status, in_flight, _) = parts(Client::new().create(&server.url("/")));
    assert_eq!((class, status, in_flight), ("unknown", Some(503), false));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Server::start(vec![]);
    let bearer = Secret::new("hush");
    for status in [301, 302, 307, 308] {
        let place = other.url("/login?code=hush");
        let reply = Reply::Send(raw(&format!("{status} X\r\nLocation: {place}"), ""));
        let server = Server::start(vec![reply]);
        let request = Request::post(server.url("/"), Some(Body::json(&crate::json::Json::of([]))));
        let (class, found, _, message) = parts(Client::new().http.send(&request.bearer(&bearer)));
        assert_eq!((class, found), ("unknown", Some(status)));
        let told = format!("a redirect to \"{}\", which is not followed", other.url("/login"));
        assert!(message.ends_with(&told), "{message}");
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn interim_answers_are_passed_over() {
    for interim in ["100 Continue", "103 Early Hints"] {
        let answer =
            format!("HTTP/1.1 {interim}\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 0\r\n\r\n");
        let server = Server::start(vec![Reply::Send(answer.into())]);
        assert_eq!(Client::new().create(&server.url("/")).unwrap().status, 201);
    }
}

#[test]
fn the_date_and_an_empty_answer() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
    let server = Server::start(vec![Reply::Send(format!("HTTP/1.1 204 X\r\n{date}").into())]);
    let response = Client::new()
        .http
        .send(&Request { method: Method::DELETE, ..Request::get(server.url("/")) })
        .unwrap();
    assert_eq!((response.status, response.body.len()), (204, 0));
    assert_eq!(response.date, Some(Timestamp::from_secs(784_111_777)));
}
