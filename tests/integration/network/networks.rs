//! Networks as they are: two kinds of addresses, names that lead nowhere, connections that end early.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::control_plane::Route;
use crate::harness::skip::can_mount;
use crate::harness::strace::{self, Traced};
use crate::harness::world::{Run, World};
use crate::network::proxy::{length, pass, read_head};
use crate::ports::free_port;

/// When a [`relay`] ends a connection, which neither side has asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    WithThePeer,
    AfterEachAnswer,
    AtTheSecondRequest,
}

/// Leads to the control plane of this world.
fn relay(world: &World, listener: TcpListener, ends: Ends) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    let base = world.plane.base_url();
    let plane = base.strip_prefix("http://").unwrap().to_owned();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = TcpStream::connect(&plane).unwrap();
            thread::spawn(move || lead(&near, &far, ends));
        }
    });
    address
}

fn lead(mut near: &TcpStream, mut far: &TcpStream, ends: Ends) -> io::Result<()> {
    if ends == Ends::WithThePeer {
        let (mut from, mut back) = (far.try_clone()?, near.try_clone()?);
        thread::spawn(move || pass(&mut from, &mut back));
        return pass(&mut near, &mut far);
    }
    let mut reader = BufReader::new(near);
    let Some(head) = read_head(&mut reader)? else {
        return Ok(());
    };
    let mut body = vec![0; length(&head)];
    reader.read_exact(&mut body)?;
    far.write_all(&[head.as_bytes(), &body].concat())?;
    // An answer of the control plane is one piece.
    let mut bytes = [0; 16 * 1024];
    let n = far.read(&mut bytes)?;
    near.write_all(&bytes[..n])?;
    if ends == Ends::AtTheSecondRequest {
        // The client sees an open connection until it has sent the request.
        reader.fill_buf()?;
    }
    near.shutdown(Shutdown::Both)
}

fn refresh<'a>(world: &'a World, base: &str) -> Run<'a> {
    world.ntcli(&["token", "refresh"]).env("NTCLI_API_URL", base)
}

/// On an address of IPv6, where this machine has one.
fn listen_v6() -> Option<TcpListener> {
    match TcpListener::bind("[::1]:0") {
        Err(e) if e.kind() == io::ErrorKind::AddrNotAvailable => None,
        bound => Some(bound.unwrap()),
    }
}

#[test]
fn an_address_of_ipv6() {
    let Some(listener) = listen_v6() else { return };
    let (world, workspace) = World::ready();
    let address = relay(&world, listener, Ends::WithThePeer);
    refresh(&world, &format!("http://{address}")).run().exits(0).says_only("");
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_dead_address_beside_a_good_one() {
    let Some(listener) = listen_v6() else { return };
    let (world, workspace) = World::ready();
    // The same name resolves to 127.0.0.1 too, where that port has no listener.
    let port = relay(&world, listener, Ends::WithThePeer).port();
    refresh(&world, &format!("http://localhost:{port}")).run().exits(0).says_only("");
    world.assert_one_live_token(&workspace);
}

#[test]
fn an_unreachable_ipv6_address_beside_a_good_one() {
    let (world, workspace) = World::ready();
    let hosts = world.outside("hosts");
    fs::write(&hosts, "2001:db8::1 two.example\n127.0.0.1 two.example\n").unwrap();
    // A name of two addresses without a name server: a hosts file for this run alone.
    let script = format!("mount --bind {} /etc/hosts && exec \"$@\"", hosts.display());
    let words = ["unshare", "-rm", "sh", "-c", &script, "sh"];
    if !can_mount() {
        return;
    }
    let base = world.plane.base_url().replace("127.0.0.1", "two.example");
    refresh(&world, &base).under(&words).run().exits(0).says_only("");
    world.assert_one_live_token(&workspace);
}

#[test]
fn a_name_that_is_none() {
    let (world, _) = World::ready();
    let output = refresh(&world, "https://no-such-host.invalid").run();
    // musl says so only after a while, if there is no name server at all.
    output.exits(5).says("cannot connect to no-such-host.invalid:443: ");
    output.says("nothing has changed").does_not_say("os error");
    assert!(!world.has_journal());
}

#[test]
fn a_host_that_does_not_answer() {
    let (world, _) = World::ready();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Nothing is accepted; once the queue is full, the kernel does not answer new connections.
    let wait = Duration::from_millis(300);
    let queue: Vec<_> =
        (0..5000).map_while(|_| TcpStream::connect_timeout(&address, wait).ok()).collect();
    assert!(queue.len() < 5000, "the queue has no end");
    let run = refresh(&world, &format!("http://{address}")).env("NTCLI_TIMEOUT", "1");
    let output = run.run();
    output.exits(5).says("nothing has changed");
    output.says(&format!("cannot connect to {address}: no answer within 1 s"));
    assert!(!world.has_journal());
}

/// Of the journal, of the folder that it is new in, and of what the run came to.
const MOST_SYNCS: usize = 2;

/// That nothing was sent is certain, so what is written before a request is the only thing that must
/// last, and nothing is left of it.
#[test]
fn a_server_that_cannot_be_reached_costs_one_durable_write() {
    if !strace::is_available() {
        return;
    }
    let (world, workspace) = World::ready();
    let log = world.outside("strace");
    let no_tls = world.plane.base_url().replace("http:", "https:");
    for base in
        [&format!("http://127.0.0.1:{}", free_port()), "https://no-such-host.invalid", &no_tls]
    {
        let (output, calls) = Traced::run(refresh(&world, base), &log);
        output.exits(5).says("nothing has changed");
        let durable = calls.iter().filter(|call| call.name.contains("sync")).count();
        assert!((1..=MOST_SYNCS).contains(&durable), "{durable}");
        assert!(!world.has_journal(), "{}", world.describe());
    }
    world.assert_nothing_sent();
    refresh(&world, &world.plane.base_url()).run().exits(0);
    world.assert_one_live_token(&workspace);
    let connections = world.plane.requests();
    assert!(connections.iter().all(|r| r.connection == connections[0].connection));
}

#[test]
fn connections_that_end_between_the_requests() {
    for ends in [Ends::AfterEachAnswer, Ends::AtTheSecondRequest] {
        let (world, workspace) = World::ready();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = relay(&world, listener, ends);
        let output = refresh(&world, &format!("http://{address}")).run();
        output.exits(0).says_only("");
        world.assert_one_live_token(&workspace);
        for route in [Route::TokenCreate, Route::TokenAuth, Route::TokenRevoke] {
            assert_eq!(world.count(route), 1, "{}", world.describe());
        }
    }
}
