//! Who may read a file that is made for another program. One that is there already keeps what it has.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use rustix::fs::{Mode, fgetxattr};
use rustix::io::Errno;

use super::owner::give_to_folders_owner;
use super::place::{Folder, PRIVATE};

/// The list that a folder hands down to what is made in it.
const HANDED_DOWN: &str = "system.posix_acl_default";
/// The bit by which a folder hands down its group, and the group's right to read.
const SHARED: u32 = 0o2040;

/// What was asked for a new file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NewFile {
    pub(crate) mode: Option<u32>,
    pub(crate) owner: Option<(u32, Option<u32>)>,
}

impl NewFile {
    /// The mode to make it with. Where a folder hands down a list, that says who of the group and of
    /// the others named in it may do what.
    pub(super) fn first_mode(folder: &Folder) -> Mode {
        // No list fits into a byte.
        let list = |folder| fgetxattr(folder, HANDED_DOWN, &mut [0u8; 1][..]);
        match folder.reopen().map(list) {
            Ok(Err(Errno::RANGE)) => PRIVATE | Mode::RGRP | Mode::WGRP,
            _ => PRIVATE,
        }
    }

    /// Gives the still empty file what was asked for, else what its folder says.
    pub(super) fn give(self, file: &File, folder: &Folder) -> io::Result<()> {
        match self.owner {
            Some((user, group)) => fchown(file, Some(user), group)?,
            None => give_to_folders_owner(file, folder),
        }
        let is_private = file.metadata()?.mode() & 0o777 == 0o600;
        let by_folder = is_private && folder.found().st_mode & SHARED == SHARED;
        match self.mode.or(by_folder.then_some(0o640)) {
            Some(mode) => file.set_permissions(Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }
}
