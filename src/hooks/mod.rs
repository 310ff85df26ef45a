//! Delivers a new token to files and to commands.

mod accounts;
mod bare;
mod claim;
mod command;
mod env_file;
mod files;
mod replace;
mod running;
mod seen;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::context::{Clock, Env, Process, lock_holder};
use crate::error::{Error, Result};
use crate::rotation::{Deliver, Delivery, Target, WorkspaceRef};
use crate::targets::{EXEC, FileOptions, Remembered, Targets};
use crate::text::{printable, shell_word};
use crate::token::Token;
use claim::Claim;
use command::{Command, Given};
use files::TokenFile;
use running::Running;

/// A file or a command that receives a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Receiver {
    File(TokenFile),
    Command(Command),
}

impl Receiver {
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
        let file = TokenFile::parse(text).map_err(|besides| format!("{accepted}{besides}"));
        let file = file.map(|file| file.with(options));
        file.map(Self::File).map_err(|message| usage(message, help))
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
        let empty = || usage("--exec takes a command, and this one is empty".to_owned(), help);
        Command::new(text, check, timeout).map(Self::Command).ok_or_else(empty)
    }

    /// From what it is remembered by.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`] for what this version cannot use.
    pub(crate) fn remembered(target: &Remembered) -> Result<Self> {
        let receiver = match target.name.strip_prefix(EXEC) {
            Some(text) => {
                let timeout = Duration::from_secs(target.timeout_s);
                Self::command(text, target.check.as_deref(), timeout, "")
            }
            None => Self::file(&target.name, &target.options, "the file cannot be meant", ""),
        };
        receiver.map_err(|error| Error::useless_target(target.id, &error))
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

    /// Whether it is the same for every workspace.
    pub(crate) fn is_one_place(&self) -> bool {
        match self {
            Self::File(file) => !file.names_workspace(),
            Self::Command(_) => true,
        }
    }

    /// The file, if every user of the machine can read it.
    pub(crate) fn readable_by_all(&self, workspace: &WorkspaceRef) -> Option<PathBuf> {
        match self {
            Self::File(file) => file.readable_by_all(workspace),
            Self::Command(_) => None,
        }
    }

    /// What the consumer of a file sees of the token that it holds now, for people. The token itself and
    /// the rest of the file are not shown.
    pub(crate) fn seen(&self, workspace: &WorkspaceRef, token: Option<&Token>) -> Option<String> {
        match (self, token) {
            (Self::File(file), Some(token)) => file.seen(workspace, token),
            _ => None,
        }
    }

    /// What a person should know before the first delivery.
    pub(crate) fn notes(&self, workspace: &WorkspaceRef, token: Option<&Token>) -> Vec<String> {
        match self {
            Self::File(file) => file.notes(workspace, token),
            Self::Command(_) => Vec::new(),
        }
    }

    /// As [`Receiver::holds`], of a command by its check.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub(crate) fn looked_at(
        &self,
        workspace: &WorkspaceRef,
        token: &Token,
        clock: &dyn Clock,
    ) -> std::result::Result<Option<bool>, String> {
        match self {
            Self::File(_) => self.holds(workspace, token),
            Self::Command(command) => ask_check(command, workspace, token, None, clock),
        }
    }

    /// Whether it holds the token now; `None` for a command, which is not asked.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub(crate) fn holds(
        &self,
        workspace: &WorkspaceRef,
        token: &Token,
    ) -> std::result::Result<Option<bool>, String> {
        match self {
            Self::File(file) => file.holds(workspace, token).map(Some),
            Self::Command(_) => Ok(None),
        }
    }
}

