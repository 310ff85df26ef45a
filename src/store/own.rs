//! Files of our own folder, which is found once in a run and held open.

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{OFlags, Stat};
use rustix::io::Errno;

use super::parent_of;
use super::place::{Folder, Place};

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

/// A file, wherever it is.
pub(crate) trait Located {
    /// As messages name it.
    fn path(&self) -> &Path;
    /// Where a write to it goes.
    ///
    /// # Errors
    /// If its folder is missing, or a link on the way does not count.
    fn place(&self) -> io::Result<Place>;
    /// Opens it, as [`Place::open`].
    ///
    /// # Errors
    /// As [`Located::place`] and [`Place::open`].
    fn open(&self, options: OFlags) -> io::Result<Option<(File, Stat)>> {
        self.place()?.open(options)
    }
}

impl Located for Path {
    fn path(&self) -> &Path {
        self
    }

    fn place(&self) -> io::Result<Place> {
        Place::find(self)
    }
}

impl Located for PathBuf {
    fn path(&self) -> &Path {
        self
    }

    fn place(&self) -> io::Result<Place> {
        Place::find(self)
    }
}

/// What the files of one folder share.
#[derive(Debug, Default)]
struct Home {
    dir: PathBuf,
    folder: OnceCell<Rc<Folder>>,
    /// Whether this run holds its lock.
    is_locked: Cell<bool>,
}

thread_local! {
    /// The folder of this run.
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
        names.map(|name| Self {
            path: dir.join(name),
            home: home.clone(),
            place: Rc::new(OnceCell::new()),
        })
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

    /// Whether this run itself holds the lock of the folder: taking it again would be a deadlock.
    pub(crate) fn is_locked(&self) -> bool {
        self.home.is_locked.get()
    }

    pub(super) fn set_locked(&self, is_locked: bool) {
        self.home.is_locked.set(is_locked);
    }
}

impl Deref for OwnFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Located for OwnFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn place(&self) -> io::Result<Place> {
        if let Some(place) = self.place.get() {
            return Ok(place.clone());
        }
        let place = self.folder()?.at(self.path.file_name().unwrap_or_default().to_owned());
        // Behind a link the file may be anywhere.
        let place = if place.is_link()? { Place::find(&self.path)? } else { place };
        Ok(self.place.get_or_init(|| place).clone())
    }

    fn open(&self, options: OFlags) -> io::Result<Option<(File, Stat)>> {
        if self.place.get().is_none() {
            let direct = self.folder()?.at(self.path.file_name().unwrap_or_default().to_owned());
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
