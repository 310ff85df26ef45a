//! TLS: what is trusted, and what is said when it is not.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::super::settings::CA_FILE;
use super::certificates::certificate;
use super::server::{Reply, Server, raw, read_request};
use super::*;

fn client(bundle: &Path) -> Client {
    Client::with(Settings { ca_named: vec![(CA_FILE, bundle.to_owned())], ..Settings::default() })
}

/// A TLS server that shows this certificate, answers `answer` and closes.
fn serve(shown: &str, answer: Vec<u8>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(certificate(shown)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let session = ServerConnection::new(config.clone()).unwrap();
            let (stream, answer) = (stream.unwrap(), answer.clone());
            thread::spawn(move || talk(StreamOwned::new(session, stream), &answer));
        }
    });
    port
}

fn talk(mut stream: StreamOwned<ServerConnection, TcpStream>, answer: &[u8]) {
    while read_request(&mut stream).is_some() && !answer.is_empty() {
        stream.write_all(answer).unwrap();
    }
}

#[test]
fn a_trusted_server_is_accepted() {
    let port = serve("valid.pem", raw("200 X", "{}"));
    let client = client(&certificate("ca.pem"));
    for host in ["localhost", "127.0.0.1"] {
        client.get(&format!("https://{host}:{port}/")).unwrap();
        client.create(&format!("https://{host}:{port}/")).unwrap();
    }
}

/// Where the built-in issuers do not know a server, and nothing else is named.
#[test]
fn what_the_system_trusts() {
    let url = format!("https://localhost:{}/", serve("valid.pem", raw("200 X", "{}")));
    let of_system = |paths: &[&str]| Settings {
        ca_of_system: paths.iter().map(|name| certificate(name)).collect(),
        ..Settings::default()
    };
    for paths in [&["ca.pem"][..], &["missing.pem", "ca.pem"]] {
        Client::with(of_system(paths)).get(&url).unwrap();
    }
    let named =
        Settings { ca_named: vec![(CA_FILE, certificate("own.pem"))], ..of_system(&["ca.pem"]) };
    for settings in [of_system(&["own.pem"]), of_system(&[]), named] {
        let failed = Client::with(settings).get(&url).unwrap_err();
        assert!(matches!(failed, Failure::NotSent { cause: Cause::Trust, .. }), "{failed:?}");
        assert!(failed.to_string().contains("unknown issuer"), "{failed}");
    }
}

#[test]
fn what_is_wrong_with_a_certificate() {
    for (shown, words) in [
        ("expired.pem", "has expired"),
        ("future.pem", "is not valid yet"),
        ("other-name.pem", "is not for that host"),
        ("self-signed.pem", "is self-signed"),
    ] {
        let port = serve(shown, vec![]);
        let client = client(&certificate("ca.pem"));
        let (class, _, ours, reason) = parts(client.create(&format!("https://localhost:{port}/")));
        assert_eq!((class, ours), ("not sent", false), "{reason}");
        assert!(
            reason.starts_with("the certificate of localhost ") && reason.contains(words),
            "{reason}"
        );
        assert!(client.pauses().is_empty(), "it will not get better");
    }
    let port = serve("valid.pem", vec![]);
    let (class, _, _, reason) = parts(Client::new().get(&format!("https://localhost:{port}/")));
    assert_eq!(class, "not sent");
    assert!(reason.contains("unknown issuer"), "{reason}");
}

#[test]
fn a_server_without_tls_or_that_hangs_up() {
    let too_old = b"\x15\x03\x01\x00\x02\x02\x46".to_vec();
    for (answer, words) in [
        (b"HTTP/1.1 400 X\r\n\r\n".to_vec(), "does not speak TLS"),
        (too_old, "older than 1.2"),
        (vec![], ": it closed the connection"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // Read first: closing over unread bytes resets the connection.
                let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
                stream.write_all(&answer).unwrap();
            }
        });
        let client = Client::new();
        let (class, _, ours, reason) = parts(client.create(&format!("https://localhost:{port}/")));
        assert_eq!((class, ours), ("not sent", false), "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn a_cut_after_the_handshake_is_unknown() {
    let port = serve("valid.pem", vec![]);
    let client = client(&certificate("ca.pem"));
    let (class, status, in_flight, reason) =
        parts(client.create(&format!("https://localhost:{port}/")));
    assert_eq!((class, status, in_flight), ("unknown", None, false));
    assert_eq!(reason, "localhost closed the connection before it answered");
}

#[test]
fn through_a_tunnel() {
    let port = serve("other-name.pem", raw("200 X", "{}"));
    let (proxy, asked) = super::proxies::tunnel("HTTP/1.1 200 OK\r\n\r\n", port);
    let value = Secret::new(format!("127.0.0.1:{proxy}"));
    let client = Client::with(Settings {
        ca_named: vec![(CA_FILE, certificate("ca.pem"))],
        proxy: ProxySettings { https: Some(("https_proxy", value)), ..ProxySettings::default() },
        ..Settings::default()
    });
    client.get("https://other.example/").unwrap();
    client.create("https://other.example/").unwrap();
    assert_eq!(asked.try_iter().count(), 1, "the tunnel is kept");
    // The handshake goes through the tunnel, so bytes have left: but none of the request.
    let (class, _, _, reason) = parts(client.create("https://wrong.example/"));
    assert_eq!(class, "not sent");
    assert!(reason.contains("is not for that host"), "{reason}");
}

#[test]
fn a_bundle_that_cannot_be_used_is_refused_by_name() {
    let dir = std::env::temp_dir().join(format!("ntcli-bundle-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (name, content, words) in [
        ("missing.pem", None, "no such file"),
        ("empty.pem", Some(""), "empty"),
        ("text.pem", Some("hello"), "no certificate"),
        ("torn.pem", Some("-----BEGIN CERTIFICATE-----\nAAAA\n"), "damaged"),
        ("junk.pem", Some(block), "can be read"),
        (".", None, "not a regular file"),
    ] {
        let path = dir.join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let (class, _, ours, reason) = parts(client(&path).get("https://127.0.0.1:1/"));
        assert_eq!((class, ours), ("not sent", true), "{reason}");
        assert!(reason.contains(name) && reason.contains("SSL_CERT_FILE"), "{reason}");
        assert!(reason.contains(words), "{reason}");
        // Plain http needs no certificates.
        let server = Server::start(vec![Reply::Send(raw("200 X", "{}"))]);
        client(&path).get(&server.url("/")).unwrap();
    }
    std::fs::remove_dir_all(dir).unwrap();
}
