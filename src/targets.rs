//! What must get a workspace's token, remembered with the workspace: used by every refresh of it.
//!
//! `targets.json` is ours alone; fields are only added, and those that are not known are kept.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{Error, Result};
use crate::json::Json;
use crate::store;

const VERSION: i64 = 1;
/// How long a command may take unless it is told, seconds.
pub(crate) const EXEC_TIMEOUT_S: u64 = 60;
/// What a command is remembered by begins so; a file's name begins otherwise.
pub(crate) const EXEC: &str = "exec:";

/// A target that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Never given to another one.
    pub(crate) id: u32,
    /// The workspace's UUID, and its name when the target was added.
    pub(crate) workspace_id: String,
    pub(crate) workspace: String,
    /// The file or the command, as [`crate::hooks::Receiver::name`] has it.
    pub(crate) name: String,
    /// How long a command may take, seconds.
    pub(crate) timeout_s: u64,
}

impl Remembered {
    fn read(json: &Json) -> Option<Self> {
        let text = |name: &str| json.get(name)?.as_str().map(str::to_owned);
        let number = |name: &str| json.get(name)?.as_whole();
        let timeout_s = number("timeout_s").and_then(|secs| u64::try_from(secs).ok());
        Some(Self {
            id: u32::try_from(number("id")?).ok().filter(|id| *id < u32::MAX)?,
            workspace_id: text("workspace_id")?,
            workspace: text("workspace")?,
            name: text("deliver_to")?,
            timeout_s: timeout_s.unwrap_or(EXEC_TIMEOUT_S),
        })
    }

    fn json(&self) -> Json {
        Json::of([
            ("id", i64::from(self.id).into()),
            ("workspace_id", self.workspace_id.as_str().into()),
            ("workspace", self.workspace.as_str().into()),
            ("deliver_to", self.name.as_str().into()),
            ("timeout_s", self.timeout_s.cast_signed().into()),
        ])
    }

    pub(crate) fn is_command(&self) -> bool {
        self.name.starts_with(EXEC)
    }
}

/// All of them, in the order in which they were added.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    doc: Json,
    all: Vec<Remembered>,
}

impl Targets {
    /// # Errors
    /// [`Error::read_file`], [`Error::damaged_file`].
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let Some(contents) = store::read(path)? else {
            let doc = Json::of([("version", VERSION.into()), ("next_id", 1.into())]);
            return Ok(Self { doc, all: Vec::new() });
        };
        let damaged = |place: &str| Error::damaged_file(path, place);
        let doc: Json =
            serde_json::from_slice(&contents.bytes).map_err(|e| damaged(&e.to_string()))?;
        match doc["version"].as_whole() {
            Some(VERSION) if matches!(doc["targets"], Json::Array(_)) => {}
            Some(later) if later > VERSION => {
                return Err(damaged("a later version of ntcli wrote it"));
            }
            _ => return Err(damaged("it is no list of targets")),
        }
        let all = doc["targets"].items().iter().map(Remembered::read);
        let all = all.collect::<Option<Vec<Remembered>>>();
        // A target that cannot be read is not left out: its consumer would lose its token.
        let all = all.ok_or_else(|| damaged("a target in it lacks a field"))?;
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for target in &all {
            if !ids.insert(target.id) || !names.insert((&target.workspace_id, &target.name)) {
                return Err(damaged(&format!("target {} is there twice", target.id)));
            }
        }
        Ok(Self { doc, all })
    }

    /// Writes them durably, in one step.
    ///
    /// # Errors
    /// [`Error::write_file`].
    fn save(&mut self, path: &Path) -> Result<()> {
        let all = self.all.iter().map(|target| {
            let known = self.doc["targets"].items().iter();
            let mut known =
                known.filter(|json| Remembered::read(json).is_some_and(|t| t.id == target.id));
            let mut json = known.next().cloned().unwrap_or_else(Json::object);
            for (name, value) in target.json().fields() {
                json.set(name, value.clone());
            }
            json
        });
        let all = Json::Array(all.collect());
        self.doc.set("targets", all);
        let mut bytes = serde_json::to_vec_pretty(&self.doc)
            .map_err(|e| Error::write_file("lay out", path, &e.into()))?;
        bytes.push(b'\n');
        Ok(store::replace(path, &bytes)?)
    }

    /// Changes them and writes them durably, in one step.
    ///
    /// # Errors
    /// [`Error::write_file`]; what `change` fails with. The file is as it was.
    pub(crate) fn change<T>(
        &mut self,
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut changed = self.clone();
        let result = change(&mut changed)?;
        changed.save(path)?;
        *self = changed;
        Ok(result)
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
        let next = self.doc["next_id"].as_whole().and_then(|id| u32::try_from(id).ok());
        let highest = self.all.iter().map(|other| other.id).max().unwrap_or(0);
        let id = next.unwrap_or(1).max(highest.saturating_add(1));
        self.doc.set("next_id", i64::from(id.saturating_add(1)).into());
        let target = Remembered { id, ..target };
        self.all.push(target.clone());
        (target, true)
    }

    /// Removes one; returns it.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Remembered> {
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
