//! Completions and the manual page say what the definitions say.

use crate::cli::args::ALIASES;
use crate::cli::completions::Offer;

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

/// What is offered for the last of these words; `''` is nothing yet.
fn offered(line: &str) -> Offer {
    offer(typed(line).into_iter().map(|word| word.into_string().unwrap()).collect())
}

fn words(line: &str) -> Vec<String> {
    offered(line).words.into_iter().map(|(word, _)| word).collect()
}

#[test]
fn every_command_and_option_is_offered() {
    for (at, flags) in commands() {
        let (group, name) = at.rsplit_once(' ').unwrap();
        assert!(words(&format!("{group} ''")).contains(&name.to_owned()), "{at}");
        assert!(words(&format!("{at} ''")).iter().all(|word| !word.starts_with('-')), "{at}");
        let options = words(&format!("{at} -"));
        for flag in flags.into_iter().chain(["--format", "--debug", "--version", "--help"]) {
            let found = options.iter().filter(|option| *option == flag).count();
            assert_eq!(found, 1, "{at}: {flag} in {options:?}");
        }
    }
    for (group, alias, name) in ALIASES.iter().filter(|alias| alias.1.len() == 2) {
        let found = offered(&format!("{group} ''")).words;
        let word = ((*alias).to_owned(), format!("the same as {name}"));
        assert!(found.contains(&word), "{alias}: {found:?}");
    }
}

#[test]
fn what_stands_at_that_place_is_offered() {
    for (line, names, files) in [
        ("token refresh ''", Some("WORKSPACE"), false),
        ("token refresh prod ''", None, false),
        ("token refresh --workspace ''", Some("WORKSPACE"), false),
        ("token refresh -w ''", Some("WORKSPACE"), false),
        ("token refresh --workspace=p", Some("WORKSPACE"), false),
        ("token revoke jti_1 ''", None, false),
        ("target deliver ''", Some("ID"), false),
        ("target add --file ''", None, true),
        ("target add --file=/e", None, true),
        ("target add --env TOKEN", None, false),
        ("target add --env TOKEN=/e", None, true),
        ("target add --env TOKEN = /e", None, true),
        ("token exec -- ''", None, true),
        ("token show -- -", Some("WORKSPACE"), false),
        ("auth status ''", None, false),
    ] {
        let found = offered(line);
        let takes = Some(found.takes).filter(|takes| ["WORKSPACE", "ID"].contains(takes));
        assert_eq!((takes, found.files), (names, files), "{line}");
        assert!(found.words.is_empty(), "{line}: {found:?}");
    }
    let json = offered("token show --format=j");
    assert_eq!((json.before.as_str(), json.words[0].0.as_str()), ("--format=", "json"));
    // bash replaces the part after the sign alone.
    let json = offered("token show --format = j");
    assert_eq!((json.before.as_str(), json.words[0].0.as_str()), ("", "json"));
    assert_eq!(words("token show --format json --form"), [""; 0]);
    assert_eq!(words("health --wo"), [""; 0]);
}

