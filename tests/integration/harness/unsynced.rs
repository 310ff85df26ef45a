//! What a file that was not synced may contain.

use std::collections::BTreeSet;

const SECTOR: usize = 512;
const PAGE: usize = 4096;
/// Of more sectors than this not every combination is tried.
const MOST_UNITS: usize = 5;

/// A file, and what its last sync made sure of.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) synced: Vec<u8>,
    pub(crate) now: Vec<u8>,
    /// After each change since the last sync.
    steps: Vec<Vec<u8>>,
}

/// Which of `count` things are there, a bit for each: any, up to `most`.
pub(crate) fn choices(count: usize, most: usize) -> BTreeSet<u64> {
    let all = (1 << count) - 1;
    if count <= most {
        return (0..=all).collect();
    }
    // The first ones, the last ones, each alone, all but each.
    let each = (0..=count).map(|n| 1 << n);
    each.flat_map(|bit: u64| [bit - 1, all & !(bit - 1), all & bit, all & !bit]).collect()
}

impl Contents {
    pub(crate) fn synced(bytes: Vec<u8>) -> Self {
        Contents { synced: bytes.clone(), now: bytes, steps: Vec::new() }
    }

    pub(crate) fn changed(&mut self) {
        self.steps.push(self.now.clone());
    }

    pub(crate) fn sync(&mut self) {
        self.synced.clone_from(&self.now);
        self.steps.clear();
    }

    /// What may be there of the changes since the last sync.
    pub(crate) fn parts(&self) -> BTreeSet<Vec<u8>> {
        let mut parts: BTreeSet<_> = self.steps.iter().cloned().collect();
        let (old, new) = (&self.synced, &self.now);
        if parts.is_empty() {
            return parts;
        }
        // The length alone, over zeros or over what the disk held before.
        let mut holes = old.clone();
        holes.resize(new.len(), 0);
        let mut garbage = old.clone();
        garbage.resize(new.len(), 0xa5);
        parts.insert(garbage);
        for unit in [SECTOR, PAGE] {
            let changed = (0..new.len()).step_by(unit);
            let changed = changed.map(|start| start..new.len().min(start + unit));
            let changed: Vec<_> = changed.filter(|r| new[r.clone()] != holes[r.clone()]).collect();
            for kept in choices(changed.len(), MOST_UNITS) {
                let mut part = holes.clone();
                for (n, range) in changed.iter().enumerate() {
                    if kept & (1 << n) != 0 {
                        part[range.clone()].copy_from_slice(&new[range.clone()]);
                    }
                }
                parts.insert(part);
            }
        }
        // Shorter: at the end of a sector, within a line, without its last byte, with one too many.
        let ends = self.steps.iter().flat_map(|s| [s.len() - 1.min(s.len()), s.len() + 1]);
        let sectors = (0..new.len()).step_by(SECTOR);
        let middle = old.len().midpoint(new.len());
        for end in ends.chain(sectors).chain([middle]) {
            if (old.len()..new.len()).contains(&end) {
                parts.insert(new[..end].to_vec());
            }
        }
        parts
    }
}
