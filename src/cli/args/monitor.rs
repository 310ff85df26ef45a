//! `ntcli check` and `ntcli doctor`

use super::seconds;

command! {
    /// Tell a monitoring system whether all is well: as a Nagios plugin, in one line
    /// with performance data, or as metrics with --format prometheus. It does not
    /// ask the server. It watches how long the token lasts, pending work, the
    /// session, the targets and, with --max-age, whether refreshes still run.
    Check "check" [
        "ntcli check",
        "ntcli check --all --max-age 2d",
        "ntcli check --all --format prometheus"
    ] [
        0 "ok",
        1 "warning",
        2 "critical",
        3 "unknown: no config, a damaged one, no token, wrong usage"
    ] {
        /// name, UUID or full local id; otherwise every workspace that has a token
        #[argh(positional, arg_name = "WORKSPACE")]
        pub workspace: Option<String>,
        /// the same as no name
        #[argh(switch)]
        pub all: bool,
        /// warn when the token, or a session that cannot renew itself, ends within this time (default 30d)
        #[argh(option, arg_name = "30d", from_str_fn(seconds))]
        pub warning: Option<u64>,
        /// critical when it ends within this time (default 7d)
        #[argh(option, arg_name = "7d", from_str_fn(seconds))]
        pub critical: Option<u64>,
        /// warn when the last successful refresh is older than this
        #[argh(option, arg_name = "2d", from_str_fn(seconds))]
        pub max_age: Option<u64>,
        /// as metrics: the parser makes this of --format prometheus
        #[argh(switch, hidden_help)]
        pub prometheus: bool,
    }
}

command! {
    /// Check everything that a refresh depends on, and show what is wrong and what
    /// fixes it: folder, files, config, journal, tokens, targets, session,
    /// variables, timers, network, proxy, server, clock. It
    /// shows no secrets, so its output can go into a report.
    Doctor "doctor" ["ntcli doctor", "ntcli doctor --offline --format json"] [
        0 "no check failed",
        1 "a check failed"
    ] {
        /// do not ask the server
        #[argh(switch)]
        pub offline: bool,
    }
}
