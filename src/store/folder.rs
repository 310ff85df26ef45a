//! The config folder: whose it must be, and who else may write to it.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{Dir, FileType, OFlags, Stat};

use super::own::OwnFile;
use super::owner::{ROOT, is_trusted, me};
use super::parent_of;
use super::place::Folder;
use crate::error::{Error, Result};
use crate::text::shell_word;

/// Write permission of the group and of all others.
const OPEN: u32 = 0o022;

/// Refuses to change anything, or to send what is secret, by a folder of another user's, or one where others
/// could replace our files.
///
/// # Errors
/// With the command that helps.
pub(crate) fn check_folder(at: &OwnFile) -> Result<()> {
    check_owner(at)?;
    refuse_if(at, |found| found.st_mode & OPEN != 0)
}

/// Refuses to read a config file that another user could have put there.
///
/// # Errors
/// As [`check_folder`].
pub(crate) fn check_readable(at: &OwnFile) -> Result<()> {
    refuse_if(at, |found| {
        let file = || at.place().and_then(|place| place.look());
        found.st_mode & OPEN != 0 && matches!(file(), Ok(Some(file)) if !is_trusted(file.st_uid))
    })
}

fn refuse_if(at: &OwnFile, open: impl Fn(&Stat) -> bool) -> Result<()> {
    match existing(parent_of(at), at.folder())? {
        Some(folder) if open(&folder.found()) => {
            let shown = shell_word(&parent_of(at).display().to_string());
            let help = format!(
                "chmod go-w {shown}, or NTCLI_CONFIG_DIR with a folder of its own inside: {shown}/ntcli"
            );
            Err(Error::cannot_use(parent_of(at), "other users can write to this folder", help))
        }
        _ => Ok(()),
    }
}

/// Whether the folder is another user's, who decides what is done there: whoever acts in it acts for
/// that user.
pub(crate) fn is_anothers(at: &OwnFile) -> bool {
    check_owner(at).is_err()
}

/// Where there is no folder yet, one that root makes would be in the hands of whoever has the folder
/// around it.
fn check_owner(at: &OwnFile) -> Result<()> {
    let mut place = parent_of(at);
    let mut folder = existing(place, at.folder())?;
    while folder.is_none() && place.parent().is_some() && me() == ROOT {
        place = parent_of(place);
        folder = existing(place, Folder::open(place))?;
    }
    let uid = folder.map_or(ROOT, |folder| folder.found().st_uid);
    if is_trusted(uid) {
        return Ok(());
    }
    Err(Error::cannot_use(
        place,
        &format!("it belongs to another user (uid {uid})"),
        format!("sudo -u '#{uid}' ntcli, or NTCLI_CONFIG_DIR with a folder of your own"),
    ))
}

fn existing(dir: &Path, opened: io::Result<Rc<Folder>>) -> Result<Option<Rc<Folder>>> {
    match opened {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        opened => opened.map(Some).map_err(|e| Error::read_file(dir, &e)),
    }
}

/// Closes a folder of ours that somebody else's tool has opened to others, if all in it is this user's;
/// returns whether it did. Otherwise, or where it cannot be closed, it stays as it is.
pub(crate) fn close_folder(at: &OwnFile) -> bool {
    let is_open = |found: Stat| found.st_mode & OPEN != 0 && found.st_uid == me();
    at.folder().is_ok_and(|folder| is_open(folder.found()) && close(&folder).unwrap_or(false))
}

fn close(folder: &Rc<Folder>) -> io::Result<bool> {
    let mode = folder.found().st_mode & 0o7777;
    // From here on nobody adds anything that was not looked at.
    folder.set_mode(0o700)?;
    let mut files = Vec::new();
    for entry in Dir::read_from(folder.reopen()?)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let place = folder.at(name.to_owned());
        let found = place.look()?;
        if found.is_none_or(|found| found.st_uid != me()) {
            folder.set_mode(mode)?;
            return Ok(false);
        }
        if found.is_some_and(|found| FileType::from_raw_mode(found.st_mode).is_file()) {
            files.push(place);
        }
    }
    for file in files {
        if let Some((file, _)) = file.open(OFlags::RDONLY)? {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
    }
    Ok(true)
}
