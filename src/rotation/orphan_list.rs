//! The live tokens that nothing here holds, as the journal lists them.

use std::collections::BTreeMap;

use super::journal::{About, Orphan, TokenId};

/// Live tokens that nothing here holds, in the order in which they were found; looked up by their ids,
/// since a server may list very many.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orphans {
    /// Nothing stands where one was removed.
    all: Vec<Option<Orphan>>,
    by_id: BTreeMap<String, Vec<usize>>,
}

impl Orphans {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Orphan> {
        self.all.iter().flatten()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(super) fn with_id(&self, jti: &str) -> impl Iterator<Item = &Orphan> {
        self.by_id.get(jti).into_iter().flatten().filter_map(|n| self.all[*n].as_ref())
    }

    pub(super) fn add(&mut self, orphan: Orphan) {
        self.remove(&orphan.workspace.token(&orphan.jti));
        self.by_id.entry(orphan.jti.clone()).or_default().push(self.all.len());
        self.all.push(Some(orphan));
    }

    pub(super) fn remove(&mut self, about: &About<TokenId>) {
        for n in self.by_id.get(&about.what.jti).into_iter().flatten() {
            self.all[*n].take_if(|orphan| orphan.workspace.is_of(about));
        }
    }

    pub(super) fn retain(&mut self, is_left: impl Fn(&Orphan) -> bool) {
        for place in &mut self.all {
            place.take_if(|orphan| !is_left(orphan));
        }
    }
}
