//! Durable atomic writes: every reader of a file sees the old or the new contents, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::attributes::{keep_all, keep_owner};
use super::owner::{give_to_folders_owner, is_same, look, not_regular};
use super::parent_of;
use crate::error::{Error, Result};

/// Why a file could not be replaced, and whether its new contents are in place anyway.
#[derive(Debug)]
pub(crate) struct ReplaceError {
    /// The new contents are there for every reader, but may not survive a power cut.
    pub in_place: bool,
    pub error: Error,
}

impl From<ReplaceError> for Error {
    fn from(failed: ReplaceError) -> Self {
        failed.error
    }
}

/// Whose the replaced file is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Ours: mode 0600.
    Ours,
    /// Another program's: everything but the contents is kept.
    Foreign,
}

/// Where a write to `path` goes: behind a symlink, the file it points to. Replacing a device or a
/// pipe with a file would break every other user of it.
pub(super) fn landing(path: &Path) -> io::Result<PathBuf> {
    match look(path) {
        Ok(found) if !found.is_file() => Err(not_regular()),
        Ok(found) => {
            let Ok(link) = fs::read_link(path) else {
                return Ok(path.to_owned());
            };
            let target = fs::canonicalize(parent_of(path).join(link))?;
            if is_same(&fs::symlink_metadata(&target)?, &found) {
                Ok(target)
            } else {
                Err(io::Error::other("it was replaced just now"))
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            // It points to a file that is not there yet.
            Ok(link) => Ok(parent_of(path).join(link)),
            Err(_) => Ok(path.to_owned()),
        },
        Err(e) => Err(e),
    }
}

/// The name of a file while it is being written. One name is enough: only the lock holder writes,
/// and finds a leftover of a killed run by it.
fn temporary(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.ntcli-tmp"))
}

/// Removes what a killed run left of a write to `path`. For the lock holder only.
pub(crate) fn remove_leftover(path: &Path) {
    if let Ok(target) = landing(path) {
        let _ = fs::remove_file(temporary(&target));
    }
}

/// Opens the temporary file for `target`, removing a leftover.
fn create_temporary(temporary: &Path) -> io::Result<File> {
    let create = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary);
    match create() {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(temporary)?;
            create()
        }
        other => other,
    }
}

/// Finds out whether our file at `path` can be replaced, before anything depends on it.
///
/// # Errors
/// [`Error::write_file`], [`Error::cannot_use`].
pub(crate) fn probe_replace(path: &Path) -> Result<()> {
    probe(path, Whose::Ours)
}

/// As [`probe_replace`], for another program's file.
///
/// # Errors
/// As [`probe_replace`].
pub(crate) fn probe_foreign(path: &Path) -> Result<()> {
    probe(path, Whose::Foreign)
}

fn probe(path: &Path, whose: Whose) -> Result<()> {
    let fail = |source| Error::write_file("replace", path, &source);
    let target = landing(path).map_err(fail)?;
    if is_mount_point(&target) {
        return Err(mount_point(path));
    }
    let temporary = temporary(&target);
    let file = create_temporary(&temporary).map_err(fail)?;
    let kept = keep(&target, &file, whose);
    let removed = fs::remove_file(temporary);
    kept.and(removed).map_err(fail)
}

/// Finds out whether a file of that size could be written beside the one at `path`.
///
/// # Errors
/// [`Error::write_file`].
pub(crate) fn probe_space(path: &Path, bytes: usize) -> Result<()> {
    let written = || {
        let temporary = temporary(&landing(path)?);
        let mut file = create_temporary(&temporary)?;
        let written = file.write_all(&vec![b' '; bytes]).and_then(|()| file.sync_all());
        fs::remove_file(&temporary).and(written)
    };
    written().map_err(|source| Error::write_file("write beside", path, &source))
}

/// A file that is a mount of its own, as container tools make them: nothing can be renamed over it.
fn is_mount_point(target: &Path) -> bool {
    let Ok(target) = fs::canonicalize(target) else {
        return false; // there is none yet
    };
    let Ok(mounts) = fs::read("/proc/self/mountinfo") else {
        return false;
    };
    let mut lines = mounts.split(|b| *b == b'\n');
    lines.any(|line| {
        let place = line.split(|b| *b == b' ').nth(4);
        place.is_some_and(|place| unescape(place) == target.as_os_str().as_bytes())
    })
}

