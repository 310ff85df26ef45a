//! When a refresh last ran, and when each workspace last had one that went well: for monitoring.
//! Lost or damaged, nothing but that is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Paths;
use crate::context::Clock;
use crate::store::{self, OwnFile};
use crate::time::Timestamp;

const VERSION: u32 = 1;

/// The last run, and the workspaces' last good ones.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct LastRun {
    #[serde(default)]
    version: u32,
    pub(crate) at: Timestamp,
    pub(crate) exit_code: u8,
    /// By the workspace's UUID.
    #[serde(default)]
    succeeded: BTreeMap<String, Timestamp>,
    /// When the server last knew a workspace's token, by the workspace's UUID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    looked: BTreeMap<String, Timestamp>,
}

impl LastRun {
    /// What the file says; `None` if there is none that can be read.
    pub(crate) fn load(at: &OwnFile) -> Option<Self> {
        serde_json::from_slice(&store::read(at).ok()??.bytes).ok()
    }

    /// For people.
    pub(crate) fn said(&self) -> String {
        format!("the last refresh ended {} with exit code {}", self.at, self.exit_code)
    }

    /// When a run last left nothing to do for the workspace.
    pub(crate) fn succeeded_at(&self, workspace_id: &str) -> Option<Timestamp> {
        self.succeeded.get(workspace_id).copied()
    }

    /// When the server last said that it knows the workspace's token.
    pub(crate) fn looked_at(&self, workspace_id: &str) -> Option<Timestamp> {
        self.looked.get(workspace_id).copied()
    }

    /// Writes that the server knows the tokens of these workspaces; the caller holds the lock.
    pub(crate) fn note_looks(paths: &Paths, now: Timestamp, ids: &[String]) {
        if !ids.is_empty() {
            Self::change(paths, now, |last| {
                last.looked.extend(ids.iter().map(|id| (id.clone(), now)));
            });
        }
    }

    /// Writes what a run came to, unless another one is at work, which will do so itself.
    pub(crate) fn note(paths: &Paths, clock: &dyn Clock, exit_code: u8, ids: &[String]) {
        let Ok(_lock) = store::lock(&paths.lock, Duration::ZERO, clock, &mut || {}) else {
            return;
        };
        let at = clock.now();
        Self::change(paths, at, |last| {
            (last.at, last.exit_code) = (at, exit_code);
            last.succeeded.extend(ids.iter().map(|id| (id.clone(), at)));
        });
    }

    /// A file that is replaced costs the disk more than all else that a run writes without waiting for it.
    fn change(paths: &Paths, now: Timestamp, change: impl FnOnce(&mut Self)) {
        let found = store::read_to_change(&paths.last_run);
        // One that cannot be written over may be replaced.
        let found = found.or_else(|_| store::read(&paths.last_run)).ok().flatten();
        let known = found.as_ref().and_then(|found| serde_json::from_slice(&found.bytes).ok());
        let mut last = known.unwrap_or_else(|| Self { at: now, ..Self::default() });
        last.version = VERSION;
        change(&mut last);
        let Ok(bytes) = serde_json::to_vec(&last) else {
            return;
        };
        if !found.is_some_and(|found| found.change_digits(&bytes)) {
            let place = paths.last_run.place();
            let _ = place.map(|place| store::replace_unsynced(&place, &bytes, store::PRIVATE));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    use super::*;
    use crate::context::Env;

    /// Only digits are written over: whatever part of them a power cut leaves can be read.
    #[test]
    fn the_file_is_written_over_only_where_any_part_of_it_would_do() {
        let dir = std::env::temp_dir().join(format!("ntcli-last-run-{}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
        let env = Env::new([("NTCLI_CONFIG_DIR".into(), dir.clone().into())]);
        let paths = Paths::find(&env).unwrap();
        let note = |at: i64, id: &str| {
            let at = Timestamp::from_millis(at);
            LastRun::change(&paths, at, |last| {
                last.at = at;
                last.succeeded = BTreeMap::from([(id.to_owned(), at)]);
            });
            let last = LastRun::load(&paths.last_run).unwrap();
            assert_eq!((last.at, last.succeeded_at(id)), (at, Some(at)));
            fs::metadata(&*paths.last_run).unwrap().ino()
        };
        let first = note(1_796_067_642_180, "a1");
        assert_eq!(note(1_796_153_999_003, "a1"), first);
        assert_eq!(note(1_796_153_999_004, "a2"), first);
        let other_letter = note(1_796_153_999_005, "b2");
        assert_ne!(other_letter, first);
        let longer = note(11_796_153_999_006, "b2");
        assert_ne!(longer, other_letter);
        fs::write(&*paths.last_run, "{\"vers").unwrap();
        note(1_796_153_999_007, "b2");
        fs::remove_dir_all(dir).unwrap();
    }
}
