//! Append-only files of lines.

use std::fs::File;
use std::io::{self, Write};

use rustix::fs::OFlags;

use super::owner::{length, open_own, open_to_read};
use super::replace::replace;
use super::{Contents, Located, OwnFile, read, read_end, unreadable};
use crate::error::{Error, Result};

/// More than a line of any log is likely to take.
const END: u64 = 4096;

/// Why lines could not be appended.
#[derive(Debug)]
pub(crate) struct AppendError {
    /// The log is unchanged. Otherwise its state is unknown.
    pub taken_back: bool,
    pub error: Error,
}

impl From<AppendError> for Error {
    fn from(failed: AppendError) -> Self {
        failed.error
    }
}

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
    /// Where the last line began.
    last: u64,
    /// Whether empty lines are written.
    marks: bool,
    /// Everything up to `len` is durable, and no empty line says so yet.
    unmarked: bool,
    file: Option<File>,
}

impl Log {
    /// Reads the log at `path`; no file is an empty log. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::read_file`].
    pub(crate) fn open(at: &OwnFile) -> Result<(Self, Vec<u8>)> {
        let (bytes, len) = match read(at)? {
            None => (Vec::new(), None),
            Some(Contents { mut bytes, .. }) => {
                bytes.truncate(bytes.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1));
                let len = bytes.len() as u64;
                (bytes, Some(len))
            }
        };
        Ok((Self::of(at, len, true), bytes))
    }

    /// The whole lines in the last `most` bytes of the log at `at`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn end_of(at: &OwnFile, most: u64) -> Result<Vec<u8>> {
        let fail = |source: io::Error| unreadable(at.path(), &source);
        let Some((file, found)) = open_to_read(at).map_err(fail)? else {
            return Ok(Vec::new());
        };
        let (before, mut bytes) = read_end(&file, length(&found), most).map_err(fail)?;
        if before > 0 {
            let first = bytes.iter().position(|b| *b == b'\n');
            bytes.drain(..first.map_or(bytes.len(), |n| n + 1));
        }
        Ok(bytes)
    }

    /// The log at `path` for appending only: no more than its end is read.
    ///
    /// # Errors
    /// [`Error::read_file`].
    pub(crate) fn open_end(at: &OwnFile) -> Result<Self> {
        let fail = |source: io::Error| unreadable(at.path(), &source);
        let opened = match at.open(OFlags::RDWR | OFlags::APPEND) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            opened => opened.map_err(fail)?,
        };
        let Some((file, found)) = opened else {
            return Ok(Self::of(at, None, false));
        };
        let (before, bytes) = read_end(&file, length(&found), END).map_err(fail)?;
        let len = match bytes.iter().rposition(|b| *b == b'\n') {
            Some(n) => Some(before + n as u64 + 1),
            None if before == 0 => Some(0),
            None => Self::open(at)?.0.len,
        };
        // A torn tail is removed before the first write.
        let file = (len == Some(length(&found))).then_some(file);
        Ok(Self { file, ..Self::of(at, len, false) })
    }

    fn of(at: &OwnFile, len: Option<u64>, marks: bool) -> Self {
        Self { at: at.clone(), len, last: len.unwrap_or(0), marks, unmarked: false, file: None }
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
    /// [`AppendError`] tells whether the lines are certainly not there.
    pub(crate) fn append(
        &mut self,
        lines: &[u8],
        durable: bool,
    ) -> std::result::Result<(), AppendError> {
        let start = self.len();
        let marked = [b"\n", lines].concat();
        let lines = if self.marks && self.unmarked && start > 0 { &marked } else { lines };
        if let Err(source) = self.try_append(lines, durable) {
            // Cut to whole lines again, or the next line would be appended to half a line.
            let taken_back = match self.file.take() {
                None => true, // it was never opened
                Some(file) => file.set_len(start).is_ok(),
            };
            let error = Error::write_file("write to", &self.at, &source);
            return Err(AppendError { taken_back, error });
        }
        self.last = start;
        self.len = Some(start + lines.len() as u64);
        self.unmarked = durable;
        Ok(())
    }

    fn try_append(&mut self, lines: &[u8], durable: bool) -> io::Result<()> {
        let start = self.len();
        if self.file.is_none() {
            let (file, len) = open_own(&self.at, OFlags::WRONLY | OFlags::APPEND)?;
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
            let (file, _) = open_own(&self.at, OFlags::WRONLY)?;
            file.set_len(self.last)?;
            file.sync_data()
        };
        cut().map_err(|source| Error::write_file("shorten", &self.at, &source))?;
        self.len = Some(self.last);
        self.unmarked = true;
        Ok(())
    }

    /// Removes the file: nothing is pending.
    ///
    /// # Errors
    /// [`Error::write_file`]; a missing file is not an error.
    pub(crate) fn remove(&mut self) -> Result<()> {
        self.file = None;
        if self.len.is_some() {
            let removed = self.at.place().and_then(|place| place.remove());
            removed.map_err(|source| Error::write_file("remove", &self.at, &source))?;
        }
        self.len = None;
        self.last = 0;
        self.unmarked = false;
        Ok(())
    }

    /// Replaces all its lines in one durable step.
    ///
    /// # Errors
    /// [`Error::write_file`]; either the old or the new lines are complete.
    pub(crate) fn rewrite(&mut self, lines: &[u8]) -> Result<()> {
        self.file = None;
        let mark: &[u8] = if self.marks { b"\n" } else { b"" };
        replace(&self.at, &[lines, mark].concat())?;
        self.len = Some((lines.len() + mark.len()) as u64);
        self.last = self.len();
        self.unmarked = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn temporary(name: &str) -> OwnFile {
        let name = format!("ntcli-{name}-{}", std::process::id());
        let [file] = OwnFile::in_folder(&std::env::temp_dir(), [&name]);
        file
    }

    #[test]
    fn an_empty_line_follows_what_is_durable() {
        let path = temporary("log-marks");
        let text = || fs::read_to_string(&*path).unwrap();
        let mut log = Log::open(&path).unwrap().0;
        log.append(b"a\n", true).unwrap();
        assert_eq!(text(), "a\n");
        log.append(b"b\n", false).unwrap();
        assert_eq!(text(), "a\n\nb\n");
        log.append(b"c\n", true).unwrap();
        assert_eq!(text(), "a\n\nb\nc\n");
        log.append(b"d\n", true).unwrap();
        assert_eq!(text(), "a\n\nb\nc\n\nd\n");
        // What was taken back takes its mark along, and the next append writes it again.
        log.retract().unwrap();
        assert_eq!(text(), "a\n\nb\nc\n");
        log.append(b"e\n", false).unwrap();
        assert_eq!(text(), "a\n\nb\nc\n\ne\n");
        // It is unknown what an earlier run has synced.
        let mut log = Log::open(&path).unwrap().0;
        log.append(b"f\n", false).unwrap();
        assert!(text().ends_with("\n\ne\nf\n"));
        log.rewrite(b"g\n").unwrap();
        log.append(b"h\n", true).unwrap();
        assert_eq!(text(), "g\n\nh\n");
        // Only the end of a history is read, and it has none.
        let mut end = Log::open_end(&path).unwrap();
        end.append(b"x\n", true).unwrap();
        end.append(b"y\n", true).unwrap();
        assert_eq!(text(), "g\n\nh\nx\ny\n");
        log.remove().unwrap();
        log.append(b"i\n", true).unwrap();
        log.retract().unwrap();
        log.append(b"j\n", true).unwrap();
        assert_eq!(text(), "j\n");
        fs::remove_file(&*path).unwrap();
    }

    #[test]
    fn what_was_cut_is_gone_with_the_next_append() {
        let path = temporary("log-cut");
        fs::write(&*path, "a\n\0\0\nb\n").unwrap();
        let (mut log, bytes) = Log::open(&path).unwrap();
        assert_eq!(bytes, b"a\n\0\0\nb\n");
        log.cut_to(2);
        assert_eq!(log.len(), 2);
        assert_eq!(fs::read(&*path).unwrap(), bytes);
        log.append(b"c\n", true).unwrap();
        assert_eq!(fs::read(&*path).unwrap(), b"a\nc\n");
        log.append(b"d\n", true).unwrap();
        log.cut_to(4);
        log.cut_to(9);
        log.append(b"e\n", false).unwrap();
        assert_eq!(fs::read(&*path).unwrap(), b"a\nc\ne\n");
        log.cut_to(0);
        log.append(b"f\n", false).unwrap();
        assert_eq!(fs::read(&*path).unwrap(), b"f\n");
        fs::remove_file(&*path).unwrap();
    }

    #[test]
    fn the_end_alone_tells_where_the_whole_lines_end() {
        let path = temporary("log-end");
        assert_eq!(Log::open_end(&path).unwrap().len, None);
        let line = [&[b'x'; 99][..], b"\n"].concat();
        let torn = vec![b'x'; 3 * 4096];
        for (lines, tail, expected) in [
            (0, &b""[..], 0),
            (0, b"torn", 0),
            (1, b"", 100),
            (1, b"torn", 100),
            (100, b"", 10_000),
            (100, b"torn", 10_000),
            (100, &torn, 10_000),
            (0, &torn, 0),
        ] {
            fs::write(&*path, [&line.repeat(lines), tail].concat()).unwrap();
            let log = Log::open_end(&path).unwrap();
            assert_eq!(log.len, Some(expected));
            assert_eq!(Log::open(&path).unwrap().0.len, log.len);
        }
        fs::remove_file(&*path).unwrap();
    }
}
