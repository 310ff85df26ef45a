//! The files that a new token is written to.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::accounts::{GROUPS, USERS, id_of, name_of};
use super::claim::{Layout, is_of_the_system};
use super::mounted::Mounts;
use super::{env_file, replace};
use crate::store::{self, NewFile};
use crate::targets::FileOptions;
use crate::text::{printable, shell_word};
use crate::token::Token;

/// A file that is to hold the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenFile {
    pub(super) path: String,
    pub(super) layout: Layout,
    pub(super) options: FileOptions,
}

impl TokenFile {
    /// From the value of `--token-file`. The error says what is accepted besides.
    pub(super) fn parse(
        text: &str,
        options: &FileOptions,
    ) -> std::result::Result<Self, &'static str> {
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
        Ok(Self { path: path.to_owned(), layout, options: options.clone() })
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
        let place = if self.options.in_place { ", in place" } else { "" };
        match &self.layout {
            Layout::Bare => format!("writes the token to {path}{place}"),
            Layout::Env(variable) => format!("sets {variable} in {path}{place}"),
            Layout::Replace => format!("replaces the old token with the new one in {path}{place}"),
        }
    }

    pub(super) fn path(&self) -> &Path {
        Path::new(&self.path)
    }

    /// The file, if every user of the machine can read it.
    pub(crate) fn readable_by_all(&self) -> Option<&Path> {
        let found = fs::metadata(&self.path).ok()?;
        (found.mode() & 0o004 != 0).then_some(self.path())
    }

    /// What a person should know before the first delivery.
    pub(crate) fn notes(&self, workspace: &str, token: Option<&Token>) -> Vec<String> {
        let path = self.path();
        let FileOptions { in_place, mode, owner, .. } = &self.options;
        let mounted = self.mounted(workspace, &Mounts::look());
        let mut notes: Vec<String> =
            mounted.into_iter().map(|(place, fix)| format!("{place}: {fix}")).collect();
        if *in_place {
            notes.push("a reader may see a part of it while it is written".to_owned());
        }
        if (mode.is_some() || owner.is_some()) && path.exists() {
            notes.push("it is there already, and keeps its mode and its owner".to_owned());
        }
        if let Layout::Env(variable) = &self.layout {
            let text = read(path).unwrap_or_default();
            let token = token.map_or("\n\n", |token| token.access_token.expose());
            notes.extend(env_file::notes(&text, variable, token));
        }
        notes.into_iter().map(in_file(path)).collect()
    }

    /// Where else it is mounted by itself, and the command after which that place gets the token too.
    pub(super) fn mounted(&self, workspace: &str, mounts: &Mounts) -> Option<(String, String)> {
        let FileOptions { in_place: false, overwrite, no_newline, .. } = self.options else {
            return None;
        };
        let place = mounts.of(self.path())?;
        let (flag, value) = match &self.layout {
            Layout::Bare => ("--file", self.path.clone()),
            Layout::Env(variable) => ("--env", format!("{variable}={}", self.path)),
            Layout::Replace => ("--replace", self.path.clone()),
        };
        let (name, value) = (shell_word(workspace), shell_word(&value));
        let mut fix = format!("ntcli target add {name} {flag} {value} --in-place");
        for (is_set, flag) in [(overwrite, " --overwrite"), (no_newline, " --no-newline")] {
            fix += if is_set { flag } else { "" };
        }
        Some((place, fix))
    }

    /// What a file that is made becomes.
    ///
    /// # Errors
    /// That cannot be meant, or the user or the group is not known here.
    pub(super) fn new_file(&self) -> std::result::Result<NewFile, String> {
        let mode = |text: &String| match u32::from_str_radix(text, 8) {
            Ok(mode) if mode <= 0o777 && mode & 0o400 != 0 => Ok(mode),
            _ => Err(format!("--mode takes an octal mode such as 0640, not '{text}'")),
        };
        let owner = |text: &String| {
            let (user, group) = text.split_once(':').map_or((&**text, None), |(u, g)| (u, Some(g)));
            let group = group.map(|group| id_of(GROUPS, group)).transpose()?;
            Ok::<_, String>((id_of(USERS, user)?, group))
        };
        let FileOptions { mode: given_mode, owner: given_owner, .. } = &self.options;
        Ok(NewFile {
            mode: given_mode.as_ref().map(mode).transpose()?,
            owner: given_owner.as_ref().map(owner).transpose()?,
        })
    }

    /// Who may read the file, and how the token stands in it, without the token and what else is there.
    pub(crate) fn seen(&self, token: &Token) -> Option<String> {
        let (text, found) = (read(self.path()).ok()?, fs::metadata(self.path()).ok()?);
        let token = token.access_token.expose();
        let content = match &self.layout {
            Layout::Bare if text.ends_with(b"\n") => "the token and a newline".to_owned(),
            Layout::Bare => "the token without a newline".to_owned(),
            Layout::Env(variable) => env_file::lines_of(&text, variable)
                .into_iter()
                .map(|(n, line)| {
                    format!("line {n}: {}", printable(&line.replace(token, "(the token)")))
                })
                .collect::<Vec<String>>()
                .join(", "),
            Layout::Replace => {
                let lines = text.split(|b| *b == b'\n').enumerate();
                let holds = |line: &[u8]| line.windows(token.len()).any(|p| p == token.as_bytes());
                let lines = lines.filter(|(_, line)| holds(line));
                let lines: Vec<String> = lines.map(|(n, _)| (n + 1).to_string()).collect();
                format!("the token in line {}", lines.join(", "))
            }
        };
        let (user, group) = (name_of(USERS, found.uid()), name_of(GROUPS, found.gid()));
        Some(format!("Now in it, for {user}:{group} {:04o}: {content}", found.mode() & 0o7777))
    }

    /// Whether the file holds the token now.
    pub(super) fn holds(&self, token: &Token) -> std::result::Result<bool, String> {
        let (text, token) = (read(self.path())?, token.access_token.expose());
        Ok(match &self.layout {
            Layout::Bare => text.trim_ascii() == token.as_bytes(),
            Layout::Env(variable) => env_file::set(&text, variable, token)? == text,
            Layout::Replace => replace::swap(&text, &[], token).is_ok(),
        })
    }
}

pub(super) fn in_file(path: &Path) -> impl Fn(String) -> String {
    move |reason| format!("{}: {reason}", path.display())
}

/// A file that must be there.
fn read(path: &Path) -> std::result::Result<Vec<u8>, String> {
    match store::read_path(path) {
        Ok(Some(contents)) => Ok(contents.bytes),
        Ok(None) => Err(format!("{}: No such file or directory", path.display())),
        Err(error) => Err(error.in_one_line()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> std::result::Result<TokenFile, &'static str> {
        TokenFile::parse(text, &FileOptions::default())
    }

    #[test]
    fn files_that_can_be_meant() {
        let file = parse("env:API_TOKEN=/etc/app.env").unwrap();
        assert_eq!(file.layout, Layout::Env("API_TOKEN".to_owned()));
        assert_eq!(file.path, "/etc/app.env");
        assert_eq!(parse("/run/token").unwrap().layout, Layout::Bare);
        for good in ["/device", "env:A=/b", "replace:/a", "relative"] {
            let file = parse(good).unwrap();
            assert_eq!(parse(&file.name()).unwrap().name(), file.name());
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
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
