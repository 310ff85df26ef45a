//! Random and hostile variables, addresses and error answers.

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::context::Env;
use crate::fuzz;

use super::super::message;
use super::super::no_proxy::{is_loopback, listed};
use super::super::target::presentable;
use super::super::transport::verify::certificates_of;
use super::certificates::certificate;
use super::server::read_request;
use super::*;

const HOSTS: &[&str] = &["a.b", "x.a.b", "10.1.2.3", "fe80::1", "localhost", "::ffff:10.0.0.1"];

#[test]
fn hosts_without_a_proxy() {
    let seeds = [
        "*",
        "a.b, .x.a.b:8,*.c",
        "10.0.0.0/8 [fe80::1]:443",
        "fe80::/10,::/0",
        "a.b:80:90,[::1",
        "0.0.0.0/0,::ffff:0:0/96",
    ];
    fuzz::text(&seeds, |list| {
        for host in HOSTS {
            let all = list.split([',', ' ']).any(|entry| entry == "*");
            assert!(!all || listed(list, host, 443), "{list} {host}");
            // Another entry can only add hosts.
            if listed(list, host, 443) {
                assert!(listed(&format!("{list},x.example"), host, 443), "{list} {host}");
            }
        }
        let _ = is_loopback(list);
    });
}

#[test]
fn proxies_are_used_or_refused_without_the_password() {
    let seeds = [
        "http://me:hush-hush@proxy:3128/",
        "me@[::1]:1",
        "https://P.example",
        "socks5://me:hush-hush@h:1",
        "http://u%40:hush-hush%2f@h:99999",
    ];
    let target = Target::parse("https://api.example/v1").unwrap();
    fuzz::text(&seeds, |value| {
        let env = Env::new([("https_proxy".into(), value.into())]);
        match ProxySettings::from_env(&env).choose(&target) {
            Ok(Some(proxy)) => {
                assert_eq!(proxy.place.uri.port_u16().unwrap_or(443), proxy.place.port);
                // The text after the last @ is the host, in any form.
                let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
                let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                let host = authority.rsplit('@').next().unwrap_or_default();
                let shown = proxy.place.address();
                assert!(
                    host.to_lowercase().contains("hush-hush") || !shown.contains("hush-hush"),
                    "{shown}"
                );
                if let Some(line) = proxy.authorization() {
                    assert!(line.expose().bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
                }
            }
            Ok(None) => assert!(value.is_empty(), "{value}"),
            Err(reason) => {
                assert!(reason.contains("https_proxy"), "{reason}");
                assert!(!reason.contains("hush-hush"), "{reason}");
            }
        }
    });
}

#[test]
fn addresses_to_send_to() {
    let seeds = [
        "https://API.example:443/v1/workspaces?x=1",
        "http://[::1]:8080/",
        "https://me:hush@host/",
        "http://a b/",
        "https://h/eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJqdGlfMSJ9.c2ln",
    ];
    fuzz::text(&seeds, |url| {
        match Target::parse(url) {
            Ok(target) => assert!(!target.host.is_empty()),
            Err(reason) => assert!(!reason.contains(['\n', '\u{1b}']), "{reason}"),
        }
        let shown = presentable(url);
        assert!(!shown.contains(['\n', '\u{1b}']), "{shown}");
        // Beside a token, one that was encoded is decoded.
        assert!(url.contains('%') || !shown.contains('?'), "{shown}");
        assert!(!shown.contains("eyJqdGkiOiJqdGlfMSJ9"), "{shown}");
    });
}

#[test]
fn error_answers() {
    let seeds: [&[u8]; 6] = [
        br#"{"detail": "Workspace not found"}"#,
        br#"{"detail": [{"loc": ["body", "expires_in"], "msg": "too \u001b[2J long", "type": "x"}]}"#,
        br#"{"error": {"code": "X", "message": "no hush-hush-secret", "details": {"field": "f", "reason": "r", "error_id": 7}}}"#,
        br#"{"error": "invalid_grant", "error_description": "hush-hush-secret"}"#,
        br#"{"errors": [{"message": "m", "long_message": "l"}]}"#,
        b"<html><body>hush-hush-secret\x1b[2J</body>",
    ];
    let secrets = SentSecrets::default();
    secrets.add([Secret::new("hush-hush-secret")]);
    fuzz::bytes(&seeds, |body| {
        for media_type in ["application/json", "text/html", "text/plain; charset=x"] {
            let (_, said) = message::parse(body, media_type, &secrets);
            assert!(said.chars().count() <= 300, "{said}");
            assert!(!said.contains(|c: char| c.is_control()), "{said}");
            assert!(!said.contains("hush-hush-secret"), "{said}");
        }
    });
}

#[test]
fn bundles_of_certificates() {
    let good = std::fs::read(certificate("ca.pem")).unwrap();
    let seeds: [&[u8]; 3] = [
        &good,
        b"# A comment\r\n-----BEGIN CERTIFICATE-----\r\nMAA=\r\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ];
    fuzz::bytes(&seeds, |bundle| match certificates_of(bundle) {
        Ok(certificates) => assert!(certificates.iter().all(|c| !c.is_empty())),
        Err(why) => assert!(!why.is_empty()),
    });
}

/// Serves the current bytes to every client, and counts the requests.
fn parrot(answer: Arc<Mutex<(Vec<u8>, usize)>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if read_request(&mut stream).is_some() {
                let mut answer = answer.lock().unwrap();
                answer.1 += 1;
                stream.write_all(&answer.0).ok();
            }
        }
    });
    port
}

/// For any answer, the request is never reported as not sent, and it is not sent again.
#[test]
fn answers_byte_by_byte() {
    let seeds: [&[u8]; 7] = [
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 503 X\r\nRetry-After: 1\r\nContent-Length: 14\r\n\r\n{\"detail\":\"x\"}",
        b"HTTP/1.1 429 X\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ];
    let answer = Arc::new(Mutex::new((Vec::new(), 0)));
    let url = format!("http://127.0.0.1:{}/", parrot(Arc::clone(&answer)));
    fuzz::rounds(500, |random| {
        let bytes = random.mutant(&seeds);
        *answer.lock().unwrap() = (bytes.clone(), 0);
        let outcome = Client::new().create(&url);
        let asked = answer.lock().unwrap().1;
        let shown = bytes.escape_ascii();
        match outcome {
            Ok(response) => assert!((200..300).contains(&response.status), "{shown}"),
            Err(Failure::NotSent { reason, .. }) => panic!("{reason}: {shown}"),
            Err(Failure::Rejected { status, message, .. }) => {
                assert!(!(200..300).contains(&status), "{shown}");
                assert!(!message.contains(char::is_control), "{message}: {shown}");
            }
            Err(Failure::Unknown { status, in_flight, .. }) => {
                assert_eq!(in_flight, status == Some(504), "{shown}");
            }
        }
        assert_eq!(asked, 1, "{shown}");
    });
}
