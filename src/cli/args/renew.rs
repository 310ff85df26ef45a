//! `ntcli renew` and `ntcli policy`

use super::seconds;

command! {
    /// Bring about what is wanted of every workspace: what a timer runs. It finishes
    /// what earlier runs left, renews the session, delivers tokens to targets that
    /// lack them, and refreshes what is due by its policy. Once a week it asks the
    /// server whether it still knows a token that is not due.
    Renew "renew" [
        "ntcli renew",
        "ntcli renew --dry-run",
        "ntcli -q renew --metrics /var/lib/node_exporter/ntcli.prom"
    ] {
        /// names, UUIDs or full local ids; otherwise every workspace that has a token here
        #[argh(positional, arg_name = "WORKSPACE")]
        pub workspaces: Vec<String>,
        /// show what would be done and why, and do nothing
        #[argh(switch)]
        pub dry_run: bool,
        /// do not ask the server about tokens that are not due
        #[argh(switch)]
        pub no_network: bool,
        /// write metrics for Prometheus to this file when done
        #[argh(option, arg_name = "PATH")]
        pub metrics: Option<String>,
    }
}

command! {
    /// What is wanted of a workspace's token. Every refresh goes by it, unless its
    /// own options say otherwise. Without options it is shown.
    Policy "policy" [
        "ntcli policy prod --expires-in 90d --renew-before 20d",
        "ntcli policy prod --default"
    ] {
        WORKSPACE
        /// lifetime to ask for (default 1y)
        #[argh(option, arg_name = "DURATION", from_str_fn(seconds))]
        pub expires_in: Option<u64>,
        /// renew this long before the end (default 30d, or a third of what was granted)
        #[argh(option, arg_name = "DURATION", from_str_fn(seconds))]
        pub renew_before: Option<u64>,
        /// leave the replaced token live for this long (default: revoke at once)
        #[argh(option, arg_name = "DURATION", from_str_fn(seconds))]
        pub revoke_after: Option<u64>,
        /// revoke the replaced token although the new one lacks a right that it has
        #[argh(switch)]
        pub accept_scope: bool,
        /// forget the policy
        #[argh(switch)]
        pub default: bool,
    }
}
