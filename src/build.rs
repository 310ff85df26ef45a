//! Build script: what the linker leaves out of the release program. Tests and debug builds unwind, so
//! they keep it.

use std::env::var;

#[allow(clippy::disallowed_methods, clippy::print_stdout)] // how a build script talks to cargo
fn main() {
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    println!("cargo::rerun-if-changed=src/build.ld");
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") {
        return;
    }
    // Unwind tables, which `panic = "abort"` makes useless.
    let root = var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-arg-bin=ntcli=-Wl,--no-eh-frame-hdr");
    println!("cargo::rustc-link-arg-bin=ntcli=-T");
    println!("cargo::rustc-link-arg-bin=ntcli={root}/src/build.ld");
}
