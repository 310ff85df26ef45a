//! How a file of another program gets the token, and what is found out about it before.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::claim::{Claim, Layout, is_of_the_system};
use super::files::{TokenFile, in_file};
use super::ours::Ours;
use super::{bare, env_file, replace};
use crate::context::Clock;
use crate::error::{Error, Result};
use crate::rotation::{Delivery, WorkspaceRef};
use crate::store::{self, ForeignFile, Place};
use crate::text::shell_word;
use crate::token::Token;

/// To replace a file takes milliseconds; a process that needs longer was stopped.
const FOLDER_WAIT: Duration = Duration::from_secs(10);
/// How often a file is read anew that another program changes at the same moment.
const ATTEMPTS: u32 = 100;

/// How many tokens from before a file may hold: its owner knows them all, and each takes a look at it all.
const MOST_EARLIER: usize = 100;

impl TokenFile {
    /// Finds out whether it could be written, and is neither one of `ours` nor taken by another target.
    /// One in which the token is to be replaced holds one of `tokens` now.
    pub(super) fn probe(
        &self,
        workspace: &WorkspaceRef,
        tokens: &[&Token],
        ours: &Ours,
        is_taken: &dyn Fn(&Claim) -> bool,
        clock: &dyn Clock,
    ) -> Result<()> {
        let path = self.path();
        let refuse =
            |reason: String, hint: String| Error::cannot_deliver(&in_file(path)(reason), hint);
        let folder = shell_word(&store::parent_of(path).display().to_string());
        let unfit = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                refuse(format!("its folder {folder} is missing"), format!("mkdir -p {folder}"))
            }
            _ if error.raw_os_error().is_none() => {
                refuse(error.to_string(), "name another file".to_owned())
            }
            _ => refuse(error.to_string(), format!("ls -la {folder}")),
        };
        let place = Place::find(path).map_err(unfit)?;
        let _lock = store::lock_folder(&place, FOLDER_WAIT, clock);
        let found = self.look(&place, ours, is_taken).map_err(unfit)?;
        let text = tokens.last().filter(|_| self.layout == Layout::Replace);
        let text = text.map_or("probe", |token| token.access_token.expose());
        let is_earlier = |text: &str| ours.is_earlier(workspace, text);
        self.contents(found.before(), text, tokens, &is_earlier)
            .map_err(|reason| refuse(reason, hint_on_contents(path, &found.bytes)))?;
        let new = self.new_file();
        let new = new.map_err(|reason| refuse(reason, "ntcli target add --help".to_owned()))?;
        if found.is_immutable() {
            let hint = format!("chattr -i -a {}", shell_word(&path.display().to_string()));
            return Err(refuse("it is immutable (lsattr)".to_owned(), hint));
        }
        let probed = if self.is_in_place(&found) {
            found.probe_in_place(path)
        } else {
            found.probe(path, new)
        };
        probed.map_err(|error| {
            let look = format!("ls -la {folder}");
            let hint = error.hint().unwrap_or(&look);
            let or =
                if place.is_mount_point() { ", or add the target with --in-place" } else { "" };
            Error::cannot_deliver(&error.in_one_line(), format!("{hint}{or}"))
        })
    }

    /// Removes what a killed run left beside it.
    pub(crate) fn tidy(&self) {
        if let Ok(place) = Place::find(self.path()) {
            store::remove_leftovers(place.folder());
        }
    }

    /// What it would write where, if that can be told.
    pub(super) fn claim(&self) -> Option<Claim> {
        let file = store::identify(self.path()).ok()?;
        Some(Claim { file, layout: self.layout.clone() })
    }

    /// What is there now. What a link or a mount leads to may have changed since the last look.
    fn look(
        &self,
        place: &Place,
        ours: &Ours,
        is_taken: &dyn Fn(&Claim) -> bool,
    ) -> io::Result<ForeignFile> {
        if is_of_the_system(&place.path()) {
            return Err(io::Error::other("it is one of the system's own files"));
        }
        let found = ForeignFile::read(place)?;
        let claim = Claim { file: found.id(), layout: self.layout.clone() };
        if claim.file.is_beside(&ours.unfinished) {
            return Err(io::Error::other("it is one of ntcli's own files"));
        }
        if is_taken(&claim) {
            return Err(io::Error::other("two targets would write to this file"));
        }
        Ok(found)
    }

    /// Puts the token there; the old contents or the new are there whole.
    pub(super) fn write(
        &self,
        delivery: &Delivery,
        ours: &Ours,
        is_anothers: &dyn Fn(&Claim) -> bool,
        clock: &dyn Clock,
    ) -> std::result::Result<(), String> {
        let (path, token) = (self.path(), delivery.new);
        let held: Vec<&Token> = delivery.old.into_iter().chain([token]).collect();
        let place =
            Place::find(path).map_err(|e| Error::write_file("replace", path, &e).in_one_line())?;
        // Between reading and replacing no other run may add a line.
        let _lock = store::lock_folder(&place, FOLDER_WAIT, clock);
        let is_earlier = |text: &str| ours.is_earlier(delivery.workspace, text);
        // Another program that writes the file meanwhile is not undone: its contents are read anew.
        for _ in 0..ATTEMPTS {
            let found = self.look(&place, ours, is_anothers);
            let found = found.map_err(|e| in_file(path)(e.to_string()))?;
            let text = token.access_token.expose();
            let contents = self.contents(found.before(), text, &held, &is_earlier);
            let contents = contents.map_err(in_file(path))?;
            let written = if self.is_in_place(&found) {
                found.overwrite(&contents, &ours.unfinished)
            } else {
                found.replace(&contents, self.new_file().map_err(in_file(path))?)
            };
            if written.map_err(|failed| failed.error.in_one_line())? {
                return Ok(());
            }
        }
        Err(in_file(path)("another program changes it all the time".to_owned()))
    }

    fn is_in_place(&self, found: &ForeignFile) -> bool {
        self.options.in_place && found.exists()
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
                let old = held.first().map(|old| old.access_token.expose());
                // Its application may have put back what it read before the last refreshes.
                let mut swapped = replace::swap(before, old, text);
                let is_earlier = |text: &str| !is_held(text) && is_earlier(text);
                let mut now = swapped.clone().unwrap_or_else(|_| before.to_vec());
                for _ in 0..MOST_EARLIER {
                    let Some(earlier) = replace::earlier(&now, &is_earlier) else {
                        return swapped;
                    };
                    swapped = replace::swap(&now, Some(earlier), text);
                    now = swapped.clone()?;
                }
                Err(format!("it holds {MOST_EARLIER} tokens from before, too many to replace"))
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
