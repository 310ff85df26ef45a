//! Through proxies, and past them, as curl reads the environment.

use crate::certificates::certificate;
use crate::harness::world::{Output, Run, World};
use crate::network::proxy::Proxy;
use crate::ports::free_port;
use crate::tls_front::front;

/// The host that `other-name.pem` is for, and that only a proxy knows.
const SECURE: &str = "https://other.example";
/// Addresses of this machine that do not look like loopback ones, the second one looks like a name:
/// the way past a proxy leads back here without a name server.
const ADDRESS: &str = "0.0.0.0";
const NAME: &str = "0.0x0";

fn own_port(world: &World) -> u16 {
    let base = world.plane.base_url();
    base.rsplit(':').next().unwrap().parse().unwrap()
}

fn refresh<'a>(world: &'a World, base: &str) -> Run<'a> {
    let run = world.ntcli(&["token", "refresh"]);
    run.env("NTCLI_API_URL", base).env("SSL_CERT_FILE", certificate("ca.pem"))
}

/// Nothing has happened at the server, and nothing is left to do.
#[track_caller]
fn nothing_has_changed(world: &World, output: &Output) {
    output.prints("").says("Error: Could not create a token; nothing has changed\n");
    world.assert_nothing_sent();
    assert!(!world.has_journal(), "{}", world.describe());
}

#[test]
fn plain_http_goes_through_no_proxy() {
    let (world, workspace) = World::ready();
    let proxy = Proxy::to(own_port(&world));
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let address = format!("http://{ADDRESS}:{}", own_port(&world));
    let mut run = refresh(&world, &address);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
        run = run.env(name, &url);
    }
    run.run().exits(0).says_only("");
    world.assert_one_live_token(&workspace);
    assert_eq!(proxy.asked(), [""; 0]);
}

#[test]
fn https_goes_through_a_tunnel() {
    let (world, workspace) = World::ready();
    let proxy = Proxy::to(front("other-name.pem", own_port(&world)).unwrap());
    let url = format!("http://me:p%40ss@127.0.0.1:{}", proxy.port);
    refresh(&world, SECURE).env("https_proxy", url).run().exits(0).says_only("");
    world.assert_one_live_token(&workspace);
    let asked = proxy.asked();
    let [head] = &asked[..] else { panic!("one tunnel is enough: {asked:?}") };
    assert!(head.starts_with("CONNECT other.example:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Basic bWU6cEBzcw=="), "{head}");
    assert!(!head.to_ascii_lowercase().contains("\r\nauthorization:"), "{head}");
}

#[test]
fn which_variable_counts() {
    let (world, _) = World::ready();
    let proxy = Proxy::to(front("other-name.pem", own_port(&world)).unwrap());
    let wrong = ("socks5://me:hush@127.0.0.1:1").to_owned();
    let url = format!("http://127.0.0.1:{}", proxy.port);
    for variables in [
        vec![("https_proxy", &url), ("HTTPS_PROXY", &wrong), ("all_proxy", &wrong)],
        vec![("HTTPS_PROXY", &url), ("all_proxy", &wrong), ("http_proxy", &wrong)],
        vec![("all_proxy", &url), ("ALL_PROXY", &wrong), ("http_proxy", &wrong)],
        vec![("ALL_PROXY", &url), ("HTTP_PROXY", &wrong)],
    ] {
        let mut run = refresh(&world, SECURE);
        for (name, value) in &variables {
            run = run.env(name, *value);
        }
        run.run().exits(0).says_only("");
        assert!(!proxy.asked().is_empty(), "{variables:?}");
    }
}

#[test]
fn past_the_proxy() {
    let (world, _) = World::ready();
    let port = own_port(&world);
    let proxy = Proxy::to(port);
    let ours = format!("x, {NAME}:{port}\t");
    let (other, block) = (format!("{NAME}:1, {ADDRESS}:1"), format!("10.0.0.0/8, {ADDRESS}/31"));
    for (list, host, direct) in [
        ("", NAME, false),
        ("*", NAME, true),
        ("*", ADDRESS, true),
        (NAME, NAME, true),
        ("0x0", NAME, true),
        (".0x0", NAME, true),
        ("*.0x0", NAME, true),
        ("X0", NAME, false),
        ("0X0.", NAME, true),
        ("other.example , 0x0 ", NAME, true),
        ("other.example 0x0", NAME, true),
        (&ours, NAME, true),
        (&other, NAME, false),
        (&other, ADDRESS, false),
        (ADDRESS, ADDRESS, true),
        ("0.0", ADDRESS, false),
        (&block, ADDRESS, true),
        (&block, NAME, false),
        ("0.0.0.1/32", ADDRESS, false),
        ("0.0.0.0", "[::ffff:0.0.0.0]", true),
        ("", "127.0.0.1", true),
        ("", "localhost", true),
        ("", "LOCALHOST", true),
        ("", "my.Localhost", true),
    ] {
        let run = world.ntcli(&["health"]);
        let run = run.env("NTCLI_API_URL", format!("https://{host}:{port}"));
        let run = run.env("https_proxy", format!("127.0.0.1:{}", proxy.port));
        let output = run.env("no_proxy", list).env("NO_PROXY", "unheard.example").run();
        output.exits(5);
        assert_eq!(proxy.asked().is_empty(), direct, "{list:?} {output}");
    }
}

