//! Which files cannot be targets, and which two targets are one.

use std::fs::FileType;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::store::FileId;

/// How a file holds the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// It and a newline are all there is.
    Bare,
    /// In the line of this variable of an env file.
    Env(String),
    /// Wherever the token before it stands.
    Replace,
}

/// What a file is to hold; found out to see whether two options write over each other.
pub(super) struct Claim {
    pub(super) file: FileId,
    pub(super) layout: Layout,
}

impl Claim {
    /// Several lines of one env file are no collision, and no token replaces another one's.
    pub(super) fn collides(&self, other: &Self) -> bool {
        let is_apart = match (&self.layout, &other.layout) {
            (Layout::Bare, _) | (_, Layout::Bare) => false,
            (Layout::Env(variable), Layout::Env(other)) => variable != other,
            _ => true,
        };
        self.file.is_same(&other.file) && !is_apart
    }
}

pub(super) fn is_of_the_system(path: &Path) -> bool {
    ["/dev", "/proc"].iter().any(|dir| path.starts_with(dir))
}

pub(super) fn kind_of(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a folder"
    } else if file_type.is_fifo() {
        "a pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
