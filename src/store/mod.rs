//! Files: the lock, private directories, durable atomic writes, append-only logs.
//! The only writer of files in the program.

mod log;
mod replace;

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::context::Clock;
use crate::error::{Error, Result};
pub use log::{AppendError, Log};
pub use replace::{ReplaceError, probe_replace, remove_leftover, replace, replace_foreign};

/// No file of ours grows near this; what is larger is somebody else's.
const READ_LIMIT: u64 = 64 << 20;

/// Room for the message in a lock file; a longer one is not read to its end.
const LONGEST_MESSAGE: usize = 16 << 10;

/// The one lock of a config folder. Dropping it, or dying, gives it back.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: File,
}

thread_local! {
    static HELD: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
}

/// Whether this very run holds the lock at `path`: to take it once more would be to wait for oneself.
#[must_use]
pub fn is_held(path: &Path) -> bool {
    HELD.with_borrow(|held| held.iter().any(|p| p == path))
}

impl Lock {
    fn new(path: &Path, file: File) -> Self {
        HELD.with_borrow_mut(|held| held.push(path.to_owned()));
        Self {
            path: path.to_owned(),
            file,
        }
    }

    /// What an earlier holder left in the lock file for the next ones.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let mut message = vec![0; LONGEST_MESSAGE];
        let read = self.file.read_at(&mut message, 0).unwrap_or(0);
        message.truncate(read);
        message
    }

    /// Leaves a message, durably, in place of the one before.
    ///
    /// # Errors
    /// [`Error::WriteFile`]; the message before may be gone.
    pub fn leave(&self, message: &[u8]) -> Result<()> {
        let leave = || {
            self.file.set_len(0)?;
            self.file.write_all_at(message, 0)?;
            self.file.sync_data()
        };
        leave().map_err(|source| Error::write_file("write to", &self.path, source))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.retain(|p| *p != self.path));
        // To close it is not enough: a child may have inherited the open file.
        let _ = self.file.unlock();
    }
}

/// Takes the lock at `path`, a file that is never renamed or removed, waiting up to `wait`.
/// `on_wait` runs once when somebody else holds it.
///
/// # Errors
/// [`Error::Locked`] when it is not given back in time, [`Error::WriteFile`] when there can be no lock.
pub fn lock(
    path: &Path,
    wait: Duration,
    clock: &dyn Clock,
    on_wait: &mut dyn FnMut(),
) -> Result<Lock> {
    let fail = |source| Error::write_file("lock", path, source);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(fail)?;
    let mut waited = Duration::ZERO;
    let mut pause = Duration::from_millis(5);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock::new(path, file)),
            Err(TryLockError::Error(source)) => return Err(fail(source)),
            Err(TryLockError::WouldBlock) => {}
        }
        if waited >= wait {
            return Err(Error::Locked {
                path: path.to_owned(),
                waited: wait,
            });
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

/// Makes `path` a directory that only its owner enters; one that is there is left as it is.
///
/// # Errors
/// [`Error::WriteFile`].
pub fn private_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| Error::write_file("create", path, source))
}

/// What a file held, and whether others could read it.
pub struct Contents {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Whether the group or the world had any permission on it.
    pub shared: bool,
}

/// Reads a regular file whole; `None` when there is none.
///
/// # Errors
/// [`Error::ReadFile`], also for what is no regular file or implausibly large.
pub fn read(path: &Path) -> Result<Option<Contents>> {
    let Some((file, found)) = open_regular(path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0) + 1);
    file.take(READ_LIMIT)
        .read_to_end(&mut bytes)
        .map_err(|source| unreadable(path, source))?;
    Ok(Some(Contents {
        bytes,
        shared: found.mode() & 0o077 != 0,
    }))
}

/// The last bytes of a regular file, `most` of them, and how many come before; `None` when there
/// is no file.
fn read_end(path: &Path, most: u64) -> Result<Option<(u64, Vec<u8>)>> {
    let Some((file, found)) = open_regular(path)? else {
        return Ok(None);
    };
    let before = found.len().saturating_sub(most);
    let mut bytes = vec![0; usize::try_from(found.len() - before).unwrap_or(0)];
    file.read_exact_at(&mut bytes, before)
        .map_err(|source| unreadable(path, source))?;
    Ok(Some((before, bytes)))
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::ReadFile {
        path: path.to_owned(),
        source,
    }
}

fn open_regular(path: &Path) -> Result<Option<(File, fs::Metadata)>> {
    let fail = |source| unreadable(path, source);
    // Looked at before it is opened: opening a FIFO would wait for ever.
    let found = match fs::metadata(path) {
        Ok(found) => found,
        // A symlink into nowhere is a file that is not there yet.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(fail(e)),
    };
    if !found.is_file() {
        return Err(fail(io::Error::other("it is not a regular file")));
    }
    if found.len() > READ_LIMIT {
        return Err(fail(io::Error::other("it is larger than 64 MiB")));
    }
    let file = File::open(path).map_err(fail)?;
    Ok(Some((file, found)))
}

/// What tells one state of a file from another: a replaced file differs in one of these.
pub type Stamp = Option<(u64, u64, i64, i64, u64)>;

/// The stamp of a file; `None` when there is none.
#[must_use]
pub fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((
        found.dev(),
        found.ino(),
        found.mtime(),
        found.mtime_nsec(),
        found.len(),
    ))
}

/// Takes every permission of the group and the world away.
///
/// # Errors
/// [`Error::WriteFile`].
pub fn make_private(path: &Path) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(|source| Error::write_file("change the mode of", path, source))
}
