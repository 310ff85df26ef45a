//! What our own folder tells about files and tokens.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use crate::rotation::WorkspaceRef;
use crate::store::OwnFile;
use crate::token::mark_of;

/// The UUIDs of workspaces, with what tokens are known by that were theirs before.
type Earlier = BTreeSet<(String, String)>;

/// The folder whose files are no targets, and the tokens that may be replaced.
pub(crate) struct Ours {
    /// What is being written over a file that is not replaced.
    pub(super) unfinished: OwnFile,
    earlier: LazyCell<Earlier, Box<dyn FnOnce() -> Earlier>>,
}

impl Ours {
    /// `earlier` is asked once, and only if a file holds what is neither the new token nor the old one.
    pub(crate) fn new(unfinished: &OwnFile, earlier: impl FnOnce() -> Earlier + 'static) -> Self {
        let earlier: Box<dyn FnOnce() -> Earlier> = Box::new(earlier);
        Self { unfinished: unfinished.clone(), earlier: LazyCell::new(earlier) }
    }

    /// Whether the text is a token that was the workspace's before.
    pub(super) fn is_earlier(&self, workspace: &WorkspaceRef, text: &str) -> bool {
        self.earlier.contains(&(workspace.id.clone(), mark_of(text)))
    }
}
