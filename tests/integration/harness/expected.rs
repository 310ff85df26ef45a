//! Outputs that are kept as files, in `fixtures/outputs/`. `BLESS=1` rewrites them: a change of
//! what users see is then visible in the diff.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::random::number;
use crate::harness::world::{Output, World};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/outputs")
}

/// Checks what was run, said and printed against the file of that name. What differs from run to
/// run has a name there: `JTI-1`, `ID-prod`, `SERVER`.
#[track_caller]
pub(crate) fn assert_matches(world: &World, outputs: &[Output], name: &str) {
    let shown: String = outputs.iter().map(Output::transcript).collect();
    let shown = without_times(&without_names(world, &shown));
    let path = folder().join(name).with_extension("txt");
    if number("BLESS") == Some(1) {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&path, &shown).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == expected,
        "not as in {}, which BLESS=1 would write anew:\n{shown}",
        path.display()
    );
}

fn without_names(world: &World, text: &str) -> String {
    let mut names = BTreeMap::from([
        (world.outside("").display().to_string(), "ROOT/".to_owned()),
        (world.plane.base_url().replace("http://", ""), "SERVER".to_owned()),
        (world.program.display().to_string(), "ntcli".to_owned()),
    ]);
    let saved = world.plane.saved();
    let (mut tokens, text_of) = (0, |value: &serde_json::Value| value.as_str().unwrap().to_owned());
    for workspace in saved.as_array().unwrap() {
        let name = text_of(&workspace["workspace_name"]);
        names.insert(text_of(&workspace["workspace_id"]), format!("ID-{name}"));
        for token in workspace["tokens"].as_array().unwrap() {
            tokens += 1;
            names.insert(text_of(&token["jti"]), format!("JTI-{tokens}"));
            names.insert(text_of(&token["access_token"]), format!("TOKEN-{tokens}"));
            if let Some(end) = token["expires_at"].as_u64() {
                names.insert(format!("{end}000"), format!("MILLIS-{tokens}"));
            }
        }
    }
    names.iter().fold(text.to_owned(), |text, (found, name)| replace(&text, found, name))
}

/// In a table, where two blanks follow, the columns stay where they are.
fn replace(text: &str, found: &str, name: &str) -> String {
    let (cell, width) = (format!("{found}  "), found.len());
    text.replace(&cell, &format!("{name:width$}  ")).replace(found, name)
}

/// Every moment, to the second or finer, is the same.
pub(crate) fn without_times(text: &str) -> String {
    const FORM: &str = "0000-00-00T00:00:00";
    const SHOWN: &str = "YYYY-MM-DDTHH:MM:SS";
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let candidate = rest.get(..FORM.len()).unwrap_or_default();
        let form = candidate.replace(|c: char| c.is_ascii_digit(), "0");
        if form == FORM {
            shown.push_str(SHOWN);
            rest = &rest[FORM.len()..];
            rest = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        } else {
            shown.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    shown
}
