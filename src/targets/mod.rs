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
    /// From what it is remembered by.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`] for what this version cannot use.
    pub(crate) fn remembered(target: &SavedTarget) -> Result<Self> {
        Self::parse(target, target.is_command()).map_err(|besides| {
            let useless = Error::usage(format!("it cannot be meant{besides}"), "");
            Error::useless_target(target.id, &useless)
        })
    }

    /// From the values of options, and what is to be remembered; `accepted` says what they take.
    ///
    /// # Errors
    /// [`Error::usage`] for an empty command, and for a file that cannot be meant.
    pub(crate) fn given(
        target: SavedTarget,
        is_command: bool,
        accepted: &str,
        help: &str,
    ) -> Result<(Self, SavedTarget)> {
        let refused = |besides| Error::usage(format!("{accepted}{besides}"), help);
        let destination = Self::parse(&target, is_command).map_err(refused)?;
        let name = destination.name();
        Ok((destination, SavedTarget { name, ..target }))
    }

    /// The error says what is accepted besides.
    fn parse(target: &SavedTarget, is_command: bool) -> std::result::Result<Self, &'static str> {
        if !is_command {
            return TokenFile::parse(&target.name, &target.options).map(Self::File);
        }
        let (text, timeout) = (target.command(), Duration::from_secs(target.timeout_s));
        let command = Command::new(text, target.check.as_deref(), timeout);
        command.map(Self::Command).ok_or(", and this one is empty")
    }

    /// What it is remembered by.
    fn name(&self) -> String {
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
