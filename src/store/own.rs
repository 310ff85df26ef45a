//! Files of our own folder, which is found once in a run and held open.

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::Errno;

use super::owner::open_own;
use super::place::{Folder, Place};
use super::replace::Temporary;
use super::{FileId, parent_of};

pub(super) const LOCK_NAME: &str = "ntcli.lock";
/// All that is in a folder of ours.
pub(crate) const OWN_NAMES: [&str; 8] = [
    "config.json",
    LOCK_NAME,
    "rotation.journal",
    "history.jsonl",
    "targets.json",
    "policies.json",
    "last-run.json",
    "unfinished-write",
];

/// What the files of one folder share.
#[derive(Debug, Default)]
struct Home {
    dir: PathBuf,
    folder: OnceCell<Rc<Folder>>,
    /// Its lock, once it was open, and whether this run holds it.
    lock: OnceCell<Rc<File>>,
    is_locked: Cell<bool>,
    /// What is to take the place of a file, once it was tried under the lock whether that can be done.
    next: RefCell<Option<(PathBuf, Temporary)>>,
}

thread_local! {
    /// The folder of this run: what notes the end of the run finds it open.
    static LAST: RefCell<ManuallyDrop<Option<Rc<Home>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// A file of our own folder: where it is, is found out once.
#[derive(Debug, Clone)]
pub(crate) struct OwnFile {
    path: PathBuf,
    home: Rc<Home>,
    place: Rc<OnceCell<Place>>,
}

impl OwnFile {
    /// Files of these names in the folder at `dir`, which need not exist yet.
    pub(crate) fn in_folder<const N: usize>(dir: &Path, names: [&str; N]) -> [Self; N] {
        let home = LAST.with_borrow_mut(|last| {
            let known = last.take().filter(|home| home.dir == dir);
            let new = || Rc::new(Home { dir: dir.to_owned(), ..Home::default() });
            last.insert(known.unwrap_or_else(new)).clone()
        });
        names.map(|name| Self { path: dir.join(name), home: home.clone(), place: Rc::default() })
    }

    /// The folder, held open.
    ///
    /// # Errors
    /// If it is missing, or a link on the way does not count.
    pub(super) fn folder(&self) -> io::Result<Rc<Folder>> {
        if let Some(folder) = self.home.folder.get() {
            return Ok(folder.clone());
        }
        let folder = Folder::open(parent_of(&self.path))?;
        Ok(self.home.folder.get_or_init(|| folder).clone())
    }

    /// Whether a file is one of those in its folder.
    pub(crate) fn is_beside(&self, file: &[FileId]) -> bool {
        self.folder().is_ok_and(|folder| folder.holds(file))
    }

    /// Whether this run itself holds the lock of the folder: taking it again would be a deadlock.
    pub(crate) fn is_locked(&self) -> bool {
        self.home.is_locked.get()
    }

    pub(super) fn set_locked(&self, is_locked: bool) {
        self.home.is_locked.set(is_locked);
        self.home.next.take();
    }

    /// The lock of the folder, opened once in a run, and made if there is none.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn lock_file(&self) -> io::Result<Rc<File>> {
        if let Some(file) = self.home.lock.get() {
            return Ok(file.clone());
        }
        let (file, _) = open_own(self, OFlags::RDWR, false)?;
        Ok(self.home.lock.get_or_init(|| Rc::new(file)).clone())
    }

    /// Keeps what is to take its place, as long as the lock is held.
    pub(super) fn keep(&self, next: Temporary) {
        if self.is_locked() {
            self.home.next.replace(Some((self.path.clone(), next)));
        }
    }

    pub(super) fn kept(&self) -> Option<Temporary> {
        let kept = self.home.next.take().filter(|(path, _)| *path == self.path);
        kept.map(|(_, next)| next)
    }

    fn direct(&self) -> io::Result<Place> {
        Ok(self.folder()?.at(self.path.file_name().unwrap_or_default().to_owned()))
    }

    /// Where a write to it goes.
    ///
    /// # Errors
    /// If its folder is missing, or a link on the way does not count.
    pub(crate) fn place(&self) -> io::Result<Place> {
        if let Some(place) = self.place.get() {
            return Ok(place.clone());
        }
        let direct = self.direct()?;
        // Behind a link the file may be anywhere.
        let is_link = |found: Stat| FileType::from_raw_mode(found.st_mode).is_symlink();
        let is_elsewhere = direct.look()?.is_some_and(is_link);
        let place = if is_elsewhere { Place::find(&self.path)? } else { direct };
        Ok(self.place.get_or_init(|| place).clone())
    }

    /// Opens it, as [`Place::open`].
    ///
    /// # Errors
    /// As [`OwnFile::place`] and [`Place::open`].
    pub(super) fn open(&self, options: OFlags) -> io::Result<Option<(File, Stat)>> {
        if self.place.get().is_none() {
            let direct = self.direct()?;
            match direct.open(options) {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {}
                // No link bears the name.
                opened => {
                    let _ = self.place.set(direct);
                    return opened;
                }
            }
        }
        self.place()?.open(options)
    }
}

impl Deref for OwnFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}
