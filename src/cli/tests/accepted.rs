//! Valid command lines.

use std::time::Duration;

use super::*;

#[track_caller]
fn refresh(line: &str) -> TokenRefresh {
    match run(line).command {
        Command::Token(Token { command: TokenCommand::Refresh(refresh) }) => refresh,
        other => panic!("{line}: {other:?}"),
    }
}

#[track_caller]
fn revoke(line: &str) -> TokenRevoke {
    match run(line).command {
        Command::Token(Token { command: TokenCommand::Revoke(revoke) }) => revoke,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_option_of_refresh() {
    let all = "token refresh prod --expires-in 30d --print --no-verify --revoke-orphans \
               --lock-wait 5s --format json --debug";
    let invocation = run(all);
    assert!(invocation.debug);
    assert_eq!(invocation.format, Format::Json);
    assert_eq!(invocation.lock_wait, Some(Duration::from_secs(5)));
    let expected = TokenRefresh {
        workspace: some("prod"),
        expires_in: some("30d"),
        print: true,
        no_verify: true,
        revoke_orphans: true,
        ..TokenRefresh::default()
    };
    assert_eq!(refresh(all), expected);
    assert_eq!(refresh("token refresh"), TokenRefresh::default());
    let at = refresh("token refresh --expires-at=2027-01-01T00:00:00Z");
    assert_eq!(at.expires_at, some("2027-01-01T00:00:00Z"));
}

#[test]
fn every_way_to_name_the_workspace() {
    for line in [
        "token refresh prod",
        "token refresh -w prod",
        "token refresh -wprod",
        "token refresh -w=prod",
        "token refresh --workspace prod",
        "token refresh --workspace=prod",
        "token refresh prod -w prod",
        "token refresh -- prod",
        "-w prod token refresh",
        "token --workspace=prod refresh",
    ] {
        let refresh = refresh(line);
        assert_eq!(refresh.workspace, some("prod"), "{line}");
    }
    for command in ["create", "show", "print", "list", "needs-refresh", "history"] {
        let by_option = run(&format!("token {command} -w prod"));
        assert_eq!(by_option, run(&format!("token {command} prod")));
    }
}

#[test]
fn letters_in_one_word() {
    for (line, apart) in [
        ("workspace delete ab -fq", "workspace delete ab -f -q"),
        ("-q workspace delete ab -f", "workspace delete ab -qf"),
        ("token show -qwprod", "token show prod -q"),
        ("token show -qw prod", "token show prod -q"),
    ] {
        assert_eq!(run(line), run(apart), "{line}");
    }
}

#[test]
fn odd_values() {
    for (line, value) in [
        ("token refresh --expires-in -5", "-5"),
        ("token refresh --expires-in=-5", "-5"),
        ("token refresh --expires-in ''", ""),
        ("token refresh --expires-in=", ""),
        ("token refresh --expires-in a=b", "a=b"),
        ("token refresh --expires-in==", "="),
        ("token refresh --expires-in -wprod", "-wprod"),
        ("token refresh --expires-in --nothing", "--nothing"),
        ("token refresh --expires-in -", "-"),
        ("token refresh --expires-in help", "help"),
        ("token refresh --expires-in=--help", "--help"),
        ("token refresh --expires-in é", "é"),
    ] {
        assert_eq!(refresh(line).expires_in, some(value), "{line}");
    }
}

#[test]
fn after_two_dashes_all_is_positional() {
    for word in ["--help", "-h", "help", "--debug", "--format=json", "-w", "--", "-"] {
        let line = format!("token refresh -- {word}");
        assert_eq!(refresh(&line).workspace, some(word), "{line}");
        let invocation = run(&line);
        assert!(!invocation.debug && invocation.format == Format::Text, "{line}");
    }
}

#[test]
fn a_program_and_its_arguments() {
    for (line, workspace, env) in [
        ("token exec -- make --debug -h help", None, None),
        ("token exec prod -- make --debug -h help", some("prod"), None),
        ("token exec -w prod --env=A_1 -- make --debug -h help", some("prod"), some("A_1")),
        ("token exec --env _ prod -- make --debug -h help", some("prod"), some("_")),
    ] {
        let invocation = run(line);
        assert!(!invocation.debug, "{line}");
        let program = args(&["make", "--debug", "-h", "help"]);
        let exec = TokenExec { workspace, env, program };
        let command = TokenCommand::Exec(exec);
        assert_eq!(invocation.command, Command::Token(Token { command }), "{line}");
    }
    // Before the dashes all is ours.
    assert!(run("token exec --debug -- -- x").debug);
    let exec = TokenExec { program: args(&["--", "x"]), ..TokenExec::default() };
    let command = Command::Token(Token { command: TokenCommand::Exec(exec) });
    assert_eq!(run("token exec -- -- x").command, command);
    assert!(shown("token exec --help -- x").contains("[OPTIONS] -- COMMAND [ARGUMENTS]\n"));
}

#[test]
fn options_of_every_command_stand_anywhere() {
    for line in [
        "--debug --format json token refresh prod",
        "token --debug refresh --format=json prod",
        "token refresh prod --format json --debug",
    ] {
        let invocation = run(line);
        assert!(invocation.debug, "{line}");
        assert_eq!(invocation.format, Format::Json, "{line}");
        assert_eq!(refresh(line).workspace, some("prod"), "{line}");
    }
    assert_eq!(run("token list --format table").format, Format::Text);
    assert_eq!(run("health --format text").format, Format::Text);
}

#[test]
fn other_words_for_commands() {
    for (alias, name) in [
        ("ws list", "workspace list"),
        ("ws ls", "workspace list"),
        ("workspace use prod", "workspace select prod"),
        ("workspace switch prod", "workspace select prod"),
        ("ws rm prod --force", "workspace delete prod --force"),
        ("ws unset", "workspace clear"),
    ] {
        assert_eq!(run(alias), run(name), "{alias}");
    }
    // An alias is a command only in a command's position.
    assert_eq!(refresh("token refresh ws").workspace, some("ws"));
}

#[test]
fn revoking_by_jti_or_what_is_pending() {
    let by_jti = |workspace: Option<&str>| TokenRevoke {
        jti: some("jti_1"),
        workspace: workspace.map(str::to_owned),
        ..TokenRevoke::default()
    };
    let pending = |workspace: Option<&str>| TokenRevoke {
        pending: true,
        workspace: workspace.map(str::to_owned),
        ..TokenRevoke::default()
    };
    for (line, expected) in [
        ("token revoke jti_1", by_jti(None)),
        ("token revoke jti_1 -w prod", by_jti(Some("prod"))),
        ("-w prod token revoke jti_1", by_jti(Some("prod"))),
        ("token revoke --pending", pending(None)),
        ("token revoke --pending -w prod", pending(Some("prod"))),
    ] {
        assert_eq!(revoke(line), expected, "{line}");
    }
}

/// A script may add one to what a caller gave.
#[test]
fn a_flag_may_be_given_again() {
    for (line, once) in [
        ("-q token refresh -q", "token refresh -q"),
        ("token refresh --print --print", "token refresh --print"),
        ("--json token show --json", "token show --format json"),
        ("token refresh -w a --workspace=a", "token refresh a"),
    ] {
        assert_eq!(run(line), run(once), "{line}");
    }
}

#[test]
fn any_number_of_workspaces_to_renew() {
    let workspaces = |line: &str| match run(line).command {
        Command::Renew(renew) => renew.workspaces,
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(workspaces("renew"), [""; 0]);
    assert_eq!(workspaces("renew prod dev -w test"), ["prod", "dev", "test"]);
    assert_eq!(workspaces("-w prod renew prod"), ["prod"]);
}

#[test]
fn sign_in_options() {
    let Command::Auth(auth) =
        run("auth login --port 8080 --timeout=1 --no-browser --force").command
    else {
        panic!("no auth command");
    };
    let expected = AuthLogin {
        port: Some(8080),
        timeout: Some(1),
        no_browser: true,
        force: true,
        ..AuthLogin::default()
    };
    assert_eq!(auth.command, AuthCommand::Login(expected));
    run("auth login --token-stdin --force");
    run("auth signup --port 65535 --no-browser");
}

#[test]
fn every_example_in_the_help_is_accepted() {
    fn examples(node: &CommandInfoWithArgs, found: &mut Vec<String>) {
        found.extend(node.examples.iter().map(|&e| e.to_owned()));
        for sub in &node.commands {
            examples(&sub.command, found);
        }
    }
    let mut found = Vec::new();
    examples(&command_tree(), &mut found);
    assert!(found.len() > 30);
    for example in found {
        let one = example.trim_start_matches("source <(").trim_end_matches(')');
        let one = one.split(['<', '>', '&']).next().unwrap();
        // A quoted text is one word.
        let quoted: Vec<_> = one.split('\'').collect();
        let line = match quoted.as_slice() {
            [before, _, after] => format!("{before}text{after}"),
            _ => one.to_owned(),
        };
        run(line.strip_prefix("ntcli ").unwrap());
    }
}
