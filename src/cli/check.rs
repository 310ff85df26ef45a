//! Rules that span several arguments, which the definitions cannot express.

use argh::{FlagInfoKind, Optionality};

use super::args::RUNS_A_PROGRAM;
use super::page;
use super::parser::{GivenOption, Scan};

/// Checks the number of positionals.
pub(super) fn positionals(scan: &mut Scan) -> Result<(), String> {
    let command = page::spelled(&scan.path);
    let names: Vec<_> = scan.node.positionals.iter().map(|p| p.name).collect();
    let is_empty = |word: &String| word.is_empty() && scan.path != ["completions"];
    if let Some(at) = scan.positionals.iter().position(is_empty) {
        let name = names.get(at).unwrap_or(&"an argument");
        return Err(format!("'{command}': {name} is empty"));
    }
    if scan.path == ["token", "revoke"] && scan.positionals.is_empty() != scan.has("--pending") {
        return Err("'ntcli token revoke' needs one of JTI and --pending".to_owned());
    }
    if scan.path == RUNS_A_PROGRAM && scan.program.is_empty() {
        return Err(format!("'{command}' needs a command to run, after '--'"));
    }
    let given = scan.positionals.len();
    let last = scan.node.positionals.last();
    if given > names.len() && last.is_none_or(|last| last.optionality != Optionality::Repeating) {
        let usage = page::usage(&scan.path, &scan.node);
        return Err(format!("Too many arguments: {usage}"));
    }
    let mut missing = scan.node.positionals.iter().skip(given);
    match missing.find(|p| p.optionality == Optionality::Required) {
        Some(positional) => Err(format!("'{command}': {} is missing", positional.name)),
        None => Ok(()),
    }
}

/// Options that exclude each other. A session from stdin needs no browser.
const NOT_BOTH: &[(&str, &str)] = &[
    ("--expires-in", "--expires-at"),
    ("--save", "--no-save"),
    ("--all", "--workspace"),
    ("--all", "--print"),
    ("--dry-run", "--print"),
    ("--default", "--expires-in"),
    ("--default", "--renew-before"),
    ("--default", "--revoke-after"),
    ("--token-stdin", "--port"),
    ("--token-stdin", "--timeout"),
    ("--token-stdin", "--no-browser"),
];

/// What `target add` takes one of.
const KINDS: [&str; 4] = ["--file", "--env", "--replace", "--exec"];

/// Its options that are of use only beside one of these.
const NEEDS: [(&str, &[&str]); 7] = [
    ("--timeout", &["--exec"]),
    ("--check", &["--exec"]),
    ("--overwrite", &["--file"]),
    ("--no-newline", &["--file"]),
    ("--mode", &["--file", "--env"]),
    ("--owner", &["--file", "--env"]),
    ("--in-place", &["--file", "--env", "--replace"]),
];

/// Checks options against each other.
pub(super) fn options(scan: &Scan) -> Result<(), String> {
    // A script's unset variable must not mean the active workspace, nor be found once all is done.
    let is_empty = |given: &&GivenOption| {
        let kind = &given.flag.kind;
        matches!(kind, FlagInfoKind::Option { arg_name: "PATH" | "WORKSPACE" })
            && given.value.as_deref() == Some("")
    };
    if let Some(given) = scan.options.iter().find(is_empty) {
        return Err(format!("{} is empty", given.flag.long));
    }
    if let Some((a, b)) = NOT_BOTH.iter().find(|(a, b)| scan.has(a) && scan.has(b)) {
        return Err(format!("{a} and {b} cannot be used together"));
    }
    if scan.path != ["check"] && scan.asks_for("prometheus") {
        return Err("--format prometheus is for 'ntcli check' alone".to_owned());
    }
    if scan.has("--all") && !scan.positionals.is_empty() {
        return Err("--all and WORKSPACE cannot be used together".to_owned());
    }
    if scan.path != ["target", "add"] {
        return Ok(());
    }
    if KINDS.iter().filter(|kind| scan.has(kind)).count() != 1 {
        let kinds = KINDS.join(", ");
        return Err(format!("'ntcli target add' needs one of {kinds}"));
    }
    let is_missing = |others: &[&str]| !others.iter().any(|other| scan.has(other));
    match NEEDS.iter().find(|(option, others)| scan.has(option) && is_missing(others)) {
        Some((option, others)) => Err(format!("{option} needs {}", others.join(" or "))),
        None => Ok(()),
    }
}

/// Turns `--workspace` into the positional, so that commands find the workspace in one place.
pub(super) fn one_workspace(scan: &mut Scan) -> Result<(), String> {
    let Some(option) = scan.options.iter().position(|o| o.flag.long == "--workspace") else {
        return Ok(());
    };
    if scan.is_own("--workspace") {
        return Ok(());
    }
    let Some(place) = scan.node.positionals.iter().position(|p| p.name == "WORKSPACE") else {
        return Err(format!("'{}' takes no --workspace", page::spelled(&scan.path)));
    };
    let named = scan.options.remove(option).value.unwrap_or_default();
    let many = scan.node.positionals[place].optionality == Optionality::Repeating;
    match scan.positionals.get(place) {
        Some(positional) if !many && *positional != named => {
            return Err("WORKSPACE and --workspace name different workspaces".to_owned());
        }
        _ if scan.positionals.contains(&named) => {}
        _ => scan.positionals.push(named),
    }
    Ok(())
}
