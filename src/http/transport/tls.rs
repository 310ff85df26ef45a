//! Which certificates are trusted, and why one was not.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{CertificateError, RootCertStore};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::http::describe_io;
use crate::text::printable;

/// No bundle of roots is larger; a device or a wrong file might be endless.
const LONGEST_BUNDLE: u64 = 8 * 1024 * 1024;

/// ring, less what signs: it would only make the program larger.
fn crypto() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { key_provider: &NoKeys, ..ring::default_provider() })
}

/// We never authenticate with a client certificate.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("no client certificates".to_owned()))
    }
}

/// Trusts the built-in roots.
pub(in crate::http) fn built_in_roots() -> TlsConfig {
    TlsConfig::builder()
        .root_certs(RootCerts::WebPki)
        .unversioned_rustls_crypto_provider(crypto())
        .build()
}

/// Trusts the certificates in this PEM file and no others.
///
/// ureq itself accepts a file without a single usable certificate and then trusts no server, which
/// shows as "unknown issuer": so the file is checked here, and refused by name.
pub(in crate::http) fn only_these_roots(path: &Path) -> Result<TlsConfig, String> {
    let bad = |why: &str| {
        let shown = printable(&path.display().to_string());
        format!("the certificates of SSL_CERT_FILE ({shown}) cannot be used: {why}")
    };
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST_BUNDLE + 1).read_to_end(&mut pem))
        .map_err(|error| bad(&describe_io(&error)))?;
    if pem.len() as u64 > LONGEST_BUNDLE {
        return Err(bad("the file is larger than 8 MiB"));
    }
    let certificates = certificates_of(&pem).map_err(bad)?;
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(certificates))
        .unversioned_rustls_crypto_provider(crypto())
        .build())
}

/// The certificates of a bundle with at least one usable one; or what is wrong with it.
pub(in crate::http) fn certificates_of(
    bundle: &[u8],
) -> Result<Vec<Certificate<'static>>, &'static str> {
    if bundle.is_empty() {
        return Err("the file is empty");
    }
    let mut certificates = Vec::new();
    for item in parse_pem(bundle) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err("it is damaged (no valid PEM)"),
        }
    }
    if certificates.is_empty() {
        return Err("it holds no certificate in PEM form");
    }
    let (usable, _) = RootCertStore::empty()
        .add_parsable_certificates(certificates.iter().map(|c| c.der().to_vec().into()));
    if usable == 0 {
        return Err("none of its certificates can be read");
    }
    Ok(certificates)
}

/// The error of rustls in one of ureq: during a handshake it arrives wrapped as I/O.
pub(in crate::http) fn cause(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Why TLS with `host` (at `address`) failed, as a sentence.
pub(in crate::http) fn reason(error: &rustls::Error, host: &str, address: &str) -> String {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => {
            format!("the certificate of {host} {}", certificate(error, host))
        }
        E::NoCertificatesPresented => format!("{host} showed no certificate"),
        E::InvalidMessage(_) | E::InappropriateMessage { .. } => {
            format!("{address} does not speak TLS (is it plain http?)")
        }
        E::AlertReceived(rustls::AlertDescription::ProtocolVersion)
        | E::PeerIncompatible(
            rustls::PeerIncompatible::ServerDoesNotSupportTls12Or13
            | rustls::PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => format!("{host} speaks only versions of TLS older than 1.2"),
        E::AlertReceived(alert) => {
            format!("{host} refused the TLS handshake ({alert:?})")
        }
        other => printable(&format!("no TLS with {host}: {other}")),
    }
}

fn certificate(error: &CertificateError, host: &str) -> String {
    use CertificateError as C;
    match error {
        C::Expired | C::ExpiredContext { .. } => {
            "has expired (or this machine's clock is wrong)".to_owned()
        }
        C::NotValidYet | C::NotValidYetContext { .. } => {
            "is not valid yet (or this machine's clock is wrong)".to_owned()
        }
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            format!("is not for {host} but for another name")
        }
        C::UnknownIssuer => "comes from an unknown issuer, or is self-signed \
            (SSL_CERT_FILE can name the certificates to trust)"
            .to_owned(),
        C::BadSignature => "is not signed by the issuer of that name that is trusted here \
            (SSL_CERT_FILE may name an outdated one)"
            .to_owned(),
        C::Revoked => "has been revoked".to_owned(),
        // webpki's name for what `openssl req -x509` makes; rustls wraps it without a variant.
        C::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "is self-signed: it is an issuer's, not a server's".to_owned()
        }
        other => format!("was refused: {}", printable(&other.to_string())),
    }
}
