//! Durable atomic writes: every reader of a file sees the old or the new contents, never a part.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, Mode, OFlags, RawDir, flock};

use super::attributes::{keep_all, keep_owner};
use super::new_file::NewFile;
use super::own::OwnFile;
use super::owner::{ROOT, give_to_folders_owner, is_trusted, me};
use super::place::{Folder, PRIVATE as PRIVATE_MODE, Place, Seen};
use super::{WriteError, Written, parent_of};
use crate::error::{Error, Result};
use crate::text::shell_word;

/// What a file becomes that takes the place of another.
#[derive(Clone, Copy)]
pub(super) enum Becoming<'a> {
    /// Ours: mode 0600, and the owner of the one before.
    Ours,
    /// As this one, which is another program's, in everything but the contents.
    Like(&'a File),
    /// A new one of another program's.
    New(NewFile),
}

/// Where the name of a file is kept within the longest that file systems take.
const NAME_LIMIT: usize = 200;
const MARK: &str = ".ntcli-";
const END: &str = ".tmp";

/// The folders in which leftovers were looked for in this run, without links.
static CLEANED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file that is written beside another one, to take its place. Dropped before that, it is removed.
#[derive(Debug)]
pub(super) struct Temporary {
    place: Place,
    file: File,
    is_gone: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_gone {
            let _ = self.place.remove();
        }
    }
}

impl Temporary {
    /// An empty file beside `target`, of a name that no other run uses: locks do not work everywhere.
    fn create(target: &Place, mode: Mode) -> io::Result<Self> {
        remove_leftovers(target.folder());
        let name = target.name.as_bytes();
        let name = &name[..name.len().min(NAME_LIMIT)];
        loop {
            let random = RandomState::new().build_hasher().finish();
            let end = format!("{MARK}{random:016x}{END}");
            let place =
                target.folder().at(OsString::from_vec([b".", name, end.as_bytes()].concat()));
            if let Some(file) = place.create_new(OFlags::WRONLY, mode)? {
                // Whoever finds it can tell that it is being written.
                let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
                return Ok(Self { place, file, is_gone: false });
            }
        }
    }

    /// One with the attributes that it needs to take the place of `target`.
    fn prepare(target: &Place, becoming: Becoming) -> io::Result<Self> {
        let mode = match becoming {
            Becoming::New(_) => NewFile::first_mode(target.folder()),
            _ => PRIVATE_MODE,
        };
        let temporary = Self::create(target, mode)?;
        becoming.give(&temporary.file, target)?;
        Ok(temporary)
    }

    fn rename_to(mut self, target: &Place) -> io::Result<()> {
        self.place.rename_to(target)?;
        self.is_gone = true;
        Ok(())
    }

    pub(super) fn remove(mut self) -> io::Result<()> {
        self.is_gone = true;
        self.place.remove()
    }
}

/// Removes what killed runs left in a folder, once a run; what another run is writing just now is left.
pub(crate) fn remove_leftovers(folder: &Rc<Folder>) {
    let mut cleaned = CLEANED.lock().unwrap_or_else(PoisonError::into_inner);
    if cleaned.insert(folder.path.clone()) {
        // What cannot be looked at, or removed, is left for a run that can.
        let _ = folder.with_readable(|handle| try_remove_leftovers(folder, handle));
    }
}

fn try_remove_leftovers(folder: &Rc<Folder>, handle: BorrowedFd) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(handle, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if !is_temporary(name) {
            continue;
        }
        let place = folder.at(name.to_owned());
        if let Ok(Some((file, found))) = place.open(OFlags::RDONLY) {
            let lock = FlockOperation::NonBlockingLockExclusive;
            // Of root's own files the owner may be changed already.
            let is_known = is_trusted(found.st_uid) || me() == ROOT;
            if is_known && flock(&file, lock).is_ok() {
                place.remove()?;
            }
        }
    }
    Ok(())
}

