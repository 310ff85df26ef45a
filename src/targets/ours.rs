//! What our own folder tells about files and tokens.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::rotation::WorkspaceRef;
use crate::store::OwnFile;
use crate::token::mark_of;

/// The UUIDs of workspaces, with what tokens are known by that were theirs before.
type Earlier = BTreeSet<(String, String)>;

/// The files that are no targets, and the tokens that may be replaced.
pub(crate) struct Ours {
    files: Vec<PathBuf>,
    /// What is being written over a file that is not replaced.
    unfinished: OwnFile,
    earlier: Box<dyn Fn() -> Earlier>,
    known: OnceCell<Earlier>,
}

impl Ours {
    /// `earlier` is asked once, and only if a file holds what is neither the new token nor the old one.
    pub(crate) fn new(
        files: Vec<PathBuf>,
        unfinished: &OwnFile,
        earlier: impl Fn() -> Earlier + 'static,
    ) -> Self {
        let (earlier, unfinished) = (Box::new(earlier), unfinished.clone());
        Self { files, unfinished, earlier, known: OnceCell::new() }
    }

    pub(super) fn unfinished(&self) -> &OwnFile {
        &self.unfinished
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether the text is a token that was the workspace's before.
    pub(super) fn is_earlier(&self, workspace: &WorkspaceRef, text: &str) -> bool {
        let known = self.known.get_or_init(|| (self.earlier)());
        known.contains(&(workspace.id.clone(), mark_of(text)))
    }
}
