//! Which certificates are trusted, and why one was not.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

use super::identity::{self, ClientCertificate};
use super::secured;
use super::send_tracker::SendTracker;
use crate::http::describe_io;
use crate::http::settings::Settings;
use crate::text::printable;

/// No bundle of roots is larger; a device or a wrong file might be endless.
const LONGEST_BUNDLE: u64 = 8 * 1024 * 1024;

/// How connections of one route are secured.
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// Whether a server that asks for a certificate gets one.
    pub(super) has_identity: bool,
}

impl Tls {
    /// Reads the files that the settings name. The error names the file that cannot be used.
    pub(super) fn new(settings: &Settings, tracker: &SendTracker) -> Result<Self, String> {
        let identity = settings.client.as_ref().map(identity::load).transpose()?;
        let identity = identity.as_ref();
        let crypto = identity::crypto(identity, tracker);
        let bundle = settings.ca_bundle.as_deref().map(certificates_in).transpose()?;
        let config = secured::configure(bundle, crypto, identity)?;
        Ok(Self { config, has_identity: identity.is_some() })
    }
}

/// The certificates in this PEM file. One without a single usable certificate would show as "unknown
/// issuer": it is refused by name.
fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
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
    certificates_of(&pem).map_err(bad)
}

/// The certificates of a bundle with at least one usable one; or what is wrong with it.
pub(in crate::http) fn certificates_of(
    bundle: &[u8],
) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    if bundle.is_empty() {
        return Err("the file is empty");
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bundle).collect();
    let certificates = certificates.map_err(|_| "it is damaged (no valid PEM)")?;
    if certificates.is_empty() {
        return Err("it holds no certificate in PEM form");
    }
    let (usable, _) =
        RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned());
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

/// Whether the peer ended the handshake because of our certificate, or for want of one.
///
/// Such an alert may arrive when the request is already written: with TLS 1.3 we are done with the
/// handshake before the server has seen our certificate. It proves all the same that no request was
/// read. By RFC 8446 (4.4.2.4, 6.2) the server aborts the handshake with it, and before the end of the
/// handshake it hands no data to anybody. It cannot come from a later look at our certificate
/// either: that would be asked for after the handshake, or in a new one, and we offer neither.
pub(in crate::http) fn is_about_client(error: &rustls::Error) -> bool {
    use AlertDescription as A;
    matches!(
        error,
        rustls::Error::AlertReceived(
            A::CertificateRequired
                | A::BadCertificate
                | A::UnsupportedCertificate
                | A::CertificateRevoked
                | A::CertificateExpired
                | A::CertificateUnknown
                | A::UnknownCA
                | A::AccessDenied
        )
    )
}

/// Why the server does not want us, as a sentence.
pub(in crate::http) fn client_reason(
    error: &rustls::Error,
    host: &str,
    certificate: ClientCertificate,
) -> String {
    match (certificate, error) {
        (ClientCertificate::Shown, rustls::Error::AlertReceived(alert)) => {
            format!("{host} rejected the client certificate ({alert:?})")
        }
        _ => format!("{host} wants a client certificate"),
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
            format!("is not for {host} but for another name (those in its subjectAltName count)")
        }
        C::UnknownIssuer => "comes from an unknown issuer, or is self-signed \
            (SSL_CERT_FILE can name the certificates to trust)"
            .to_owned(),
        C::BadSignature => "is not signed by the issuer of that name that is trusted here \
            (SSL_CERT_FILE may name an outdated one)"
            .to_owned(),
        C::Revoked => "has been revoked".to_owned(),
        error if secured::is_issuer_itself(error) => {
            "is self-signed (SSL_CERT_FILE can name a file with it, to trust it)".to_owned()
        }
        other => format!("was refused: {}", printable(&other.to_string())),
    }
}
