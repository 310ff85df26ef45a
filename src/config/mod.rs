//! The config file, which is shared with the existing client: its schema, and edits that keep
//! everything else it holds. The only user of `home`.

mod check;
#[cfg(test)]
mod fuzz;
mod naming;
mod session;
mod workspaces;

use std::cell::Cell;
use std::io;
use std::path::PathBuf;

use crate::context::{Clock, Env, LOCK_HOLDER};
use crate::error::{Error, Result};
use crate::json::Json;
use crate::store::{self, Contents, Expected, OWN_NAMES, OwnFile, Seen, Written};
pub(crate) use naming::{WorkspaceName, bare_id, pick};
pub(crate) use session::Session;
pub(crate) use workspaces::Workspace;

const DEFAULT_DOMAIN: &str = "nimbletools.ai";

/// The files of one config folder.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub dir: PathBuf,
    /// `config.json`, shared with the existing client.
    pub config: OwnFile,
    /// The lock of every run that changes something.
    pub lock: OwnFile,
    /// The journal of pending work.
    pub journal: OwnFile,
    /// The history of completed work.
    pub history: OwnFile,
    /// What must get the tokens.
    pub targets: OwnFile,
    /// What is wanted of the tokens.
    pub policies: OwnFile,
    /// How the last refresh ended.
    pub last_run: OwnFile,
    /// What is being written over another program's file.
    pub unfinished: OwnFile,
    /// As the run that waits for this one tells of its lock.
    pub lock_holder: Option<String>,
    /// `NTCLI_STATE_COMMAND`: what keeps the state for several machines.
    pub state_command: Option<String>,
}

impl Paths {
    /// `NTCLI_CONFIG_DIR`, or `.ntcli` in the home folder.
    ///
    /// # Errors
    /// [`Error::no_home`] if there is neither.
    pub(crate) fn find(env: &Env) -> Result<Self> {
        let dir = match env.os("NTCLI_CONFIG_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => home::home_dir()
                .filter(|home| !home.as_os_str().is_empty())
                .ok_or_else(Error::no_home)?
                .join(".ntcli"),
        };
        let [config, lock, journal, history, targets, policies, last_run, unfinished] =
            OwnFile::in_folder(&dir, OWN_NAMES);
        let lock_holder = env.text(LOCK_HOLDER);
        let state_command = env.text("NTCLI_STATE_COMMAND").filter(|command| !command.is_empty());
        Ok(Self {
            dir,
            config,
            lock,
            journal,
            history,
            targets,
            policies,
            last_run,
            unfinished,
            lock_holder,
            state_command,
        })
    }

    /// The files in the folder.
    pub(crate) fn files(&self) -> [PathBuf; 8] {
        OWN_NAMES.map(|name| self.dir.join(name))
    }
}

/// What happens to these files, for commands to report.
#[derive(Debug)]
pub(crate) enum Notice {
    /// Others could read the config file.
    Shared {
        path: PathBuf,
        /// Whether it is private now (mode 0600).
        made_private: io::Result<()>,
    },
    /// Others could write to the config folder; it was closed.
    Closed { path: PathBuf },
    /// Another run holds the lock.
    Waiting,
    /// What a killed run was writing could not be finished.
    Unfinished { reason: String },
    /// A line of the history could not be written.
    HistoryLineLost { reason: String },
    /// The engine of `NTCLI_STATE_COMMAND` has an older state than this folder.
    StateBehind { reason: String },
}

/// Closes the config folder if somebody else's tool has opened it.
pub(crate) fn close_folder(at: &OwnFile, on_notice: &dyn Fn(Notice)) {
    if store::close_folder(at) {
        on_notice(Notice::Closed { path: store::parent_of(at).to_owned() });
    }
}

/// How often a file is changed anew that another program writes meanwhile.
const TRIES: u32 = 3;

/// The config file, read whole and checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    at: OwnFile,
    doc: Json,
    /// The state of the file that says this; `None` if there is none, or it was changed since.
    seen: Option<Seen>,
    /// Where the last workspace was found.
    near: Cell<usize>,
}

