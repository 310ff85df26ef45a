//! Certificates for TLS, good and bad: made once a build, by `fixtures/certificates.sh`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The certificate, bundle or key with that name.
///
/// # Panics
/// If they cannot be made.
pub(crate) fn certificate(name: &str) -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(make).join(name)
}

/// Beside the running program, so that they go when it goes. Other processes may do the same at
/// the same time.
fn make() -> PathBuf {
    let beside = std::env::current_exe().expect("a program that has a path");
    let made = beside.with_extension("certificates");
    if made.exists() {
        return made;
    }
    let begun = beside.with_extension(format!("certificates-{}", std::process::id()));
    fs::create_dir(&begun).expect("a folder for certificates");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/certificates.sh");
    let output = Command::new("sh").arg(script).arg(&begun).output();
    let output = output.expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl is needed, and said: {said}");
    if fs::rename(&begun, &made).is_err() {
        fs::remove_dir_all(&begun).ok();
    }
    made
}
