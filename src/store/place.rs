//! Where a file is: its folder, found component by component and held open, and its name in it.
//! Whoever exchanges a folder or a link meanwhile changes nothing about where a write goes.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat, StatxAttributes};
use rustix::io::Errno;

use super::own::{LOCK_NAME, OWN_NAMES};
use super::owner::not_regular;
use super::{FileId, id_of};
use walk::{planted, walk};

/// For this user alone.
pub(super) const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
const PATH: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// A folder that is held open.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    /// Its path without links.
    pub(super) path: PathBuf,
    /// Whether the descriptor is more than a path, and does for syncs and lists.
    is_readable: bool,
    found: Cell<Stat>,
}

/// A name in a folder. What bears the name is no link, or was none when the place was found.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: Rc<Folder>,
    pub(super) name: OsString,
    /// The user who made a link to the file, and whose the file therefore must be.
    must_own: Option<u32>,
}

/// The state of a file: a file that was written or replaced meanwhile differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(super) file: (u64, u64),
    len: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    #[allow(clippy::cast_possible_wrap, clippy::unnecessary_cast)] // types differ between platforms
    pub(super) fn of(found: &Stat) -> Self {
        Self {
            file: id_of(*found),
            len: found.st_size as i64,
            modified: (found.st_mtime as i64, found.st_mtime_nsec as i64),
            changed: (found.st_ctime as i64, found.st_ctime_nsec as i64),
        }
    }
}

impl Folder {
    fn of(fd: OwnedFd, path: PathBuf, is_readable: bool) -> io::Result<Self> {
        let found = Cell::new(fs::fstat(&fd)?);
        Ok(Self { fd, path, is_readable, found })
    }

    /// The folder at `path`. A link on the way counts if root or this user made it, or if it leads to
    /// something of its maker's.
    ///
    /// # Errors
    /// If there is none, or a link on the way does not count.
    pub(crate) fn open(path: &Path) -> io::Result<Rc<Self>> {
        Ok(Rc::new(walk(path, false)?.0))
    }

    /// The file of that name in it.
    pub(super) fn at(self: &Rc<Self>, name: OsString) -> Place {
        Place { folder: self.clone(), name, must_own: None }
    }

    /// Whether the name is that of a file of ours, and this a folder with our lock.
    pub(super) fn is_of_ours(&self, name: &OsStr) -> bool {
        OWN_NAMES.iter().any(|own| name == *own)
            && fs::statat(&self.fd, LOCK_NAME, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Whether a file is one of those of ours in it, whatever leads to it.
    pub(super) fn holds(&self, file: &[FileId]) -> bool {
        OWN_NAMES.iter().any(|name| {
            let itself = fs::statat(&self.fd, *name, AtFlags::empty()).ok().map(id_of);
            self.ids(OsStr::new(name), itself).iter().any(|id| file.contains(id))
        })
    }

    fn ids(&self, name: &OsStr, itself: Option<(u64, u64)>) -> Vec<FileId> {
        let named = (id_of(self.found()), name.to_owned());
        itself.map(|itself| (itself, OsString::new())).into_iter().chain([named]).collect()
    }

    /// What it was like when it was opened.
    pub(super) fn found(&self) -> Stat {
        self.found.get()
    }

    /// Gives it another mode.
    ///
    /// # Errors
    /// If it is another user's.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.with_readable(|folder| Ok(fs::fchmod(folder, Mode::from_raw_mode(mode))?))?;
        self.found.set(fs::fstat(&self.fd)?);
        Ok(())
    }

    /// Does what needs more than a mere path.
    pub(super) fn with_readable<T>(
        &self,
        work: impl FnOnce(BorrowedFd) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.is_readable { work(self.fd.as_fd()) } else { work(self.reopen()?.as_fd()) }
    }

    /// A second descriptor of it, whose locks and place in the list are its own.
    ///
    /// # Errors
    /// Without the right to read it.
    pub(super) fn reopen(&self) -> io::Result<File> {
        let options = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(File::from(fs::openat(&self.fd, ".", options, Mode::empty())?))
    }

    /// Makes the names in it outlast a power cut, where its file system can do that at all.
    ///
    /// # Errors
    /// If the disk fails, or the folder cannot be read.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.with_readable(|folder| match fs::fsync(folder) {
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
            done => Ok(done?),
        })
    }
}

impl Place {
    /// Where a write to `path` goes: behind a link, the file it leads to, which need not exist.
    ///
    /// # Errors
    /// If its folder is missing, or a link on the way does not count.
    pub(crate) fn find(path: &Path) -> io::Result<Self> {
        let (folder, name, must_own) = walk(path, true)?;
        let name = name.ok_or(Errno::ISDIR)?;
        Ok(Self { folder: Rc::new(folder), name, must_own })
    }

    pub(crate) fn folder(&self) -> &Rc<Folder> {
        &self.folder
    }

    /// Its path without links.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path.join(&self.name)
    }

    /// What the file is known by, which is `itself` if it exists.
    pub(super) fn ids(&self, itself: Option<(u64, u64)>) -> Vec<FileId> {
        self.folder.ids(&self.name, itself)
    }

    /// What bears the name now; a link is not followed.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub(crate) fn look(&self) -> io::Result<Option<Stat>> {
        match fs::statat(&self.folder.fd, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    /// Opens the regular file that bears the name; `None` if there is none. A pipe or a device is not
    /// waited for, and a link is not followed.
    ///
    /// # Errors
    /// If it is no regular file, is not its link's maker's, or cannot be opened.
    pub(crate) fn open(&self, options: OFlags) -> io::Result<Option<(File, Stat)>> {
        let options =
            options | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let fd = match fs::openat(&self.folder.fd, &self.name, options, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NXIO | Errno::NODEV) => return Err(not_regular()),
            opened => opened?,
        };
        let found = fs::fstat(&fd)?;
        self.accept(&found)?;
        Ok(Some((File::from(fd), found)))
    }

    /// What the regular file that bears the name is like; `None` if there is none.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub(super) fn look_at_file(&self) -> io::Result<Option<Stat>> {
        let found = self.look()?;
        found.as_ref().map_or(Ok(()), |found| self.accept(found))?;
        Ok(found)
    }

    fn accept(&self, found: &Stat) -> io::Result<()> {
        if !FileType::from_raw_mode(found.st_mode).is_file() {
            return Err(not_regular());
        }
        match self.must_own {
            Some(uid) if uid != found.st_uid => Err(planted(uid)),
            _ => Ok(()),
        }
    }

    /// Makes a new file of that name; `None` if the name is taken.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn create_new(&self, options: OFlags, access: Mode) -> io::Result<Option<File>> {
        let options = options | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&self.folder.fd, &self.name, options, access) {
            Err(Errno::EXIST) => Ok(None),
            made => Ok(Some(File::from(made?))),
        }
    }

    /// Gives the file at `self` the name of `other`, which is in the same folder.
    pub(super) fn rename_to(&self, other: &Self) -> io::Result<()> {
        Ok(fs::renameat(&self.folder.fd, &self.name, &other.folder.fd, &other.name)?)
    }

    /// Removes the name if it is there.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::unlinkat(&self.folder.fd, &self.name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            done => Ok(done?),
        }
    }

    /// Whether it is a mount of its own, as container tools make them: nothing can be renamed over it.
    pub(crate) fn is_mount_point(&self) -> bool {
        let flags = fs::StatxFlags::empty();
        let found = fs::statx(&self.folder.fd, &self.name, AtFlags::SYMLINK_NOFOLLOW, flags);
        found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }
}

mod walk;

#[cfg(test)]
mod tests;