/// Asks a command's check whether the token has arrived; `None` without one.
///
/// # Errors
/// Why it could not be asked.
fn ask_check(
    command: &Command,
    workspace: &WorkspaceRef,
    token: &Token,
    lock_holder: Option<String>,
    clock: &dyn Clock,
) -> std::result::Result<Option<bool>, String> {
    let (workspace, new) = (workspace.clone(), token.clone());
    let given = Given { workspace, new, old: None, attempt: 1, lock_holder, quiet: true };
    let check = command.start_check(&given).transpose()?;
    Ok(check.map(|check| check.finish(clock).is_ok()))
}

fn usage(message: String, help: &str) -> Error {
    Error::usage(message, help)
}

/// One receiver of a run.
struct Hook {
    receiver: Receiver,
    name: String,
    /// The id and the workspace's UUID, of one that is remembered. One that was given for this run
    /// is every workspace's.
    remembered: Option<(u32, String)>,
}

impl Hook {
    fn is_for(&self, workspace: &WorkspaceRef) -> bool {
        self.remembered.as_ref().is_none_or(|(_, id)| *id == workspace.id)
    }

    /// Names a remembered target in the error.
    fn named(&self, error: Error) -> Error {
        match &self.remembered {
            Some((id, _)) => error.of_target(*id),
            None => error,
        }
    }

    fn claim(&self, workspace: &WorkspaceRef, own: &[&Path]) -> Option<Claim> {
        match &self.receiver {
            Receiver::File(file) => file.claim_of(workspace, own),
            Receiver::Command(_) => None,
        }
    }

    fn is_command(&self) -> bool {
        matches!(self.receiver, Receiver::Command(_))
    }
}

/// Everything that a new token is delivered to.
pub(crate) struct Hooks {
    /// Files first, then commands.
    all: Vec<Hook>,
    /// The UUIDs of workspaces, with the ids of tokens that were theirs before.
    earlier: Vec<(String, String)>,
    clock: Rc<dyn Clock>,
    /// Where this run finds commands.
    path: OsString,
    /// The command that was started.
    running: Option<Started>,
    /// What the commands are told about our lock.
    lock_holder: Option<String>,
}

/// A command at work, and what its check is asked with.
struct Started {
    id: Option<u32>,
    running: Running,
    command: Command,
    given: Given,
}

/// Finds out, workspace by workspace, whether every receiver could get the token.
pub(crate) struct Prober<'a> {
    hooks: &'a Hooks,
    own: &'a [&'a Path],
    claims: Vec<Claim>,
    /// The remembered commands that cannot be started, and why: they hold up nobody else.
    pub(crate) lost: Vec<String>,
}

impl Hooks {
    /// What was given for this run, in the order given.
    pub(crate) fn new(given: Vec<Receiver>, clock: Rc<dyn Clock>, env: &Env) -> Self {
        let path = command::path(env).to_owned();
        let mut hooks = Self {
            all: Vec::new(),
            earlier: Vec::new(),
            clock,
            path,
            running: None,
            lock_holder: None,
        };
        for receiver in given {
            hooks.add(receiver, None);
        }
        hooks
    }

    /// Whether the token with this id was the workspace's before.
    fn is_earlier(&self, workspace: &WorkspaceRef, jti: &str) -> bool {
        self.earlier.iter().any(|(id, known)| *id == workspace.id && known == jti)
    }

    /// Adds what is remembered with the workspaces, and where a token is to be replaced, which ones
    /// were theirs before; what was given for this run too stays once.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`] for what this version cannot use.
    pub(crate) fn remember(
        &mut self,
        targets: &Targets,
        earlier: &dyn Fn() -> Vec<(String, String)>,
    ) -> Result<()> {
        if targets.all().iter().any(|target| target.name.starts_with("replace:")) {
            self.earlier = earlier();
        }
        for target in targets.all() {
            let remembered = Some((target.id, target.workspace_id.clone()));
            self.add(Receiver::remembered(target)?, remembered);
        }
        Ok(())
    }

    fn add(&mut self, receiver: Receiver, remembered: Option<(u32, String)>) {
        let name = receiver.name();
        self.all.push(Hook { receiver, name, remembered });
        self.all.sort_by_key(Hook::is_command); // stable
    }