#[test]
fn the_manual_page_is_the_help() {
    let read = |name: &str| {
        let page = man_page(name).unwrap();
        assert!(page.starts_with(".TH NTCLI") && page.contains("\n.nh\n"), "{page}");
        // A variable or an option that is broken at a line's end cannot be read, nor copied.
        assert!(!page.contains('`') && page.is_ascii(), "{page}");
        page.replace("\\-", "-").replace("\\(ti", "~")
    };
    let shown = read("ntcli");
    for (at, flags) in commands() {
        let group = at.trim_start().split(' ').next().unwrap();
        assert!(shown.contains(&format!("\n.BR ntcli-{group} (1),\n")), "{group}");
        let page = read(&format!("ntcli-{group}"));
        let is_group = commands().iter().any(|(other, _)| other.starts_with(&format!("{at} ")));
        let heading = format!("\n.SS \"ntcli{at} ");
        assert!(is_group || page.matches(&heading).count() == 1, "{at}");
        assert!(is_group || shown.contains(&format!("\n.TP\n.B{at}\n")), "{at}");
        for flag in flags.into_iter().filter(|flag| *flag != "--help") {
            assert!(page.contains(flag), "{flag}");
            assert!(!shown.contains(&format!("\n.B {flag}\n")), "{flag}");
        }
    }
    for option in ["-w, --workspace NAME", "--lock-wait DURATION", "-q, --quiet", "-h, --help"] {
        assert_eq!(shown.matches(&format!("\n.B {option}\n")).count(), 1, "{option}");
    }
    assert!(man_page("nothing").is_none());
    for (code, meaning) in listed("Exit codes") {
        assert!(shown.contains(&format!("\n.TP\n.B {code}\n{meaning}\n")), "{code}");
    }
    for (name, meaning) in listed("Environment") {
        assert!(shown.contains(&format!("\n.TP\n.B {name}\n{meaning}\n")), "{name}");
    }
    assert!(listed("Environment").count() >= 9);
    for title in ["DESCRIPTION", "EXAMPLES", "FILES", "ENVIRONMENT", "EXIT STATUS", "SEE ALSO"] {
        assert!(shown.contains(&format!("\n.SH \"{title}\"\n")), "{title}");
    }
}

/// What `make install` puts in place, and `make uninstall` removes.
#[test]
fn every_page_is_installed() {
    let makefile = include_str!("../../../Makefile");
    let list = makefile.lines().find_map(|line| line.strip_prefix("PAGES = ")).unwrap();
    let tree = command_tree();
    let pages = tree.commands.iter().map(|sub| format!("ntcli-{}", sub.name));
    let mut pages: Vec<_> = pages.chain(["ntcli".to_owned()]).collect();
    pages.sort();
    let mut listed: Vec<_> = list.split(' ').collect();
    listed.sort_unstable();
    assert_eq!(listed, pages);
}

#[test]
fn what_a_delivery_is_given_is_told() {
    let source = include_str!("../../targets/command.rs");
    let variables = source.split(".env(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let words: Vec<_> = variables.collect();
    assert!(words.len() > 6, "{words:?}");
    let (shown, page) = (shown("target add --help"), man_page("target").unwrap());
    let in_man = page.split("\n.SS \"ntcli target add ").nth(1).unwrap();
    let in_man = in_man.split("\n.SS ").next().unwrap();
    for word in &words {
        assert!(shown.contains(word), "{word}: {shown}");
        assert!(in_man.contains(word), "{word}: {in_man:?}");
    }
}

/// The rows of the reference's table under a heading, as their cells without backticks.
fn reference_table(heading: &str) -> Vec<Vec<String>> {
    let reference = include_str!("../../docs/reference.md").replace('`', "");
    let part = reference.split_once(&format!("\n## {heading}\n")).expect(heading).1;
    let table = part.lines().skip_while(|line| !line.starts_with('|'));
    let rows = table.take_while(|line| line.starts_with('|')).skip(2);
    let cells =
        |row: &str| row.trim_matches('|').split(" | ").map(|c| c.trim().to_owned()).collect();
    rows.map(cells).collect()
}

#[test]
fn the_reference_has_the_same_exit_codes() {
    let codes: Vec<_> = listed("Exit codes").map(|(c, m)| [c.to_owned(), m.to_owned()]).collect();
    let rows: Vec<_> = reference_table("Exit codes").iter().map(|row| row[..2].to_vec()).collect();
    assert_eq!(rows, codes);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let reference = words(&include_str!("../../docs/reference.md").replace('`', ""));
    let topic = help::topic("exit-codes");
    let own = topic.lines().rev().take(2).collect::<Vec<_>>();
    assert!(reference.contains(&words(&format!("{} {}", own[1], own[0]))), "{own:?}");
}
