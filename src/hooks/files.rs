//! The files that a new token is written to.

use std::fs::{self, FileType};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::env_file;
use crate::context::Clock;
use crate::error::{Error, Result, exit};
use crate::rotation::WorkspaceRef;
use crate::store::{self, FileId};
use crate::text::{printable, shell_word};
use crate::token::Token;

/// To replace a file takes milliseconds; a process that needs longer was stopped.
const FOLDER_WAIT: Duration = Duration::from_secs(10);

/// A file that is to hold the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenFile {
    /// `{name}` and `{id}` stand for the workspace's.
    path: String,
    /// The variable whose line it is in an env file; `None`: the file holds the bare token.
    variable: Option<String>,
}

/// What a file is to hold; found out to see whether two options write over each other.
pub(super) struct Claim {
    file: FileId,
    workspace: String,
    variable: Option<String>,
}

/// Why a file cannot be meant, and what helps.
type Problem = (String, String);

impl TokenFile {
    /// From the value of `--token-file`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| Error::Usage {
            message: format!(
                "--token-file takes a PATH, or env:NAME=PATH for a line in an env file{what}"
            ),
            hint: "ntcli token refresh --help".to_owned(),
            exit_code: exit::USAGE,
        };
        let (path, variable) = match text.strip_prefix("env:") {
            None => (text, None),
            Some(rest) => {
                let (name, path) = rest.split_once('=').ok_or_else(|| wrong(""))?;
                let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if !(starts_well && fits) {
                    return Err(wrong(""));
                }
                (path, Some(name.to_owned()))
            }
        };
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err(wrong(""));
        }
        if path == "-" {
            return Err(wrong("; for standard output there is --print"));
        }
        if is_of_the_system(Path::new(path)) {
            return Err(wrong(", not a device"));
        }
        Ok(Self { path: path.to_owned(), variable })
    }

    /// Whether every workspace has one of its own.
    pub(super) fn names_workspace(&self) -> bool {
        self.path.contains("{name}") || self.path.contains("{id}")
    }

    /// Finds out whether it could be written, and is neither one of `own` nor one that holds
    /// something else by then.
    pub(super) fn probe(
        &self,
        place: &WorkspaceRef,
        own: &[&Path],
        claims: &mut Vec<Claim>,
        clock: &dyn Clock,
    ) -> Result<()> {
        let path = self.path_for(place).map_err(|reason| Error::CannotHandOn {
            reason,
            hint: "use {id} in place of {name} in the path of --token-file".to_owned(),
        })?;
        let refuse = |(reason, hint): Problem| Error::CannotHandOn {
            reason: format!("{}: {reason}", path.display()),
            hint,
        };
        let claim = self.claim(place, &path, own).map_err(refuse)?;
        if claims.iter().any(|other| claim.collides(other)) {
            let problem = "two tokens would be written to this file".to_owned();
            let hint =
                "name a file for each, with {name} or {id} in the path of --token-file".to_owned();
            return Err(refuse((problem, hint)));
        }
        claims.push(claim);
        let _lock = store::lock_folder_of(&path, FOLDER_WAIT, clock)?;
        self.contents(&path, "probe").map_err(|reason| {
            let name = shell_word(&path.display().to_string());
            refuse((reason, format!("${{EDITOR:-vi}} {name}")))
        })?;
        store::probe_foreign(&path).map_err(|error| Error::CannotHandOn {
            reason: error.in_one_line(),
            hint: error.hint().unwrap_or_else(|| {
                format!("ls -ld {}", shell_word(&store::parent_of(&path).to_string_lossy()))
            }),
        })
    }

    /// What would be written where, if `path` can be meant at all.
    fn claim(
        &self,
        place: &WorkspaceRef,
        path: &Path,
        own: &[&Path],
    ) -> std::result::Result<Claim, Problem> {
        let another = || "ntcli token refresh --token-file PATH, with another path".to_owned();
        if let Ok(found) = fs::metadata(path)
            && !found.is_file()
        {
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
        let is_own = |own: &&Path| store::identify(own).is_ok_and(|own| own.is_same(&file));
        if own.iter().any(is_own) {
            let reason = "it is one of ntcli's own files".to_owned();
            return Err((reason, another()));
        }
        Ok(Claim { file, workspace: place.id.clone(), variable: self.variable.clone() })
    }

    /// Where it is for that workspace. A name from the server must not lead elsewhere.
    fn path_for(&self, place: &WorkspaceRef) -> std::result::Result<PathBuf, String> {
        let mut path = self.path.clone();
        for (mark, text) in [("{name}", &place.name), ("{id}", &place.id)] {
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
        place: &WorkspaceRef,
        token: &Token,
        clock: &dyn Clock,
    ) -> std::result::Result<(), String> {
        let path = self.path_for(place)?;
        // Between reading and replacing no other run may add a line.
        let lock = store::lock_folder_of(&path, FOLDER_WAIT, clock);
        let _lock = lock.map_err(|e| e.in_one_line())?;
        let contents = self.contents(&path, token.access_token.expose())?;
        store::replace_foreign(&path, &contents).map_err(|failed| failed.error.in_one_line())
    }

    /// What the file is to hold.
    fn contents(&self, path: &Path, text: &str) -> std::result::Result<Vec<u8>, String> {
        let Some(variable) = &self.variable else {
            return Ok(format!("{text}\n").into_bytes());
        };
        let old = store::read(path).map_err(|e| e.in_one_line())?;
        let old = old.map_or_else(Vec::new, |contents| contents.bytes);
        env_file::set(&old, variable, text)
    }
}

impl Claim {
    /// Several lines of one env file are no collision if they belong to one workspace.
    fn collides(&self, other: &Self) -> bool {
        let lines = self.variable.is_some()
            && other.variable.is_some()
            && self.variable != other.variable
            && self.workspace == other.workspace;
        self.file.is_same(&other.file) && !lines
    }
}

fn is_of_the_system(path: &Path) -> bool {
    ["/dev", "/proc"].iter().any(|dir| path.starts_with(dir))
}

fn kind_of(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a folder"
    } else if file_type.is_fifo() {
        "a pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_can_be_meant() {
        let file = TokenFile::parse("env:API_TOKEN=/etc/app.env").unwrap();
        assert_eq!(file.variable.as_deref(), Some("API_TOKEN"));
        assert_eq!(file.path, "/etc/app.env");
        assert_eq!(TokenFile::parse("/run/token").unwrap().variable, None);
        assert!(TokenFile::parse("/device").is_ok());
        for bad in [
            "",
            "-",
            "env:X",
            "env:=x",
            "env:1X=p",
            "env:A B=p",
            "env:A=",
            "env:A=-",
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
        let place = |name: &str| WorkspaceRef {
            key: "k".into(),
            id: "u-1".into(),
            name: name.into(),
            server: String::new(),
        };
        assert_eq!(file.path_for(&place("prod")).unwrap(), PathBuf::from("/run/prod/u-1"));
        for bad in ["", "..", "a/b", ".x", "a\nb", "é"] {
            assert!(file.path_for(&place(bad)).is_err(), "{bad}");
        }
    }
}
