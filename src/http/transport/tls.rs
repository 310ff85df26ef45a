//! TLS, and why there is none. ureq's connector knows only certificates that an issuer has signed.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, PeerIncompatible,
    StreamOwned,
};

use super::socket::{Socket, Stream};
use super::verify::{Verifier, is_issuer_itself};
use crate::error::Cause;
use crate::http::settings::Settings;

/// How connections of one route are secured. Reads the files that the settings name; the error names the
/// one that cannot be used.
pub(in crate::http) fn config(settings: &Settings) -> Result<Arc<ClientConfig>, String> {
    let crypto = Arc::new(ring::default_provider());
    let verifier = Verifier::new(settings, crypto.signature_verification_algorithms)?;
    let builder = ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.dangerous();
    Ok(Arc::new(builder.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()))
}

impl Stream for StreamOwned<ClientConnection, Box<dyn Stream>> {
    fn socket(&mut self) -> &mut Socket {
        self.sock.socket()
    }
}

/// TLS above a connection, when the handshake is over.
pub(super) fn secure(
    config: &Arc<ClientConfig>,
    host: &str,
    mut stream: Box<dyn Stream>,
) -> io::Result<Box<dyn Stream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let mut session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    session.complete_io(&mut stream)?;
    Ok(Box::new(StreamOwned::new(session, stream)))
}

/// The error of rustls in one of ureq: during a handshake it arrives wrapped as I/O.
pub(in crate::http) fn cause(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Whether the server ended the handshake for want of a client certificate. With TLS 1.3 the request may
/// be written by then, and has not been read: before the end of its handshake a server hands on no data
/// (RFC 8446, 4.4.2.4 and 6.2).
pub(in crate::http) fn wants_certificate(error: &ureq::Error) -> bool {
    matches!(
        cause(error),
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateRequired))
    )
}

/// Why TLS with `host` (at `address`) failed, as a sentence, and whether the next handshake would fail in the
/// same way until somebody changes something.
pub(in crate::http) fn reason(error: &rustls::Error, host: &str, address: &str) -> (String, Cause) {
    use AlertDescription as A;
    use PeerIncompatible as P;
    use rustls::Error as E;
    let what = match error {
        E::InvalidCertificate(error) => {
            format!("the certificate of {host} {}", certificate(error))
        }
        E::InvalidMessage(_) | E::InappropriateMessage { .. } => {
            format!("{address} does not speak TLS (is it plain http?)")
        }
        E::AlertReceived(A::ProtocolVersion)
        | E::PeerIncompatible(
            P::ServerDoesNotSupportTls12Or13 | P::ServerTlsVersionIsDisabledByOurConfig,
        ) => format!("{host} speaks only versions of TLS older than 1.2"),
        E::AlertReceived(A::CertificateRequired) => {
            format!("{host} wants a client certificate, which ntcli cannot show")
        }
        E::AlertReceived(A::HandshakeFailure) | E::PeerIncompatible(_) => format!(
            "{host} has no cipher or kind of certificate that is accepted here, or wants a client certificate"
        ),
        E::AlertReceived(alert) => format!("{host} refused the TLS handshake ({alert:?})"),
        _ => format!("the TLS handshake with {host} failed"),
    };
    let cause = match error {
        E::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )
        | E::AlertReceived(A::InternalError) => Cause::Network,
        E::InvalidCertificate(_) | E::PeerIncompatible(_) | E::AlertReceived(_) => Cause::Trust,
        _ => Cause::Network,
    };
    (what, cause)
}

fn certificate(error: &CertificateError) -> &'static str {
    use CertificateError as C;
    match error {
        C::Expired | C::ExpiredContext { .. } => "has expired (or this machine's clock is wrong)",
        C::NotValidYet | C::NotValidYetContext { .. } => {
            "is not valid yet (or this machine's clock is wrong)"
        }
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            "is not for that host but for another name (those in its subjectAltName count)"
        }
        C::UnknownIssuer => {
            "comes from an unknown issuer, or is self-signed \
             (SSL_CERT_FILE can name the certificates to trust)"
        }
        C::BadSignature => {
            "is not signed by the issuer of that name that is trusted here (SSL_CERT_FILE may name an \
             outdated one), or depends on an RSA key of fewer than 2048 bits, which is not accepted"
        }
        error if is_issuer_itself(error) => {
            "is self-signed (SSL_CERT_FILE can name a file with it, to trust it)"
        }
        // Deprecated in part, and no more than their names.
        error if format!("{error:?}").starts_with("UnsupportedSignatureAlgorithm") => {
            "is signed in a way that is not supported (such as P-521, or P-384 with SHA-512)"
        }
        _ => "breaks the rules for certificates",
    }
}
