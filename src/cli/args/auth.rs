//! `ntcli auth …`

use super::{millis, port};

group! {
    /// Sign in and out.
    Auth(AuthCommand) "auth" ["ntcli auth login", "ntcli auth status --format json"]

    /// Sign in with the browser, where an account can be made too, or with a session
    /// token on stdin. The session is stored and renewed as long as the sign-in service allows.
    Login(AuthLogin) "login" [
        "ntcli auth login",
        "ntcli auth login --no-browser --port 41250",
        "ntcli auth login --token-stdin < session.txt"
    ] [0 "signed in", 4 "the sign-in was refused, or not finished in time"] {
        /// local port that the browser comes back to (default 41247 or one of the next ten)
        #[argh(option, short = 'p', arg_name = "PORT", from_str_fn(port))]
        pub port: Option<u16>,
        /// how long to wait for the browser: milliseconds, or 5m (default 300000)
        #[argh(option, short = 't', arg_name = "DURATION", from_str_fn(millis))]
        pub timeout: Option<u64>,
        /// print the address instead of opening a browser
        #[argh(switch)]
        pub no_browser: bool,
        /// sign in again even if signed in
        #[argh(switch, short = 'f')]
        pub force: bool,
        /// read a session token from stdin instead of using a browser; it is checked with the server
        #[argh(switch)]
        pub token_stdin: bool,
    }

    /// Show who is signed in and until when.
    Status(AuthStatus) "status" ["ntcli auth status --format json"] [
        0 "signed in",
        4 "not signed in"
    ] {}

    /// Forget the session. Workspace tokens stay, and stay valid.
    Logout(AuthLogout) "logout" ["ntcli auth logout", "ntcli auth logout --all"] [
        7 "something could not be stored",
        8 "a token could not be revoked: it and the session are kept"
    ] {
        /// first revoke the workspace tokens, then forget them too
        #[argh(switch)]
        pub all: bool,
        /// with --all: do not ask
        #[argh(switch)]
        pub force: bool,
    }
}
