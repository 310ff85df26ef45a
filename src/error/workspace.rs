//! Workspaces that cannot be found, made or stored.

use super::{Error, Kind, NewTokenFate, PENDING, exit, lines, with_word};
use crate::secret::redact;
use crate::text::printable;

const LIST: &str = "ntcli workspace list";

impl Error {
    /// No workspace named and none active.
    pub(crate) fn no_workspace() -> Self {
        Self::new("no_workspace", exit::FAILED, "No workspace selected")
            .kind_of(Kind::NoWorkspace)
            .hinted("ntcli workspace select <name>, and ntcli workspace list")
    }

    /// The workspace that was named is not known here; `near` is, and is named almost so.
    pub(crate) fn unknown_workspace(name: &str, near: Option<&str>) -> Self {
        let shown = printable(name);
        let mut message = format!("No workspace '{shown}' is known here");
        if let Some(near) = near {
            message += &format!("; did you mean '{}'?", printable(near));
        }
        let may_be_on_server = near.is_none() && redact(name, &[]) == name;
        let hint = if may_be_on_server {
            with_word("ntcli workspace select", name)
        } else {
            LIST.to_owned()
        };
        Self::new("unknown_workspace", exit::FAILED, message)
            .hinted(hint)
            .kind_of(Kind::UnknownWorkspace(name.to_owned()))
    }

    /// The error where the server does not know the workspace either.
    pub(crate) fn nor_on_server(mut self) -> Self {
        if let Kind::UnknownWorkspace(_) = self.0.kind {
            self.0.hint = Some(LIST.to_owned());
        }
        self
    }

    /// Several workspaces have this name; `ids` are their full local ids.
    pub(crate) fn ambiguous_workspace(name: &str, ids: &[String]) -> Self {
        let (name, ids) = (printable(name), lines(ids));
        let message = format!("Several workspaces are named '{name}'; name one by its id:{ids}");
        Self::new("ambiguous_workspace", exit::USAGE, message).hinted(LIST)
    }

    /// There is no workspace to choose from.
    pub(crate) fn no_workspaces() -> Self {
        Self::new("no_workspaces", exit::FAILED, "There is no workspace yet")
            .hinted("ntcli workspace create <name>")
    }

    /// The server has a workspace of that name already.
    pub(crate) fn workspace_exists(name: &str) -> Self {
        let message =
            format!("A workspace named '{}' exists already; nothing has changed", printable(name));
        Self::new("workspace_exists", exit::FAILED, message)
            .hinted(with_word("ntcli workspace select", name))
    }

    /// The workspace was created on the server and could not be stored here; with what happened to
    /// the token that came with it, if any.
    pub(crate) fn store_workspace(name: &str, token: Option<NewTokenFate>, error: &Self) -> Self {
        let said = |fate: NewTokenFate| format!("; the token that came with it {}", fate.said());
        let fate = token.map(said).unwrap_or_default();
        let done = format!("Workspace '{}' was created on the server{fate}", printable(name));
        let is_kept = token == Some(NewTokenFate::Kept);
        Self::stored_behind(&done, if is_kept { PENDING } else { "ntcli workspace sync" }, error)
    }

    /// Something was done on the server, but the local state could not be updated: `done` says what, `then`
    /// is the command that updates it.
    pub(crate) fn stored_behind(done: &str, then: &str, error: &Self) -> Self {
        let message = format!("{done}, but the local files could not be updated");
        Self::new("stored_behind", exit::NOT_STORED, message)
            .hinted(then)
            .with_causes(error.chain())
    }
}
