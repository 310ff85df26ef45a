//! Append-only files of lines.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use rustix::fs::OFlags;

use super::owner::{length, open_own, unless_absent};
use super::replace::{Expected, replace};
use super::{Contents, OwnFile, WriteError, Written, read};
use crate::error::{Error, Result};

/// An append-only file of lines. A torn last line, which a kill or a full disk leaves, does not
/// count and is cut off before the next one is written.
///
/// In one that was opened whole, an empty line says that everything before it is durable. It is
/// written in front of the next append, so it costs no write of its own.
#[derive(Debug)]
pub(crate) struct Log {
    at: OwnFile,
    /// How many bytes of whole lines there are; `None` if there is no file.
    len: Option<u64>,
    /// How long the file is: a torn end comes after `len`.
    found: u64,
    /// Whether another process writes to it, in spite of the lock: then nothing of it is taken away.
    is_shared: bool,
    /// Where the last line began.
    last: u64,
    /// Whether empty lines are written.
    marks: bool,
    /// Everything up to `len` is durable, and no empty line says so yet.
    unmarked: bool,
    file: Option<File>,
}

impl Log {
    /// Reads the log at `at`; no file is an empty log. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::read_file`].
    pub(crate) fn open(at: &OwnFile) -> Result<(Self, Vec<u8>)> {
        let Some(Contents { mut bytes, .. }) = read(at)? else {
            return Ok((Self::of(at, None, 0, true), Vec::new()));
        };
        let found = bytes.len() as u64;
        bytes.truncate(bytes.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1));
        Ok((Self::of(at, Some(bytes.len() as u64), found, true), bytes))
    }

    /// The whole lines in the last `most` bytes of the log at `at`.
    ///
    /// # Errors
    /// [`Error::read_file`].
    pub(crate) fn end_of(at: &OwnFile, most: u64) -> Result<Vec<u8>> {
        Ok(Self::open_by(at, OFlags::RDONLY, most)?.1)
    }

    /// The log at `at` for appending only, and the whole lines in its last `most` bytes.
    ///
    /// # Errors
    /// [`Error::read_file`].
    pub(crate) fn open_end(at: &OwnFile, most: u64) -> Result<(Self, Vec<u8>)> {
        Self::open_by(at, OFlags::RDWR | OFlags::APPEND, most)
    }

    fn open_by(at: &OwnFile, options: OFlags, most: u64) -> Result<(Self, Vec<u8>)> {
        let fail = |source: io::Error| Error::read_file(at, &source);
        let Some((file, found)) = unless_absent(at.open(options)).map_err(fail)? else {
            return Ok((Self::of(at, None, 0, false), Vec::new()));
        };
        let found = length(&found);
        let (len, lines) = whole_lines(&file, found, most).map_err(fail)?;
        // A torn tail is removed before the first write.
        let file = (len == found).then_some(file);
        Ok((Self { file, ..Self::of(at, Some(len), found, false) }, lines))
    }

    fn of(at: &OwnFile, len: Option<u64>, found: u64, marks: bool) -> Self {
        let last = len.unwrap_or(0);
        let (is_shared, unmarked, file) = (false, false, None);
        Self { at: at.clone(), len, found, is_shared, last, marks, unmarked, file }
    }

    /// How many bytes of whole lines it holds.
    pub(crate) fn len(&self) -> u64 {
        self.len.unwrap_or(0)
    }

    /// Treats everything after `len` as never written; the next append truncates to it first.
    pub(crate) fn cut_to(&mut self, len: u64) {
        if len < self.len() {
            self.len = Some(len);
            self.last = len;
            self.unmarked = false;
            self.file = None;
        }
    }

    /// Appends `lines`, each ended by a newline; with `durable` they outlast a power cut.
    ///
    /// # Errors
    /// [`WriteError`] tells whether the lines are certainly not there.
    pub(crate) fn append(&mut self, lines: &[u8], durable: bool) -> Written<()> {
        let start = self.len();
        let marked;
        let lines = if self.marks && self.unmarked && start > 0 {
            marked = [b"\n", lines].concat();
            &marked[..]
        } else {
            lines
        };
        if let Err(source) = self.try_append(lines, durable) {
            // Cut to whole lines again, or the next line would be appended to half a line.
            let is_unchanged = match self.file.take() {
                None => true, // it was never opened
                Some(_) if self.is_shared => false,
                Some(file) => file.set_len(start).inspect(|()| self.found = start).is_ok(),
            };
            let error = Error::write_file("write to", &self.at, &source);
            return Err(WriteError { is_unchanged, error });
        }
        self.last = start;
        self.found = start + lines.len() as u64;
        self.len = Some(self.found);
        self.unmarked = durable;
        Ok(())
    }

    /// Finds out whether another process has written to it since: some file systems lock nothing.
    ///
    /// # Errors
    /// [`Error::write_file`] if so; then nothing of it is taken away any more.
    pub(crate) fn check_alone(&mut self) -> Result<()> {
        if let Some(file) = &self.file {
            self.is_shared |= !file.metadata().is_ok_and(|found| found.len() == self.found);
        }
        self.refuse_shared().map_err(|source| Error::write_file("write to", &self.at, &source))
    }

    fn refuse_shared(&self) -> io::Result<()> {
        let why = "another run writes to it at the same time: its file system does not lock";
        if self.is_shared { Err(io::Error::other(why)) } else { Ok(()) }
    }

    fn try_append(&mut self, lines: &[u8], durable: bool) -> io::Result<()> {
        let start = self.len();
        if self.file.is_none() {
            let (file, len) =
                open_own(&self.at, OFlags::WRONLY | OFlags::APPEND, self.len.is_none())?;
            self.is_shared |= len != self.found;
            self.refuse_shared()?;
            // A torn tail is removed before the first write.
            if len != start {
                file.set_len(start)?;
            }
            self.file = Some(file);
            // Also for lines that may be lost: later ones that may not come to a file that is there.
            if start == 0 {
                self.at.place()?.folder().sync()?;
            }
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.write_all(lines)?;
        if durable {
            file.sync_data()?;
        }
        Ok(())
    }

    /// Undoes the last append, durably. Needs no space on the disk.
    ///
    /// # Errors
    /// [`Error::write_file`].
    pub(crate) fn retract(&mut self) -> Result<()> {
        let cut = || -> io::Result<()> {
            self.refuse_shared()?;
            let (file, _) = open_own(&self.at, OFlags::WRONLY, false)?;
            file.set_len(self.last)?;
            file.sync_data()
        };
        cut().map_err(|source| Error::write_file("shorten", &self.at, &source))?;
        (self.len, self.found) = (Some(self.last), self.last);
        self.unmarked = true;
        Ok(())
    }

    /// Removes the file: nothing is pending.
    ///
    /// # Errors
    /// [`Error::write_file`]; a missing file is not an error.
    pub(crate) fn remove(&mut self) -> Result<()> {
        self.file = None;
        if self.is_shared {
            return Ok(());
        }
        if self.len.is_some() {
            let removed = self.at.place().and_then(|place| place.remove());
            removed.map_err(|source| Error::write_file("remove", &self.at, &source))?;
        }
        (self.len, self.found, self.last) = (None, 0, 0);
        self.unmarked = false;
        Ok(())
    }

    /// Replaces all its lines in one durable step.
    ///
    /// # Errors
    /// [`Error::write_file`]; either the old or the new lines are complete.
    pub(crate) fn rewrite(&mut self, lines: &[u8]) -> Result<()> {
        self.file = None;
        if self.is_shared {
            return Ok(());
        }
        let mark: &[u8] = if self.marks { b"\n" } else { b"" };
        replace(&self.at, &[lines, mark].concat(), Expected::Anything)?;
        self.found = (lines.len() + mark.len()) as u64;
        (self.len, self.last) = (Some(self.found), self.found);
        self.unmarked = false;
        Ok(())
    }
}

/// What a run is likely to add to what it has read: it is not copied for that.
const ROOM: usize = 4 << 10;

/// Where the last whole line of a file of that length ends, and the whole lines in its last `most` bytes.
fn whole_lines(file: &File, len: u64, most: u64) -> io::Result<(u64, Vec<u8>)> {
    let before = len.saturating_sub(most);
    let most_bytes = usize::try_from(len - before).unwrap_or(0);
    let mut bytes = vec![0; most_bytes + ROOM];
    bytes.truncate(most_bytes);
    file.read_exact_at(&mut bytes, before)?;
    let Some(last) = bytes.iter().rposition(|b| *b == b'\n') else {
        return if before == 0 { Ok((0, Vec::new())) } else { whole_lines(file, len, most * 64) };
    };
    bytes.truncate(last + 1);
    let end = before + bytes.len() as u64;
    if before > 0 {
        let first = bytes.iter().position(|b| *b == b'\n').unwrap_or(last);
        bytes.drain(..=first);
    }
    Ok((end, bytes))
}

#[cfg(test)]
mod tests;
