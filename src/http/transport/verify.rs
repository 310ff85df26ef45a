//! Which servers are trusted: those of the built-in issuers and, where none of them is known, of the
//! system's; or of what `SSL_CERT_FILE` and `SSL_CERT_DIR` name instead. As curl does, it also accepts
//! a server whose own certificate is named, which is all that a self-signed one needs.

use std::path::{Path, PathBuf};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{self, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::http::settings::{CA_DIR, Settings};
use crate::http::{describe_io, read_file};
use crate::text::printable;

/// No bundle of issuers is larger; a wrong file might be endless.
const LONGEST_BUNDLE: usize = 8 * 1024 * 1024;
/// Certificates that are trusted.
#[derive(Debug)]
struct Trusted {
    /// As they are, without those that are built in.
    certificates: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
}

impl Trusted {
    fn built_in() -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self { certificates: Vec::new(), roots }
    }

    fn of(certificates: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        Self { certificates, roots }
    }

    /// What the variables name, if they name anything. The error names what cannot be used.
    fn named(settings: &Settings) -> Result<Option<Self>, String> {
        let mut certificates = Vec::new();
        for (variable, path) in &settings.ca_named {
            let found = if *variable == CA_DIR { in_folder(path) } else { in_file(path) };
            certificates.extend(found.map_err(|why| {
                let shown = printable(&path.display().to_string());
                format!("the certificates of {variable} ({shown}) cannot be used: {why}")
            })?);
        }
        Ok((!settings.ca_named.is_empty()).then(|| Self::of(certificates)))
    }

    /// What the system trusts, as far as it can be read.
    fn of_system(bundles: &[PathBuf]) -> Self {
        Self::of(bundles.iter().find_map(|bundle| in_file(bundle).ok()).unwrap_or_default())
    }
}

fn in_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    Ok(certificates_of(&read_file(path, LONGEST_BUNDLE)?)?)
}

fn in_folder(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let entries = std::fs::read_dir(path).map_err(|error| describe_io(&error))?;
    // Such folders hold other things too.
    let found = entries.flatten().filter_map(|entry| in_file(&entry.path()).ok()).flatten();
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        return Err("it holds no certificate in PEM form".to_owned());
    }
    Ok(found)
}

/// The certificates of a bundle with at least one usable one: else it would show as "unknown issuer".
pub(in crate::http) fn certificates_of(
    bundle: &[u8],
) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bundle).collect();
    let certificates = certificates.map_err(|_| "it is damaged (no valid PEM)")?;
    let (usable, _) =
        RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned());
    if usable == 0 {
        return Err("it holds no certificate in PEM form that can be read");
    }
    Ok(certificates)
}

/// webpki's objection to what `openssl req -x509` makes; rustls wraps it without a variant.
pub(super) fn is_issuer_itself(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other)
        if other.to_string().contains("CaUsedAsEndEntity"))
}

/// rustls's own verifier also knows revocation lists, for a hundredth of the program's size.
#[derive(Debug)]
pub(super) struct Verifier {
    /// What the variables name: then it is all.
    named: Option<Trusted>,
    /// Where the system keeps what it trusts, read when it is needed.
    bundles: Vec<PathBuf>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(
        settings: &Settings,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Result<Self, String> {
        let (named, bundles) = (Trusted::named(settings)?, settings.ca_of_system.clone());
        Ok(Self { named, bundles, algorithms })
    }

    fn check(
        &self,
        trusted: &Trusted,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(shown)?;
        let (roots, all) = (&trusted.roots, self.algorithms.all);
        match verify_server_cert_signed_by_trust_anchor(&parsed, roots, between, now, all) {
            // webpki looks at the dates before either of the two, so that they are known to be good.
            Err(error)
                if is_unknown(&error) && trusted.certificates.iter().any(|own| own == shown) =>
            {
                Ok(())
            }
            outcome => outcome,
        }
    }
}

/// Whether nobody that is trusted has signed the certificate.
fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(error)
        if *error == CertificateError::UnknownIssuer || is_issuer_itself(error))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let check = |trusted: &Trusted| self.check(trusted, shown, between, now);
        match self.named.as_ref() {
            Some(named) => check(named)?,
            None => match check(&Trusted::built_in()) {
                Err(error) if is_unknown(&error) => check(&Trusted::of_system(&self.bundles))?,
                outcome => outcome?,
            },
        }
        verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, shown, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, shown, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_bundle_known_issuers_are_trusted() {
        let known = |name: &[u8]| {
            let roots = Trusted::built_in().roots.roots;
            let mut subjects = roots.into_iter().map(|root| root.subject.to_vec());
            subjects.any(|subject| subject.windows(name.len()).any(|part| part == name))
        };
        assert!(known(b"ISRG Root X1") && known(b"DigiCert Global Root G2"));
        assert!(!known(b"ntcli"));
    }

    /// A pipe that nobody writes to, and a device without end.
    #[test]
    fn only_files_are_read() {
        let pipe = std::env::temp_dir().join(format!("ntcli-pipe-{}", std::process::id()));
        let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, mode, 0).unwrap();
        for path in [Path::new("/dev/zero"), Path::new("/dev/full"), &pipe, Path::new("/tmp")] {
            assert_eq!(read_file(path, 10).unwrap_err(), "it is not a regular file");
        }
        std::fs::remove_file(pipe).unwrap();
        assert!(read_file(Path::new("/proc/self/exe"), 10).unwrap_err().contains("larger than"));
    }
}
