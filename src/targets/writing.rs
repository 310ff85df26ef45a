//! How a file of another program gets the token, and what is found out about it before.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::claim::{Claim, Layout, is_of_the_system, kind_of};
use super::files::{Problem, TokenFile, in_file, read};
use super::ours::Ours;
use super::{bare, env_file, replace};
use crate::context::Clock;
use crate::error::{Error, Result};
use crate::rotation::{Delivery, WorkspaceRef};
use crate::store;
use crate::text::shell_word;
use crate::token::Token;

/// To replace a file takes milliseconds; a process that needs longer was stopped.
const FOLDER_WAIT: Duration = Duration::from_secs(10);
/// How often a file is read anew that another program changes at the same moment.
const ATTEMPTS: u32 = 100;

/// How many tokens from before a file may hold: its owner knows them all, and each takes a look at it all.
const MOST_EARLIER: usize = 100;

const OUR_OWN: &str = "it is one of ntcli's own files";
const TWO_TOKENS: &str = "two targets would write to this file";

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
        let refuse = |(reason, hint): Problem| {
            Error::cannot_deliver(&format!("{}: {reason}", path.display()), hint)
        };
        let claim = self.may_claim(path, ours).map_err(refuse)?;
        if is_taken(&claim) {
            let hint = "name a file for each ({name} or {id} in the path of --token-file); what is \
                        remembered: ntcli target list";
            return Err(refuse((TWO_TOKENS.to_owned(), hint.to_owned())));
        }
        let folder = shell_word(&store::parent_of(path).display().to_string());
        let unfit = |error: std::io::Error| refuse((error.to_string(), format!("ls -la {folder}")));
        let place = store::Place::find(path).map_err(unfit)?;
        let _lock = store::lock_folder(&place, FOLDER_WAIT, clock);
        let is_earlier = |text: &str| ours.is_earlier(workspace, text);
        self.probe_contents(path, tokens, &is_earlier)
            .map_err(|reason| Error::cannot_deliver(&reason, hint_on_contents(path)))?;
        let found = store::ForeignFile::read(&place).map_err(unfit)?;
        let help = || "ntcli target add --help".to_owned();
        let new = self.new_file().map_err(|reason| refuse((reason, help())))?;
        if found.is_immutable() {
            let hint = format!("chattr -i -a {}", shell_word(&path.display().to_string()));
            return Err(refuse(("it is immutable (lsattr)".to_owned(), hint)));
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
        if let Ok(place) = store::Place::find(self.path()) {
            store::remove_leftovers(place.folder());
        }
    }

    /// What it would write where, if that can be told.
    pub(super) fn claim(&self) -> Option<Claim> {
        let file = store::identify(self.path()).ok()?;
        Some(Claim { file, layout: self.layout.clone() })
    }

    /// The same, if `path` can be meant at all.
    fn may_claim(&self, path: &Path, ours: &Ours) -> std::result::Result<Claim, Problem> {
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
        if file.is_one_of(&ours.files()) {
            return Err((OUR_OWN.to_owned(), another()));
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
            let before = match store::read_path(path) {
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

    /// Puts the token there; the old contents or the new are there whole.
    pub(super) fn write(
        &self,
        delivery: &Delivery,
        ours: &Ours,
        is_anothers: &dyn Fn(&Claim) -> bool,
        clock: &dyn Clock,
    ) -> std::result::Result<(), String> {
        let (path, token) = (self.path(), delivery.new);
        // Between reading and replacing no other run may add a line.
        let held: Vec<&Token> = delivery.old.into_iter().chain([token]).collect();
        let place = store::Place::find(path)
            .map_err(|e| Error::write_file("replace", path, &e).in_one_line())?;
        let _lock = store::lock_folder(&place, FOLDER_WAIT, clock);
        // Another program that writes the file meanwhile is not undone: its contents are read anew.
        for _ in 0..ATTEMPTS {
            let found =
                store::ForeignFile::read(&place).map_err(|e| in_file(path)(e.to_string()))?;
            // What a link or a mount leads to may have changed since the probe.
            let claim = Claim { file: found.id(), layout: self.layout.clone() };
            if claim.file.is_one_of(&ours.files()) {
                return Err(in_file(path)(OUR_OWN.to_owned()));
            }
            if is_anothers(&claim) {
                return Err(in_file(path)(TWO_TOKENS.to_owned()));
            }
            let before = found.exists().then_some(&found.bytes[..]);
            let is_earlier = |text: &str| ours.is_earlier(delivery.workspace, text);
            let contents =
                self.contents(path, before, token.access_token.expose(), &held, &is_earlier)?;
            let written = if self.is_in_place(&found) {
                found.overwrite(&contents, ours.unfinished())
            } else {
                found.replace(&contents, self.new_file().map_err(in_file(path))?)
            };
            if written.map_err(|failed| failed.error.in_one_line())? {
                return Ok(());
            }
        }
        Err(in_file(path)("another program changes it all the time".to_owned()))
    }

    fn is_in_place(&self, found: &store::ForeignFile) -> bool {
        self.options.in_place && found.exists()
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
                    self.options.overwrite
                        || held.iter().any(|t| t.access_token.expose() == word)
                        || (bare::is_token(word.as_bytes()) && is_earlier(word))
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
                    let is_earlier = |text: &str| {
                        let is_held = |held: &&Token| held.access_token.expose() == text;
                        !held.iter().any(is_held) && is_earlier(text)
                    };
                    let mut now = swapped.clone().unwrap_or_else(|_| before.to_vec());
                    for _ in 0..MOST_EARLIER {
                        let Some(earlier) = replace::earlier(&now, &is_earlier) else {
                            return swapped;
                        };
                        swapped = replace::swap(&now, Some(earlier), text);
                        now = swapped.clone()?;
                    }
                    Err(format!("it holds {MOST_EARLIER} tokens from before, too many to replace"))
                });
                swapped.map_err(in_file(path))
            }
        }
    }
}

/// The largest file that a person edits.
const EDITABLE: usize = 1 << 20;

/// What helps with the contents of a file: an editor, if this user can use one on it.
fn hint_on_contents(path: &Path) -> String {
    use rustix::fs::{Access, access};
    let file = shell_word(&path.display().to_string());
    // It may be another user's: what is a pipe by now is not waited for.
    let bytes = store::read_path(path).ok().flatten().map_or(vec![0], |found| found.bytes);
    let is_text =
        bytes.len() <= EDITABLE && !bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok();
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
    use crate::token::TokenExpiry;

    #[test]
    fn no_file_holds_up_a_run_by_many_tokens_from_before() {
        let file = TokenFile::parse("replace:/file").unwrap();
        let new = Secret::new("wst_the-new-token-0");
        let never = TokenExpiry::Never;
        let token = Token::new(new.clone(), None, never, "Bearer".to_owned(), Vec::new());
        let is_earlier = |text: &str| text.starts_with("wst_from-before");
        let held = |count: usize| {
            let lines = (0..count).map(|n| format!("wst_from-before-{n:03}\n"));
            let text = lines.collect::<Vec<_>>().concat();
            let path = Path::new("/file");
            file.contents(path, Some(text.as_bytes()), new.expose(), &[&token], &is_earlier)
        };
        let replaced = held(MOST_EARLIER - 1).unwrap();
        assert_eq!(replaced, "wst_the-new-token-0\n".repeat(MOST_EARLIER - 1).as_bytes());
        assert!(held(MOST_EARLIER + 1).unwrap_err().contains("too many"));
    }
}
