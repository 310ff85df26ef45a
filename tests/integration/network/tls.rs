//! Servers that speak TLS, correctly or not, and the certificates that are trusted.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::certificates::certificate;
use crate::harness::world::{Output, World};
use crate::network::proxy::pass;
use crate::ports::free_port;
use crate::tls_front::{Asks, front, start};

pub(crate) fn own_port(world: &World) -> u16 {
    let base = world.plane.base_url();
    base.rsplit(':').next().unwrap().parse().unwrap()
}

/// A refresh against `https://localhost:PORT` that trusts this bundle alone, or the built-in roots.
fn refresh(world: &World, port: u16, bundle: Option<&Path>) -> Output {
    let run = world.ntcli(&["token", "refresh"]);
    let run = run.env("NTCLI_API_URL", format!("https://localhost:{port}"));
    match bundle {
        Some(bundle) => run.env("SSL_CERT_FILE", bundle).run(),
        None => run.run(),
    }
}

/// The program says so, and nothing has happened, here or there.
#[track_caller]
pub(crate) fn fails(world: &World, output: &Output, code: i32, words: &[&str]) {
    output.exits(code).prints("").says("Error: Could not create a token; nothing has changed\n");
    for words in words {
        output.says(words);
    }
    world.assert_nothing_sent();
    assert!(!world.has_journal(), "{}", world.describe());
}

/// Answers any first message with these bytes.
fn parrot(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            BufReader::new(&stream).fill_buf().ok();
            stream.write_all(answer).ok();
        }
    });
    port
}

#[test]
fn a_private_issuer_in_a_bundle_of_several() {
    let (world, workspace) = World::ready();
    let bundle = world.outside("bundle.pem");
    let [one, other] =
        ["self-signed.pem", "ca.pem"].map(|name| fs::read(certificate(name)).unwrap());
    let between = b"\n# A comment, as bundles have them\n".to_vec();
    fs::write(&bundle, [one, between, other].concat()).unwrap();
    let port = front("valid.pem", own_port(&world)).unwrap();
    refresh(&world, port, Some(&bundle)).exits(0).says_only("");
    world.assert_one_live_token(&workspace);
    let connections = world.plane.requests();
    assert!(connections.iter().all(|r| r.connection == connections[0].connection));
}

#[test]
fn a_certificate_that_is_not_good() {
    let (world, _) = World::ready();
    let issuer = certificate("ca.pem");
    for (shown, code, words) in [
        ("expired.pem", 1, "has expired (or this machine's clock is wrong)"),
        ("future.pem", 5, "is not valid yet (or this machine's clock is wrong)"),
        ("other-name.pem", 1, "is not for that host but for another name"),
        ("self-signed.pem", 1, "is self-signed"),
    ] {
        let port = front(shown, own_port(&world)).unwrap();
        let output = refresh(&world, port, Some(&issuer));
        let words = format!("the certificate of localhost {words}");
        fails(&world, &output, code, &[&words]);
    }
    let port = front("valid.pem", own_port(&world)).unwrap();
    let output = refresh(&world, port, None);
    let words = "the certificate of localhost comes from an unknown issuer";
    fails(&world, &output, 1, &[words, "SSL_CERT_FILE"]);
    // Another issuer of the same name.
    let output = refresh(&world, port, Some(&certificate("self-signed.pem")));
    let words = "the certificate of localhost is not signed by the issuer of that name";
    fails(&world, &output, 1, &[words, "SSL_CERT_FILE"]);
}

#[test]
fn a_server_that_speaks_something_else() {
    let (world, _) = World::ready();
    let own = own_port(&world);
    // A hello of TLS 1.1, and the alert of a server that has nothing newer.
    let hello = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
        0123456789abcdef0123456789abcdef\x00\xc0\x14\x00";
    let old = "localhost speaks only versions of TLS older than 1.2";
    for (port, code, words) in [
        (own, 5, format!("localhost:{own} does not speak TLS (is it plain http?)")),
        (parrot(b"220 mail ESMTP\r\n"), 5, "does not speak TLS".to_owned()),
        (parrot(hello), 1, old.to_owned()),
        (parrot(b"\x15\x03\x02\x00\x02\x02\x46"), 1, old.to_owned()),
        (parrot(b""), 5, "no TLS handshake with localhost".to_owned()),
    ] {
        let output = refresh(&world, port, Some(&certificate("ca.pem")));
        fails(&world, &output, code, &[&words]);
    }
}

/// Another implementation of TLS than the one that is tested; it speaks this version alone and leads
/// to `port`.
pub(crate) struct Openssl(Child);

