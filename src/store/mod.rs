//! Files: the lock, private directories, durable atomic writes, append-only logs. Whatever must outlast a
//! kill is written here.

mod attributes;
mod folder;
mod foreign;
mod in_place;
mod log;
mod new_file;
mod own;
mod owner;
mod place;
mod replace;
mod shared;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, Stat, flock};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Clock;
use crate::error::{Error, Result};
pub(crate) use folder::{check_folder, check_readable, close_folder, is_anothers};
pub(crate) use foreign::ForeignFile;
pub(crate) use in_place::finish_overwriting;
pub(crate) use log::Log;
pub(crate) use new_file::NewFile;
pub(crate) use own::{OWN_NAMES, OwnFile};
pub(crate) use place::{Place, Seen};
pub(crate) use replace::{
    Expected, PRIVATE, PUBLIC, probe_replace, remove_leftovers, replace_unsynced,
};
pub(crate) use shared::local_locks;

/// No file of ours gets near this size; a larger one is not ours.
const READ_LIMIT: u64 = 64 << 20;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// The one lock of a config folder. Dropping it, or the end of the process, releases it.
#[derive(Debug)]
pub(crate) struct Lock {
    at: OwnFile,
    file: Rc<File>,
}

impl Lock {
    /// For a child that keeps the lock while it works, even if this process is killed.
    pub(crate) fn for_child(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.at.set_locked(false);
        // Closing it is not enough: a child that is being started has it for a moment.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Takes the lock at `at`, a file that is never renamed or removed, waiting up to `wait`.
/// `on_wait` runs once if another process holds it.
///
/// # Errors
/// [`Error::locked`] when it is not given back in time, [`Error::write_file`] when there can be no lock.
pub(crate) fn lock(
    at: &OwnFile,
    wait: Duration,
    clock: &dyn Clock,
    on_wait: &mut dyn FnMut(),
) -> Result<Lock> {
    folder::check_folder(at)?;
    let fail = |source: io::Error| Error::write_file("lock", at, &source);
    let file = at.lock_file().map_err(fail)?;
    if at.is_locked() || !wait_for(&file, wait, clock, on_wait).map_err(fail)? {
        return Err(Error::locked(at, wait));
    }
    remove_leftovers(&at.folder().map_err(fail)?);
    at.set_locked(true);
    Ok(Lock { at: at.clone(), file })
}

/// Whether the lock of an open file was acquired in time.
fn wait_for(
    file: &File,
    wait: Duration,
    clock: &dyn Clock,
    on_wait: &mut dyn FnMut(),
) -> io::Result<bool> {
    let mut waited = Duration::ZERO;
    let mut pause = Duration::from_millis(5);
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(failed) => return Err(failed.into()),
        }
        if waited >= wait || clock.interrupted().is_some() {
            return Ok(false);
        }
        if waited.is_zero() {
            on_wait();
        }
        let step = pause.min(wait.saturating_sub(waited));
        clock.sleep(step);
        waited += step;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Keeps other runs, with other config folders, from replacing a file in the folder of `place` meanwhile.
/// The folder itself is locked, so nothing is left behind. Anybody may hold such a lock, and some file
/// systems have none: then the work goes on without it, and what is replaced is compared before. Nor is
/// a second one waited for: who holds one may hold them all. Closing the folder unlocks it.
pub(crate) fn lock_folder(place: &Place, wait: Duration, clock: &dyn Clock) -> Option<File> {
    static WAITED: AtomicBool = AtomicBool::new(false);
    let folder = place.folder().reopen().ok()?;
    let wait = if WAITED.load(Relaxed) { Duration::ZERO } else { wait };
    let is_ours = matches!(wait_for(&folder, wait, clock, &mut || {}), Ok(true));
    WAITED.fetch_or(!is_ours, Relaxed);
    is_ours.then_some(folder)
}

/// What a file is known by, independent of spelling, links and mounts: its folder and its name there, or
/// itself without a name. One of a file's is enough to tell it, and one that is still to be made has the first.
pub(crate) type FileId = ((u64, u64), OsString);

/// Finds out which file a write to `path` would change.
///
/// # Errors
/// If its folder cannot be read.
pub(crate) fn identify(path: &Path) -> io::Result<Vec<FileId>> {
    let place = Place::find(path)?;
    Ok(place.ids(place.look()?.map(id_of)))
}

#[allow(clippy::unnecessary_cast)] // types differ between platforms
fn id_of(found: Stat) -> (u64, u64) {
    (found.st_dev as u64, found.st_ino as u64)
}

/// The folder that a file is in.
pub(crate) fn parent_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Whether this user can use the folder, or could make it.
pub(crate) fn is_usable(dir: &Path) -> bool {
    use rustix::fs::Access;
    let wanted = if dir.exists() { Access::READ_OK } else { Access::WRITE_OK };
    let existing = dir.ancestors().find(|path| path.exists());
    existing.is_none_or(|path| rustix::fs::access(path, wanted | Access::EXEC_OK).is_ok())
}

/// Makes the folder of a file of ours one that only its owner can enter, durably; an existing one is left
/// as it is.
///
/// # Errors
/// [`Error::write_file`].
pub(crate) fn private_folder(at: &OwnFile) -> Result<()> {
    if at.folder().is_ok() {
        return Ok(());
    }
    let folders = parent_of(at).ancestors().filter(|dir| !dir.as_os_str().is_empty());
    let missing: Vec<&Path> = folders.take_while(|dir| !dir.is_dir()).collect();
    for dir in missing.into_iter().rev() {
        // Another run may make it at the same time.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        let made = made.and_then(|()| place::Folder::open(parent_of(dir))?.sync());
        made.map_err(|source| Error::write_file("create", dir, &source))?;
    }
    Ok(())
}

/// Why a file could not be written.
#[derive(Debug)]
pub(crate) struct WriteError {
    /// All in it is certainly as it was. Otherwise what was written may be there for every reader, or for now.
    pub is_unchanged: bool,
    pub error: Error,
}

/// The result of writing.
pub(crate) type Written<T> = std::result::Result<T, WriteError>;

impl WriteError {
    /// Nothing was written yet.
    pub(crate) fn before(error: Error) -> Self {
        Self { is_unchanged: true, error }
    }
}

impl From<WriteError> for Error {
    fn from(failed: WriteError) -> Self {
        failed.error
    }
}

/// The contents of a file.
pub(crate) struct Contents {
    /// All of it.
    pub bytes: Vec<u8>,
    file: File,
    found: Stat,
}

impl Contents {
    /// The state of the file.
    pub(crate) fn seen(&self) -> Seen {
        Seen::of(&self.found)
    }

    /// Whether the group or the world has any permission on the file.
    pub(crate) fn is_shared(&self) -> bool {
        self.found.st_mode & 0o077 != 0
    }

    /// Writes `bytes` over it if they fit into one sector and differ in digits alone: a power cut leaves
    /// the old or the new ones, and whoever reads it at that moment reads a file of the same form. `false` if
    /// they are not all there.
    pub(crate) fn change_digits(&self, bytes: &[u8]) -> bool {
        let is_near =
            |(old, new): (&u8, &u8)| old == new || (old.is_ascii_digit() && new.is_ascii_digit());
        self.bytes.len() == bytes.len()
            && bytes.len() <= SECTOR
            && self.bytes.iter().zip(bytes).all(is_near)
            && self.file.write_all_at(bytes, 0).is_ok()
    }

    /// Removes every permission of the group and the world.
    ///
    /// # Errors
    /// When the file is another user's, or cannot be changed.
    pub(crate) fn make_private(&self) -> io::Result<()> {
        if self.found.st_uid != owner::me() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.file.set_permissions(fs::Permissions::from_mode(0o600))
    }
}

/// Reads a whole file of ours; `None` if it, or its folder, is absent.
///
/// # Errors
/// [`Error::read_file`], also if it is not a regular file or implausibly large.
pub(crate) fn read(at: &OwnFile) -> Result<Option<Contents>> {
    contents(at, at.open(OFlags::RDONLY))
}

/// As [`read`], for [`Contents::change_digits`].
///
/// # Errors
/// As [`read`].
pub(crate) fn read_to_change(at: &OwnFile) -> Result<Option<Contents>> {
    contents(at, at.open(OFlags::RDWR))
}

/// As [`read`], of a file that is anywhere.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_path(path: &Path) -> Result<Option<Contents>> {
    contents(path, Place::find(path).and_then(|place| place.open(OFlags::RDONLY)))
}

fn contents(path: &Path, opened: io::Result<Option<(File, Stat)>>) -> Result<Option<Contents>> {
    let fail = |source: io::Error| Error::read_file(path, &source);
    let Some((file, found)) = owner::unless_absent(opened).map_err(fail)? else {
        return Ok(None);
    };
    let bytes = read_all(&file, &found).map_err(fail)?;
    Ok(Some(Contents { bytes, file, found }))
}

/// A JSON file of ours, if there is one.
///
/// # Errors
/// As [`read`]; [`Error::damaged_file`].
pub(crate) fn read_json<T: DeserializeOwned>(at: &OwnFile) -> Result<Option<T>> {
    let Some(contents) = read(at)? else {
        return Ok(None);
    };
    let value = serde_json::from_slice(&contents.bytes);
    value.map(Some).map_err(|error| Error::damaged_file(at, &error.to_string()))
}

/// Replaces a file of ours by JSON that people can read: every reader sees the old or the new contents, also
/// after a power cut. Returns `false`, and changes nothing, if the file is not as `expected`.
///
/// # Errors
/// [`WriteError`] tells whether the old or the new contents are there.
pub(crate) fn replace_json(
    at: &OwnFile,
    value: &impl Serialize,
    expected: Expected,
) -> Written<bool> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| WriteError::before(Error::write_file("lay out", at, &e.into())))?;
    bytes.push(b'\n');
    replace::replace(at, &bytes, expected)
}

/// All that is in a file, unless it is larger than any of ours gets.
fn read_all(file: &File, found: &Stat) -> io::Result<Vec<u8>> {
    let len = owner::length(found);
    if len > READ_LIMIT {
        return Err(io::Error::other("it is larger than 64 MiB"));
    }
    let len = usize::try_from(len).unwrap_or(0);
    let mut bytes = vec![0; len + 1];
    // A signal ends a read where the disk is a network's.
    let read = rustix::io::retry_on_intr(|| rustix::io::read(file, &mut bytes))?;
    bytes.truncate(read);
    // As long as it was said to be, with room for more: that was all.
    if read != len {
        file.take(READ_LIMIT).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The state of a file of ours; `None` if absent.
pub(crate) fn seen(at: &OwnFile) -> Option<Seen> {
    at.place().ok()?.look().ok()?.map(|found| Seen::of(&found))
}
