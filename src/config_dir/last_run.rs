//! When a refresh last ran, and when each workspace last had one that went well: for monitoring.
//! Lost or damaged, nothing but that is lost.

use std::path::Path;

use crate::config::Paths;
use crate::context::Clock;
use crate::json::Json;
use crate::store;
use crate::time::Timestamp;

/// The last run, and the workspaces' last good ones.
#[derive(Debug, Clone)]
pub(crate) struct LastRun {
    pub(crate) at: Timestamp,
    pub(crate) exit_code: u8,
    /// By the workspace's UUID.
    succeeded: Json,
}

impl LastRun {
    /// What the file says; `None` if there is none that can be read.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        let json: Json = serde_json::from_slice(&store::read(path).ok()??.bytes).ok()?;
        let exit_code = json["exit_code"].as_whole().and_then(|code| u8::try_from(code).ok())?;
        let at = Timestamp::from_millis(json["at"].as_whole()?);
        Some(Self { at, exit_code, succeeded: json["succeeded"].clone() })
    }

    /// When a run last left nothing to do for the workspace.
    pub(crate) fn succeeded_at(&self, workspace_id: &str) -> Option<Timestamp> {
        self.succeeded.get(workspace_id)?.as_whole().map(Timestamp::from_millis)
    }

    /// Writes what a run came to, unless another one is at work, which will do so itself.
    pub(crate) fn note(paths: &Paths, clock: &dyn Clock, exit_code: u8, succeeded: &[String]) {
        if !paths.lock.exists() {
            return; // there is no folder to speak of
        }
        let Ok(_lock) = store::lock(&paths.lock, std::time::Duration::ZERO, clock, &mut || {})
        else {
            return;
        };
        let before = Self::load(&paths.last_run).map(|last| last.succeeded);
        let mut by_id = before.filter(|json| matches!(json, Json::Object(_)));
        let by_id = by_id.get_or_insert_with(Json::object);
        let now = clock.now();
        for id in succeeded {
            by_id.set(id, now.millis().into());
        }
        let json = Json::of([
            ("version", 1.into()),
            ("at", now.millis().into()),
            ("exit_code", i64::from(exit_code).into()),
            ("succeeded", by_id.clone()),
        ]);
        if let Ok(bytes) = serde_json::to_vec(&json) {
            let _ = store::publish(&paths.last_run, &bytes, store::PRIVATE);
        }
    }
}
