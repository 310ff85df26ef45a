//! A file of another program, as it was found.

use std::fs::File;
use std::io;

use rustix::fs::{IFlags, OFlags, Stat, ioctl_getflags};

use super::FileId;
use super::Written;
use super::new_file::NewFile;
use super::own::OwnFile;
use super::owner::is_trusted;
use super::place::{Place, Seen};
use super::replace::{Becoming, Expected, Temporary, failed, probe, replace_at};
use crate::error::{Error, Result};
use crate::text::shell_word;

/// Another program's file as it was found, and the place where it is.
#[derive(Debug)]
pub(crate) struct ForeignFile {
    pub(super) place: Place,
    file: Option<File>,
    pub(super) seen: Option<Seen>,
    /// Its contents; nothing where there is no file.
    pub(crate) bytes: Vec<u8>,
}

impl ForeignFile {
    /// Reads what is at `place`.
    ///
    /// # Errors
    /// If it is there and is no regular file, cannot be read, or is implausibly large.
    pub(crate) fn read(place: &Place) -> io::Result<Self> {
        if place.folder().is_of_ours(&place.name) {
            return Err(io::Error::other("it is one of ntcli's own files"));
        }
        let (file, seen, bytes) = match place.open(OFlags::RDONLY)? {
            None => (None, None, Vec::new()),
            Some((file, found)) => {
                refuse_planted(place, &found)?;
                let bytes = super::read_all(&file, &found)?;
                (Some(file), Some(Seen::of(&found)), bytes)
            }
        };
        Ok(Self { place: place.clone(), file, seen, bytes })
    }

    /// What it is known by.
    pub(crate) fn ids(&self) -> Vec<FileId> {
        self.place.ids(self.seen.map(|seen| seen.file))
    }

    /// Its contents, if there is a file.
    pub(crate) fn before(&self) -> Option<&[u8]> {
        self.file.as_ref().map(|_| &self.bytes[..])
    }

    /// Whether it may not be replaced even by root.
    fn is_immutable(&self) -> bool {
        let flags = self.file.as_ref().and_then(|file| ioctl_getflags(file).ok());
        flags.is_some_and(|flags| flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND))
    }

    fn becoming(&self, new: NewFile) -> Becoming<'_> {
        self.file.as_ref().map_or(Becoming::New(new), Becoming::Like)
    }

    /// Finds out whether it can be replaced, or written over where it must stay `in_place`.
    ///
    /// # Errors
    /// [`crate::error::Error::write_file`], [`crate::error::Error::cannot_use`].
    pub(crate) fn probe(&self, new: NewFile, in_place: bool) -> Result<()> {
        let path = self.place.path();
        if self.is_immutable() {
            let hint = format!("chattr -i -a {}", shell_word(&path.display().to_string()));
            return Err(Error::cannot_use(&path, "it is immutable (lsattr)", hint));
        }
        let probed = match &self.file {
            Some(_) if in_place => self.place.open(OFlags::RDWR).map(drop),
            _ => probe(&self.place, self.becoming(new)).and_then(Temporary::remove),
        };
        probed.map_err(|source| failed(&path, true, &source).error)
    }

    /// Puts `bytes` there, durably. It is replaced in one step for every reader, and everything but the
    /// contents is kept; one that must stay `in_place` is written over, and what is unfinished kept in this
    /// file of ours. One that is made becomes as `new` says. Returns `false`, and changes nothing, if it is no
    /// longer what was read.
    ///
    /// # Errors
    /// [`Written`] tells whether the old or the new contents are there.
    pub(crate) fn write(
        &self,
        bytes: &[u8],
        new: NewFile,
        in_place: Option<&OwnFile>,
    ) -> Written<bool> {
        match (&self.file, in_place) {
            (Some(_), Some(unfinished)) => self.overwrite(bytes, unfinished),
            _ => {
                replace_at(&self.place, None, Expected::Seen(self.seen), bytes, self.becoming(new))
            }
        }
    }
}

/// Where others can put a file, whoever put this one there may read what is written to it; and a hard
/// link may lead to a file that is not theirs to change.
fn refuse_planted(place: &Place, found: &Stat) -> io::Result<()> {
    let (folder, owner) = (place.folder().found(), found.st_uid);
    let is_open = folder.st_mode & 0o022 != 0;
    if found.st_nlink > 1 && (is_open || !is_trusted(folder.st_uid)) {
        let reason = "it has other hard links, and others can put one into its folder";
        return Err(io::Error::other(reason));
    }
    if !is_open || is_trusted(owner) || owner == folder.st_uid {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "another user (uid {owner}) has put it into a folder that others can write to"
    )))
}
