//! Completions and the manual page say what the definitions say.

use crate::cli::args::ALIASES;

use super::*;

/// Every command by its words, a space before each, with the long names of its options.
fn all(node: &CommandInfoWithArgs, at: &str, found: &mut Vec<(String, Vec<&'static str>)>) {
    for sub in &node.commands {
        let at = format!("{at} {}", sub.name);
        let flags = sub.command.flags.iter().map(|flag| flag.long).collect();
        all(&sub.command, &at, found);
        found.push((at, flags));
    }
}

fn commands() -> Vec<(String, Vec<&'static str>)> {
    let mut found = Vec::new();
    all(&command_tree(), "", &mut found);
    assert!(found.len() > 25, "{found:?}");
    found
}

#[test]
fn bash_and_zsh_know_every_command_and_option() {
    for shell in [Shell::Bash, Shell::Zsh] {
        let script = completions(shell);
        assert!(!script.contains('@') || shell == Shell::Zsh, "{script}");
        for (at, flags) in commands() {
            let step = format!("'{at}') at='{at}' ;;");
            assert!(script.contains(&step), "{step}");
            let list = format!("\n    '{at}') ");
            let list = script.split(&list).nth(1).and_then(|rest| rest.lines().next());
            let list = list.unwrap_or_else(|| panic!("nothing at {at}"));
            for flag in flags.into_iter().chain(["--format", "--debug", "--version", "--help"]) {
                let found = list.split([' ', '\'', '(', ':']).any(|word| word == flag);
                assert!(found, "{flag} is not in {list}");
            }
        }
        for (group, alias, name) in ALIASES {
            let at = format!("'{} {alias}') at=", [" ", group].concat().trim_end());
            let at = script.lines().find(|line| line.trim_start().starts_with(&at));
            assert!(at.is_some_and(|line| line.contains(name)), "{alias}");
        }
    }
}

#[test]
fn fish_knows_every_command_and_option() {
    let script = completions(Shell::Fish);
    assert!(!script.contains('@'), "{script}");
    for (at, flags) in commands() {
        let (group, name) = at.rsplit_once(' ').unwrap();
        let word = format!("__ntcli_at '{group}'\" -a {name} -d '");
        assert!(script.contains(&word), "{word}");
        for flag in flags.into_iter().filter(|flag| *flag != "--help") {
            let option = format!("__ntcli_at '{at}'\" -l {} ", &flag[2..]);
            assert!(script.contains(&option), "{option}");
        }
    }
    for option in ["-l format -x -a 'text json' -d", "-l help -s h -d", "-l version -s V -d"] {
        assert!(script.contains(&format!("\ncomplete -c ntcli {option}")), "{option}");
    }
    assert!(script.contains("-l token-file -r -F -d "), "{script}");
}

#[test]
fn the_manual_page_is_the_help() {
    let page = man_page();
    let shown = page.replace("\\-", "-").replace("\\(ti", "~");
    for (at, flags) in commands() {
        assert!(shown.contains(&format!("\n.SS \"ntcli{at} ")), "{at}");
        for flag in flags {
            assert!(shown.contains(flag), "{flag}");
        }
    }
    for (code, meaning) in help::EXIT_CODES {
        assert!(shown.contains(&format!("\n.TP\n.B {code}\n{meaning}\n")), "{code}");
    }
    for (name, meaning) in help::environment() {
        assert!(shown.contains(&format!("\n.TP\n.B {name}\n{meaning}\n")), "{name}");
    }
    assert!(help::environment().count() >= 9);
    assert!(!page.contains('`') && page.is_ascii(), "{page}");
}
