//! Which files cannot be targets, and which two targets are one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::FileType;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

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

/// What a file is to hold; found out to see whether two targets write over each other.
pub(super) struct Claim {
    pub(super) file: FileId,
    pub(super) layout: Layout,
}

impl Claim {
    /// Several lines of one env file are no collision, and no token replaces another one's.
    fn collides(&self, other: &Self) -> bool {
        let is_apart = match (&self.layout, &other.layout) {
            (Layout::Bare, _) | (_, Layout::Bare) => false,
            (Layout::Env(variable), Layout::Env(other)) => variable != other,
            _ => true,
        };
        self.file.is_same(&other.file) && !is_apart
    }
}

/// What all targets write where, found by the path of a file or by its inode: to compare each with all
/// others would take the square of their number.
#[derive(Default)]
pub(super) struct Claims {
    /// By the ids of the targets; with the UUIDs of their workspaces.
    all: BTreeMap<u32, (String, Claim)>,
    by_path: BTreeMap<PathBuf, BTreeSet<u32>>,
    by_inode: BTreeMap<(u64, u64), BTreeSet<u32>>,
}

impl Claims {
    pub(super) fn set(&mut self, id: u32, workspace: &str, claim: Option<Claim>) {
        if let Some((_, Claim { file, .. })) = self.all.remove(&id) {
            self.by_path.get_mut(file.path()).map(|ids| ids.remove(&id));
            file.inode().and_then(|inode| Some(self.by_inode.get_mut(&inode)?.remove(&id)));
        }
        if let Some(claim) = claim {
            self.by_path.entry(claim.file.path().to_owned()).or_default().insert(id);
            if let Some(inode) = claim.file.inode() {
                self.by_inode.entry(inode).or_default().insert(id);
            }
            self.all.insert(id, (workspace.to_owned(), claim));
        }
    }

    /// Whether one of the others, by its id and its workspace, would write over it.
    pub(super) fn collide(&self, claim: &Claim, is_other: &dyn Fn(u32, &str) -> bool) -> bool {
        let at_path = self.by_path.get(claim.file.path());
        let at_inode = claim.file.inode().and_then(|inode| self.by_inode.get(&inode));
        at_path.into_iter().chain(at_inode).flatten().any(|id| {
            let theirs = self.all.get(id);
            theirs.is_some_and(|(workspace, it)| is_other(*id, workspace) && claim.collides(it))
        })
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
