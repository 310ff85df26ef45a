//! Through proxies: real ones, of a kind.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::ports::free_port;
use super::server::{Server, json, read_request};
use super::*;

fn client(proxy: &str) -> Client {
    let variable = |name| {
        let value = Secret::new(proxy);
        Some((name, value))
    };
    Client::with(Settings {
        proxy: ProxySettings { https: variable("https_proxy"), no_proxy: None },
        ..Settings::default()
    })
}

/// A proxy that answers every CONNECT like this; after a 200 it connects to `port` for any host.
pub(super) fn tunnel(answer: &'static str, port: u16) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own_port = listener.local_addr().unwrap().port();
    let (asked, receiver) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut near = stream.unwrap();
            let Some(request) = read_request(&mut near) else {
                continue;
            };
            asked.send(request).unwrap();
            near.write_all(answer.as_bytes()).unwrap();
            if answer.starts_with("HTTP/1.1 200") {
                let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                thread::spawn(move || pass(near_too, far_too));
                thread::spawn(move || pass(far, near));
            }
        }
    });
    (own_port, receiver)
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn plain_http_goes_through_no_proxy() {
    let server = Server::start(vec![json(200, "{}")]);
    let address = format!("http://0.0.0.0:{}/", server.port);
    client(&format!("127.0.0.1:{}", free_port())).get(&address).unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn https_asks_for_a_tunnel_and_its_refusals_are_not_sent() {
    for (answer, ours, words) in [
        ("HTTP/1.1 407 No\r\n\r\n", true, "in https_proxy (407)"),
        ("HTTP/1.1 403 No\r\n\r\n", false, ": it answered 403"),
        ("HTTP/1.1 502 No\r\n\r\n", false, "it answered 502"),
        ("SSH-2.0\r\n\r\n", false, "is not HTTP"),
    ] {
        let (port, asked) = tunnel(answer, 0);
        let client = client(&format!("http://me:hush@127.0.0.1:{port}"));
        let (class, _, ours_found, reason) = parts(client.create("https://api.example/v1"));
        assert_eq!((class, ours_found), ("not sent", ours), "{reason}");
        assert!(reason.contains(words), "{reason}");
        let named =
            format!("cannot connect to api.example:443 through the proxy 127.0.0.1:{port}: ");
        assert!(reason.starts_with(&named), "{reason}");
        assert!(!reason.contains("hush"));
        let asked = asked.recv().unwrap();
        assert!(asked.starts_with("CONNECT api.example:443 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Basic bWU6aHVzaA=="), "{asked}");
        assert!(!client.said().contains("hush"));
    }
}

#[test]
fn a_proxy_that_is_not_there() {
    let port = free_port();
    let url = "https://api.example/";
    let (class, _, ours, reason) = parts(client(&format!("127.0.0.1:{port}")).create(url));
    assert_eq!((class, ours), ("not sent", false));
    assert_eq!(
        reason,
        format!(
            "cannot connect to api.example:443 through the proxy 127.0.0.1:{port}: connection refused"
        )
    );
}

#[test]
fn a_proxy_of_an_unsupported_kind() {
    let (class, _, ours, reason) =
        parts(client("socks5://me:hush@h:1").get("https://api.example/"));
    assert_eq!((class, ours), ("not sent", true));
    assert!(reason.contains("https_proxy") && reason.contains("only http:"), "{reason}");
    assert!(!reason.contains("hush"));
}

#[test]
fn loopback_needs_no_proxy() {
    let server = Server::start(vec![json(200, "{}")]);
    client("socks5://wrong").get(&server.url("/")).unwrap();
}
