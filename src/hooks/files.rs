//! The files that a new token is written to.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::claim::{Claim, Layout, is_of_the_system, kind_of};
use super::{bare, env_file, replace};
use rustix::fs::{CWD, IFlags, Mode, OFlags, ioctl_getflags, openat};

use crate::context::Clock;
use crate::error::{Error, Result};
use crate::rotation::WorkspaceRef;
use crate::store;
use crate::targets::FileOptions;
use crate::text::{printable, shell_word};
use crate::token::Token;

/// To replace a file takes milliseconds; a process that needs longer was stopped.
const FOLDER_WAIT: Duration = Duration::from_secs(10);
/// How often a file is read anew that another program changes at the same moment.
const ATTEMPTS: u32 = 100;

/// A file that is to hold the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenFile {
    /// As given; `{name}` and `{id}` stand for the workspace's.
    path: String,
    pub(super) layout: Layout,
    options: FileOptions,
}

/// Why a file cannot be meant, and what helps.
type Problem = (String, String);

impl TokenFile {
    /// From the value of `--token-file`. The error says what is accepted besides.
    pub(super) fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        let (path, layout) = match (text.strip_prefix("env:"), text.strip_prefix("replace:")) {
            (None, None) => (text, Layout::Bare),
            (None, Some(path)) => (path, Layout::Replace),
            (Some(rest), _) => {
                let (name, path) = rest.split_once('=').ok_or("")?;
                let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if !(starts_well && fits) {
                    return Err("; NAME is made of letters, digits and _");
                }
                (path, Layout::Env(name.to_owned()))
            }
        };
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err("");
        }
        if path == "-" {
            return Err("; for standard output there is --print of token refresh");
        }
        if is_of_the_system(Path::new(path)) {
            return Err(", not a device");
        }
        // It is remembered as text.
        if !std::path::absolute(path).is_ok_and(|path| path.to_str().is_some()) {
            return Err("; a full one where the name of the current folder is not UTF-8");
        }
        Ok(Self { path: path.to_owned(), layout, options: FileOptions::default() })
    }

    /// The same file, written so.
    pub(super) fn with(self, options: &FileOptions) -> Self {
        Self { options: options.clone(), ..self }
    }

    /// What it is remembered by, wherever a later run is started; [`TokenFile::parse`] reads it.
    pub(super) fn name(&self) -> String {
        let path = std::path::absolute(&self.path);
        let path = path.map_or(self.path.clone(), |path| path.to_string_lossy().into_owned());
        match &self.layout {
            Layout::Bare => path,
            Layout::Env(variable) => format!("env:{variable}={path}"),
            Layout::Replace => format!("replace:{path}"),
        }
    }

    /// What a delivery does, for people.
    pub(super) fn does(&self) -> String {
        let path = printable(&self.path);
        match &self.layout {
            Layout::Bare => format!("writes the token to {path}"),
            Layout::Env(variable) => format!("sets {variable} in {path}"),
            Layout::Replace => format!("replaces the old token with the new one in {path}"),
        }
    }

    /// Whether every workspace has one of its own.
    pub(super) fn names_workspace(&self) -> bool {
        self.path.contains("{name}") || self.path.contains("{id}")
    }

    /// Finds out whether it could be written, and is neither one of `own` nor one that holds
    /// something else by then. One in which the token is to be replaced holds one of `tokens` now.
    pub(super) fn probe(
        &self,
        workspace: &WorkspaceRef,
        tokens: &[&Token],
        own: &[&Path],
        (others, claims): (&[Claim], &mut Vec<Claim>),
        is_earlier: &dyn Fn(&str) -> bool,
        clock: &dyn Clock,
    ) -> Result<()> {
        let path = self.path_for(workspace).map_err(|reason| {
            Error::cannot_deliver(
                &reason,
                "use {id} in place of {name} in the path of --token-file",
            )
        })?;
        let refuse = |(reason, hint): Problem| {
            Error::cannot_deliver(&format!("{}: {reason}", path.display()), hint)
        };
        let claim = self.claim(&path, own).map_err(refuse)?;
        if claims.iter().chain(others).any(|other| claim.collides(other)) {
            let problem = "two tokens would be written to this file".to_owned();
            let hint = "name a file for each ({name} or {id} in the path of --token-file); what is \
                        remembered: ntcli target list";
            return Err(refuse((problem, hint.to_owned())));
        }
        claims.push(claim);
        let place =
            store::Place::find(&path).map_err(|e| Error::write_file("replace", &path, &e))?;
        let _lock = store::lock_folder(&place, FOLDER_WAIT, clock);
        self.probe_contents(&path, tokens, is_earlier)
            .map_err(|reason| Error::cannot_deliver(&reason, hint_on_contents(&path)))?;
        if is_immutable(&path) {
            let hint = format!("chattr -i -a {}", shell_word(&path.display().to_string()));
            return Err(refuse(("it is immutable (lsattr)".to_owned(), hint)));
        }
        store::probe_foreign(&path).map_err(|error| {
            Error::cannot_deliver(&error.in_one_line(), error.hint().unwrap_or_default())
        })
    }

    pub(super) fn readable_by_all(&self, workspace: &WorkspaceRef) -> Option<PathBuf> {
        let path = self.path_for(workspace).ok()?;
        let found = fs::metadata(&path).ok()?;
        (found.mode() & 0o004 != 0).then_some(path)
    }

    /// What a person should know before the first delivery.
    pub(super) fn notes(&self, workspace: &WorkspaceRef, token: Option<&Token>) -> Vec<String> {
        let (Layout::Env(variable), Ok(path)) = (&self.layout, self.path_for(workspace)) else {
            return Vec::new();
        };
        let text = read(&path).unwrap_or_default();
        let token = token.map_or("\n\n", |token| token.access_token.expose());
        let notes = env_file::notes(&text, variable, token);
        notes.into_iter().map(in_file(&path)).collect()
    }

    /// What it would write where, if that can be told.
    pub(super) fn claim_of(&self, workspace: &WorkspaceRef, own: &[&Path]) -> Option<Claim> {
        self.claim(&self.path_for(workspace).ok()?, own).ok()
    }

    /// What would be written where, if `path` can be meant at all.
    fn claim(&self, path: &Path, own: &[&Path]) -> std::result::Result<Claim, Problem> {
        let another = || "name another file".to_owned();
        if let Some(found) = fs::metadata(path).ok().filter(|found| !found.is_file()) {
            let what = kind_of(found.file_type());
            return Err((format!("it is {what}, not a regular file"), another()));
        }
        let folder = store::parent_of(path);
        if fs::metadata(folder).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
            let folder = folder.display().to_string();
            let hint = format!("mkdir -p {}", shell_word(&folder));
            return Err((
                format!("No such file or directory: its folder {folder} is missing"),
                hint,
            ));
        }
        let file = store::identify(path).map_err(|e| {
            (e.to_string(), format!("ls -ld {}", shell_word(&folder.to_string_lossy())))
        })?;
        if is_of_the_system(file.path()) {
            return Err(("it is one of the system's own files".to_owned(), another()));
        }
        if file.is_one_of(own) {
            let reason = "it is one of ntcli's own files".to_owned();
            return Err((reason, another()));
        }
        Ok(Claim { file, layout: self.layout.clone() })
    }

    fn probe_contents(
        &self,
        path: &Path,
        tokens: &[&Token],
        is_earlier: &dyn Fn(&str) -> bool,
    ) -> std::result::Result<(), String> {
        if self.layout != Layout::Replace {
            let before = match store::read(path) {
                Ok(found) => found.map(|contents| contents.bytes),
                Err(error) => return Err(error.in_one_line()),
            };
            return self.contents(path, before.as_deref(), "probe", tokens, is_earlier).map(drop);
        }
        let text = read(path)?;
        let mut texts = tokens.iter().map(|token| token.access_token.expose());
        let last = texts.next_back().unwrap_or_default();
        let holds_earlier = replace::earlier(&text, is_earlier).is_some();
        if holds_earlier || texts.any(|token| replace::swap(&text, None, token).is_ok()) {
            return Ok(());
        }
        replace::swap(&text, None, last).map(drop).map_err(in_file(path))
    }

    /// Where it is for that workspace. A name from the server must not lead elsewhere.
    pub(super) fn path_for(
        &self,
        workspace: &WorkspaceRef,
    ) -> std::result::Result<PathBuf, String> {
        let mut path = self.path.clone();
        for (mark, text) in [("{name}", &workspace.name), ("{id}", &workspace.id)] {
            if !path.contains(mark) {
                continue;
            }
            let tame = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if text.is_empty() || text.starts_with('.') || !text.bytes().all(tame) {
                let text = printable(text);
                return Err(format!("'{text}' cannot stand for {mark} in a path"));
            }
            path = path.replace(mark, text);
        }
        Ok(PathBuf::from(path))
    }

    /// Puts the token there; the old contents or the new are there whole.
    pub(super) fn write(
        &self,
        workspace: &WorkspaceRef,
        token: &Token,
        old: Option<&Token>,
        is_earlier: &dyn Fn(&str) -> bool,
        clock: &dyn Clock,
    ) -> std::result::Result<(), String> {
        let path = self.path_for(workspace)?;
        // Between reading and replacing no other run may add a line.
        let held: Vec<&Token> = old.into_iter().chain([token]).collect();
        let place = store::Place::find(&path)
            .map_err(|e| Error::write_file("replace", &path, &e).in_one_line())?;
        let _lock = store::lock_folder(&place, FOLDER_WAIT, clock);
        // Another program that writes the file meanwhile is not undone: its contents are read anew.
        for _ in 0..ATTEMPTS {
            let found =
                store::ForeignFile::read(&place).map_err(|e| in_file(&path)(e.to_string()))?;
            let before = found.exists().then_some(&found.bytes[..]);
            let contents =
                self.contents(&path, before, token.access_token.expose(), &held, is_earlier)?;
            if found.replace(&contents).map_err(|failed| failed.error.in_one_line())? {
                return Ok(());
            }
        }
        Err(in_file(&path)("another program changes it all the time".to_owned()))
    }

    /// Whether the file holds the token now.
    pub(super) fn holds(
        &self,
        workspace: &WorkspaceRef,
        token: &Token,
    ) -> std::result::Result<bool, String> {
        let (path, token) = (self.path_for(workspace)?, token.access_token.expose());
        let text = read(&path)?;
        Ok(match &self.layout {
            Layout::Bare => text.trim_ascii() == token.as_bytes(),
            Layout::Env(variable) => env_file::set(&text, variable, token)? == text,
            Layout::Replace => replace::swap(&text, None, token).is_ok(),
        })
    }

    /// What the file is to hold. `held` are the tokens that it may hold now, the oldest first.
    fn contents(
        &self,
        path: &Path,
        before: Option<&[u8]>,
        text: &str,
        held: &[&Token],
        is_earlier: &dyn Fn(&str) -> bool,
    ) -> std::result::Result<Vec<u8>, String> {
        match &self.layout {
            Layout::Bare => {
                let is_known = |word: &str| {
                    self.options.overwrite || held.iter().any(|t| t.access_token.expose() == word)
                };
                bare::put(before.unwrap_or_default(), text, &is_known, !self.options.no_newline)
                    .map_err(in_file(path))
            }
            Layout::Env(variable) => {
                env_file::set(before.unwrap_or_default(), variable, text).map_err(in_file(path))
            }
            Layout::Replace => {
                let old = held.first().map(|old| old.access_token.expose());
                let before = before.ok_or("No such file or directory".to_owned());
                let swapped = before.and_then(|before| {
                    // Its application may have put back what it read before the last refreshes.
                    let mut swapped = replace::swap(before, old, text);
                    let is_earlier = |jti: &str| {
                        let is_held = |held: &&Token| held.jti.as_deref() == Some(jti);
                        is_earlier(jti) && !held.iter().any(is_held)
                    };
                    let mut now = swapped.clone().unwrap_or_else(|_| before.to_vec());
                    while let Some(earlier) = replace::earlier(&now, &is_earlier) {
                        swapped = replace::swap(&now, Some(earlier), text);
                        now = swapped.clone()?;
                    }
                    swapped
                });
                swapped.map_err(in_file(path))
            }
        }
    }
}

