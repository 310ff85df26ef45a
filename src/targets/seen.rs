//! What the consumer of a file sees of the token in it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::accounts::{GROUPS, USERS, name_of};
use super::claim::Layout;
use super::env_file;
use super::files::{TokenFile, read};
use crate::text::printable;
use crate::token::Token;

impl TokenFile {
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
}
