//! What a test needs and not every machine has. On CI nothing is skipped.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::harness::parallel::say;

/// What may be missing on CI too, and why that is no gap.
const EXCUSED: [(&str, &str); 1] =
    [(NOT_ROOT, "only root can become another user: the CI that decides runs as root")];

pub(crate) const NOT_ROOT: &str = "not root";

/// Says why a test does nothing here. On CI that is a failure.
#[track_caller]
pub(crate) fn skipped(why: &str) {
    #[expect(clippy::disallowed_methods, reason = "it is about the tests, not the program")]
    let on_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(may_skip(on_ci, why), "on CI this test must not be skipped: {why}");
    say(&format!("skipped: {why}"));
}

fn may_skip(on_ci: bool, why: &str) -> bool {
    !on_ci || EXCUSED.iter().any(|(what, _)| *what == why)
}

#[test]
fn on_ci_nothing_is_skipped_without_a_reason() {
    assert!(may_skip(false, "no nginx") && may_skip(true, NOT_ROOT));
    assert!(!may_skip(true, "no nginx") && !may_skip(true, ""));
}

/// Whether this is root, which can become any other user.
pub(crate) fn is_root() -> bool {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        skipped(NOT_ROOT);
    }
    root
}

/// Whether a program of the system is here, which shows its version with `option`.
#[track_caller]
pub(crate) fn has_tool(name: &str, option: &str) -> bool {
    let version = Command::new(name).arg(option).output();
    let found = version.is_ok_and(|output| output.status.success());
    if !found {
        skipped(&format!("no {name}"));
    }
    found
}

/// Whether `unshare -rm` gives a program mounts of its own.
#[track_caller]
pub(crate) fn can_mount() -> bool {
    let mount = ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"];
    let can = Command::new("unshare").args(mount).output();
    let can = can.is_ok_and(|output| output.status.success());
    if !can {
        skipped("nothing can be mounted here");
    }
    can
}
