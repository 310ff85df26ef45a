//! How a file of another program gets the token, and what is found out about it before.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::all::{Target, Targets};
use super::claim::{Layout, is_of_the_system};
use super::files::{TokenFile, in_file};
use super::{bare, env_file, replace};
use crate::error::{Error, Result};
use crate::rotation::WorkspaceRef;
use crate::store::{self, FileId, ForeignFile, Place};
use crate::text::{set_of, shell_word};
use crate::token::Token;

/// To replace a file takes milliseconds; a process that needs longer was stopped.
const FOLDER_WAIT: Duration = Duration::from_secs(10);
/// How often a file is read anew that another program changes at the same moment.
const ATTEMPTS: u32 = 100;

/// How many tokens from before a file may hold: its owner knows them all, and each takes a look at it all.
const MOST_EARLIER: usize = 100;

impl Targets {
    /// Puts a text into a file; the old contents or the new are there whole. One that only `tries` finds out
    /// whether it could be done. `held` are the tokens that the file may hold now, the oldest first.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`]: also where the file is one of ours or taken by another target.
    pub(super) fn put(
        &self,
        target: &Target,
        file: &TokenFile,
        workspace: &WorkspaceRef,
        text: &str,
        held: &[&Token],
        tries: bool,
    ) -> Result<()> {
        let path = file.path();
        let refuse =
            |reason: String, hint: String| Error::cannot_deliver(&in_file(path)(reason), hint);
        let folder = shell_word(&store::parent_of(path).display().to_string());
        let look = format!("ls -la {folder}");
        let unfit = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                refuse(format!("its folder {folder} is missing"), format!("mkdir -p {folder}"))
            }
            _ if error.raw_os_error().is_none() => {
                refuse(error.to_string(), "name another file".to_owned())
            }
            _ => refuse(error.to_string(), look.clone()),
        };
        let place = Place::find(path).map_err(unfit)?;
        // Between reading and replacing no other run may add a line.
        let _lock = store::lock_folder(&place, FOLDER_WAIT, &*self.clock);
        let is_earlier = |text: &str| self.is_earlier(workspace, text);
        // In one workspace both hold the same token.
        let is_other = |id: u32, theirs: &str| {
            if tries { id != target.id } else { theirs != workspace.id }
        };
        let in_place = file.options.in_place.then_some(&self.unfinished);
        // Another program that writes the file meanwhile is not undone: its contents are read anew.
        for _ in 0..ATTEMPTS {
            let found = self.look(&place, &file.layout, &is_other).map_err(unfit)?;
            let contents = file.contents(found.before(), text, held, &is_earlier);
            let contents =
                contents.map_err(|reason| refuse(reason, hint_on_contents(path, &found.bytes)))?;
            let new = file.new_file();
            let new = new.map_err(|reason| refuse(reason, "ntcli target add --help".to_owned()))?;
            let is_done = if tries {
                found.probe(new, in_place.is_some()).map(|()| true)
            } else {
                found.write(&contents, new, in_place).map_err(Error::from)
            };
            let is_done = is_done.map_err(|error| {
                let hint = error.hint().unwrap_or(&look);
                let or =
                    if place.is_mount_point() { ", or add the target with --in-place" } else { "" };
                Error::cannot_deliver(&error.in_one_line(), format!("{hint}{or}"))
            })?;
            if is_done {
                return Ok(());
            }
        }
        Err(refuse("another program changes it all the time".to_owned(), look))
    }

    /// What is there now. What a link or a mount leads to may have changed since the last look.
    fn look(
        &self,
        place: &Place,
        layout: &Layout,
        is_other: &dyn Fn(u32, &str) -> bool,
    ) -> io::Result<ForeignFile> {
        if is_of_the_system(&place.path()) {
            return Err(io::Error::other("it is one of the system's own files"));
        }
        let found = ForeignFile::read(place)?;
        let ids = found.ids();
        if self.unfinished.is_beside(&ids) {
            return Err(io::Error::other("it is one of ntcli's own files"));
        }
        if self.is_taken(&ids, layout, is_other) {
            return Err(io::Error::other("two targets would write to this file"));
        }
        Ok(found)
    }
}

impl TokenFile {
    /// Removes what a killed run left beside it.
    pub(crate) fn tidy(&self) {
        if let Ok(place) = Place::find(self.path()) {
            store::remove_leftovers(place.folder());
        }
    }

    /// What it is known by, if that can be told.
    pub(super) fn ids(&self) -> Vec<FileId> {
        store::identify(self.path()).unwrap_or_default()
    }

    /// What the file is to hold. `held` are the tokens that it may hold now, the oldest first.
    fn contents(
        &self,
        before: Option<&[u8]>,
        text: &str,
        held: &[&Token],
        is_earlier: &dyn Fn(&str) -> bool,
    ) -> std::result::Result<Vec<u8>, String> {
        let is_held = |word: &str| held.iter().any(|held| held.access_token.expose() == word);
        match &self.layout {
            Layout::Bare => {
                let is_known = |word: &str| {
                    self.options.overwrite
                        || is_held(word)
                        || (bare::is_token(word.as_bytes()) && is_earlier(word))
                };
                let newline = !self.options.no_newline;
                bare::put(before.unwrap_or_default(), text, &is_known, newline)
            }
            Layout::Env(variable) => env_file::set(before.unwrap_or_default(), variable, text),
            Layout::Replace => {
                let before = before.ok_or("No such file or directory")?;
                // Its application may have put back what it read before the last refreshes.
                let words = replace::words(before).filter(|word| !is_held(word));
                let mut old: Vec<&str> =
                    set_of(words.filter(|w| is_earlier(w))).into_iter().collect();
                if old.len() > MOST_EARLIER {
                    return Err(format!(
                        "it holds {} tokens from before, too many to replace",
                        old.len()
                    ));
                }
                old.extend(held.first().map(|old| old.access_token.expose()));
                replace::swap(before, &old, text)
            }
        }
    }
}

/// The largest file that a person edits.
const EDITABLE: usize = 1 << 20;

/// What helps with the contents of a file: an editor, if this user can use one on it.
fn hint_on_contents(path: &Path, bytes: &[u8]) -> String {
    use rustix::fs::{Access, access};
    let file = shell_word(&path.display().to_string());
    let is_text =
        bytes.len() <= EDITABLE && !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok();
    if is_text && access(path, Access::READ_OK | Access::WRITE_OK).is_ok() {
        format!("${{EDITOR:-vi}} {file}")
    } else {
        format!("ls -ld {file}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::targets::FileOptions;
    use crate::token::TokenExpiry;

    #[test]
    fn no_file_holds_up_a_run_by_many_tokens_from_before() {
        let file = TokenFile::parse("replace:/file", &FileOptions::default()).unwrap();
        let new = Secret::new("wst_the-new-token-0");
        let never = TokenExpiry::Never;
        let token = Token::new(new.clone(), None, never, "Bearer".to_owned(), Vec::new());
        let is_earlier = |text: &str| text.starts_with("wst_from-before");
        let held = |count: usize| {
            let lines = (0..count).map(|n| format!("wst_from-before-{n:03}\n"));
            let text = lines.collect::<Vec<_>>().concat();
            file.contents(Some(text.as_bytes()), new.expose(), &[&token], &is_earlier)
        };
        let replaced = held(MOST_EARLIER - 1).unwrap();
        assert_eq!(replaced, "wst_the-new-token-0\n".repeat(MOST_EARLIER - 1).as_bytes());
        assert!(held(MOST_EARLIER + 1).unwrap_err().contains("too many"));
    }
}