    /// Whether several workspaces would be written over each other.
    pub(crate) fn mixes_workspaces(&self) -> bool {
        let mut own = self.all.iter().filter(|hook| hook.remembered.is_none());
        own.any(|hook| !hook.is_command() && hook.receiver.is_one_place())
    }

    /// What is needed to find out, before there is a new token, whether it could be delivered.
    /// `own` are the files of the config folder, which are refused as targets.
    pub(crate) fn prober<'a>(&'a self, own: &'a [&'a Path]) -> Prober<'a> {
        Prober { hooks: self, own, claims: Vec::new(), lost: Vec::new() }
    }

    /// Waits for the command of a run that was killed, if it runs still: no other runs beside it.
    ///
    /// # Errors
    /// [`Error::Locked`] if it does not end in time.
    pub(crate) fn wait_for(
        &mut self,
        earlier: Option<Process>,
        wait: Duration,
        lock: &Path,
    ) -> Result<()> {
        if self.has_commands() {
            self.lock_holder = lock_holder(lock);
        }
        match earlier {
            Some(process) if !process.has_ended_within(wait, &*self.clock) => {
                Err(Error::locked(lock, wait))
            }
            _ => Ok(()),
        }
    }

    /// Those of a workspace. What was given for this run too is not repeated.
    fn of(&self, workspace: &WorkspaceRef) -> impl Iterator<Item = &Hook> {
        let own = || self.all.iter().filter(|hook| hook.remembered.is_none());
        let those = self.all.iter().filter(|hook| hook.is_for(workspace));
        those
            .filter(move |hook| hook.remembered.is_none() || own().all(|own| own.name != hook.name))
    }

    /// Whether there is nothing to deliver to.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of them is a command.
    pub(crate) fn has_commands(&self) -> bool {
        self.all.iter().any(Hook::is_command)
    }

    /// What is done for a workspace, and the id of what is remembered; for people.
    pub(crate) fn plan(&self, workspace: &WorkspaceRef) -> Vec<(Option<u32>, String)> {
        let id = |hook: &Hook| hook.remembered.as_ref().map(|(id, _)| *id);
        self.of(workspace).map(|hook| (id(hook), hook.receiver.does())).collect()
    }
}

impl Prober<'_> {
    /// Finds out whether the token of one more workspace could be delivered. `tokens` are those
    /// that a file may hold now.
    ///
    /// # Errors
    /// [`Error::cannot_deliver`], [`Error::locked`].
    pub(crate) fn probe(&mut self, workspace: &WorkspaceRef, tokens: &[&Token]) -> Result<()> {
        // Those of workspaces that this run is not about count too.
        let others = self.hooks.all.iter().filter(|hook| !hook.is_for(workspace));
        let others: Vec<Claim> =
            others.filter_map(|hook| hook.claim(workspace, self.own)).collect();
        for hook in self.hooks.of(workspace) {
            let (clock, own) = (&*self.hooks.clock, self.own);
            let probed = match &hook.receiver {
                Receiver::File(file) => {
                    let is_earlier = |jti: &str| self.hooks.is_earlier(workspace, jti);
                    file.probe(
                        workspace,
                        tokens,
                        own,
                        (&others, &mut self.claims),
                        &is_earlier,
                        clock,
                    )
                }
                Receiver::Command(command) => {
                    let found = command.probe_run(&self.hooks.path);
                    match (command::probe_shell(), found, &hook.remembered) {
                        (Err(error), ..) => Err(error),
                        (_, Err(reason), Some((id, _))) => {
                            self.lost.push(of_target(Some(*id), &reason));
                            Ok(())
                        }
                        (_, Err(reason), None) => {
                            Err(Error::cannot_deliver(&reason, "ntcli token refresh --help"))
                        }
                        _ => Ok(()),
                    }
                }
            };
            probed.map_err(|error| hook.named(error))?;
        }
        Ok(())
    }
}

