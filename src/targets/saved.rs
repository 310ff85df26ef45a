//! What must get a workspace's token, remembered with the workspace: used by every refresh of it.
//!
//! `targets.json` is ours alone; fields are only added, and those that are not known are kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::json::Json;
use crate::rotation::{Target, WorkspaceRef};
use crate::store::{self, Expected, OwnFile};

const VERSION: u32 = 1;
/// How long a command may take unless it is told, seconds.
pub(crate) const EXEC_TIMEOUT_S: u64 = 60;
/// What a command is remembered by begins so; a file's name begins otherwise.
pub(crate) const EXEC: &str = "exec:";

/// How the file of a target is written. What is not asked for is not in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FileOptions {
    /// Whatever the file holds may be lost.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) overwrite: bool,
    /// A file that is made ends without a newline.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) no_newline: bool,
    /// A file that is there is written over: its inode stays.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) in_place: bool,
    /// The mode of a file that is made, octal, and `USER[:GROUP]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
}

/// A target that is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedTarget {
    /// Never given to another one.
    pub(crate) id: u32,
    /// The workspace's UUID, and its name when the target was added.
    pub(crate) workspace_id: String,
    pub(crate) workspace: String,
    /// The file or the command, as [`crate::targets::Destination::name`] has it.
    #[serde(rename = "deliver_to")]
    pub(crate) name: String,
    /// How long a command may take, seconds.
    #[serde(default = "exec_timeout_s")]
    pub(crate) timeout_s: u64,
    #[serde(flatten)]
    pub(crate) options: FileOptions,
    /// Succeeds if the consumer behind a command holds the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<String>,
    /// What a later version wrote.
    #[serde(flatten)]
    pub(crate) other: BTreeMap<String, Json>,
}

fn exec_timeout_s() -> u64 {
    EXEC_TIMEOUT_S
}

impl SavedTarget {
    pub(crate) fn is_command(&self) -> bool {
        self.name.starts_with(EXEC)
    }

    pub(super) fn command(&self) -> &str {
        self.name.strip_prefix(EXEC).unwrap_or_default()
    }

    /// As a rotation sees it.
    pub(super) fn to_deliver(&self) -> Target {
        Target { name: self.name.clone(), is_command: self.is_command() }
    }

    /// The same for a workspace.
    pub(crate) fn of(&self, workspace: &WorkspaceRef) -> Self {
        let (workspace_id, workspace) = (workspace.id.clone(), workspace.name.clone());
        Self { workspace_id, workspace, ..self.clone() }
    }
}

/// All of them, in the order in which they were added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedTargets {
    version: u32,
    #[serde(default)]
    next_id: u32,
    #[serde(rename = "targets")]
    all: Vec<SavedTarget>,
    /// What a later version wrote.
    #[serde(flatten)]
    other: BTreeMap<String, Json>,
}

impl SavedTargets {
    /// # Errors
    /// If it cannot be read, or is damaged: a target that cannot be read is not left out, since its
    /// consumer would lose its token.
    pub(crate) fn load(path: &OwnFile) -> Result<Self> {
        let none =
            || Self { version: VERSION, next_id: 1, all: Vec::new(), other: BTreeMap::new() };
        let targets = store::read_json(path)?.unwrap_or_else(none);
        if targets.version != VERSION {
            return Err(Error::damaged_file(path, "another version of ntcli wrote it"));
        }
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for target in &targets.all {
            let is_new =
                ids.insert(target.id) && names.insert((&target.workspace_id, &target.name));
            // There is no id after the last one.
            if target.id == u32::MAX || !is_new {
                return Err(Error::damaged_file(
                    path,
                    &format!("target {} is there twice", target.id),
                ));
            }
        }
        Ok(targets)
    }

    /// Changes them and writes them durably, in one step.
    ///
    /// # Errors
    /// [`Error::write_file`]: all is as it was.
    pub(crate) fn change<T>(
        &mut self,
        path: &OwnFile,
        change: impl FnOnce(&mut Self) -> T,
    ) -> Result<T> {
        let mut changed = self.clone();
        let result = change(&mut changed);
        if changed != *self {
            store::replace_json(path, &changed, Expected::Anything)?;
            *self = changed;
        }
        Ok(result)
    }

    pub(crate) fn all(&self) -> &[SavedTarget] {
        &self.all
    }

    /// Those of a workspace, which its UUID tells, as a rotation sees them.
    pub(crate) fn to_deliver(&self, workspace_id: &str) -> Vec<Target> {
        let those = self.all.iter().filter(|target| target.workspace_id == workspace_id);
        those.map(SavedTarget::to_deliver).collect()
    }

    /// Adds one and gives it an id, unless the workspace has it already; returns it, and whether it
    /// is new.
    pub(crate) fn add(&mut self, target: SavedTarget) -> (SavedTarget, bool) {
        let is_same = |other: &&mut SavedTarget| {
            other.workspace_id == target.workspace_id && other.name == target.name
        };
        if let Some(same) = self.all.iter_mut().find(is_same) {
            same.timeout_s = target.timeout_s;
            same.options = target.options;
            same.check = target.check;
            return (same.clone(), false);
        }
        let highest = self.all.iter().map(|other| other.id).max().unwrap_or(0);
        let id = self.next_id.max(highest.saturating_add(1));
        self.next_id = id.saturating_add(1);
        let target = SavedTarget { id, ..target };
        self.all.push(target.clone());
        (target, true)
    }

    /// Removes one; returns it.
    pub(crate) fn remove(&mut self, id: u32) -> Option<SavedTarget> {
        let at = self.all.iter().position(|target| target.id == id)?;
        Some(self.all.remove(at))
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// Removes those of a workspace that is gone.
    pub(crate) fn remove_workspace(&mut self, workspace_id: &str) {
        self.all.retain(|target| target.workspace_id != workspace_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_version_wrote_is_kept() {
        let name = format!("ntcli-targets-{}", std::process::id());
        let [path] = OwnFile::in_folder(&std::env::temp_dir(), [&name]);
        let target =
            r#"{"id":2,"workspace_id":"u","workspace":"w","deliver_to":"/f","new":{"a":[1]}}"#;
        let text = format!(r#"{{"version":1,"policies":{{"u":30}},"targets":[{target}]}}"#);
        std::fs::write(&*path, text).unwrap();
        let mut targets = SavedTargets::load(&path).unwrap();
        assert_eq!(targets.all[0].timeout_s, EXEC_TIMEOUT_S);
        let another = SavedTarget { name: "/g".to_owned(), ..targets.all[0].clone() };
        targets.change(&path, |targets| targets.add(another)).unwrap();
        let written = std::fs::read(&*path).unwrap();
        let json: Json = serde_json::from_slice(&written).unwrap();
        assert_eq!(json["policies"]["u"].as_whole(), Some(30));
        assert_eq!(json["targets"].items()[0]["new"]["a"].items().len(), 1);
        assert_eq!(json["targets"].items()[1]["id"].as_whole(), Some(3));
        std::fs::remove_file(&*path).unwrap();
    }
}
