//! `ntcli domain …`, `ntcli config …` and `ntcli health`

group! {
    /// The server that commands talk to.
    Domain(DomainCommand) "domain" ["ntcli domain show"]

    /// Use the server at DOMAIN from now on.
    Set(DomainSet) "set" [
        "ntcli domain set nimbletools.ai",
        "ntcli domain set nimbletools.internal --insecure"
    ] {
        /// such as nimbletools.ai; requests go to its api host
        #[argh(positional, arg_name = "DOMAIN")]
        pub domain: String,
        /// use plain http: everyone on the network can read the tokens
        #[argh(switch)]
        pub insecure: bool,
    }

    /// Show the server that commands talk to.
    Show(DomainShow) "show" ["ntcli domain show"] {}
}

group! {
    /// The config file.
    Config(ConfigCommand) "config" ["ntcli config show"]

    /// Show the config file without its secrets.
    Show(ConfigShow) "show" ["ntcli config show --format json"] {}

    /// Print the path of the config file.
    Path(ConfigPath) "path" ["ntcli config path"] {}

    /// Forget session, workspaces, tokens, targets and domain. It asks first; where it
    /// cannot ask, --force is needed. Nothing is revoked; what stays live is named.
    Reset(ConfigReset) "reset" ["ntcli config reset --force"] {
        /// do not ask
        #[argh(switch, short = 'f')]
        pub force: bool,
    }
}

command! {
    /// Check the server's health.
    Health "health" ["ntcli health --format json"] [0 "the server is healthy"] {}
}