#[test]
fn a_proxy_that_says_no() {
    let (world, _) = World::ready();
    for (base, answer, code, words) in [
        (SECURE, "HTTP/1.1 403 Forbidden\r\n\r\n", 5, "it answered 403"),
        (SECURE, "HTTP/1.1 503 Busy\r\n\r\n", 5, "it answered 503"),
        (
            SECURE,
            "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\n\r\n",
            2,
            "rejects the user or password in all_proxy (407)",
        ),
        (SECURE, "SSH-2.0-none\r\n\r\n", 5, "is not HTTP"),
        (SECURE, "", 5, "it closed the connection"),
    ] {
        let proxy = Proxy::that_says(answer);
        let url = format!("http://me:hush@127.0.0.1:{}", proxy.port);
        let output = refresh(&world, base).env("all_proxy", url).run();
        nothing_has_changed(&world, &output);
        let named = format!("other.example:443 through the proxy 127.0.0.1:{}: ", proxy.port);
        output.exits(code).says(&named).says(words).does_not_say("hush");
        assert!(!proxy.asked().is_empty());
    }
}

#[test]
fn a_proxy_that_is_not_there() {
    let (world, _) = World::ready();
    let port = free_port();
    let url = format!("http://me:hush@127.0.0.1:{port}");
    let output = refresh(&world, SECURE).env("all_proxy", url).run();
    nothing_has_changed(&world, &output);
    let words = format!("through the proxy 127.0.0.1:{port}: connection refused");
    output.exits(5).says(&words).does_not_say("hush");
}

#[test]
fn a_proxy_that_cannot_be_used() {
    let (world, _) = World::ready();
    for (value, words) in [
        ("socks5h://me:hush@h:1", "only http:// and https:// proxies are supported"),
        ("ftp://me:hush@h", "only http:// and https:// proxies are supported"),
        ("http://me:hush@h:x", "it names no host, or its port is no number"),
        ("http://me:hush@", "it names no host, or its port"),
        ("http://me%ff:hush@h", "its user or password is not UTF-8"),
    ] {
        let output = refresh(&world, SECURE).env("https_proxy", value).run();
        nothing_has_changed(&world, &output);
        let words = format!("the proxy that https_proxy names cannot be used: {words}");
        output.exits(2).says(&words).does_not_say("hush");
        output.says("Hint: ntcli help environment\n");
    }
}

#[test]
fn a_proxy_behind_tls() {
    let (world, workspace) = World::ready();
    let secured = Proxy::to(front("other-name.pem", own_port(&world)).unwrap());
    let port = front("valid.pem", secured.port).unwrap();
    let run = refresh(&world, SECURE).env("all_proxy", format!("https://localhost:{port}"));
    run.run().exits(0).says_only("");
    world.assert_one_live_token(&workspace);
    assert!(secured.asked().iter().all(|head| head.starts_with("CONNECT ")));
    world.plane.clear_requests();
    let port = front("expired.pem", secured.port).unwrap();
    let run = refresh(&world, SECURE).env("all_proxy", format!("https://localhost:{port}"));
    let output = run.run();
    nothing_has_changed(&world, &output);
    let words = format!("the certificate of the proxy localhost:{port} has expired");
    output.exits(1).says(&words);
}

/// One deadline counts for all of a request.
#[test]
fn a_proxy_that_drips() {
    let (world, _) = World::ready();
    let proxy = Proxy::that_drips();
    let run = refresh(&world, SECURE).env("https_proxy", format!("127.0.0.1:{}", proxy.port));
    let output = run.env("NTCLI_TIMEOUT", "2").run();
    nothing_has_changed(&world, &output);
    output.exits(5).says(": no answer within 2 s");
}
