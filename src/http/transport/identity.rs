//! The client certificate: who we are to a server that asks.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, KeyProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::send_tracker::{SendTracker, Stage};
use crate::http::settings::{CLIENT_CERT, CLIENT_KEY, ClientFiles};
use crate::http::{describe_io, read_file};
use crate::text::{printable, shell_word};

/// No certificate or key is larger.
const LONGEST: u64 = 1024 * 1024;

/// What became of our certificate in a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ClientCertificate {
    NotAsked,
    /// The server asked, and there is none.
    Missing,
    Shown,
}

/// A certificate with those that lead to its issuer, and its key.
pub(super) type Identity = CertifiedKey;

/// Stands for the key, which [`crypto`] holds.
pub(super) fn no_key() -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(Vec::new().into())
}

/// Reads and checks the files. The error names the file and the variable.
pub(super) fn load(files: &ClientFiles) -> Result<Identity, String> {
    let (cert_file, key_file) = (&files.cert, files.key.as_ref().unwrap_or(&files.cert));
    let key_variable = if files.key.is_some() { CLIENT_KEY } else { CLIENT_CERT };
    let pem = read_file(cert_file, LONGEST)
        .map_err(|why| bad("certificate", CLIENT_CERT, cert_file, &why))?;
    let chain = chain(&pem).map_err(|why| bad("certificate", CLIENT_CERT, cert_file, why))?;
    let bad_key = |why: &str| bad("key", key_variable, key_file, why);
    let key = read_file(key_file, LONGEST)
        .and_then(|pem| key(&pem, key_file))
        .map_err(|why| bad_key(&why))?;
    check_mode(key_file).map_err(|why| bad_key(&why))?;
    let identity = CertifiedKey::new(chain, key);
    match identity.keys_match() {
        Ok(()) => Ok(identity),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let shown = printable(&cert_file.display().to_string());
            Err(bad_key(&format!("it is not the key of the first certificate in {shown}")))
        }
        Err(_) => {
            Err(bad("certificate", CLIENT_CERT, cert_file, "its first certificate cannot be read"))
        }
    }
}

fn bad(what: &str, variable: &str, file: &Path, why: &str) -> String {
    let shown = printable(&file.display().to_string());
    format!("the client {what} in {shown} ({variable}) cannot be used: {why}")
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err("it holds no certificate in PEM form"),
        Ok(chain) => Ok(chain),
        Err(_) => Err("it is damaged (no valid PEM)"),
    }
}

fn key(pem: &[u8], file: &Path) -> Result<Arc<dyn SigningKey>, String> {
    if String::from_utf8_lossy(pem).contains("ENCRYPTED") {
        let file = shell_word(&file.display().to_string());
        return Err(format!(
            "it is encrypted, and nobody is there to type the passphrase; \
             without one: (umask 077 && openssl pkey -in {file} -out plain.key)"
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => "it holds no private key in PEM form",
        _ => "it is damaged (no valid PEM)",
    })?;
    let unknown = "it is damaged, or none of RSA, ECDSA P-256 or P-384, and Ed25519";
    Ok(ring::sign::any_supported_type(&key).map_err(|_| unknown)?)
}

/// As ssh does it: a key of ours that others can read is refused. One of another owner, such as a
/// key of root for a group, is that owner's business.
fn check_mode(file: &Path) -> Result<(), String> {
    let found = fs::metadata(file).map_err(|error| describe_io(&error))?;
    let me = rustix::process::geteuid().as_raw();
    if found.mode() & 0o077 != 0 && found.uid() == me {
        let file = shell_word(&file.display().to_string());
        return Err(format!("others can read it; close it: chmod 600 {file}"));
    }
    Ok(())
}

/// ring's algorithms. A server that asks for a certificate is answered by this identity, and
/// `tracker` learns of it.
pub(super) fn crypto(identity: Option<&Identity>, tracker: &SendTracker) -> Arc<CryptoProvider> {
    let key = identity.map(|identity| Arc::clone(&identity.key));
    let answer = Arc::new(Answer { key, tracker: tracker.clone() });
    // rustls wants one that lives as long as the program; a run makes one for each route.
    let key_provider: &'static OneKey = Box::leak(Box::new(OneKey(answer)));
    Arc::new(CryptoProvider { key_provider, ..ring::default_provider() })
}

/// Has one key whichever is asked for: configurations are made with [`no_key`], so that the
/// real one is in no configuration.
#[derive(Debug)]
struct OneKey(Arc<Answer>);

impl KeyProvider for OneKey {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Ok(Arc::clone(&self.0) as Arc<dyn SigningKey>)
    }
}

/// The answer to a server that asks for a certificate. Only here do we learn that it does.
#[derive(Debug)]
struct Answer {
    key: Option<Arc<dyn SigningKey>>,
    tracker: SendTracker,
}

impl SigningKey for Answer {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        // A proxy gets no certificate, as from curl: the identity is for the server.
        if self.tracker.stage() == Stage::TlsToProxy {
            return None;
        }
        self.tracker.asked_for_certificate();
        self.key.as_ref()?.choose_scheme(offered)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.as_ref().map_or(SignatureAlgorithm::ECDSA, |key| key.algorithm())
    }
}
