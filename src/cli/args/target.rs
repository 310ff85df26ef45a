//! `ntcli target …`

use super::seconds;

group! {
    /// The files and commands that must get a workspace's token. Every refresh delivers to them.
    Target(TargetCommand) "target" ["ntcli target add --env API_TOKEN=/etc/app.env", "ntcli target list"]

    /// Remember a file or a command that must get the workspace's token, and
    /// deliver it. From now on every refresh does so before the old token is
    /// revoked. What cannot get the token is not remembered.
    #[allow(clippy::struct_excessive_bools)] // switches are bools
    Add(TargetAdd) "add" [
        "ntcli target add --file /run/app/token",
        "ntcli target add --env API_TOKEN=/etc/app.env",
        "ntcli target add --replace ~/.config/mcp.json",
        "ntcli target add prod --exec 'systemctl restart app'"
    ] {
        WORKSPACE
        /// write the bare token to this file
        #[argh(option, arg_name = "PATH")]
        pub file: Option<String>,
        /// set the line of this variable in an env file
        #[argh(option, arg_name = "NAME=PATH")]
        pub env: Option<String>,
        /// replace the old token with the new one in this text file
        #[argh(option, arg_name = "PATH")]
        pub replace: Option<String>,
        /// overwrite the file of --file whatever it holds
        #[argh(switch)]
        pub overwrite: bool,
        /// a file that --file makes ends without a newline
        #[argh(switch)]
        pub no_newline: bool,
        /// write over the file instead of replacing it: for one that is mounted by
        /// itself. A reader may see a part
        #[argh(switch)]
        pub in_place: bool,
        /// mode of a file that is made (default 0600, or as its folder says)
        #[argh(option, arg_name = "MODE")]
        pub mode: Option<String>,
        /// owner of a file that is made
        #[argh(option, arg_name = "USER[:GROUP]")]
        pub owner: Option<String>,
        /// run this with /bin/sh; it has `NTCLI_NEW_TOKEN`, `NTCLI_NEW_JTI`, `NTCLI_OLD_JTI`,
        /// `NTCLI_EXPIRES_AT`, `NTCLI_WORKSPACE_NAME`, `NTCLI_WORKSPACE_ID` and `NTCLI_ATTEMPT`
        /// (above 1: repeated) in its environment
        #[argh(option, arg_name = "COMMAND")]
        pub exec: Option<String>,
        /// run this to see whether the consumer has the token
        #[argh(option, arg_name = "COMMAND")]
        pub check: Option<String>,
        /// deliver nothing now; the next refresh does
        #[argh(switch)]
        pub later: bool,
        /// how long a command may take (default 60s)
        #[argh(option, arg_name = "DURATION", from_str_fn(seconds))]
        pub timeout: Option<u64>,
    }

    /// List the targets of all workspaces.
    List(TargetList) "list" ["ntcli target list --format json"] {}

    /// Remove a target: no refresh delivers to it or waits for it any more. Its
    /// file stays as it is.
    Remove(TargetRemove) "remove" ["ntcli target remove 2"] {
        /// its number in ntcli target list
        #[argh(positional, arg_name = "ID")]
        pub id: String,
    }

    /// Deliver the current token to some targets now, or to all. No token is
    /// requested or revoked; an unfinished refresh is left to the next one.
    Deliver(TargetDeliver) "deliver" ["ntcli target deliver", "ntcli target deliver 2 3"] [
        9 "not every target has the token"
    ] {
        /// their numbers in ntcli target list; otherwise all
        #[argh(positional, arg_name = "ID")]
        pub ids: Vec<String>,
    }

    /// Check whether each file holds the current token. Commands cannot be checked.
    Check(TargetCheck) "check" ["ntcli target check"] [
        0 "every file holds the current token",
        1 "some do not, or could not be read"
    ] {
        /// their numbers in ntcli target list; otherwise all
        #[argh(positional, arg_name = "ID")]
        pub ids: Vec<String>,
    }
}
