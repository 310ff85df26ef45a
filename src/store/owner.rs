//! The owners of files: who may have put a file where it was found, and who should own a new one.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown, lchown};
use std::path::Path;

use rustix::fs::OFlags;

use super::parent_of;
use super::place::{Folder, Place};
use crate::error::{Error, Result};

const ROOT: u32 = 0;
const STICKY: u32 = 0o1000;

/// The user this process acts as.
fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether what that user makes is as good as made by this one.
pub(super) fn is_trusted(uid: u32) -> bool {
    uid == ROOT || uid == me()
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
    if is_trusted(found.uid()) || me() == ROOT {
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

/// Opens a file of ours for writing, creating a private one if absent. `options` say how.
pub(super) fn open_own(path: &Path, options: OFlags) -> io::Result<File> {
    let place = Place::find(path)?;
    for _ in 0..100 {
        if let Some((file, _)) = place.open(options)? {
            return Ok(file);
        }
        if let Some(file) = place.create_new(options)? {
            give_to_folders_owner(&file, place.folder());
            return Ok(file);
        }
    }
    Err(io::Error::other("it is replaced all the time"))
}

/// Opens a file for reading; `None` if it, or its folder, is absent.
pub(super) fn open_to_read(path: &Path) -> io::Result<Option<File>> {
    let absent = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
    match Place::find(path) {
        Err(e) if absent(&e) => Ok(None),
        place => Ok(place?.open(OFlags::RDONLY)?.map(|(file, _)| file)),
    }
}

pub(super) fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// A file that root has just made in a user's folder becomes the user's. One that holds something
/// or has another name may be root's own, moved here by the user. Without the right to give it
/// away (a user namespace, NFS) it stays as it is.
pub(super) fn give_to_folders_owner(file: &File, folder: &Folder) {
    let new = |found: Metadata| found.uid() == ROOT && found.len() == 0 && found.nlink() == 1;
    if me() != ROOT || !file.metadata().is_ok_and(new) {
        return;
    }
    if let Ok(folder) = folder.look() {
        if folder.st_uid != ROOT {
            let _ = fchown(file, Some(folder.st_uid), Some(folder.st_gid));
        }
    }
}

/// The same for a folder that was just made.
pub(super) fn give_folder_to_owner(path: &Path) {
    let Ok(folder) = fs::metadata(parent_of(path)) else {
        return;
    };
    if folder.uid() != ROOT && fs::symlink_metadata(path).is_ok_and(|found| found.uid() == ROOT) {
        let _ = lchown(path, Some(folder.uid()), Some(folder.gid()));
    }
}
