//! What must get a workspace's token, remembered with the workspace: used by every refresh of it.
//!
//! `targets.json` is ours alone; fields are only added, each with a default.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::store;

const VERSION: u32 = 1;
/// How long a command may take unless it is told, seconds.
pub(crate) const EXEC_TIMEOUT_S: u64 = 60;

/// A target that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// Never given to another one.
    pub(crate) id: u32,
    /// The workspace's UUID, and its name when the target was added.
    pub(crate) workspace_id: String,
    pub(crate) workspace: String,
    /// The file or the command, as [`crate::hooks::Receiver::name`] has it.
    #[serde(rename = "deliver_to")]
    pub(crate) name: String,
    /// How long a command may take, seconds.
    #[serde(default = "exec_timeout_s")]
    pub(crate) timeout_s: u64,
}

/// What a command is remembered by begins so; a file's name begins otherwise.
pub(crate) const EXEC: &str = "exec:";

impl Remembered {
    pub(crate) fn is_command(&self) -> bool {
        self.name.starts_with(EXEC)
    }
}

fn exec_timeout_s() -> u64 {
    EXEC_TIMEOUT_S
}

/// All of them, in the order in which they were added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Targets {
    version: u32,
    next_id: u32,
    #[serde(rename = "targets")]
    all: Vec<Remembered>,
}

impl Targets {
    /// # Errors
    /// [`Error::ReadFile`], [`Error::DamagedFile`].
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let Some(contents) = store::read(path)? else {
            return Ok(Self { version: VERSION, next_id: 1, all: Vec::new() });
        };
        let damaged = |place: String| Error::DamagedFile { path: path.to_owned(), place };
        let targets: Self = serde_json::from_slice(&contents.bytes).map_err(|e| {
            damaged(format!("line {}, column {}: not a list of targets", e.line(), e.column()))
        })?;
        if targets.version != VERSION {
            return Err(damaged("a later version of ntcli wrote it".to_owned()));
        }
        Ok(targets)
    }

    /// Writes them durably, in one step.
    ///
    /// # Errors
    /// [`Error::WriteFile`].
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::write_file("lay out", path, e.into()))?;
        bytes.push(b'\n');
        Ok(store::replace(path, &bytes)?)
    }

    pub(crate) fn all(&self) -> &[Remembered] {
        &self.all
    }

    /// The names of those of a workspace, which its UUID tells.
    pub(crate) fn names_of(&self, workspace_id: &str) -> Vec<String> {
        let those = self.all.iter().filter(|target| target.workspace_id == workspace_id);
        those.map(|target| target.name.clone()).collect()
    }

    /// Adds one and gives it an id, unless the workspace has it already; returns it, and whether it
    /// is new.
    pub(crate) fn add(&mut self, target: Remembered) -> (Remembered, bool) {
        let is_same = |other: &&mut Remembered| {
            other.workspace_id == target.workspace_id && other.name == target.name
        };
        if let Some(same) = self.all.iter_mut().find(is_same) {
            same.timeout_s = target.timeout_s;
            return (same.clone(), false);
        }
        let highest = self.all.iter().map(|other| other.id).max().unwrap_or(0);
        let id = self.next_id.max(highest.saturating_add(1));
        self.next_id = id.saturating_add(1);
        let target = Remembered { id, ..target };
        self.all.push(target.clone());
        (target, true)
    }

    /// Removes one; returns it.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Remembered> {
        let at = self.all.iter().position(|target| target.id == id)?;
        Some(self.all.remove(at))
    }

    /// Removes those of a workspace that is gone.
    pub(crate) fn remove_workspace(&mut self, workspace_id: &str) {
        self.all.retain(|target| target.workspace_id != workspace_id);
    }
}
