//! Which files cannot be targets, and which two targets are one.

use std::collections::BTreeMap;
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
    /// With the ids of the targets and the UUIDs of their workspaces; nothing where one has changed.
    all: Vec<Option<(u32, String, Claim)>>,
    /// The places in `all` by what a file is found by, and by the id of the target.
    places: BTreeMap<String, Vec<usize>>,
}

impl Claims {
    pub(super) fn set(&mut self, id: u32, workspace: &str, claim: Option<Claim>) {
        for place in self.places.remove(&id.to_string()).into_iter().flatten() {
            self.all[place] = None;
        }
        if let Some(claim) = claim {
            for name in names(&claim.file).into_iter().chain([id.to_string()]) {
                self.places.entry(name).or_default().push(self.all.len());
            }
            self.all.push(Some((id, workspace.to_owned(), claim)));
        }
    }

    /// Whether one of the others, by its id and its workspace, would write over it.
    pub(super) fn collide(&self, claim: &Claim, is_other: &dyn Fn(u32, &str) -> bool) -> bool {
        let names = names(&claim.file);
        let places = names.iter().filter_map(|name| self.places.get(name)).flatten();
        let mut others = places.filter_map(|place| self.all[*place].as_ref());
        others.any(|(id, workspace, it)| is_other(*id, workspace) && claim.collides(it))
    }
}

/// What a file is found by; no path without a slash is one.
fn names(file: &FileId) -> Vec<String> {
    let inode = file.inode.map(|(device, inode)| format!("{device}:{inode}"));
    inode.into_iter().chain([file.path.to_string_lossy().into_owned()]).collect()
}

pub(super) fn is_of_the_system(path: &Path) -> bool {
    ["/dev", "/proc"].iter().any(|dir| path.starts_with(dir))
}
