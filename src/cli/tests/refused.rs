//! Invalid command lines, and their messages.

use super::*;

#[track_caller]
fn say(table: &[(&str, &str)]) {
    for (line, message) in table {
        let error = refused(line);
        assert_eq!(error.message, *message, "{line}");
        assert_eq!(error.exit_code, 2, "{line}");
    }
}

#[test]
fn unknown_commands() {
    say(&[
        ("tokn", "Unknown command 'tokn'; did you mean 'token'?"),
        ("token refesh", "Unknown command 'refesh'; did you mean 'refresh'?"),
        ("refresh", "Unknown command 'refresh'; did you mean 'ntcli token refresh'?"),
        ("token login", "Unknown command 'login'; did you mean 'ntcli auth login'?"),
        ("frobnicate", "Unknown command 'frobnicate'"),
        ("help exit-code", "Unknown command 'exit-code'; did you mean 'exit-codes'?"),
        ("recovry", "Unknown command 'recovry'"),
        ("help tokn", "Unknown command 'tokn'; did you mean 'token'?"),
        ("tokn --help", "Unknown command 'tokn'; did you mean 'token'?"),
        ("tokne", "Unknown command 'tokne'; did you mean 'token'?"),
        ("lgoin", "Unknown command 'lgoin'; did you mean 'ntcli auth login'?"),
        ("refesh", "Unknown command 'refesh'; did you mean 'ntcli token refresh'?"),
        ("auth lgoin", "Unknown command 'lgoin'; did you mean 'login'?"),
        ("health ls", "Too many arguments: ntcli health [OPTIONS]"),
        ("rneew", "Unknown command 'rneew'; did you mean 'renew'?"),
        ("whoami", "Unknown command 'whoami'"),
        ("target delete 1", "Unknown command 'delete'"),
        ("token remove jti_1", "Unknown command 'remove'"),
        // A guess takes nothing away.
        ("delete", "Unknown command 'delete'"),
        ("token delet", "Unknown command 'delet'"),
        ("config reste", "Unknown command 'reste'"),
        ("ws delet", "Unknown command 'delet'"),
        ("target remov 1", "Unknown command 'remov'"),
        ("config remove", "Unknown command 'remove'"),
        ("remove 1", "Unknown command 'remove'"),
        ("token revok", "Unknown command 'revok'"),
        ("logout", "Unknown command 'logout'"),
        ("hunter2!", "Unknown command (not shown here)"),
        ("''", "The command is empty"),
        ("token ''", "The command is empty"),
        ("token -- refresh", "The command must come before '--'"),
    ]);
}

#[test]
fn unknown_options() {
    say(&[
        (
            "token refresh --expire 5",
            "Unknown option '--expire' of 'ntcli token refresh'; did you mean '--expires-in'?",
        ),
        ("token show --json --format text", "--format is given more than once"),
        ("token revoke jti_1 --forse", "Unknown option '--forse' of 'ntcli token revoke'"),
        ("token show --yes", "Unknown option '--yes' of 'ntcli token show'"),
        ("token show --force", "Unknown option '--force' of 'ntcli token show'"),
        ("token show -x", "Unknown option '-x' of 'ntcli token show'"),
        ("token show --k3y=x --help=1", "Unknown option (not shown here) of 'ntcli token show'"),
        ("--all token refresh", "Unknown option '--all' of 'ntcli'"),
        ("health -w prod", "'ntcli health' takes no --workspace"),
        ("-w prod health", "'ntcli health' takes no --workspace"),
        ("token refresh -qx", "Unknown option '-x' of 'ntcli token refresh'"),
    ]);
}

#[test]
fn values() {
    say(&[
        ("token refresh --print=yes", "--print takes no value"),
        ("token refresh --debug=1", "--debug takes no value"),
        ("token refresh -h=1", "--help takes no value"),
        ("token refresh --expires-in", "--expires-in needs a value: DURATION"),
        ("token refresh --expires-in --format json", "--expires-in needs a value: DURATION"),
        ("token refresh --expires-in -w=x", "--expires-in needs a value: DURATION"),
        ("token refresh -w -- x", "--workspace needs a value: WORKSPACE"),
        (
            "health --format yaml",
            "--format takes text (or table, which is the same), json or, for check, prometheus",
        ),
        (
            "health --format=",
            "--format takes text (or table, which is the same), json or, for check, prometheus",
        ),
        ("auth login --port 0", "--port takes a port number from 1 to 65535"),
        ("auth login --port abc", "--port takes a port number from 1 to 65535"),
        ("auth login --port 65536", "--port takes a port number from 1 to 65535"),
        ("auth login --port +80", "--port takes a port number from 1 to 65535"),
        (
            "auth signup --timeout 0",
            "--timeout takes milliseconds from 1 up, or a duration such as 90s or 5m",
        ),
        ("token refresh -w a --workspace=b", "--workspace is given more than once"),
        ("--format json health --format text", "--format is given more than once"),
        (
            "health --lock-wait soon",
            "--lock-wait takes seconds, or a duration such as 90s, 1h or 30d",
        ),
    ]);
}

