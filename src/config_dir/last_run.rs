//! When a refresh last ran, and when each workspace last had one that went well: for monitoring.
//! Lost or damaged, nothing but that is lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Paths;
use crate::context::Clock;
use crate::store::{self, OwnFile};
use crate::time::Timestamp;

const VERSION: u32 = 1;

/// The last run, and the workspaces' last good ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LastRun {
    #[serde(default)]
    version: u32,
    pub(crate) at: Timestamp,
    pub(crate) exit_code: u8,
    /// By the workspace's UUID.
    #[serde(default)]
    succeeded: BTreeMap<String, Timestamp>,
}

impl LastRun {
    /// What the file says; `None` if there is none that can be read.
    pub(crate) fn load(at: &OwnFile) -> Option<Self> {
        serde_json::from_slice(&store::read(at).ok()??.bytes).ok()
    }

    /// When a run last left nothing to do for the workspace.
    pub(crate) fn succeeded_at(&self, workspace_id: &str) -> Option<Timestamp> {
        self.succeeded.get(workspace_id).copied()
    }

    /// Writes what a run came to, unless another one is at work, which will do so itself.
    pub(crate) fn note(paths: &Paths, clock: &dyn Clock, exit_code: u8, ids: &[String]) {
        if !paths.lock.exists() {
            return; // there is no folder to speak of
        }
        let Ok(_lock) = store::lock(&paths.lock, std::time::Duration::ZERO, clock, &mut || {})
        else {
            return;
        };
        let before = Self::load(&paths.last_run).map(|last| last.succeeded);
        let (at, mut succeeded) = (clock.now(), before.unwrap_or_default());
        succeeded.extend(ids.iter().map(|id| (id.clone(), at)));
        let last = Self { version: VERSION, at, exit_code, succeeded };
        if let Ok(bytes) = serde_json::to_vec(&last) {
            let _ = store::replace_unsynced(&paths.last_run, &bytes, store::PRIVATE);
        }
    }
}
