//! Rules that span several arguments, which the definitions cannot express.

use argh::{FlagInfoKind, Optionality};

use super::args::RUNS_A_PROGRAM;
use super::parser::{GivenOption, Scan};
use super::{help, suggest};

/// Checks the number of positionals.
pub(super) fn positionals(scan: &mut Scan) -> Result<(), String> {
    let command = help::spelled(&scan.path);
    let names: Vec<_> = scan.node.positionals.iter().map(|p| p.name).collect();
    let is_empty = |word: &String| word.is_empty() && scan.path != ["completions"];
    if let Some(at) = scan.positionals.iter().position(is_empty) {
        let name = names.get(at).unwrap_or(&"an argument");
        return Err(format!("'{command}': {name} is empty"));
    }
    if scan.path == ["token", "revoke"] {
        jti_or_pending(scan)?;
    }
    if scan.path == RUNS_A_PROGRAM && scan.program.is_empty() {
        return Err(format!("'{command}' needs a command to run, after '--'"));
    }
    let given = scan.positionals.len();
    let last = scan.node.positionals.last();
    if given > names.len() && last.is_none_or(|last| last.optionality != Optionality::Repeating) {
        let allowed = match names.as_slice() {
            [] => "takes no arguments besides options".to_owned(),
            [one] => format!("takes one {one}, not {given} arguments"),
            many => format!("takes {} ({}), not {given}", many.len(), many.join(", ")),
        };
        return Err(format!("'{command}' {allowed}"));
    }
    let mut missing = scan.node.positionals.iter().skip(given);
    match missing.find(|p| p.optionality == Optionality::Required) {
        Some(positional) => Err(format!("'{command}': {} is missing", positional.name)),
        None => Ok(()),
    }
}

/// The workspace is named by `-w` alone: revoking something else than was meant would be worse than
/// asking again.
fn jti_or_pending(scan: &mut Scan) -> Result<(), String> {
    let pending = scan.has("--pending");
    let Some((first, more)) = scan.positionals.split_first() else {
        let missing = || Err("'ntcli token revoke' needs a JTI or --pending".to_owned());
        return if pending { Ok(()) } else { missing() };
    };
    let other = |word: &&String| !word.starts_with("jti_");
    if let Some(workspace) = more.iter().chain(pending.then_some(first)).find(other) {
        let shown = |word: &str, or: &str| {
            let quoted = suggest::shown(word);
            quoted.map_or(or.to_owned(), |quoted| quoted.trim_matches('\'').to_owned())
        };
        let what = if pending { "--pending".to_owned() } else { shown(first, "JTI") };
        let workspace = shown(workspace, "WORKSPACE");
        scan.meant = Some(format!("ntcli token revoke {what} -w {workspace}"));
        return Err("'ntcli token revoke' takes its workspace by -w alone".to_owned());
    }
    if pending {
        return Err("'ntcli token revoke' takes a JTI or --pending, not both".to_owned());
    }
    let mut seen = Vec::new();
    scan.positionals.retain(|jti| {
        !seen.contains(jti) && {
            seen.push(jti.clone());
            true
        }
    });
    Ok(())
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

/// Checks options against each other.
pub(super) fn options(scan: &Scan) -> Result<(), String> {
    // A script's unset variable must not mean the active workspace, nor be found once all is done.
    let is_empty = |given: &&GivenOption| {
        let FlagInfoKind::Option { arg_name } = given.flag.kind else {
            return false;
        };
        ["PATH", "WORKSPACE"].contains(&arg_name) && given.value.as_deref() == Some("")
    };
    if let Some(given) = scan.options.iter().find(is_empty) {
        return Err(format!("{} is empty", given.flag.long));
    }
    if let Some((a, b)) = NOT_BOTH.iter().find(|(a, b)| scan.has(a) && scan.has(b)) {
        return Err(format!("{a} and {b} cannot be used together"));
    }
    let metrics = |given: &GivenOption| {
        given.flag.long == "--format" && given.value.as_deref() == Some("prometheus")
    };
    if scan.path != ["check"] && scan.options.iter().any(metrics) {
        return Err("--format prometheus is for 'ntcli check' alone".to_owned());
    }
    // A sign-in with the browser brings its own expiry.
    let login = scan.path == ["auth", "login"];
    if login && scan.has("--expires-in") && !scan.has("--token-stdin") {
        return Err("--expires-in needs --token-stdin".to_owned());
    }
    if scan.has("--all") && !scan.positionals.is_empty() {
        return Err("--all and WORKSPACE cannot be used together".to_owned());
    }
    if scan.path == ["target", "add"] {
        let kinds = ["--file", "--env", "--replace", "--exec"];
        if kinds.iter().filter(|kind| scan.has(kind)).count() != 1 {
            return Err(
                "'ntcli target add' needs one of --file, --env, --replace and --exec".to_owned()
            );
        }
        for option in ["--timeout", "--check"] {
            if scan.has(option) && !scan.has("--exec") {
                return Err(format!("{option} needs --exec"));
            }
        }
        for option in ["--overwrite", "--no-newline"] {
            if scan.has(option) && !scan.has("--file") {
                return Err(format!("{option} needs --file"));
            }
        }
    }
    if scan.has("--exec-timeout") && !scan.has("--exec") {
        return Err("--exec-timeout needs --exec".to_owned());
    }
    Ok(())
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
        return Err(format!("'{}' takes no --workspace", help::spelled(&scan.path)));
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