fn in_file(path: &Path) -> impl Fn(String) -> String {
    move |reason| format!("{}: {reason}", path.display())
}

/// A file that must be there.
pub(super) fn read(path: &Path) -> std::result::Result<Vec<u8>, String> {
    match store::read(path) {
        Ok(Some(contents)) => Ok(contents.bytes),
        Ok(None) => Err(format!("{}: No such file or directory", path.display())),
        Err(error) => Err(error.in_one_line()),
    }
}

/// Whether the file may not be replaced even by root.
fn is_immutable(path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(CWD, path, flags, Mode::empty()).ok();
    let flags = opened.and_then(|file| ioctl_getflags(file).ok());
    flags.is_some_and(|flags| flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND))
}

/// The largest file that a person edits.
const EDITABLE: u64 = 1 << 20;

/// What helps with the contents of a file: an editor, if this user can use one on it.
fn hint_on_contents(path: &Path) -> String {
    use rustix::fs::{Access, access};
    let file = shell_word(&path.display().to_string());
    let is_small = fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= EDITABLE);
    let may = is_small && access(path, Access::READ_OK | Access::WRITE_OK).is_ok();
    let is_text = may
        && fs::read(path)
            .is_ok_and(|bytes| !bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok());
    if is_text { format!("${{EDITOR:-vi}} {file}") } else { format!("ls -ld {file}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_can_be_meant() {
        let file = TokenFile::parse("env:API_TOKEN=/etc/app.env").unwrap();
        assert_eq!(file.layout, Layout::Env("API_TOKEN".to_owned()));
        assert_eq!(file.path, "/etc/app.env");
        assert_eq!(TokenFile::parse("/run/token").unwrap().layout, Layout::Bare);
        for good in ["/device", "env:A=/b", "replace:/a", "relative"] {
            let file = TokenFile::parse(good).unwrap();
            assert_eq!(TokenFile::parse(&file.name()).unwrap().name(), file.name());
        }
        for bad in [
            "",
            "-",
            "env:X",
            "env:=x",
            "env:1X=p",
            "env:A B=p",
            "env:A=",
            "env:A=-",
            "replace:",
            "dir/",
            "/dev/stdout",
            "/proc/self/fd/1",
        ] {
            assert!(TokenFile::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_from_the_server_stays_in_its_folder() {
        let file = TokenFile::parse("/run/{name}/{id}").unwrap();
        let workspace = |name: &str| WorkspaceRef {
            key: "k".into(),
            id: "u-1".into(),
            name: name.into(),
            server: String::new(),
        };
        assert_eq!(file.path_for(&workspace("prod")).unwrap(), PathBuf::from("/run/prod/u-1"));
        for bad in ["", "..", "a/b", ".x", "a\nb", "é"] {
            assert!(file.path_for(&workspace(bad)).is_err(), "{bad}");
        }
    }
}
