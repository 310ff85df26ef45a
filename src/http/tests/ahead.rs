//! Connections that are opened ahead of their request.

use std::net::TcpListener;
use std::thread;

use super::ports::free_port;
use super::server::{self, Server, json, raw, read_request};
use super::*;

#[test]
fn the_request_goes_over_it() {
    let server = Server::start(vec![json(201, "{}"), json(200, "{}")]);
    let client = Client::new();
    client.http.connect(&server.url("")).unwrap();
    assert_eq!(server.requests(), [""; 0]);
    client.create(&server.url("/a")).unwrap();
    // There is one already.
    client.http.connect(&server.url("")).unwrap();
    client.get(&server.url("/b")).unwrap();
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

#[test]
fn nothing_is_sent_over_one_of_an_earlier_request() {
    let [server, other] = [(); 2].map(|()| Server::start(vec![json(200, "{}"), json(200, "{}")]));
    let client = Client::new();
    client.get(&server.url("/a")).unwrap();
    client.get(&other.url("/b")).unwrap();
    client.http.connect(&server.url("")).unwrap();
    assert_eq!(server.requests().len(), 1);
    client.create(&server.url("/c")).unwrap();
    assert_eq!((server.requests().len(), other.requests().len()), (2, 1));
}

#[test]
fn one_that_ended_since_is_not_used() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        drop(listener.accept().unwrap());
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        std::io::Write::write_all(&mut stream, &raw("201 X", "{}")).unwrap();
        request.is_some()
    });
    let client = Client::new();
    client.http.connect(&format!("http://127.0.0.1:{port}")).unwrap();
    server::wait_until_hung_up(port);
    client.create(&format!("http://127.0.0.1:{port}/")).unwrap();
    assert!(server.join().unwrap() && client.pauses().is_empty());
}

#[test]
fn why_there_is_none() {
    let client = Client::new();
    let url = format!("http://127.0.0.1:{}", free_port());
    let failed = client.http.connect(&url).unwrap_err();
    let Failure::NotSent { reason, blame } = failed else { panic!("{failed:?}") };
    assert_eq!(blame, Blame::Network);
    assert!(reason.ends_with("connection refused"), "{reason}");
    assert_eq!(client.pauses().len(), 3, "as many attempts as for a request");
    let failed = client.http.connect("ftp://127.0.0.1").unwrap_err();
    assert!(matches!(failed, Failure::NotSent { blame: Blame::Setting, .. }), "{failed:?}");
}
