//! The owners of files: who may have put a file where it was found, and who should own a new one.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::sync::OnceLock;

use rustix::fs::{OFlags, Stat};

use super::own::OwnFile;
use super::place::{Folder, PRIVATE};

pub(super) const ROOT: u32 = 0;

/// The user this process acts as.
pub(super) fn me() -> u32 {
    static ME: OnceLock<u32> = OnceLock::new();
    *ME.get_or_init(|| rustix::process::geteuid().as_raw())
}

/// Whether what that user makes is as good as made by this one.
pub(super) fn is_trusted(uid: u32) -> bool {
    uid == ROOT || uid == me()
}

/// Opens a file of ours for writing, creating a private one if absent, and says how long it is. `options`
/// say how; one that is likely to be `absent` is made before it is looked for.
pub(super) fn open_own(at: &OwnFile, options: OFlags, absent: bool) -> io::Result<(File, u64)> {
    for attempt in 0..100 {
        let opened = if absent && attempt == 0 { None } else { at.open(options)? };
        if let Some((file, found)) = opened {
            return Ok((file, length(&found)));
        }
        let place = at.place()?;
        if let Some(file) = place.create_new(options, PRIVATE)? {
            give_to_folders_owner(&file, place.folder());
            return Ok((file, 0));
        }
    }
    Err(io::Error::other("it is replaced all the time"))
}

/// What was opened; `None` if even its folder is absent.
pub(super) fn unless_absent<T>(opened: io::Result<Option<T>>) -> io::Result<Option<T>> {
    match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened,
    }
}

/// How many bytes a file holds.
pub(super) fn length(found: &Stat) -> u64 {
    u64::try_from(found.st_size).unwrap_or(0)
}

pub(super) fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// A file that root has just made in a user's folder becomes the user's. One that holds something
/// or has another name may be root's own, moved here by the user. Without the right to give it
/// away (a user namespace, NFS) it stays as it is.
pub(super) fn give_to_folders_owner(file: &File, folder: &Folder) {
    let new = |found: Metadata| found.uid() == ROOT && found.len() == 0 && found.nlink() == 1;
    let (uid, gid) = (folder.found().st_uid, folder.found().st_gid);
    if uid != ROOT && me() == ROOT && file.metadata().is_ok_and(new) {
        let _ = fchown(file, Some(uid), Some(gid));
    }
}