/// Finds out whether a new receiver could get the token of a workspace, beside what is remembered.
///
/// # Errors
/// [`Error::cannot_deliver`], [`Error::locked`].
pub(crate) fn probe_new(
    receiver: &Receiver,
    workspace: &WorkspaceRef,
    token: Option<&Token>,
    remembered: &Targets,
    own: &[&Path],
    clock: &dyn Clock,
) -> Result<()> {
    let file = match receiver {
        Receiver::File(file) => file,
        Receiver::Command(command) => {
            return command
                .probe()
                .map_err(|reason| Error::cannot_deliver(&reason, "ntcli target add --help"));
        }
    };
    let mut claims = Vec::new();
    for target in remembered.all() {
        if target.workspace_id == workspace.id && target.name == receiver.name() {
            continue;
        }
        if let Receiver::File(other) = Receiver::remembered(target)? {
            claims.extend(other.claim_of(workspace, own));
        }
    }
    file.probe(workspace, token.as_slice(), own, (&[], &mut claims), &|_| false, clock)
}

impl Deliver for Hooks {
    fn targets(&self, workspace: &WorkspaceRef) -> Vec<Target> {
        let target =
            |hook: &Hook| Target { name: hook.name.clone(), is_command: hook.is_command() };
        self.of(workspace).map(target).collect()
    }

    fn has_own(&self) -> bool {
        self.all.iter().any(|hook| hook.remembered.is_none())
    }

    fn lacking(&self, workspace: &WorkspaceRef, token: &Token) -> Vec<String> {
        let lacks = |hook: &&Hook| {
            let held = match &hook.receiver {
                Receiver::File(file) => file.holds(workspace, token).map(Some),
                Receiver::Command(command) => {
                    let holder = self.lock_holder.clone();
                    ask_check(command, workspace, token, holder, &*self.clock)
                }
            };
            !matches!(held, Ok(None | Some(true)))
        };
        self.of(workspace).filter(lacks).map(|hook| hook.name.clone()).collect()
    }

    fn start(
        &mut self,
        target: &Target,
        delivery: &Delivery,
    ) -> std::result::Result<Option<Process>, String> {
        if let Some(signal) = self.clock.interrupted() {
            return Err(format!("signal {signal} has ended the run"));
        }
        let Some(hook) = self.of(delivery.workspace).find(|hook| hook.name == target.name) else {
            return Err(format!("{} is not known", target.name));
        };
        let Delivery { workspace, new, old, attempt } = delivery;
        let id = hook.remembered.as_ref().map(|(id, _)| *id);
        let command = match &hook.receiver {
            Receiver::File(file) => {
                let is_earlier = |jti: &str| self.is_earlier(workspace, jti);
                let written =
                    file.write(workspace, new, *old, &is_earlier, &*self.clock).map(|()| None);
                return written.map_err(|reason| of_target(id, &reason));
            }
            Receiver::Command(command) => command.clone(),
        };
        let given = Given {
            workspace: (*workspace).clone(),
            new: (*new).clone(),
            old: old.cloned(),
            attempt: *attempt,
            lock_holder: self.lock_holder.clone(),
            quiet: false,
        };
        let running = command.start(&given).map_err(|reason| of_target(id, &reason))?;
        let process = running.process();
        self.running = Some(Started { id, running, command, given });
        Ok(process)
    }

    fn finish(&mut self) -> std::result::Result<(), String> {
        let Some(Started { id, running, command, given }) = self.running.take() else {
            return Ok(());
        };
        let ended = running.finish(&*self.clock).and_then(|()| match command.start_check(&given) {
            Some(check) => check?.finish(&*self.clock),
            None => Ok(()),
        });
        ended.map_err(|reason| of_target(id, &reason))
    }
}

fn of_target(id: Option<u32>, reason: &str) -> String {
    id.map_or_else(|| reason.to_owned(), |id| format!("target {id}: {reason}"))
}
