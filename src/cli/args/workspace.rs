//! `ntcli workspace …`

use argh::{ArgsInfo, FromArgs};

group! {
    /// Workspaces: list, choose, create and delete them.
    Workspace, "workspace", ["ntcli workspace list", "ntcli ws use prod"];
    WorkspaceCommand: List(WorkspaceList) Select(WorkspaceSelect) Create(WorkspaceCreate)
        Delete(WorkspaceDelete) Clear(WorkspaceClear)
        Current(WorkspaceCurrent) Sync(WorkspaceSync)
}

/// List the workspaces; mark the active one, those with a token here, and
/// those that are known only here.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(subcommand, name = "list", example = "ntcli workspace list --format json")]
pub(crate) struct WorkspaceList {}

/// Choose the active workspace. Without NAME, from a numbered list on a
/// terminal.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "select",
    example = "ntcli workspace select",
    example = "ntcli workspace select prod"
)]
pub(crate) struct WorkspaceSelect {
    /// name, UUID or full local id
    #[argh(positional, arg_name = "NAME")]
    pub name: Option<String>,
}

/// Create a workspace. It becomes the active one if none is, or with
/// --select. A token that comes with it is stored as its current one.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "create",
    example = "ntcli workspace create staging -d 'Before production'",
    error_code(7, "created on the server, but could not be stored here")
)]
pub(crate) struct WorkspaceCreate {
    /// at most 20 characters: lower-case letters, digits, - and _
    #[argh(positional, arg_name = "NAME")]
    pub name: String,
    /// what it is for
    #[argh(option, short = 'd', arg_name = "TEXT")]
    pub description: Option<String>,
    /// make it the active one
    #[argh(switch)]
    pub select: bool,
}

/// Delete a workspace on the server, and forget its token. It asks first;
/// where it cannot ask, --force is needed.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "delete",
    example = "ntcli workspace delete staging",
    example = "ntcli workspace rm staging --force",
    error_code(7, "deleted on the server, but could not be forgotten here")
)]
pub(crate) struct WorkspaceDelete {
    /// name, UUID or full local id
    #[argh(positional, arg_name = "NAME")]
    pub name: String,
    /// do not ask
    #[argh(switch, short = 'f')]
    pub force: bool,
}

/// Show the workspace that commands use: `NTCLI_WORKSPACE`, or the active one.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "current",
    example = "ntcli workspace current",
    error_code(1, "there is none")
)]
pub(crate) struct WorkspaceCurrent {}

/// Leave no workspace active. All tokens stay.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(subcommand, name = "clear", example = "ntcli workspace clear")]
pub(crate) struct WorkspaceClear {}

/// Update the local list of workspaces from the server. One that is gone there
/// is removed here too, unless its token may still work.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(subcommand, name = "sync", example = "ntcli workspace sync")]
pub(crate) struct WorkspaceSync {}
