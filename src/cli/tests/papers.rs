//! Completions and the manual page say what the definitions say.

use crate::cli::args::ALIASES;

use super::*;

/// Every command by its words, a space before each, with the long names of its options.
fn all(node: &CommandInfoWithArgs, at: &str, found: &mut Vec<(String, Vec<&'static str>)>) {
    for sub in &node.commands {
        let at = format!("{at} {}", sub.name);
        let flags =
            sub.command.flags.iter().filter(|flag| !flag.hidden).map(|flag| flag.long).collect();
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
    for title in ["DESCRIPTION", "EXAMPLES", "FILES", "ENVIRONMENT", "EXIT STATUS", "SEE ALSO"] {
        assert!(shown.contains(&format!("\n.SH \"{title}\"\n")), "{title}");
    }
    // A variable or an option that is broken at a line's end cannot be read, nor copied.
    assert!(page.contains("\n.nh\n"));
    assert!(!page.contains('`') && page.is_ascii(), "{page}");
}

#[test]
fn what_a_delivery_is_given_is_told() {
    let source = include_str!("../../hooks/command.rs");
    let variables = source.split(".env(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let words: Vec<_> = variables.collect();
    assert!(words.len() > 6, "{words:?}");
    let page = man_page();
    // A target belongs to one workspace, so its path takes no placeholder.
    for (command, words) in [
        ("token refresh", [&words[..], &["{name}", "{id}"]].concat()),
        ("target add", words.clone()),
    ] {
        let shown = shown(&format!("{command} --help"));
        let heading = format!("\n.SS \"ntcli {command} ");
        let in_man = page.split(&heading).nth(1).and_then(|rest| rest.split("\n.SS ").next());
        for word in &words {
            assert!(shown.contains(word), "{word}: {shown}");
            assert!(in_man.is_some_and(|part| part.contains(word)), "{word}: {in_man:?}");
        }
    }
}

/// The rows of the README's table under a heading, as their cells without backticks.
fn readme_table(heading: &str) -> Vec<Vec<String>> {
    let readme = include_str!("../../../README.md").replace('`', "");
    let part = readme.split_once(&format!("\n### {heading}\n")).expect(heading).1;
    let table = part.lines().skip_while(|line| !line.starts_with('|'));
    let rows = table.take_while(|line| line.starts_with('|')).skip(2);
    let cells =
        |row: &str| row.trim_matches('|').split(" | ").map(|c| c.trim().to_owned()).collect();
    rows.map(cells).collect()
}

#[test]
fn the_readme_has_the_same_exit_codes() {
    let codes: Vec<_> =
        help::EXIT_CODES.iter().map(|(c, m)| [c.to_string(), (*m).to_owned()]).collect();
    let rows: Vec<_> = readme_table("Exit codes").iter().map(|row| row[..2].to_vec()).collect();
    assert_eq!(rows, codes);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = words(&include_str!("../../../README.md").replace('`', ""));
    assert!(readme.contains(&words(help::OWN_EXIT_CODES)));
}

/// It may say more of a variable.
#[test]
fn the_readme_has_the_same_variables() {
    let rows = readme_table("Environment");
    for ((name, meaning), row) in help::environment().zip(&rows) {
        assert_eq!(name, row[0]);
        assert!(row[1].starts_with(meaning), "{name}: {meaning:?} is not how {:?} begins", row[1]);
    }
    assert_eq!(help::environment().count(), rows.len());
}
