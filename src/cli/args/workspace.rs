//! `ntcli workspace …`

group! {
    /// Workspaces: list, choose, create and delete them.
    Workspace(WorkspaceCommand) "workspace" ["ntcli workspace list", "ntcli ws use prod"]

    /// List the workspaces; mark the active one, those with a token here, and
    /// those that are known only here.
    List(WorkspaceList) "list" ["ntcli workspace list --format json"] {}

    /// Choose the active workspace. Without NAME, from a numbered list on a
    /// terminal.
    Select(WorkspaceSelect) "select" ["ntcli workspace select", "ntcli workspace select prod"] {
        /// name, UUID or full local id
        #[argh(positional, arg_name = "NAME")]
        pub name: Option<String>,
    }

    /// Create a workspace. It becomes the active one if none is, or with
    /// --select. A token that comes with it is stored as its current one.
    Create(WorkspaceCreate) "create" ["ntcli workspace create staging -d 'Before production'"] [
        7 "created on the server, but could not be stored here"
    ] {
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
    Delete(WorkspaceDelete) "delete" [
        "ntcli workspace delete staging",
        "ntcli workspace rm staging --force"
    ] [7 "deleted on the server, but could not be forgotten here"] {
        /// name, UUID or full local id
        #[argh(positional, arg_name = "NAME")]
        pub name: String,
        /// do not ask
        #[argh(switch, short = 'f')]
        pub force: bool,
    }

    /// Leave no workspace active. All tokens stay.
    Clear(WorkspaceClear) "clear" ["ntcli workspace clear"] {}

    /// Show the workspace that commands use: `NTCLI_WORKSPACE`, or the active one.
    Current(WorkspaceCurrent) "current" ["ntcli workspace current"] [1 "there is none"] {}

    /// Update the local list of workspaces from the server. One that is gone there
    /// is removed here too, unless its token may still work.
    Sync(WorkspaceSync) "sync" ["ntcli workspace sync"] {}
}
