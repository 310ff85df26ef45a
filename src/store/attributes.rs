//! What a file keeps when it is replaced: owner, mode, access control list, extended attributes.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

/// An access control list, as the kernel hands it out.
const ACL: &str = "system.posix_acl_access";
/// No attribute, nor a list of their names, is longer (xattr(7)).
const LIMIT: usize = 64 << 10;

/// Gives `new` the owner of the file it replaces.
pub(super) fn keep_owner((uid, gid): (u32, u32), new: &File) -> io::Result<()> {
    let found = new.metadata()?;
    if (uid, gid) != (found.uid(), found.gid()) {
        fchown(new, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// Gives `new` everything but the contents of `old`, or fails. Nobody gets a right by it that the old
/// file did not give: a list that the folder hands down is taken off again.
pub(super) fn keep_all(old: &File, new: &File) -> io::Result<()> {
    let found = old.metadata()?;
    keep_owner((found.uid(), found.gid()), new)?;
    let names = names_of(old)?;
    if !names.iter().any(|name| name == ACL) {
        match fremovexattr(new, ACL) {
            Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(failed) => return Err(not_kept(ACL, failed)),
        }
    }
    for name in &names {
        // Labels are the system's to give.
        if !name.starts_with("security.") {
            copy(old, new, name).map_err(|failed| not_kept(name, failed))?;
        }
    }
    let mut kept = new.metadata()?;
    if kept.mode() != found.mode() {
        new.set_permissions(found.permissions())?;
        kept = new.metadata()?;
    }
    if (kept.uid(), kept.gid(), kept.mode()) != (found.uid(), found.gid(), found.mode()) {
        return Err(io::Error::other("its owner and mode could not be kept"));
    }
    Ok(())
}

fn not_kept(name: &str, failed: Errno) -> io::Error {
    let why = io::Error::from(failed);
    io::Error::other(format!(
        "its access control list or extended attributes cannot be kept: {name}: {why}"
    ))
}

/// The names of its attributes; none where the file system has none.
fn names_of(file: &File) -> io::Result<Vec<String>> {
    let mut names = vec![0; LIMIT]; // of an empty buffer rustix says that nothing was read
    let len = match flistxattr(file, &mut names[..]) {
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        listed => listed?,
    };
    let names = names[..len].split(|b| *b == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

fn copy(old: &File, new: &File, name: &str) -> rustix::io::Result<()> {
    let mut value = vec![0; LIMIT];
    let len = match fgetxattr(old, name, &mut value[..]) {
        Err(Errno::NODATA) => return Ok(()), // it went meanwhile
        read => read?,
    };
    fsetxattr(new, name, &value[..len], XattrFlags::empty())
}
