//! A server that is far away: whatever goes there or comes back takes its time.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Leads from the returned port to `port`, there and back in this time. It ends with the program.
///
/// # Errors
/// If there is no port to listen on.
pub(crate) fn lead(port: u16, round_trip: Duration) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let own = listener.local_addr()?.port();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            // A peer that goes away is not an error here.
            thread::spawn(move || connect(&near, port, round_trip));
        }
    });
    Ok(own)
}

fn connect(near: &TcpStream, port: u16, round_trip: Duration) -> io::Result<()> {
    // What the client sends at once, it could only have sent when the server had taken the connection.
    let open = Instant::now() + round_trip;
    let far = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    for (from, to) in [(near, &far), (&far, near)] {
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        to.set_nodelay(true)?;
        let (send, receive) = mpsc::channel();
        thread::spawn(move || deliver(&to, &receive));
        thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            loop {
                let n = (&from).read(&mut bytes).unwrap_or(0);
                let due = Instant::now().max(open) + round_trip / 2;
                if send.send((due, bytes[..n].to_vec())).is_err() || n == 0 {
                    return;
                }
            }
        });
    }
    Ok(())
}

/// Each at its time; nothing is the end.
fn deliver(mut to: &TcpStream, receive: &Receiver<(Instant, Vec<u8>)>) -> io::Result<()> {
    for (due, bytes) in receive {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if bytes.is_empty() {
            return to.shutdown(Shutdown::Write);
        }
        to.write_all(&bytes)?;
    }
    Ok(())
}
