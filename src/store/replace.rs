//! Durable atomic writes: whoever reads a file sees the old or the new contents, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Why a file could not be replaced, and whether its new contents are in place all the same.
#[derive(Debug)]
pub struct ReplaceError {
    /// The new contents are there for every reader, but may not outlast a power cut.
    pub in_place: bool,
    /// What failed.
    pub error: Error,
}

impl From<ReplaceError> for Error {
    fn from(failed: ReplaceError) -> Self {
        failed.error
    }
}

/// Where a write to `path` lands: behind a symlink, the file it points to.
fn landing(path: &Path) -> io::Result<PathBuf> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(path.to_owned()); // there is none yet
    };
    if !found.is_symlink() {
        return regular(path.to_owned(), found.is_file());
    }
    match fs::canonicalize(path) {
        Ok(target) => {
            let is_file = target.is_file();
            regular(target, is_file)
        }
        // It points to a file that is not there yet.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let target = fs::read_link(path)?;
            Ok(path.parent().unwrap_or(Path::new("")).join(target))
        }
        Err(e) => Err(e),
    }
}

/// To put a file in the place of a device or a pipe would break whatever else uses it.
fn regular(path: PathBuf, is_file: bool) -> io::Result<PathBuf> {
    if is_file {
        Ok(path)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// The name a file has while it is being written. One name is enough: only the holder of the
/// lock writes, and a leftover of a killed run is found by it.
fn temporary(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.ntcli-tmp"))
}

/// Removes what a killed run left of a write to `path`. For the holder of the lock only.
pub fn remove_leftover(path: &Path) {
    if let Ok(target) = landing(path) {
        let _ = fs::remove_file(temporary(&target));
    }
}

/// Opens the temporary file for `target`, removing a leftover.
fn create_temporary(temporary: &Path) -> io::Result<File> {
    let create = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(temporary)
    };
    match create() {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(temporary)?;
            create()
        }
        other => other,
    }
}

/// Finds out whether `path` could be replaced, before anything depends on it.
///
/// # Errors
/// [`Error::WriteFile`].
pub fn probe_replace(path: &Path) -> Result<()> {
    let probe = || {
        let temporary = temporary(&landing(path)?);
        drop(create_temporary(&temporary)?);
        fs::remove_file(temporary)
    };
    probe().map_err(|source| Error::write_file("replace", path, source))
}

/// Replaces the file behind `path` by `bytes`: whoever reads it sees the old or the new contents,
/// never a part, also after a power cut. Mode 0600; the owner of a file that was there is kept.
///
/// # Errors
/// [`ReplaceError`] tells whether the old or the new contents are there.
pub fn replace(path: &Path, bytes: &[u8]) -> std::result::Result<(), ReplaceError> {
    replace_with(path, bytes, false)
}

/// As [`replace`], for a file that is somebody else's: the mode of one that was there is kept.
///
/// # Errors
/// As [`replace`].
pub fn replace_foreign(path: &Path, bytes: &[u8]) -> std::result::Result<(), ReplaceError> {
    replace_with(path, bytes, true)
}

fn replace_with(
    path: &Path,
    bytes: &[u8],
    keep_mode: bool,
) -> std::result::Result<(), ReplaceError> {
    let fail = |in_place, source| ReplaceError {
        in_place,
        error: Error::write_file("replace", path, source),
    };
    let target = landing(path).map_err(|e| fail(false, e))?;
    let temporary = temporary(&target);
    let written = || {
        let mut file = create_temporary(&temporary)?;
        file.write_all(bytes)?;
        keep_owner(&target, &file, keep_mode)?;
        file.sync_all()?;
        fs::rename(&temporary, &target)
    };
    if let Err(source) = written() {
        let _ = fs::remove_file(&temporary);
        return Err(fail(false, source));
    }
    sync_parent(&target).map_err(|e| fail(true, e))
}

/// A file that root rewrites stays its user's.
fn keep_owner(target: &Path, file: &File, keep_mode: bool) -> io::Result<()> {
    let Ok(old) = fs::metadata(target) else {
        return Ok(());
    };
    let new = file.metadata()?;
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    if keep_mode && old.mode() != new.mode() {
        file.set_permissions(old.permissions())?;
    }
    Ok(())
}

pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
