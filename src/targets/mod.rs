//! What must get a workspace's token: as it is saved, and the files and commands that get it.

mod accounts;
mod all;
mod bare;
mod claim;
mod command;
mod env_file;
mod files;
mod mounted;
mod replace;
mod running;
mod saved;
mod writing;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::context::Clock;
use crate::error::{Error, Result};
use crate::rotation::{Delivery, WorkspaceRef};
use crate::text::{printable, shell_word};
use crate::token::Token;
pub(crate) use all::Targets;
pub(crate) use command::user_shell;
use command::{Command, Given};
pub(crate) use files::TokenFile;
pub(crate) use mounted::Mounts;
pub(crate) use running::{Relay, Running};
pub(crate) use saved::{EXEC, EXEC_TIMEOUT_S, FileOptions, SavedTarget, SavedTargets};

/// A file or a command that receives a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    File(TokenFile),
    Command(Command),
}

impl Destination {
    /// From the value of an option; `accepted` says what that takes.
    ///
    /// # Errors
    /// [`Error::usage`] for a file that cannot be meant.
    pub(crate) fn file(
        text: &str,
        options: &FileOptions,
        accepted: &str,
        help: &str,
    ) -> Result<Self> {
        let refused = |besides| Error::usage(format!("{accepted}{besides}"), help);
        TokenFile::parse(text, options).map(Self::File).map_err(refused)
    }

    /// From the value of `--exec`.
    ///
    /// # Errors
    /// [`Error::usage`] for an empty one.
    pub(crate) fn command(
        text: &str,
        check: Option<&str>,
        timeout: Duration,
        help: &str,
    ) -> Result<Self> {
        let empty = || Error::usage("--exec takes a command, and this one is empty", help);
        Command::new(text, check, timeout).map(Self::Command).ok_or_else(empty)
    }

    /// From what it is remembered by.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`] for what this version cannot use.
    pub(crate) fn remembered(target: &SavedTarget) -> Result<Self> {
        let destination = match target.name.strip_prefix(EXEC) {
            Some(text) => {
                let timeout = Duration::from_secs(target.timeout_s);
                Self::command(text, target.check.as_deref(), timeout, "")
            }
            None => Self::file(&target.name, &target.options, "the file cannot be meant", ""),
        };
        destination.map_err(|error| Error::useless_target(target.id, &error))
    }

    /// The same for one workspace, as it is remembered.
    pub(crate) fn to_remember(&self, workspace: &WorkspaceRef) -> SavedTarget {
        let mut target = SavedTarget {
            id: 0,
            workspace_id: workspace.id.clone(),
            workspace: workspace.name.clone(),
            name: self.name(),
            timeout_s: EXEC_TIMEOUT_S,
            options: FileOptions::default(),
            check: None,
            other: BTreeMap::new(),
        };
        match self {
            Self::File(file) => target.options = file.options.clone(),
            Self::Command(command) => {
                target.timeout_s = command.timeout.as_secs();
                target.check.clone_from(&command.check);
            }
        }
        target
    }

    /// What it is remembered by.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(file) => file.name(),
            Self::Command(command) => format!("{EXEC}{}", command.text),
        }
    }

    /// What a delivery does, for people.
    pub(crate) fn does(&self) -> String {
        match self {
            Self::File(file) => file.does(),
            Self::Command(command) => {
                let word = |text: &str| shell_word(&printable(text));
                let check = command.check.as_deref().map(|check| format!(", then {}", word(check)));
                format!("runs {}{}", word(&command.text), check.unwrap_or_default())
            }
        }
    }

    pub(crate) fn as_file(&self) -> Option<&TokenFile> {
        match self {
            Self::File(file) => Some(file),
            Self::Command(_) => None,
        }
    }

    /// Whether it holds the token now, a command by its check; `None` for one without.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub(crate) fn looked_at(
        &self,
        workspace: &WorkspaceRef,
        token: &Token,
        lock_holder: Option<&str>,
        clock: &dyn Clock,
    ) -> std::result::Result<Option<bool>, String> {
        let command = match self {
            Self::File(file) => return file.holds(token).map(Some),
            Self::Command(command) => command,
        };
        let delivery = &Delivery { workspace, new: token, old: None, attempt: 1 };
        let check = command.start_check(&Given { delivery, lock_holder, quiet: true });
        Ok(check.transpose()?.map(|check| check.finish(clock).is_ok()))
    }
}
