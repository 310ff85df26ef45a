//! `ntcli completions` and `ntcli man`

command! {
    /// Print the completions of a shell. `make install` puts them where the shells
    /// look. Otherwise take a line from below: once for fish, in `~/.bashrc`, or in
    /// `~/.zshrc` after `compinit`. They complete the names of workspaces and the
    /// numbers of targets too, from the local files.
    Completions "completions" [
        "ntcli completions fish > ~/.config/fish/completions/ntcli.fish",
        "source <(ntcli completions bash)",
        "source <(ntcli completions zsh)"
    ] {
        /// the shell
        #[argh(positional, arg_name = "bash|zsh|fish", from_str_fn(shell))]
        pub shell: String,
        /// what was typed so far
        #[argh(positional, arg_name = "WORD", hidden_help)]
        pub words: Vec<String>,
    }
}

/// What `completions` prints: the script of a shell, or `words`, what that offers for the last word, a
/// line each.
fn shell(text: &str) -> Result<String, String> {
    let is_known = ["bash", "zsh", "fish", "words"].contains(&text);
    is_known.then(|| text.to_owned()).ok_or_else(|| "bash, zsh or fish".to_owned())
}

command! {
    /// Print a page of the manual: ntcli, or ntcli-token as the one on a command.
    Man "man" ["ntcli man", "ntcli man ntcli-token"] {
        /// its name; otherwise ntcli
        #[argh(positional, arg_name = "PAGE")]
        pub page: Option<String>,
    }
}