/// Blanks and the like are written as three octal digits after a backslash.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        plain.push(match after {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', end @ ..] if *first == b'\\' => {
                rest = end;
                (a - b'0') * 64 + (b - b'0') * 8 + (c - b'0')
            }
            _ => *first,
        });
    }
    plain
}

fn mount_point(path: &Path) -> Error {
    let folder = crate::text::shell_word(&parent_of(path).display().to_string());
    Error::cannot_use(
        path,
        "it is a mount of its own (a bind-mounted file), which cannot be replaced",
        format!("mount its folder instead of the file: {folder}"),
    )
}

/// Replaces the file behind `path` with `bytes`: every reader sees the old or the new contents,
/// never a part, also after a power cut. Mode 0600; the owner of an existing file is kept.
///
/// # Errors
/// [`ReplaceError`] tells whether the old or the new contents are there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::result::Result<(), ReplaceError> {
    replace_with(path, bytes, Whose::Ours)
}

/// As [`replace`], for another program's file: everything but the contents is kept.
///
/// # Errors
/// As [`replace`].
pub(crate) fn replace_foreign(path: &Path, bytes: &[u8]) -> std::result::Result<(), ReplaceError> {
    replace_with(path, bytes, Whose::Foreign)
}

fn replace_with(path: &Path, bytes: &[u8], whose: Whose) -> std::result::Result<(), ReplaceError> {
    let fail = |in_place, source: io::Error| ReplaceError {
        in_place,
        error: match source.kind() {
            io::ErrorKind::ResourceBusy => mount_point(path),
            _ => Error::write_file("replace", path, &source),
        },
    };
    let target = landing(path).map_err(|e| fail(false, e))?;
    let temporary = temporary(&target);
    let written = || {
        let mut file = create_temporary(&temporary)?;
        keep(&target, &file, whose)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &target)
    };
    if let Err(source) = written() {
        let _ = fs::remove_file(&temporary);
        return Err(fail(false, source));
    }
    sync_parent(&target).map_err(|e| fail(true, e))
}

/// The mode of a file that is ours alone, and of one that others read.
pub(crate) const PRIVATE: u32 = 0o600;
pub(crate) const PUBLIC: u32 = 0o644;

/// Replaces a file that every run writes anew: in one step for every reader, but not durably. Only one
/// process may write it at a time.
///
/// # Errors
/// [`Error::write_file`].
pub(crate) fn publish(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let written = || {
        let target = landing(path)?;
        let temporary = temporary(&target);
        let mut file = create_temporary(&temporary)?;
        let renamed = keep(&target, &file, Whose::Ours)
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
            .and_then(|()| fs::rename(&temporary, &target));
        renamed.inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    };
    written().map_err(|source| Error::write_file("replace", path, &source))
}

/// Gives the still empty `file` the attributes that it needs to replace `target`. A file that root
/// rewrites stays its user's; one of ours that only root could read becomes the user's.
fn keep(target: &Path, file: &File, whose: Whose) -> io::Result<()> {
    match fs::metadata(target) {
        Ok(old) if whose == Whose::Foreign && old.nlink() > 1 => {
            let reason = "it has other hard links, which would keep the old contents";
            return Err(io::Error::other(reason));
        }
        Ok(old) if whose == Whose::Foreign => return keep_all(target, &old, file),
        Ok(old) => keep_owner(&old, file)?,
        Err(_) => {}
    }
    give_to_folders_owner(file, target);
    Ok(())
}

pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_as_they_are_meant() {
        for (text, plain) in [
            ("/a", "/a"),
            ("/a\\040b\\134c\\011", "/a b\\c\t"),
            ("\\04", "\\04"),
            ("\\", "\\"),
            ("\\999", "\\999"),
        ] {
            assert_eq!(unescape(text.as_bytes()), plain.as_bytes(), "{text}");
        }
    }
}