impl Config {
    /// Reads and checks the file; without one every setting has its default. A file that others can
    /// read is made private if possible, and `on_notice` is told.
    ///
    /// # Errors
    /// [`Error::read_file`]; [`Error::cannot_use`]; [`Error::damaged_file`] with the place. The file is never changed then.
    pub(crate) fn load(at: &OwnFile, on_notice: &dyn Fn(Notice)) -> Result<Self> {
        close_folder(at, on_notice);
        let (config, contents) = Self::read(at)?;
        if let Some(contents) = contents.filter(Contents::is_shared) {
            let made_private = contents.make_private();
            on_notice(Notice::Shared { path: at.to_path_buf(), made_private });
        }
        Ok(config)
    }

    /// Reads and checks the file, and changes nothing.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn look(at: &OwnFile) -> Result<Self> {
        Self::read(at).map(|(config, _)| config)
    }

    fn read(at: &OwnFile) -> Result<(Self, Option<Contents>)> {
        store::check_readable(at)?;
        let contents = store::read(at)?;
        let parsed = contents.as_ref().map(|contents| Self::parse(at, contents));
        Ok((parsed.transpose()?.unwrap_or_else(|| Self::empty(at)), contents))
    }

    fn parse(at: &OwnFile, contents: &Contents) -> Result<Self> {
        let damaged = |place: String| Error::damaged_file(at, &place);
        let bytes = &contents.bytes;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(damaged("it is empty".to_owned()));
        }
        let doc: Json = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
        check::check(&doc).map_err(damaged)?;
        let (seen, near) = (Some(contents.seen()), Cell::default());
        Ok(Self { at: at.clone(), doc, seen, near })
    }

    /// One in which every setting has its default.
    pub(crate) fn empty(at: &OwnFile) -> Self {
        Self { at: at.clone(), doc: Json::of([]), seen: None, near: Cell::default() }
    }

    /// Writes the file durably and atomically, with the time. Returns `false`, and changes nothing, if
    /// the existing client, which knows no lock, has written it meanwhile. After some `tries` that is
    /// heeded no more: not every file system tells the same of a file twice.
    ///
    /// # Errors
    /// [`Written`] tells whether the new contents are in place.
    pub(crate) fn save(&mut self, clock: &dyn Clock, tries: u32) -> Written<bool> {
        if self.doc.get("version").is_none() {
            self.doc.set("version", Json::from("1.0.0"));
        }
        // The existing client looks into it unasked.
        let items = self.doc.entry("workspaces").entry("items");
        if *items == Json::Null {
            *items = Json::of([]);
        }
        self.doc.set("lastUpdated", Json::from(clock.now().to_iso_millis()));
        let heeds = tries < TRIES;
        let expected = if heeds { Expected::Seen(self.seen) } else { Expected::Anything };
        let is_saved = store::replace_json(&self.at, &self.doc, expected)?;
        self.seen = store::seen(&self.at);
        Ok(is_saved)
    }

    /// Whether the file still is as it was when this was read or written.
    pub(crate) fn is_current(&self) -> bool {
        store::seen(&self.at) == self.seen
    }

    /// The whole document.
    pub(crate) fn document(&self) -> &Json {
        &self.doc
    }

    /// The domain whose API is used, `nimbletools.ai` unless set.
    pub(crate) fn domain(&self) -> &str {
        self.doc.filled("domain").unwrap_or(DEFAULT_DOMAIN)
    }

    /// Whether plain http was asked for.
    pub(crate) fn insecure(&self) -> bool {
        self.doc.get("insecure") == Some(&Json::Bool(true))
    }

    /// Sets the domain.
    pub(crate) fn set_domain(&mut self, domain: &str, insecure: bool) {
        self.doc.set("domain", Json::from(domain));
        if insecure || self.doc.get("insecure").is_some() {
            self.doc.set("insecure", Json::Bool(insecure));
        }
    }

    /// Puts everything back to the default.
    pub(crate) fn reset(&mut self) {
        self.doc = Json::of([]);
    }
}

fn set_or_remove(json: &mut Json, name: &str, value: Option<impl Into<Json>>) {
    match value {
        Some(value) => json.set(name, value.into()),
        None => json.remove(name),
    }
}
