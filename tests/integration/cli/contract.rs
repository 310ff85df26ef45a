//! The JSON contract beside the schemas themselves, which every run of every test is held to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::every_command::{COMMANDS, Trouble, make, world};
use crate::harness::parallel::for_each;
use crate::harness::schema;
use crate::harness::world::World;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The text in quotes after each occurrence of `before`, with blanks between.
fn quoted_after(text: &str, before: &str) -> BTreeSet<String> {
    let after = text.split(before).skip(1);
    let quoted = after.filter_map(|rest| rest.trim_start().strip_prefix('"'));
    quoted.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// The codes in the sources, in the schema and in the table are the same.
#[test]
fn every_error_code_is_documented() {
    let mut used = BTreeSet::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/error")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        used.append(&mut quoted_after(&source, "Self::new("));
        used.append(&mut quoted_after(&source, "Self::file("));
        used.append(&mut quoted_after(&source, ".code_of("));
    }
    let failure = read("src/error/failure.rs");
    let (_, calls) = failure.split_once("fn call_codes").expect("the codes of failed requests");
    let arms = calls.split("=> (").chain(calls.split("=> {\n            (")).skip(1);
    used.extend(arms.flat_map(|arm| quoted_after(&format!("({arm}"), "(")));
    used.retain(|code| !code.is_empty());

    let common: Value = serde_json::from_str(&read("fixtures/schemas/common.json")).unwrap();
    let codes = &common["$defs"]["error"]["properties"]["code"]["enum"];
    let codes = codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
    let codes: BTreeSet<String> = codes.collect();
    assert!(codes.len() > 60, "{codes:?}");
    assert_eq!(used, codes, "sources and schema");

    let readme = read("fixtures/schemas/README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let rows: BTreeSet<String> = rows.map(|(code, _)| code.to_owned()).collect();
    assert_eq!(rows, codes, "table and schema");
}

/// What does not end as other commands do.
const ENDING_OTHERWISE: [&[&str]; 10] = [
    &["check"],
    &["check", "--all", "--max-age", "1d"],
    &["doctor"],
    &["doctor", "--offline"],
    &["target", "remove", "1"],
    &["token", "rollback"],
    &["token", "refresh", "--dry-run"],
    &["token", "refresh", "--all"],
    &["token", "revoke", "--pending", "--forget"],
    &["auth", "login", "--token-stdin"],
];

/// No command is left out, in success or in trouble.
#[test]
fn every_schema_is_tried() {
    let all = COMMANDS.iter().map(|command| command.args).chain(ENDING_OTHERWISE);
    let schema = |args: &[&str]| {
        let words: Vec<String> = args.iter().chain(&["--json"]).map(|&word| word.into()).collect();
        schema::of(&words).unwrap()
    };
    let tried: BTreeSet<&str> = all.map(schema).collect();
    let known = schema::names().filter(|name| !["common.json", "failure.json"].contains(name));
    assert_eq!(tried, known.collect());
}

/// The schemas are the test.
#[test]
fn answers_that_are_exit_codes_hold_to_the_schemas_too() {
    let troubles = Trouble::ALL.iter().map(Some).chain([None]);
    let cases: Vec<_> =
        troubles.flat_map(|t| ENDING_OTHERWISE.iter().map(move |c| (c, t))).collect();
    for_each(16, &cases, |(args, trouble)| {
        let world = world();
        let args = [**args, &["--format", "json"][..]].concat();
        let run = world.ntcli(&args).stdin(crate::harness::world::SESSION);
        let run = match trouble {
            Some(trouble) => make(&world, **trouble, run),
            None => run,
        };
        let output = run.run();
        let error = &output.json()["error"];
        let (code, said) = (output.code().unwrap_or(-1), error["exit_code"].as_i64());
        match args[0] {
            "check" => assert_eq!(said.is_some(), code == 3, "{output}"),
            _ => assert_eq!(said.unwrap_or(0), i64::from(code), "{output}"),
        }
    });
}

/// Every kind of pending work, as the journal has it.
#[test]
fn pending_work_is_a_list_of_objects() {
    let (world, prod) = World::ready();
    let server = world.plane.base_url();
    let place = json!({"key": prod.key, "id": prod.id, "name": "prod", "server": server});
    let owed =
        json!({"owed": {"place": place, "jti": "jti_owed", "not_before": 4_000_000_000_000_u64}});
    let orphan =
        json!({"orphan": {"place": place, "jti": "jti_lost", "born": null, "origin": "match"}});
    world.write("rotation.journal", format!("{owed}\n{orphan}\n").as_bytes());
    let show = world.ntcli(&["token", "show", "--json"]).run();
    let pending = show.exits(0).json()["pending"].clone();
    let expected = json!([
        {"kind": "revocation", "jti": "jti_owed", "since": null,
         "text": "token jti_owed will be revoked after 2096-10-02T07:06:40Z"},
        {"kind": "orphan", "jti": "jti_lost", "since": null, "text": "token jti_lost is live, and nothing here holds it: the answer to its request was lost"},
    ]);
    assert_eq!(pending, expected, "{show}");
}

/// Each state that a target can be in.
#[test]
fn the_states_of_targets() {
    let (world, _) = World::ready();
    for args in
        [["--file", "current"], ["--file", "drifted"], ["--file", "gone"], ["--exec", "true"]]
    {
        world.ntcli(&[&["target", "add"], &args[..]].concat()).run().exits(0);
    }
    world.ntcli(&["target", "deliver"]).run().exits(0);
    fs::write(world.outside("drifted"), "another").unwrap();
    fs::remove_file(world.outside("gone")).unwrap();
    let output = world.ntcli(&["target", "check", "--json"]).run();
    let targets = output.exits(1).json()["targets"].clone();
    let states = targets.as_array().unwrap().iter().map(|target| target["state"].clone());
    let states: Vec<Value> = states.collect();
    assert_eq!(states, ["current", "drifted", "unreadable", "unknown"], "{output}");
}
