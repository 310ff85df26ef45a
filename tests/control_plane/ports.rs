//! Ports without a listener.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Systems choose ports by themselves below the first of these, and other tests have them do so.
const FIRST: u16 = 61_000;
const COUNT: u32 = 4_500;

/// A port that is free, and that no other test will get.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let n = process::id().wrapping_mul(97).wrapping_add(n) % COUNT;
        let port = FIRST + u16::try_from(n).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
