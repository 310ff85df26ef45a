//! `ntcli domain …`, `ntcli config …` and `ntcli health`

use argh::{ArgsInfo, FromArgs};

group! {
    /// The server that commands talk to.
    Domain, "domain", ["ntcli domain show"];
    DomainCommand: Set(DomainSet) Show(DomainShow)
}

/// Use the server at DOMAIN from now on.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "set",
    example = "ntcli domain set nimbletools.ai",
    example = "ntcli domain set nimbletools.internal --insecure"
)]
pub(crate) struct DomainSet {
    /// such as nimbletools.ai; requests go to its api host
    #[argh(positional, arg_name = "DOMAIN")]
    pub domain: String,
    /// use plain http: everyone on the network can read the tokens
    #[argh(switch)]
    pub insecure: bool,
}

/// Show the server that commands talk to.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(subcommand, name = "show", example = "ntcli domain show")]
pub(crate) struct DomainShow {}

group! {
    /// The config file.
    Config, "config", ["ntcli config show"];
    ConfigCommand: Show(ConfigShow) Path(ConfigPath) Reset(ConfigReset)
}

/// Show the config file without its secrets.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(subcommand, name = "show", example = "ntcli config show --format json")]
pub(crate) struct ConfigShow {}

/// Print the path of the config file.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(subcommand, name = "path", example = "ntcli config path")]
pub(crate) struct ConfigPath {}

/// Forget session, workspaces, tokens, targets and domain. It asks first; where it
/// cannot ask, --force is needed. Nothing is revoked; what stays live is named.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(subcommand, name = "reset", example = "ntcli config reset --force")]
pub(crate) struct ConfigReset {
    /// do not ask
    #[argh(switch, short = 'f')]
    pub force: bool,
}

/// Check the server's health.
#[derive(FromArgs, ArgsInfo, Debug, Clone, Default, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "health",
    example = "ntcli health --format json",
    error_code(0, "the server is healthy")
)]
pub(crate) struct Health {}
