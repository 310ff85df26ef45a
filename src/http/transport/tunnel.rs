//! The tunnel through a proxy (RFC 9110, 9.3.6).

use std::io::{self, ErrorKind};

use super::socket::Stream;
use crate::http::proxy::Proxy;

/// The longest head of a proxy's answer.
const LONGEST_HEAD: usize = 16 * 1024;

/// Asks the proxy for a connection to `to`, a host with its port. A refusal is an error of ureq's.
pub(super) fn open(stream: &mut dyn Stream, proxy: &Proxy, to: &str) -> io::Result<()> {
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    request += concat!("User-Agent: ntcli/", env!("CARGO_PKG_VERSION"), "\r\n");
    request += "Proxy-Connection: Keep-Alive\r\n";
    if let Some(login) = proxy.authorization() {
        request.extend(["Proxy-Authorization: ", login.expose(), "\r\n"]);
    }
    request += "\r\n";
    stream.write_all(request.as_bytes())?;
    match status(&head(stream)?) {
        Some(status) if status.starts_with('2') => Ok(()),
        other => {
            let refused = other.unwrap_or("what is not HTTP").to_owned();
            Err(io::Error::other(ureq::Error::ConnectProxyFailed(refused)))
        }
    }
}

/// The head of the answer, or as much of it as is too long for one.
fn head(stream: &mut dyn Stream) -> io::Result<Vec<u8>> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while head.len() <= LONGEST_HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&piece[..read]);
    }
    Ok(head)
}

/// The status of a head: three digits.
fn status(head: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    (status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit())).then_some(status)
}
