//! The owners of files: who may have put a file where it was found, and who should own a new one.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown, lchown};
use std::path::Path;
use std::sync::OnceLock;

use super::parent_of;
use crate::error::{Error, Result};

const ROOT: u32 = 0;
const STICKY: u32 = 0o1000;

/// The user this process acts as; `None` on a system that does not show it in `/proc`.
fn me() -> Option<u32> {
    static ME: OnceLock<Option<u32>> = OnceLock::new();
    *ME.get_or_init(|| fs::metadata("/proc/self").ok().map(|found| found.uid()))
}

fn is_trusted(uid: u32) -> bool {
    uid == ROOT || me().is_none_or(|me| uid == me)
}

/// Refuses a config folder in which another user could replace our files.
///
/// # Errors
/// [`Error::cannot_use`], [`Error::read_file`].
pub(crate) fn check_folder(dir: &Path) -> Result<()> {
    let Some(found) = existing(dir)? else {
        return Ok(());
    };
    if found.mode() & 0o022 != 0 {
        return Err(open_to_others(dir));
    }
    // Root works in any user's folder; what it creates there belongs to that user.
    if is_trusted(found.uid()) || me() == Some(ROOT) {
        return Ok(());
    }
    Err(Error::cannot_use(
        dir,
        &format!("it belongs to another user (uid {})", found.uid()),
        format!("sudo -u '#{}' ntcli, or NTCLI_CONFIG_DIR with a folder of your own", found.uid()),
    ))
}

/// Refuses to read a config file that another user could have put there.
///
/// # Errors
/// As [`check_folder`].
pub(crate) fn check_readable(path: &Path) -> Result<()> {
    let dir = parent_of(path);
    let Some(found) = existing(dir)? else {
        return Ok(());
    };
    // In a sticky folder, such as a mounted secret, others replace only what is their own.
    let replaceable = found.mode() & STICKY == 0
        || fs::symlink_metadata(path).is_ok_and(|file| !is_trusted(file.uid()));
    if found.mode() & 0o022 != 0 && replaceable {
        return Err(open_to_others(dir));
    }
    Ok(())
}

fn existing(dir: &Path) -> Result<Option<Metadata>> {
    match fs::metadata(dir) {
        Ok(found) => Ok(found.is_dir().then_some(found)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(super::unreadable(dir, &source)),
    }
}

fn open_to_others(dir: &Path) -> Error {
    let shown = crate::text::shell_word(&dir.display().to_string());
    Error::cannot_use(
        dir,
        "other users can write to this folder",
        format!(
            "chmod go-w {shown}, or NTCLI_CONFIG_DIR with a folder of its own inside: {shown}/ntcli"
        ),
    )
}

/// The file at `path`, behind a link too; but not if another user's link would lead us to a file
/// that is not theirs.
pub(super) fn look(path: &Path) -> io::Result<Metadata> {
    let link = fs::symlink_metadata(path)?;
    if !link.is_symlink() {
        return Ok(link);
    }
    let found = fs::metadata(path);
    if is_trusted(link.uid()) || found.as_ref().is_ok_and(|file| file.uid() == link.uid()) {
        return found;
    }
    Err(io::Error::other(format!(
        "it is a link that another user (uid {}) made to a file that is not theirs",
        link.uid()
    )))
}

/// Opens a file of ours for writing, creating a private one if absent. `options` say how.
pub(super) fn open_own(path: &Path, options: &OpenOptions) -> io::Result<File> {
    again(|| match look(path) {
        Ok(found) => open_found(path, options, &found),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let mut options = options.clone();
            // Only behind a link of ours, which leads to no file yet, is a link followed.
            if fs::symlink_metadata(path).is_ok() {
                options.create(true);
            } else {
                options.create_new(true);
            }
            match options.mode(0o600).open(path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(None),
                made => made.map(Some),
            }
        }
        Err(e) => Err(e),
    })
    .inspect(|file| give_to_folders_owner(file, path))
}

/// Opens a file for reading; `None` if it is absent or a dangling link.
pub(super) fn open_to_read(path: &Path) -> io::Result<Option<(File, Metadata)>> {
    again(|| match look(path) {
        Ok(found) => {
            let file = open_found(path, OpenOptions::new().read(true), &found)?;
            Ok(file.map(|file| Some((file, found))))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Some(None)),
        Err(e) => Err(e),
    })
}

/// Opens the very file that was checked; `None` if another one has replaced it.
fn open_found(path: &Path, options: &OpenOptions, found: &Metadata) -> io::Result<Option<File>> {
    // Opening a FIFO would block forever.
    if !found.is_file() {
        return Err(not_regular());
    }
    match options.open(path) {
        Ok(file) => Ok(is_same(&file.metadata()?, found).then_some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Another program may replace the file between the check and the opening.
fn again<T>(attempt: impl Fn() -> io::Result<Option<T>>) -> io::Result<T> {
    for _ in 0..100 {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
    }
    Err(io::Error::other("it is replaced all the time"))
}

pub(super) fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

pub(super) fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// The owner of the folder, unless it is root, which needs no file.
fn folders_owner(path: &Path) -> Option<(u32, u32)> {
    let folder = fs::metadata(parent_of(path)).ok()?;
    (folder.uid() != ROOT).then(|| (folder.uid(), folder.gid()))
}

/// A file that root has just made in a user's folder becomes the user's. One that holds something
/// or has another name may be root's own, moved here by the user. Without the right to give it
/// away (a user namespace, NFS) it stays as it is.
pub(super) fn give_to_folders_owner(file: &File, path: &Path) {
    let new = |found: Metadata| found.uid() == ROOT && found.len() == 0 && found.nlink() == 1;
    if file.metadata().is_ok_and(new)
        && let Some((uid, gid)) = folders_owner(path)
    {
        let _ = fchown(file, Some(uid), Some(gid));
    }
}

/// The same for a folder that was just made.
pub(super) fn give_folder_to_owner(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|found| found.uid() == ROOT)
        && let Some((uid, gid)) = folders_owner(path)
    {
        let _ = lchown(path, Some(uid), Some(gid));
    }
}
