//! Help pages and the version.

use super::*;

/// Every command of the tree by its words, groups too.
fn commands(node: &CommandInfoWithArgs, path: &str, found: &mut Vec<(String, bool)>) {
    for sub in &node.commands {
        let path = format!("{path} {}", sub.name).trim_start().to_owned();
        commands(&sub.command, &path, found);
        found.push((path, sub.command.commands.is_empty()));
    }
}

fn all() -> Vec<(String, bool)> {
    let mut found = Vec::new();
    commands(&command_tree(), "", &mut found);
    found
}

#[test]
fn the_front_page_names_every_command() {
    let page = shown("--help");
    for (command, leaf) in all() {
        let there = page.lines().any(|l| l.trim_start().starts_with(&format!("{command} ")));
        assert!(there || !leaf, "{command}");
    }
    for (code, _) in listed("Exit codes") {
        assert!(page.contains(&format!("\n  {code:>2}")), "{code}");
    }
}

/// Who types the name alone sees all of it in a small terminal.
#[test]
fn the_first_page_is_short() {
    let page = shown("");
    assert!(page.lines().count() <= 22 && page.lines().all(|line| line.len() <= 80), "{page}");
    for (group, _) in all().iter().filter(|(command, _)| !command.contains(' ')) {
        assert!(page.contains(group), "{group}");
    }
}

/// So does who types the name of a group, or asks for help on a command of few options.
#[test]
fn the_pages_of_groups_and_of_small_commands_fit_a_terminal() {
    let small = ["workspace list", "auth status", "target check", "config reset"];
    let groups = all().into_iter().filter(|(_, leaf)| !leaf).map(|(command, _)| command);
    for command in groups.chain(small.map(str::to_owned)) {
        let page = shown(&format!("{command} --help"));
        assert!(page.lines().count() <= 23, "{page}");
    }
}

#[test]
fn topics() {
    for topic in ["environment", "exit-codes", "json", "recovery"] {
        let page = shown(&format!("help {topic}"));
        assert!(page.lines().count() > 10 && page.ends_with('\n'), "{page}");
        for line in page.lines() {
            assert!(line.len() <= 80 && line.trim_end() == line && line.is_ascii(), "{line:?}");
        }
    }
    assert!(shown("help environment").contains("NTCLI_CONFIG_DIR"));
    assert!(shown("help exit-codes").contains("\n  10  "));
    assert!(refused("help nothing").message.contains("Unknown command"));
}

#[test]
fn every_page_has_its_parts_and_fits() {
    for (command, leaf) in all() {
        let page = shown(&format!("{command} --help"));
        assert!(page.starts_with(&format!("Usage: ntcli {command}")), "{page}");
        assert!(page.contains("\nExamples:\n  ntcli "), "{page}");
        assert_eq!(page.contains("\nExit codes:"), leaf, "{page}");
        assert!(
            !page.contains(['`', '\t']) && !page.contains("{{") && !page.contains("{command_name}"),
            "{page}"
        );
        assert!(page.is_ascii(), "{page}");
    }
    let front = (String::new(), true);
    for (command, _) in all().into_iter().chain([front]) {
        let page = shown(&format!("{command} --help"));
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{page}");
        for line in page.lines() {
            assert!(line.len() <= 80 && line.trim_end() == line, "{line:?}");
        }
    }
}

#[test]
fn every_command_explains_its_options_and_codes() {
    fn check(node: &CommandInfoWithArgs) {
        for sub in &node.commands {
            for code in sub.command.error_codes {
                assert!(!code.description.is_empty(), "{} {}", sub.name, code.code);
            }
            for positional in sub.command.positionals {
                assert!(!positional.description.is_empty(), "{}", sub.name);
            }
            check(&sub.command);
        }
    }
    check(&command_tree());
}

#[test]
fn help_is_asked_for_anywhere() {
    let refresh = shown("token refresh --help");
    for line in [
        "token refresh -h",
        "token refresh help",
        "help token refresh",
        "token help refresh",
        "--help token refresh",
        "-h token refresh prod",
        "token refresh prod extra --help",
        "token refresh --bogus --help",
        "token refresh --expires-in --help",
        "--format json token refresh --debug -h",
        "token refresh --version --help",
    ] {
        assert_eq!(shown(line), refresh, "{line}");
    }
    let front = shown("--help");
    for line in ["help", "-h", "--debug", "--format json"] {
        assert_eq!(shown(line), front, "{line}");
    }
    for line in ["token", "token help", "help token", "token --format json"] {
        assert!(shown(line).starts_with("Usage: ntcli token COMMAND"), "{line}");
    }
    assert_eq!(shown("ws rm -h"), shown("workspace delete -h"));
}

#[test]
fn the_version() {
    let version = format!("ntcli {}\n", env!("CARGO_PKG_VERSION"));
    for line in
        ["-V", "--version", "token refresh -V", "--version token", "token refresh --bogus -V"]
    {
        assert_eq!(shown(line), version, "{line}");
    }
}

#[test]
fn parts_of_a_page() {
    let page = shown("token refresh -h");
    for part in [
        "Usage: ntcli token refresh [WORKSPACE] [OPTIONS]\n",
        "\n      --print                 ",
        "\nOptions of every command (see ntcli --help):\n  --help, --format text|json, ",
        "--workspace WORKSPACE",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(shown("ws rm -h").contains("\nAlso:\n  ntcli workspace rm\n"));
    assert!(shown("domain set -h").contains("set DOMAIN [OPTIONS]"));
    let revoke = shown("token revoke -h");
    assert!(revoke.contains("revoke [JTI] [OPTIONS]"));
    assert!(revoke.contains("\n  -w, --workspace WORKSPACE  "));
    assert!(!shown("health -h").contains("--workspace"));
    assert_eq!(page::summary("One thing. And more."), "One thing");
    assert_eq!(page::summary("Only one."), "Only one");
}
