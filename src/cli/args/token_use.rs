//! `ntcli token print` and `ntcli token exec`

use std::ffi::OsString;

use argh::{ArgsInfo, FromArgs};

use super::variable;

/// Print the current token alone, for a script, without asking the server.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "print",
    example = "ntcli token print",
    example = "ntcli token print prod --format json"
)]
pub(crate) struct TokenPrint {
    /// name, UUID or full local id; otherwise `NTCLI_WORKSPACE` or the active one
    #[argh(positional, arg_name = "WORKSPACE")]
    pub workspace: Option<String>,
}

/// Run a command with the current token in its environment. The command replaces ntcli
/// and gets everything after --, but no session variable.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "exec",
    example = "ntcli token exec -- ./deploy.sh",
    example = "ntcli token exec prod --env API_TOKEN -- terraform apply",
    error_code(0, "the command's own exit code, as any not listed here"),
    error_code(126, "the command cannot be run"),
    error_code(127, "there is no such command")
)]
pub(crate) struct TokenExec {
    /// name, UUID or full local id; otherwise `NTCLI_WORKSPACE` or the active one
    #[argh(positional, arg_name = "WORKSPACE")]
    pub workspace: Option<String>,
    /// the variable that holds the token, instead of `NTCLI_WORKSPACE_TOKEN`
    #[argh(option, arg_name = "NAME", from_str_fn(variable))]
    pub env: Option<String>,
    /// what follows --, as the system gave it; the parser puts it here
    #[argh(option, hidden_help)]
    pub program: Vec<OsString>,
}

/// Go back to the previous token while it is still live: after a refresh with
/// --revoke-after, or one that could not deliver. It becomes the current one
/// again and is delivered to every target; the newer one is revoked.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "rollback",
    example = "ntcli token rollback",
    example = "ntcli token rollback prod --format json"
)]
pub(crate) struct TokenRollback {
    /// name, UUID or full local id; otherwise `NTCLI_WORKSPACE` or the active one
    #[argh(positional, arg_name = "WORKSPACE")]
    pub workspace: Option<String>,
}
