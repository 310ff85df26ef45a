//! TLS. As curl does, it also accepts a server whose own certificate is in `SSL_CERT_FILE`, which is
//! all that a self-signed one needs. ureq's connector knows only certificates that an issuer has
//! signed, and does not show them.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme, StreamOwned,
};
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::identity::{self, Identity};

/// Adds TLS where the URL wants it.
pub(super) struct AddTls(pub(super) Option<Arc<ClientConfig>>);

// Derived, it would take all of rustls's own along.
impl fmt::Debug for AddTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddTls")
    }
}

/// webpki's objection to what `openssl req -x509` makes; rustls wraps it without a variant.
pub(super) fn is_issuer_itself(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other)
        if other.to_string().contains("CaUsedAsEndEntity"))
}

/// The configuration for the certificates of a bundle, at least one of which can be read; or for the
/// roots of Mozilla.
pub(super) fn configure(
    bundle: Option<Vec<CertificateDer<'static>>>,
    crypto: Arc<CryptoProvider>,
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>, String> {
    let roots = roots(bundle.as_deref());
    let certificates = bundle.unwrap_or_default();
    let algorithms = crypto.signature_verification_algorithms;
    let verifier = Arc::new(InBundle { certificates, roots, algorithms });
    let chain = identity.map(|identity| identity.cert.clone()).unwrap_or_default();
    let config = ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_client_auth_cert(chain, identity::no_key())
        });
    Ok(Arc::new(config.map_err(|error| error.to_string())?))
}

fn roots(bundle: Option<&[CertificateDer<'static>]>) -> RootCertStore {
    let Some(bundle) = bundle else {
        return webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(bundle.iter().cloned());
    roots
}

/// Accepts what an issuer in the bundle has signed, and what is itself in the bundle. rustls's own
/// verifier also knows revocation lists, for a hundredth of the program's size.
struct InBundle {
    certificates: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for InBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InBundle")
    }
}

impl ServerCertVerifier for InBundle {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(shown)?;
        let all = self.algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, between, now, all) {
            Ok(()) => {}
            // webpki looks at the dates before either of the two, so that they are known to be good.
            Err(rustls::Error::InvalidCertificate(error))
                if (error == CertificateError::UnknownIssuer || is_issuer_itself(&error))
                    && self.certificates.iter().any(|known| known == shown) => {}
            Err(error) => return Err(error),
        }
        verify_server_name(&parsed, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, shown, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, shown, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl<In: Transport> Connector<In> for AddTls {
    type Out = Either<In, Secured<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let (config, inner) = match (&self.0, chained) {
            (Some(config), Some(inner)) if details.needs_tls() && !inner.is_tls() => {
                (Arc::clone(config), inner)
            }
            (_, chained) => return Ok(chained.map(Either::A)),
        };
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| ureq::Error::Tls("no name"))?;
        let mut session = ClientConnection::new(config, name)?;
        let mut socket = TransportAdapter::new(inner, details.current_time.clone());
        socket.set_timeout(left(details));
        session.complete_io(&mut socket)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(Secured { stream: StreamOwned::new(session, socket), buffers })))
    }
}

/// The time to connect, less what has gone by.
fn left(details: &ConnectionDetails) -> NextTimeout {
    let after = match (details.timeout.after, details.now, (details.current_time)()) {
        (Duration::Exact(all), Instant::Exact(begun), Instant::Exact(now)) => {
            Duration::Exact(all.saturating_sub(now.saturating_duration_since(begun)))
        }
        (all, ..) => all,
    };
    NextTimeout { after, ..details.timeout }
}

/// A connection inside TLS.
pub(super) struct Secured<T: Transport> {
    stream: StreamOwned<ClientConnection, TransportAdapter<T>>,
    buffers: LazyBuffers,
}

impl<T: Transport> fmt::Debug for Secured<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured").finish_non_exhaustive()
    }
}

impl<T: Transport> Transport for Secured<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        Ok(self.stream.write_all(&self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_bundle_known_issuers_are_trusted() {
        let known = |name: &[u8]| {
            let mut subjects = roots(None).roots.into_iter().map(|root| root.subject.to_vec());
            subjects.any(|subject| subject.windows(name.len()).any(|part| part == name))
        };
        assert!(known(b"ISRG Root X1") && known(b"DigiCert Global Root G2"));
        assert!(!known(b"ntcli"));
    }
}