impl Openssl {
    pub(crate) fn start(version: &str, port: u16) -> (Self, u16) {
        Self::with(&[version], "valid.pem", port)
    }

    /// The same with these options; it shows this certificate.
    pub(crate) fn with(options: &[&str], shown: &str, port: u16) -> (Self, u16) {
        let own = free_port();
        let accept = format!("127.0.0.1:{own}");
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-accept", &accept]).args(options);
        // Without this it does not speak the old versions at all.
        command.args(["-cipher", "DEFAULT@SECLEVEL=0"]);
        command.arg("-cert").arg(certificate(shown));
        command.arg("-key").arg(certificate("server.key"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let (mut said, mut to_say) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        let plane = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut back = plane.try_clone().unwrap();
        thread::spawn(move || pass(&mut said, &mut &plane));
        thread::spawn(move || pass(&mut back, &mut to_say));
        (Openssl(child), own)
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn versions_of_another_implementation() {
    let (world, _) = World::ready();
    let issuer = certificate("ca.pem");
    let (_server, port) = Openssl::start("-tls1_1", own_port(&world));
    // A connection that is refused is tried again: time for the server to start.
    let output = refresh(&world, port, Some(&issuer));
    let words = "localhost speaks only versions of TLS older than 1.2";
    fails(&world, &output, 1, &[words]);
    for version in ["-tls1_2", "-tls1_3"] {
        let (world, workspace) = World::ready();
        let (_server, port) = Openssl::start(version, own_port(&world));
        refresh(&world, port, Some(&issuer)).exits(0).says_only("");
        world.assert_one_live_token(&workspace);
    }
}

/// What `openssl req -x509` makes is an issuer's certificate. As with curl, it is enough that it is in
/// the bundle; all else must be right.
#[test]
fn a_self_signed_certificate_in_the_bundle() {
    let own = certificate("own.pem");
    for version in ["-tls1_2", "-tls1_3"] {
        let (world, workspace) = World::ready();
        let (_server, port) = Openssl::with(&[version], "own.pem", own_port(&world));
        refresh(&world, port, Some(&own)).exits(0).says_only("");
        world.assert_one_live_token(&workspace);
    }
    // A certificate of an issuer that is not in the bundle, while it is there itself.
    let (world, _) = World::ready();
    let port = front("pinned.pem", own_port(&world)).unwrap();
    refresh(&world, port, Some(&certificate("pinned.pem"))).exits(0).says_only("");

    let (world, _) = World::ready();
    for (shown, bundle, words) in [
        ("own.pem", "ca.pem", "is self-signed (SSL_CERT_FILE can name a file with it"),
        ("own-expired.pem", "own-expired.pem", "has expired"),
        ("own-other.pem", "own-other.pem", "is not for that host but for another name"),
        ("expired.pem", "expired.pem", "has expired"),
        ("pinned-other.pem", "pinned-other.pem", "is not for that host but for another name"),
        ("pinned.pem", "own.pem", "comes from an unknown issuer"),
    ] {
        let port = front(shown, own_port(&world)).unwrap();
        let output = refresh(&world, port, Some(&certificate(bundle)));
        fails(&world, &output, 1, &[&format!("the certificate of localhost {words}")]);
    }
}

#[test]
fn a_bundle_that_cannot_be_used() {
    let (world, _) = World::ready();
    let port = front("valid.pem", own_port(&world)).unwrap();
    let good = fs::read_to_string(certificate("ca.pem")).unwrap();
    let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (name, content, words) in [
        ("missing.pem", None, "no such file"),
        ("empty.pem", Some(""), "no certificate in PEM form that can be read"),
        ("text.pem", Some("trust me\n"), "it holds no certificate in PEM form"),
        ("torn.pem", Some(&good[..good.len() / 2]), "it is damaged"),
        ("junk.pem", Some(block), "no certificate in PEM form that can be read"),
        (".", None, "it is not a regular file"),
        ("pipe", None, "it is not a regular file"),
    ] {
        if name == "pipe" {
            let made = Command::new("mkfifo").arg(world.outside(name)).status();
            assert!(made.unwrap().success());
        }
        let path = world.outside(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let output = refresh(&world, port, Some(&path));
        let named = format!("SSL_CERT_FILE ({})", path.display());
        fails(&world, &output, 2, &[&named, words]);
    }
}

/// A folder of certificates, as OpenSSL has them, in which other things may be too.
#[test]
fn a_folder_of_certificates() {
    let (world, workspace) = World::ready();
    let port = front("valid.pem", own_port(&world)).unwrap();
    let dirs = ["empty", "full"].map(|name| world.outside(name));
    for dir in &dirs {
        fs::create_dir(dir).unwrap();
    }
    fs::copy(certificate("ca.pem"), dirs[1].join("0a1b2c3d.0")).unwrap();
    fs::write(dirs[1].join("README"), "Certificates").unwrap();
    assert!(Command::new("mkfifo").arg(dirs[1].join("pipe")).status().unwrap().success());
    let refresh = |dirs: &str| {
        let run = world.ntcli(&["token", "refresh"]).env("SSL_CERT_DIR", dirs);
        run.env("NTCLI_API_URL", format!("https://localhost:{port}")).run()
    };
    let [empty, full] = dirs.each_ref().map(|dir| dir.to_str().unwrap());
    for dirs in [empty.to_owned(), format!("{full}:{empty}"), format!("{full}/missing")] {
        fails(
            &world,
            &refresh(&dirs),
            2,
            &["the certificates of SSL_CERT_DIR (", "cannot be used"],
        );
    }
    refresh(full).exits(0).says_only("");
    world.assert_one_live_token(&workspace);
}

/// In words of certificates, and none of the library's.
#[test]
fn kinds_of_certificates_that_are_not_accepted() {
    let (world, _) = World::ready();
    let made = |name: &str, args: &[&str]| {
        let path = world.outside(name);
        let mut openssl = Command::new("openssl");
        openssl.args(args).arg("-out").arg(&path);
        assert!(openssl.output().unwrap().status.success(), "{args:?}");
        path.to_str().unwrap().to_owned()
    };
    let signed = |name: &str, key: &str, digest: &str, ca: Option<(&str, &str)>| {
        let subject = if ca.is_some() { "/CN=localhost" } else { "/CN=own issuer" };
        let args = ["req", "-x509", "-days", "9", "-key", key, digest, "-subj", subject];
        let mut args = args.to_vec();
        match ca {
            None => args.extend(["-addext", "basicConstraints=critical,CA:TRUE"]),
            Some((cert, key)) => args.extend([
                "-addext",
                "subjectAltName=DNS:localhost",
                "-addext",
                "basicConstraints=CA:FALSE",
                "-CA",
                cert,
                "-CAkey",
                key,
            ]),
        }
        made(name, &args)
    };
    let server_key = certificate("server.key");
    let server_key = server_key.to_str().unwrap();
    let key = |name: &str, option: &str, kind: &str| {
        made(name, &["genpkey", "-algorithm", kind, "-pkeyopt", option])
    };
    let p384 = key("p384.key", "ec_paramgen_curve:P-384", "EC");
    let p521 = key("p521.key", "ec_paramgen_curve:P-521", "EC");
    let weak = key("weak.key", "rsa_keygen_bits:1024", "RSA");
    let rsa = "is not signed by the issuer of that name that is trusted here (SSL_CERT_FILE may name an \
               outdated one), or depends on an RSA key of fewer than 2048 bits, which is not accepted";
    for (n, (key, digest, words)) in [
        (&p384, "-sha512", "is signed in a way that is not supported (such as P-521"),
        (&p521, "-sha512", "is signed in a way that is not supported (such as P-521"),
        (&weak, "-sha256", rsa),
    ]
    .into_iter()
    .enumerate()
    {
        let issuer = signed(&format!("issuer{n}.pem"), key, digest, None);
        let shown = signed(&format!("shown{n}.pem"), server_key, digest, Some((&issuer, key)));
        let (_server, port) = Openssl::with(&["-tls1_3"], &shown, own_port(&world));
        let output = refresh(&world, port, Some(Path::new(&issuer)));
        fails(&world, &output, 1, &[&format!("the certificate of localhost {words}")]);
    }
}

/// With TLS 1.3 the request is written before the refusal arrives: it has not been read for all that,
/// whether the connection is closed before or after.
#[test]
fn one_that_demands_a_client_certificate() {
    let (world, workspace) = World::ready();
    let issuer = certificate("ca.pem");
    let demand = ["-Verify", "1", "-verify_return_error", "-CAfile", issuer.to_str().unwrap()];
    let with =
        |version| Openssl::with(&[&demand[..], &[version]].concat(), "valid.pem", own_port(&world));
    let (_old, before) = with("-tls1_2");
    let (_new, now) = with("-tls1_3");
    let own = start("valid.pem", own_port(&world), Asks::Certificate).unwrap();
    for port in [before, now, own] {
        for _ in 0..5 {
            let output = refresh(&world, port, Some(&issuer));
            fails(&world, &output, 1, &["wants a client certificate"]);
        }
    }
    world.assert_one_live_token(&workspace);
}
