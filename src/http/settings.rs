//! The HTTP settings in the environment.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::context::Env;

use super::proxy::ProxySettings;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_TIMEOUT_SECS: u64 = 3600;

/// The variable that names a file of certificates to trust.
pub(super) const CA_FILE: &str = "SSL_CERT_FILE";
/// The variable that names folders of such files.
pub(super) const CA_DIR: &str = "SSL_CERT_DIR";
/// The bundles of Debian and Alpine, of Fedora, of SUSE, and of others.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How to talk to servers.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How long one request may take in all (`NTCLI_TIMEOUT`, whole seconds).
    pub timeout: Duration,
    /// Whether to trace to stderr (`NTCLI_DEBUG`).
    pub debug: bool,
    /// What to trust instead of the built-in issuers and the system's, in PEM, and the variable that names
    /// it: a file, or folders of such files. Read when first needed.
    pub ca_named: Vec<(&'static str, PathBuf)>,
    /// Where systems keep the issuers that they trust.
    pub ca_of_system: Vec<PathBuf>,
    /// Which proxies to use.
    pub proxy: ProxySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            debug: false,
            ca_named: Vec::new(),
            ca_of_system: BUNDLES.map(PathBuf::from).to_vec(),
            proxy: ProxySettings::default(),
        }
    }
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// A sentence that names the variable and the expected value. What it holds may be a secret that
    /// went astray, and is not repeated.
    pub(crate) fn from_env(env: &Env) -> Result<Self, String> {
        let file = env.os(CA_FILE).map(|file| (CA_FILE, file.into()));
        let dirs = env.os(CA_DIR);
        let dirs = dirs.iter().flat_map(env::split_paths).map(|dir| (CA_DIR, dir));
        Ok(Self {
            timeout: timeout(env)?,
            debug: debug(env)?,
            ca_named: file.into_iter().chain(dirs).collect(),
            proxy: ProxySettings::from_env(env),
            ..Self::default()
        })
    }
}

fn timeout(env: &Env) -> Result<Duration, String> {
    let Some(text) = env.text("NTCLI_TIMEOUT") else {
        return Ok(DEFAULT_TIMEOUT);
    };
    let secs = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let secs = secs.filter(|secs| (1..=LONGEST_TIMEOUT_SECS).contains(secs));
    secs.map(Duration::from_secs).ok_or_else(|| {
        format!("NTCLI_TIMEOUT must be whole seconds from 1 to {LONGEST_TIMEOUT_SECS}")
    })
}

fn debug(env: &Env) -> Result<bool, String> {
    let Some(text) = env.text("NTCLI_DEBUG") else {
        return Ok(false);
    };
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err("NTCLI_DEBUG must be 1 or true, or 0 or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::from_env(&Env::new(vars.iter().map(|(k, v)| (k.into(), v.into()))))
    }

    #[test]
    fn defaults_and_values() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(30));
        assert!(!settings.debug && settings.ca_named.is_empty());
        let settings = read(&[
            ("NTCLI_TIMEOUT", "3600"),
            ("NTCLI_DEBUG", "TRUE"),
            ("SSL_CERT_FILE", "/x/ca.pem"),
        ])
        .unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(3600));
        assert!(settings.debug);
        assert_eq!(settings.ca_named, [(CA_FILE, PathBuf::from("/x/ca.pem"))]);
        assert!(!read(&[("NTCLI_DEBUG", "0")]).unwrap().debug);
    }

    #[test]
    fn bad_values_name_the_variable() {
        for bad in ["0", "-1", "1.5", "3601", "abc", "+5", " 5", "99999999999999999999"] {
            let error = read(&[("NTCLI_TIMEOUT", bad)]).unwrap_err();
            assert!(error.contains("NTCLI_TIMEOUT") && error.contains("whole seconds"));
        }
        let error = read(&[("NTCLI_DEBUG", "yes\n")]).unwrap_err();
        assert_eq!(error, "NTCLI_DEBUG must be 1 or true, or 0 or false");
    }
}
