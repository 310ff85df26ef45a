//! Servers that demand a client certificate, as gateways of private networks do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::certificates::certificate;
use crate::control_plane::{Fault, Route, Times};
use crate::harness::skip::is_root;
use crate::harness::world::{Output, Run, World};
use crate::network::proxy::Proxy;
use crate::network::tls::{Openssl, fails, own_port};
use crate::tls_front::{Asks, front, start};

const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];
const HINT: &str =
    "Hint: export NTCLI_CLIENT_CERT=/path/to/client.pem NTCLI_CLIENT_KEY=/path/to/client.key\n";

/// OpenSSL in front of the control plane; without a good certificate nobody gets through.
fn demanding(version: &str, world: &World) -> (Openssl, u16) {
    let issuer = certificate("ca.pem");
    let demand = ["-Verify", "1", "-verify_return_error", "-CAfile", issuer.to_str().unwrap()];
    Openssl::with(&[&demand[..], &[version]].concat(), "valid.pem", own_port(world))
}

fn refresh(world: &World, port: u16) -> Run<'_> {
    world
        .ntcli(&["token", "refresh"])
        .env("NTCLI_API_URL", format!("https://localhost:{port}"))
        .env("SSL_CERT_FILE", certificate("ca.pem"))
}

fn with(world: &World, port: u16, cert: &Path, key: &Path) -> Output {
    let run = refresh(world, port).env("NTCLI_CLIENT_CERT", cert);
    run.env("NTCLI_CLIENT_KEY", key).run()
}

#[test]
fn a_certificate_with_any_key_is_shown() {
    let (world, workspace) = World::ready();
    for version in VERSIONS {
        for name in ["client", "client-rsa", "client-ed25519"] {
            let [cert, key] = ["pem", "key"].map(|end| certificate(&format!("{name}.{end}")));
            let (_server, port) = demanding(version, &world);
            with(&world, port, &cert, &key).exits(0).says_only("");
            world.assert_one_live_token(&workspace);
        }
        let (_server, port) = demanding(version, &world);
        let both = certificate("client-both.pem");
        refresh(&world, port).env("NTCLI_CLIENT_CERT", both).run().exits(0).says_only("");
    }
}

/// With TLS 1.3 the request is written before the refusal arrives: it has not been read for all that,
/// whether the connection is closed before or after.
#[test]
fn none_where_one_is_demanded() {
    let (world, workspace) = World::ready();
    for version in VERSIONS {
        let (_server, port) = demanding(version, &world);
        for _ in 0..5 {
            let output = refresh(&world, port).run();
            fails(&world, &output, 2, &["Caused by: localhost wants a client certificate\n", HINT]);
        }
        let health = world.ntcli(&["health"]).env("SSL_CERT_FILE", certificate("ca.pem"));
        let health = health.env("NTCLI_API_URL", format!("https://localhost:{port}")).run();
        health.exits(2).says("localhost wants a client certificate\n").says(HINT);
        let json = world.ntcli(&["token", "refresh", "--format", "json"]);
        let json = json.env("NTCLI_API_URL", format!("https://localhost:{port}"));
        let json = json.env("SSL_CERT_FILE", certificate("ca.pem")).run().exits(2).json();
        assert_eq!(json["error"]["code"], "connection_setting");
    }
    let port = start("valid.pem", own_port(&world), Asks::CertificateAlways).unwrap();
    let output = refresh(&world, port).run();
    fails(&world, &output, 2, &["localhost wants a client certificate\n", HINT]);
    world.assert_one_live_token(&workspace);
}

#[test]
fn one_that_is_turned_down() {
    let (world, _) = World::ready();
    let key = certificate("client.key");
    for version in VERSIONS {
        let (_server, port) = demanding(version, &world);
        let output = with(&world, port, &certificate("client-expired.pem"), &key);
        let words = "localhost rejected the client certificate (CertificateExpired)";
        fails(&world, &output, 2, &[words, HINT]);
        // From an issuer that the server does not know.
        let key = certificate("server.key");
        let own = world.outside("server.key");
        fs::copy(key, &own).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).unwrap();
        let output = with(&world, port, &certificate("own.pem"), &own);
        fails(&world, &output, 2, &["localhost rejected the client certificate (", HINT]);
    }
}

/// nginx ends the handshake of a client without one and answers itself; a server that asks may do
/// without.
#[test]
fn a_page_that_asks_for_one() {
    let (world, workspace) = World::ready();
    let port = start("valid.pem", own_port(&world), Asks::Certificate).unwrap();
    let title = "400 No required SSL certificate was sent";
    let page = Fault::Status(400, format!("<html><title>{title}</title>"), Vec::new());
    world.plane.fault(Route::TokenCreate, Times::Once, page.clone());
    let output = refresh(&world, port).run();
    output.exits(2).says("Could not create a token; nothing has changed\n").says(HINT);
    output.says("the server answered 400: it wants a client certificate; ").says(title);
    assert!(!world.has_journal(), "{}", world.describe());
    // Nor is it forgotten for the next workspace, for which the session is resumed.
    let other = world.add_workspace("other");
    world.plane.fault(Route::TokenCreate, Times::N(2), page.clone());
    let run = world.ntcli(&["token", "refresh", "--all"]);
    let run = run.env("NTCLI_API_URL", format!("https://localhost:{port}"));
    let output = run.env("SSL_CERT_FILE", certificate("ca.pem")).run().exits(2).stderr.clone();
    assert_eq!(output.matches("it wants a client certificate").count(), 2, "{output}");
    world.assert_one_live_token(&other);
    // It is not said where one was shown, nor where none was asked for.
    let [cert, key] = ["client.pem", "client.key"].map(certificate);
    world.plane.fault(Route::TokenCreate, Times::Once, page.clone());
    with(&world, port, &cert, &key).exits(1).says(title).does_not_say("wants a client");
    world.plane.fault(Route::TokenCreate, Times::Once, page);
    let plain = front("valid.pem", own_port(&world)).unwrap();
    refresh(&world, plain).run().exits(1).says(title).does_not_say("wants a client");
    // A lost answer stays one.
    world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseBefore);
    world.plane.fault(Route::TokenList, Times::Always, Fault::CloseBefore);
    let output = refresh(&world, port).run();
    output.exits(10).says("it had asked for a client certificate: NTCLI_CLIENT_CERT");
    world.plane.clear_faults();
    refresh(&world, port).run().exits(0);
    world.assert_one_live_token(&workspace);
}

