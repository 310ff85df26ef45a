//! Writing over a file whose inode must stay: one that is mounted by itself, or watched by its inode. For
//! a reader that is not one step. What is being written is kept in our own folder until it is there, so
//! that the next run finishes what a killed one began.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::foreign::ForeignFile;
use super::own::OwnFile;
use super::place::{Place, Seen};
use super::replace::{Expected, failed, replace};
use super::{READ_LIMIT, Written, read, read_all};

/// A file that is being written over: a line of JSON, what was there, what is to be there.
#[derive(Serialize, Deserialize)]
struct Unfinished {
    path: PathBuf,
    file: (u64, u64),
    /// How much was there.
    before: usize,
}

impl ForeignFile {
    /// Writes `bytes` over it, durably: all but the contents stays. Returns `false`, and changes
    /// nothing, if it is no longer what was read. `unfinished` is our own.
    ///
    /// # Errors
    /// [`Written`]; the next run goes on if even what was there could not be put back.
    pub(super) fn overwrite(&self, bytes: &[u8], unfinished: &OwnFile) -> Written<bool> {
        let path = self.place.path();
        let fail = |source: io::Error| failed(&path, true, &source);
        // An earlier one that cannot be finished is not forgotten over this one.
        finish_overwriting(unfinished).map_err(fail)?;
        let opened = self.place.open(OFlags::RDWR).map_err(fail)?;
        let opened = opened.map(|(file, found)| (file, Seen::of(&found)));
        let Some((file, seen)) = opened.filter(|(_, seen)| self.seen == Some(*seen)) else {
            return Ok(false);
        };
        if bytes == self.bytes {
            return Ok(true);
        }
        let entry = Unfinished { path: path.clone(), file: seen.file, before: self.bytes.len() };
        let mut kept = serde_json::to_vec(&entry).map_err(|e| fail(e.into()))?;
        kept.push(b'\n');
        kept.extend([&self.bytes[..], bytes].concat());
        if kept.len() as u64 > READ_LIMIT {
            return Err(fail(io::Error::other("it is too large to be written in place")));
        }
        replace(unfinished, &kept, Expected::Anything)?;
        let written = write_over(&file, bytes);
        if written.is_ok() || write_over(&file, &self.bytes).is_ok() {
            unfinished.place().and_then(|place| place.remove()).map_err(fail)?;
        }
        written.map(|()| true).map_err(fail)
    }
}

fn write_over(file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

/// Finishes what a killed run was writing over, unless another program has written the file since.
///
/// # Errors
/// Why the file cannot be written.
pub(crate) fn finish_overwriting(unfinished: &OwnFile) -> io::Result<()> {
    let Ok(Some(kept)) = read(unfinished) else {
        return Ok(());
    };
    let line = kept.bytes.iter().position(|b| *b == b'\n').unwrap_or(0);
    let (line, texts) = kept.bytes.split_at(line);
    if let Ok(entry) = serde_json::from_slice::<Unfinished>(line) {
        let (before, after) = texts[1..].split_at_checked(entry.before).unwrap_or_default();
        match finish(&entry, before, after) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                let path = entry.path.display();
                return Err(io::Error::other(format!("{path} is half written: {e}")));
            }
            _ => {}
        }
    }
    unfinished.place()?.remove()
}

fn finish(entry: &Unfinished, before: &[u8], after: &[u8]) -> io::Result<()> {
    let Some((file, found)) = Place::find(&entry.path)?.open(OFlags::RDWR)? else {
        return Ok(());
    };
    if Seen::of(&found).file == entry.file && is_between(&read_all(&file, &found)?, before, after) {
        write_over(&file, after)?;
    }
    Ok(())
}

/// Whether these may be the remains of writing `after` over `before`; after a power cut a part may be
/// empty.
fn is_between(now: &[u8], before: &[u8], after: &[u8]) -> bool {
    let fits =
        |(n, b): (usize, &u8)| *b == 0 || [before, after].iter().any(|t| t.get(n) == Some(b));
    now != after && now.len() <= before.len().max(after.len()) && now.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_left_half_written_is_finished() {
        let (before, after) = (b"A=long-value\nB=1\n", b"A=short\nB=1\n");
        for n in 0..after.len() {
            let now = [&after[..n], &before[n..]].concat();
            assert!(is_between(&now, before, after), "{n}");
        }
        assert!(is_between(&[&after[..], &before[after.len()..]].concat(), before, after));
        assert!(is_between(b"A=long\0\0\0\0\0\0\n", before, after));
        for other in [&after[..], b"A=long-value\nB=2\n", b"A=long-value\nB=1\nC=1\n", b"B=1\n"] {
            assert!(!is_between(other, before, after));
        }
    }
}