#[test]
fn positionals() {
    say(&[
        ("token show a b", "Too many arguments: ntcli token show [WORKSPACE] [OPTIONS]"),
        ("health x", "Too many arguments: ntcli health [OPTIONS]"),
        ("domain set", "'ntcli domain set': DOMAIN is missing"),
        ("ws use a b", "Too many arguments: ntcli workspace select [NAME] [OPTIONS]"),
        ("token refresh ''", "'ntcli token refresh': WORKSPACE is empty"),
        ("token refresh -w ''", "--workspace is empty"),
        ("renew --metrics=", "--metrics is empty"),
        ("target add --file ''", "--file is empty"),
        ("token revoke ''", "'ntcli token revoke': JTI is empty"),
    ]);
}

#[test]
fn combinations() {
    say(&[
        ("token refresh prod -w dev", "WORKSPACE and --workspace name different workspaces"),
        ("token create --save --no-save", "--save and --no-save cannot be used together"),
        (
            "token create --expires-in 1 --expires-at 2",
            "--expires-in and --expires-at cannot be used together",
        ),
        (
            "token refresh --expires-in 1 --expires-at 2",
            "--expires-in and --expires-at cannot be used together",
        ),
        ("token revoke", "'ntcli token revoke' needs one of JTI and --pending"),
        ("token revoke jti_1 prod", "Too many arguments: ntcli token revoke [JTI] [OPTIONS]"),
        ("token revoke --pending prod", "'ntcli token revoke' needs one of JTI and --pending"),
        ("token revoke jti_1 --pending", "'ntcli token revoke' needs one of JTI and --pending"),
        ("token revoke jti_1 jti_2", "Too many arguments: ntcli token revoke [JTI] [OPTIONS]"),
        (
            "auth login --token=sess_0123456789abcdef",
            "Unknown option '--token' of 'ntcli auth login'; did you mean '--token-stdin'?",
        ),
        ("auth login --token-stdin --port 80", "--token-stdin and --port cannot be used together"),
    ]);
}

#[test]
fn the_hint_is_what_was_meant_or_the_help_of_the_command_reached() {
    for (line, hint) in [
        ("tokn", "ntcli token --help"),
        ("frobnicate", "ntcli --help"),
        ("token delet", "ntcli token --help"),
        ("token refesh", "ntcli token refresh --help"),
        ("refesh", "ntcli token refresh"),
        ("help recovry", "ntcli help recovery"),
        ("--all token", "ntcli token --help"),
        ("token revoke jti_1 prod", "ntcli token revoke --help"),
        ("token refresh -w ''", "ntcli token refresh --help"),
    ] {
        assert_eq!(refused(line).hint, hint, "{line}");
    }
}

#[test]
fn json_is_seen_however_broken_the_rest_is() {
    for line in [
        "tokn --format json",
        "--format json tokn refresh",
        "token refresh --bogus --format=json",
        "token refresh --expires-in --format json",
        "token refresh a b --format json",
        "token refresh --format yaml --format json",
        "token refresh --format json --format text",
        "token revoke --format json",
    ] {
        assert_eq!(refused(line).format, Format::Json, "{line}");
    }
    for line in ["tokn", "token refresh --format", "token refresh a -- --format json"] {
        assert_eq!(refused(line).format, Format::Text, "{line}");
    }
}

#[test]
fn wrong_usage_is_not_an_answer_of_needs_refresh() {
    for line in
        ["token needs-refresh --bogus", "token needs-refresh a b", "token needs-refresh -w ''"]
    {
        assert_eq!(refused(line).exit_code, 255, "{line}");
    }
}

#[test]
fn the_first_problem_is_told() {
    let error = refused("token refresh --one --two=x --print=1");
    assert_eq!(error.message, "Unknown option '--one' of 'ntcli token refresh'");
}
