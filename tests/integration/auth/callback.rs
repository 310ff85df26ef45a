//! The callback server, and every other request that it may receive.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::auth::browser::{SignIn, ask, begin, get, login};
use crate::control_plane::Route;
use crate::harness::world::World;

/// The right answer still works.
#[track_caller]
fn comes_to_a_good_end(world: &World, sign_in: SignIn) {
    assert_eq!(sign_in.visit().status, 200);
    sign_in.finish(world).exits(0);
}

#[test]
fn strays_are_turned_away() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    let state = sign_in.state().to_owned();
    for target in [
        "/",
        "/favicon.ico",
        "/callback/x",
        "/callback",
        "/callback?code=stolen&state=wrong",
        "/callback?error=access_denied&state=wrong",
        "/callback?code=stolen",
    ] {
        assert_eq!(sign_in.get(target).status, 400, "{target}");
    }
    let right = format!("/callback?code=x&state={state}");
    let methods = ["POST", "HEAD"].map(|method| format!("{method} {right} HTTP/1.1\r\n\r\n"));
    let garbage = ["\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", "\n\n", "GET / HTTP/9\r\n\r\n"];
    for stray in methods.iter().map(String::as_str).chain(garbage) {
        assert_eq!(ask(&sign_in.connect(), stray.as_bytes()).status, 400, "{stray:?}");
    }
    comes_to_a_good_end(&world, sign_in);
}

#[test]
fn slow_and_half_clients_do_not_hold_it_up() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    // Tabs that were opened ahead, half a request, and one that hangs up in the middle.
    let idle: Vec<TcpStream> = (0..20).map(|_| sign_in.connect()).collect();
    let mut half = sign_in.connect();
    half.write_all(b"GET /callback?code=").unwrap();
    let mut gone = sign_in.connect();
    gone.write_all(b"GET /callback?code=x&state=").unwrap();
    drop(gone);
    let mut drip = sign_in.connect();
    let dripping = thread::spawn(move || {
        let bytes = b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
        for byte in bytes.take(2000) {
            if drip.write_all(&[*byte]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    comes_to_a_good_end(&world, sign_in);
    dripping.join().unwrap();
    drop((idle, half));
}

#[test]
fn a_crowd_does_not_keep_the_browser_out() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    let crowd: Vec<TcpStream> = (0..200).map(|_| sign_in.connect()).collect();
    comes_to_a_good_end(&world, sign_in);
    drop(crowd);
}

#[test]
fn a_megabyte_of_headers_is_cut() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    let target = format!("GET /callback?code=x&state={} HTTP/1.1\r\nX: ", sign_in.state());
    let mut request = target.into_bytes();
    request.resize(1 << 20, b'x');
    request.extend_from_slice(b"\r\n\r\n");
    assert_eq!(ask(&sign_in.connect(), &request).status, 400);
    comes_to_a_good_end(&world, sign_in);
}

#[test]
fn a_request_in_pieces_is_one() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    let location = sign_in.location();
    let target = &location[location.find("/callback").unwrap()..];
    let mut stream = sign_in.connect();
    for piece in [format!("GET {target} HT").as_str(), "TP/1.1\r\nHost: x\r", "\n\r", "\n"] {
        stream.write_all(piece.as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(60));
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    sign_in.finish(&world).exits(0);
}

#[test]
fn a_second_tab_changes_nothing() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    let tabs = [sign_in.location(), sign_in.location()].map(|location| {
        // The one that comes too late gets nothing, but must not hang.
        thread::spawn(move || std::panic::catch_unwind(|| get(&location).status).ok())
    });
    let answers = tabs.map(|tab| tab.join().unwrap());
    assert!(answers.contains(&Some(200)), "{answers:?}");
    assert_eq!(world.count(Route::OauthToken), 1);
    sign_in.finish(&world).exits(0);
}

#[test]
fn only_this_machine_is_listened_to() {
    let world = World::new();
    let sign_in = begin(&world, login(&world, &[]));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{:04X}", sign_in.port);
    let listening: Vec<&str> = table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter(|local| local.ends_with(&port))
        .collect();
    assert!(listening.iter().all(|local| local.starts_with("0100007F:")), "{listening:?}");
    assert!(!listening.is_empty());
    // No other program can listen on the other loopback address, where a browser may ask first.
    let other = TcpListener::bind((Ipv6Addr::LOCALHOST, sign_in.port));
    assert!(other.is_err(), "IPv6 is left to others");
    assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, sign_in.port)).is_err());
    comes_to_a_good_end(&world, sign_in);
}