/// The identity is for the server behind the proxy, as with curl.
#[test]
fn through_a_proxy() {
    let (world, workspace) = World::ready();
    let [cert, key] = ["client.pem", "client.key"].map(certificate);
    let port = start("other-name.pem", own_port(&world), Asks::CertificateAlways).unwrap();
    let proxy = Proxy::to(port);
    let through = |address: &str| {
        let run = refresh(&world, port).env("NTCLI_API_URL", "https://other.example");
        let run = run.env("NTCLI_CLIENT_CERT", &cert).env("NTCLI_CLIENT_KEY", &key);
        run.env("https_proxy", address).run()
    };
    through(&format!("http://127.0.0.1:{}", proxy.port)).exits(0);
    for asks in [Asks::Nothing, Asks::Certificate] {
        let secured = start("valid.pem", proxy.port, asks).unwrap();
        through(&format!("https://localhost:{secured}")).exits(0);
    }
    world.assert_one_live_token(&workspace);
    world.plane.clear_requests();
    let demanding = start("valid.pem", proxy.port, Asks::CertificateAlways).unwrap();
    let output = through(&format!("https://localhost:{demanding}"));
    let words = format!(
        "the proxy localhost:{demanding} refused the TLS handshake (CertificateRequired)\n"
    );
    fails(&world, &output, 5, &[&words]);
}

#[test]
fn files_that_cannot_be_used() {
    let (world, _) = World::ready();
    let port = front("valid.pem", own_port(&world)).unwrap();
    let [cert, key] = ["client.pem", "client.key"].map(certificate);
    let text = fs::read_to_string(&key).unwrap();
    let write = |name: &str, content: &str, mode: u32| {
        let path = world.outside(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let nowhere = world.outside("nowhere.pem");
    let none = write("none.pem", "trust me\n", 0o600);
    let torn = write("torn.pem", &text[..text.len() / 2], 0o600);
    let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let junk = write("junk.pem", block, 0o600);
    let block = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let junk_key = write("junk.key", block, 0o600);
    let for_group = write("for group.key", &text, 0o640);
    let open = format!("others can read it; close it: chmod 600 '{}'\n", for_group.display());
    let other = certificate("client-rsa.key");
    let mismatch = format!("it is not the key of the first certificate in {}\n", cert.display());
    for (cert, key, wrong, words) in [
        (&nowhere, &key, &nowhere, "no such file or directory\n"),
        (&none, &key, &none, "it holds no certificate in PEM form\n"),
        (&torn, &key, &torn, "it is damaged (no valid PEM)\n"),
        (&junk, &key, &junk, "its first certificate cannot be read\n"),
        (&world.outside("."), &key, &world.outside("."), "is a directory\n"),
        (&cert, &nowhere, &nowhere, "no such file or directory\n"),
        (&cert, &none, &none, "it holds no private key in PEM form\n"),
        (&cert, &torn, &torn, "it is damaged (no valid PEM)\n"),
        (&cert, &junk_key, &junk_key, "it is damaged, or none of RSA"),
        (&cert, &other, &other, &mismatch),
        (&cert, &for_group, &for_group, &open),
        (
            &cert,
            &certificate("client-encrypted.key"),
            &certificate("client-encrypted.key"),
            "it is encrypted",
        ),
        (
            &cert,
            &certificate("client-encrypted-rsa.key"),
            &certificate("client-encrypted-rsa.key"),
            "it is encrypted",
        ),
    ] {
        let output = with(&world, port, cert, key);
        let variable = if wrong == cert { "NTCLI_CLIENT_CERT" } else { "NTCLI_CLIENT_KEY" };
        let named = format!("in {} ({variable}) cannot be used: ", wrong.display());
        fails(&world, &output, 2, &[&named, words]);
    }
    // Without a variable for the key it is in the other file.
    let output = refresh(&world, port).env("NTCLI_CLIENT_CERT", &cert).run();
    fails(&world, &output, 2, &["(NTCLI_CLIENT_CERT) cannot be used: it holds no private key"]);
    let output = refresh(&world, port).env("NTCLI_CLIENT_KEY", &key).run();
    output.exits(2).says("NTCLI_CLIENT_KEY is set, but not NTCLI_CLIENT_CERT");
    world.assert_nothing_sent();
    // Plain http needs none of them.
    let run = world.ntcli(&["token", "refresh"]).env("NTCLI_CLIENT_CERT", &nowhere);
    run.run().exits(0);
}

/// As with ssh, a key of another owner may be for a group, if that owner says so.
#[test]
fn a_key_of_another_owner() {
    let (world, _) = World::ready();
    let path = world.outside("others.key");
    fs::copy(certificate("client.key"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    if !is_root() {
        return;
    }
    std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
    let port = start("valid.pem", own_port(&world), Asks::CertificateAlways).unwrap();
    with(&world, port, &certificate("client.pem"), &path).exits(0);
}
