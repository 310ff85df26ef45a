//! The files that a new token is written to.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::rotation::journal::WorkspaceRef;
use crate::store;
use crate::text::printable;
use crate::token::Token;

/// A file that is to hold the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenFile {
    /// `{name}` and `{id}` stand for the workspace's.
    path: String,
    /// The variable whose line it is in an env file; `None`: the file holds the bare token.
    variable: Option<String>,
}

impl TokenFile {
    /// From the value of `--token-file`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::InvalidValue {
            message: "--token-file takes a PATH, or env:NAME=PATH for a line in an env file"
                .to_owned(),
        };
        let (path, variable) = match text.strip_prefix("env:") {
            None => (text, None),
            Some(rest) => {
                let (name, path) = rest.split_once('=').ok_or_else(wrong)?;
                let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if !(starts_well && fits) {
                    return Err(wrong());
                }
                (path, Some(name.to_owned()))
            }
        };
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err(wrong());
        }
        Ok(Self {
            path: path.to_owned(),
            variable,
        })
    }

    /// Whether every workspace has one of its own.
    pub(super) fn names_workspace(&self) -> bool {
        self.path.contains("{name}") || self.path.contains("{id}")
    }

    /// Finds out whether it could be written.
    pub(super) fn probe(&self, place: &WorkspaceRef) -> std::result::Result<(), String> {
        let path = self.path_for(place)?;
        if self.variable.is_some() {
            store::read(&path).map_err(|e| e.in_one_line())?;
        }
        store::probe_replace(&path).map_err(|e| e.in_one_line())
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
    ) -> std::result::Result<(), String> {
        let path = self.path_for(place)?;
        let text = token.access_token.expose();
        let contents = match &self.variable {
            None => format!("{text}\n").into_bytes(),
            Some(variable) => {
                let old = store::read(&path).map_err(|e| e.in_one_line())?;
                let old = old.map_or_else(Vec::new, |contents| contents.bytes);
                env_file(&old, variable, text)?
            }
        };
        store::replace_foreign(&path, &contents).map_err(|failed| failed.error.in_one_line())
    }
}

/// The env file with `variable` set to `text`: its line replaced where it stands, or added last.
fn env_file(old: &[u8], variable: &str, text: &str) -> std::result::Result<Vec<u8>, String> {
    // Whatever reads the file, a shell or systemd, takes these as they stand.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~+/=".contains(&b);
    if !text.bytes().all(plain) {
        return Err("the token holds characters that an env file would need quoted".to_owned());
    }
    let mut new = Vec::with_capacity(old.len() + variable.len() + text.len() + 2);
    let mut found = false;
    let end_of = |text: &[u8]| {
        if text.ends_with(b"\r\n") {
            "\r\n"
        } else {
            "\n"
        }
    };
    for line in old.split_inclusive(|b| *b == b'\n') {
        match before_value(line, variable) {
            Some(start) => {
                found = true;
                new.extend_from_slice(&line[..start]);
                new.extend_from_slice(text.as_bytes());
                new.extend_from_slice(end_of(line).as_bytes());
            }
            None => new.extend_from_slice(line),
        }
    }
    if !found {
        if !new.is_empty() && !new.ends_with(b"\n") {
            new.push(b'\n');
        }
        new.extend_from_slice(format!("{variable}={text}{}", end_of(old)).as_bytes());
    }
    Ok(new)
}

/// Where the value begins in a line that sets `variable`, with or without `export`.
fn before_value(line: &[u8], variable: &str) -> Option<usize> {
    let rest = line.trim_ascii_start();
    let rest = match rest.strip_prefix(b"export") {
        Some(after) if after.starts_with(b" ") || after.starts_with(b"\t") => {
            after.trim_ascii_start()
        }
        _ => rest,
    };
    let value = rest.strip_prefix(variable.as_bytes())?.strip_prefix(b"=")?;
    Some(line.len() - value.len())
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
        for bad in [
            "",
            "env:X",
            "env:=x",
            "env:1X=p",
            "env:A B=p",
            "env:A=",
            "dir/",
        ] {
            assert!(TokenFile::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_env_file_keeps_its_other_lines() {
        let set =
            |old: &str| String::from_utf8(env_file(old.as_bytes(), "T", "new").unwrap()).unwrap();
        assert_eq!(set(""), "T=new\n");
        assert_eq!(set("A=1"), "A=1\nT=new\n");
        assert_eq!(
            set("A=1\nT=old\n# T=x\nTT=2\n"),
            "A=1\nT=new\n# T=x\nTT=2\n"
        );
        assert_eq!(
            set("  export T=old\r\nB=2\r\n"),
            "  export T=new\r\nB=2\r\n"
        );
        assert_eq!(set("T=a\nT=b"), "T=new\nT=new\n");
        assert_eq!(set("A=1\r\n"), "A=1\r\nT=new\r\n");
        assert!(env_file(b"", "T", "a b").is_err());
        assert!(env_file(b"", "T", "$(x)").is_err());
    }

    #[test]
    fn fuzz_env_files() {
        let seeds: [&[u8]; 3] = [
            b"# Comment\nA=1\nexport TOKEN=old\r\nTOKEN_2=x\n",
            b"TOKEN=\n TOKEN = spaced\nexport\tTOKEN=1",
            b"\xff\xfe\nXTOKEN=1\n\n",
        ];
        crate::fuzz::bytes(&seeds, |old| {
            let new = env_file(old, "TOKEN", "wst_new").unwrap();
            let sets = |text: &[u8]| -> Vec<Vec<u8>> {
                let lines = text.split(|b| *b == b'\n');
                let lines = lines.filter(|line| before_value(line, "TOKEN").is_some());
                lines.map(<[u8]>::to_vec).collect()
            };
            assert!(!sets(&new).is_empty());
            assert!(
                sets(&new)
                    .iter()
                    .all(|line| line.trim_ascii().ends_with(b"TOKEN=wst_new"))
            );
            // Nothing else is touched, and a second time changes nothing.
            let rest = |text: &[u8]| -> Vec<Vec<u8>> {
                let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
                let lines = lines.filter(|line| before_value(line, "TOKEN").is_none());
                lines.map(<[u8]>::to_vec).collect()
            };
            assert_eq!(rest(&new), rest(old));
            assert_eq!(env_file(&new, "TOKEN", "wst_new").unwrap(), new);
        });
    }

    #[test]
    fn a_name_from_the_server_stays_in_its_folder() {
        let file = TokenFile::parse("/run/{name}/{id}").unwrap();
        let place = |name: &str| WorkspaceRef {
            key: "k".into(),
            id: "u-1".into(),
            name: name.into(),
        };
        assert_eq!(
            file.path_for(&place("prod")).unwrap(),
            PathBuf::from("/run/prod/u-1")
        );
        for bad in ["", "..", "a/b", ".x", "a\nb", "é"] {
            assert!(file.path_for(&place(bad)).is_err(), "{bad}");
        }
    }
}