/// Whether a file of that name is one that is renamed when it is written. Until 0.2 the name was fixed.
fn is_temporary(name: &OsStr) -> bool {
    let Some((_, end)) = name.to_str().and_then(|name| name.strip_prefix('.')?.rsplit_once(MARK))
    else {
        return false;
    };
    let random = end.strip_suffix(END).unwrap_or_default();
    end == "tmp" || (random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Finds out whether our file can be replaced by one of that size, before anything depends on it. What is to
/// take its place is kept while the lock is held.
///
/// # Errors
/// [`Error::write_file`], [`Error::cannot_use`].
pub(crate) fn probe_replace(at: &OwnFile, size: usize) -> Result<()> {
    let tried = || {
        let mut temporary = probe(&at.place()?, Becoming::Ours)?;
        if size == 0 {
            at.keep(temporary);
            return Ok(());
        }
        temporary.file.write_all(&vec![b' '; size])?;
        temporary.file.sync_all()
    };
    tried().map_err(|source| failed(at, true, &source).error)
}

pub(super) fn probe(target: &Place, becoming: Becoming) -> io::Result<Temporary> {
    if target.is_mount_point() {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    Temporary::prepare(target, becoming)
}

/// Replaces a file of ours with `bytes`: every reader sees the old or the new contents, never a part, also
/// after a power cut. Mode 0600; the owner of an existing file is kept. Returns `false`, and changes nothing,
/// if the file is not as `expected`.
///
/// # Errors
/// [`WriteError`] tells whether the old or the new contents are there.
pub(super) fn replace(at: &OwnFile, bytes: &[u8], expected: Expected) -> Written<bool> {
    let target = at.place().map_err(|source| failed(at, true, &source))?;
    replace_at(&target, at.kept(), expected, bytes, Becoming::Ours)
}

pub(super) fn failed(path: &Path, is_unchanged: bool, source: &io::Error) -> WriteError {
    let error = match source.kind() {
        io::ErrorKind::ResourceBusy => {
            let what = "it is a mount of its own (a bind-mounted file), which cannot be replaced";
            let folder = shell_word(&parent_of(path).display().to_string());
            Error::cannot_use(path, what, format!("mount its folder instead of the file: {folder}"))
        }
        _ => Error::write_file("replace", path, source),
    };
    WriteError { is_unchanged, error }
}

/// In which state a file is replaced.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    /// Only we write it, and we hold the lock.
    Anything,
    Seen(Option<Seen>),
}

/// Replaces what is at `target`, by `temporary` if that was prepared already.
pub(super) fn replace_at(
    target: &Place,
    temporary: Option<Temporary>,
    expected: Expected,
    bytes: &[u8],
    becoming: Becoming,
) -> Written<bool> {
    let prepare = || Temporary::prepare(target, becoming);
    let exchange = |new: Temporary| exchange(target, new, expected, bytes);
    let replaced = match temporary.map_or_else(prepare, Ok).and_then(exchange) {
        // Where locks do nothing, a run that begins takes the temporary file for a leftover, once.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => prepare().and_then(exchange),
        done => done,
    };
    let fail = |is_unchanged| move |source| failed(&target.path(), is_unchanged, &source);
    let replaced = replaced.map_err(fail(true))?;
    if replaced {
        target.folder().sync().map_err(fail(false))?;
    }
    Ok(replaced)
}

/// Writes `bytes` beside `target` and renames them over it, unless that is not as `expected`.
fn exchange(
    target: &Place,
    mut new: Temporary,
    expected: Expected,
    bytes: &[u8],
) -> io::Result<bool> {
    new.file.write_all(bytes)?;
    new.file.sync_all()?;
    match expected {
        Expected::Seen(seen) if target.look()?.map(|found| Seen::of(&found)) != seen => Ok(false),
        _ => new.rename_to(target).map(|()| true),
    }
}

/// The mode of a file that is ours alone, and of one that others read.
pub(crate) const PRIVATE: u32 = 0o600;
pub(crate) const PUBLIC: u32 = 0o644;

/// Replaces a file that every run writes anew: in one step for every reader, but not durably.
///
/// # Errors
/// [`Error::write_file`].
pub(crate) fn replace_unsynced(target: &Place, bytes: &[u8], mode: u32) -> Result<()> {
    let written = || {
        let mut new = Temporary::prepare(target, Becoming::Ours)?;
        new.file.write_all(bytes)?;
        if mode != PRIVATE {
            new.file.set_permissions(Permissions::from_mode(mode))?;
        }
        new.rename_to(target)
    };
    written().map_err(|source| Error::write_file("replace", &target.path(), &source))
}

impl Becoming<'_> {
    /// Gives the still empty `new` the attributes that it needs to replace the file at `target`. A file that
    /// root rewrites stays its user's; one of ours that only root could read becomes the user's.
    fn give(self, new: &File, target: &Place) -> io::Result<()> {
        match self {
            Self::Like(old) if old.metadata()?.nlink() > 1 => {
                let reason = "it has other hard links, which would keep the old contents";
                Err(io::Error::other(reason))
            }
            Self::Like(old) => keep_all(old, new),
            Self::New(asked) => asked.give(new, target.folder()),
            Self::Ours => {
                if let Some(old) = target.look_at_file()? {
                    keep_owner((old.st_uid, old.st_gid), new)?;
                }
                give_to_folders_owner(new, target.folder());
                Ok(())
            }
        }
    }
}
