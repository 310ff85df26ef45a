//! Build script: links the release program without unwind tables, which `panic = "abort"` makes useless.
//! Tests and debug builds unwind, so they keep theirs.

#[allow(clippy::disallowed_methods, clippy::print_stdout)] // how a build script is spoken to
fn main() {
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    println!("cargo::rerun-if-changed=src/build.ld");
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bin=ntcli=-Wl,--no-eh-frame-hdr");
        println!("cargo::rustc-link-arg-bin=ntcli=-T");
        println!("cargo::rustc-link-arg-bin=ntcli={root}/src/build.ld");
    }
}
