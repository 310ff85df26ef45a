//! What a file keeps when it is replaced: owner, mode, access control list, extended attributes.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;
use std::process::{Command, Stdio};

/// Gives `new` the owner of the file it replaces.
pub(super) fn keep_owner(old: &Metadata, new: &File) -> io::Result<()> {
    let found = new.metadata()?;
    if (old.uid(), old.gid()) != (found.uid(), found.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    Ok(())
}

/// Gives `new` everything but the contents of the file at `target`, or fails.
///
/// The standard library does not support access control lists, so `cp` copies them: one process for
/// each file that is replaced, about 1 ms. It gets open files, not names that somebody could
/// redirect.
pub(super) fn keep_all(target: &Path, old: &Metadata, new: &File) -> io::Result<()> {
    keep_owner(old, new)?;
    if !copy(target, new)? && has_acl(target) {
        return Err(io::Error::other(
            "it has an access control list, which only the cp of GNU coreutils could keep",
        ));
    }
    if new.metadata()?.mode() != old.mode() {
        new.set_permissions(old.permissions())?;
    }
    let kept = new.metadata()?;
    if (kept.uid(), kept.gid(), kept.mode()) != (old.uid(), old.gid(), old.mode()) {
        return Err(io::Error::other("its owner and mode could not be kept"));
    }
    Ok(())
}

/// Whether they were copied; `false` if there is no tool for it.
fn copy(target: &Path, new: &File) -> io::Result<bool> {
    let Ok(old) = File::open(target) else {
        return Ok(false);
    };
    let ended = Command::new("cp")
        .args(["--attributes-only", "--preserve=mode,ownership,xattr"])
        .args(["--", "/proc/self/fd/1", "/proc/self/fd/0"])
        .env("LC_ALL", "C")
        .stdin(new.try_clone()?)
        .stdout(old)
        .stderr(Stdio::piped())
        .output();
    let Ok(ended) = ended else {
        return Ok(false);
    };
    if ended.status.success() {
        return Ok(true);
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let is_old = ["option", "built without"].iter().any(|w| said.contains(w));
    let failed = ["preserv", "attribute"].iter().any(|w| said.contains(w));
    if failed && !is_old {
        let said = said.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!(
            "its access control list or extended attributes cannot be kept: {said}"
        )));
    }
    Ok(false)
}

/// Whether `ls` marks the file as having an access control list. A system without `ls` has none set
/// either.
fn has_acl(target: &Path) -> bool {
    let listed = Command::new("ls").arg("-ld").arg("--").arg(target).output();
    listed.is_ok_and(|ended| ended.stdout.get(10) == Some(&b'+'))
}
