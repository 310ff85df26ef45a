//! TLS in front of a server that has none: input is decrypted and forwarded.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use crate::certificates::certificate;

/// Presents that certificate to every client of the returned port, and forwards to `port`. It ends
/// with the program.
///
/// # Errors
/// If there is no port to listen on, or no such certificate.
pub(crate) fn front(shown: &str, port: u16) -> Result<u16, String> {
    start(shown, port, Asks::Nothing)
}

/// What a client is asked for.
#[allow(dead_code, reason = "each of the two users leaves something unused")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    /// A certificate of the issuer of the tests; who has none is turned away.
    Certificate,
}

/// As [`front`].
///
/// # Errors
/// As [`front`].
pub(crate) fn start(shown: &str, port: u16, asks: Asks) -> Result<u16, String> {
    let config = Arc::new(config(shown, asks).map_err(|e| e.to_string())?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| e.to_string())?;
    let own = listener.local_addr().map_err(|e| e.to_string())?.port();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            // A peer that goes away, or does not accept the certificate, is not an error here.
            thread::spawn(move || pass(near, port, config));
        }
    });
    Ok(own)
}

fn config(shown: &str, asks: Asks) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(certificate(shown))?];
    let key = PrivateKeyDer::from_pem_file(certificate("server.key"))?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate("ca.pem"))?)?;
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let clients = match asks {
        Asks::Nothing => WebPkiClientVerifier::no_client_auth(),
        Asks::Certificate => clients.build()?,
    };
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)?)
}

fn pass(mut near: TcpStream, port: u16, config: Arc<ServerConfig>) -> io::Result<()> {
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let session = Arc::new(Mutex::new(session));
    let mut far = None;
    let mut bytes = [0; 16 * 1024];
    near.set_nodelay(true)?;
    loop {
        let n = near.read(&mut bytes)?;
        let plain = decipher(&session, &bytes[..n], &mut near)?;
        // Only a peer that sends something is forwarded: one that turns away was never there.
        if far.is_none() && !plain.is_empty() {
            far = Some(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
            let (near, session) = (near.try_clone()?, Arc::clone(&session));
            let far = far.as_ref().map(TcpStream::try_clone).transpose()?;
            thread::spawn(move || far.map(|far| answer(far, near, &session)));
        }
        if let Some(far) = &mut far {
            far.write_all(&plain)?;
            if n == 0 {
                far.shutdown(Shutdown::Write)?;
            }
        }
        if n == 0 {
            return Ok(());
        }
    }
}

/// Decrypts these bytes of the peer; the answers of the handshake are sent to it from here.
fn decipher(
    session: &Mutex<ServerConnection>,
    mut bytes: &[u8],
    near: &mut TcpStream,
) -> io::Result<Vec<u8>> {
    let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
    let mut plain = Vec::new();
    while !bytes.is_empty() {
        session.read_tls(&mut bytes)?;
        let state = session.process_new_packets();
        while session.wants_write() {
            session.write_tls(near)?;
        }
        let n = state.map_err(io::Error::other)?.plaintext_bytes_to_read();
        let mut some = vec![0; n];
        session.reader().read_exact(&mut some)?;
        plain.append(&mut some);
    }
    Ok(plain)
}

/// Forwards what the server sends, until its end.
fn answer(
    mut far: TcpStream,
    mut near: TcpStream,
    session: &Mutex<ServerConnection>,
) -> io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        let n = far.read(&mut bytes)?;
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        if n == 0 {
            session.send_close_notify();
        } else {
            session.writer().write_all(&bytes[..n])?;
        }
        while session.wants_write() {
            session.write_tls(&mut near)?;
        }
        if n == 0 {
            return near.shutdown(Shutdown::Both);
        }
    }
}
