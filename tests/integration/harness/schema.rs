//! Every JSON output against the schema of its command, in `fixtures/schemas/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Map, Value};

const GROUPS: [&str; 6] = ["auth", "token", "target", "workspace", "domain", "config"];
const ALONE: [&str; 8] =
    ["renew", "policy", "check", "doctor", "health", "completions", "man", "version"];
/// Other names of commands, with what they follow.
const ALIASES: [(&str, &str, &str); 14] = [
    ("auth", "signup", "login"),
    ("domain", "set", ""),
    ("domain", "show", ""),
    ("token", "renew", "refresh"),
    ("token", "rotate", "refresh"),
    ("token", "delete", "revoke"),
    ("token", "rm", "revoke"),
    ("token", "ls", "list"),
    ("workspace", "ls", "list"),
    ("workspace", "rm", "delete"),
    ("workspace", "switch", "select"),
    ("workspace", "unset", "clear"),
    ("workspace", "use", "select"),
    ("config", "clear", "reset"),
];
/// What only describes a value, or is looked up by others.
const NOT_A_RULE: [&str; 4] = ["$schema", "title", "description", "$defs"];

fn schemas() -> &'static BTreeMap<String, Value> {
    static SCHEMAS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/schemas");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let schemas = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
        let named = schemas.map(|path| {
            let schema = serde_json::from_slice(&fs::read(&path).unwrap());
            (path.file_name().unwrap().to_string_lossy().into_owned(), schema.unwrap())
        });
        named.collect()
    })
}

/// The files of all schemas.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    schemas().keys().map(String::as_str)
}

/// The schema for a command line without the program, if it prints JSON.
pub(crate) fn of(words: &[String]) -> Option<&'static str> {
    let words = words.split(|word| word == "--").next().unwrap_or_default();
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let asks = has("--json") || has("--format=json") || words.windows(2).any(is_format);
    // Text for a person, and whatever the command prints.
    let other = ["--help", "-h", "--version", "-V", "help", "exec"];
    if !asks || other.iter().any(|word| has(word)) {
        return None;
    }
    let mut names = words.iter().filter(|word| !word.starts_with('-') && *word != "json");
    let first = names.next().map_or("", String::as_str);
    let first = if first == "ws" { "workspace" } else { first };
    let name = if ALONE.contains(&first) {
        first.to_owned()
    } else if GROUPS.contains(&first) {
        let second = names.next().map_or("", String::as_str);
        let alias = ALIASES.iter().find(|(group, alias, _)| (*group, *alias) == (first, second));
        let second = alias.map_or(second, |alias| alias.2);
        let dry = if second == "refresh" && has("--dry-run") { "-dry-run" } else { "" };
        format!("{first}-{second}{dry}").trim_end_matches('-').to_owned()
    } else {
        String::new()
    };
    let known = schemas().keys().find(|file| **file == format!("{name}.json"));
    Some(known.map_or("failure.json", String::as_str))
}

fn is_format(pair: &[String]) -> bool {
    pair == ["--format", "json"]
}

/// What is wrong with an output; `None` if it is as its schema says.
pub(crate) fn fault(schema: &str, output: &Value) -> Option<String> {
    let rules = &schemas()[schema];
    check(schema, rules, output).err().map(|why| format!("not as in schemas/{schema}: {why}"))
}

/// `file` is where a reference without a file name leads.
fn check(file: &str, rules: &Value, value: &Value) -> Result<(), String> {
    let rules = rules.as_object().expect("a schema is an object");
    for (rule, wanted) in rules {
        let sound = match rule.as_str() {
            "type" => one_or_many(wanted).any(|name| is_a(value, name.as_str().unwrap())),
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "format" => value.as_str().is_none_or(is_moment),
            "required" => {
                let names = wanted.as_array().unwrap();
                names.iter().all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "anyOf" => {
                let tried = wanted.as_array().unwrap().iter();
                let mut faults = tried.filter_map(|rules| check(file, rules, value).err());
                let all: Vec<String> = faults.by_ref().collect();
                if all.len() == wanted.as_array().unwrap().len() {
                    return Err(format!("none of anyOf: {}", all.join("; or ")));
                }
                true
            }
            "$ref" => {
                let (file, rules) = referred(file, wanted.as_str().unwrap());
                check(file, rules, value)?;
                true
            }
            "properties" => check_properties(file, rules, value).map(|()| true)?,
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(file, wanted, item).map_err(|why| format!("[{n}]: {why}"))?;
                }
                true
            }
            // With the properties.
            "additionalProperties" => true,
            other => NOT_A_RULE.contains(&other),
        };
        if !sound {
            return Err(format!("{rule} is {wanted}, but the value is {value}"));
        }
    }
    Ok(())
}

/// A key that the schema does not name is as wrong here as one that is missing.
fn check_properties(file: &str, rules: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let properties = &rules["properties"];
    for (name, field) in value.as_object().into_iter().flatten() {
        match properties.get(name) {
            Some(rules) => {
                check(file, rules, field).map_err(|why| format!("{name}: {why}"))?;
            }
            None if rules.contains_key("additionalProperties") => {}
            None => return Err(format!("{name} is not in the schema")),
        }
    }
    Ok(())
}

fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    let many = value.as_array().into_iter().flatten();
    value.as_str().map(|_| value).into_iter().chain(many)
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}

/// RFC 3339 in UTC with seconds: `2026-01-01T00:00:00Z`.
fn is_moment(text: &str) -> bool {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    form == "0000-00-00T00:00:00Z"
}

/// `FILE#/POINTER`, or `#/POINTER` within the same file.
fn referred<'a>(file: &'a str, reference: &'a str) -> (&'a str, &'static Value) {
    let (other, pointer) = reference.split_once('#').expect("a reference");
    let file = if other.is_empty() { file } else { other };
    let rules = schemas()[file].pointer(pointer);
    (file, rules.unwrap_or_else(|| panic!("{reference} leads nowhere")))
}

#[test]
fn a_wrong_output_is_found_out() {
    use serde_json::json;
    let right = json!({"workspace": {"name": "prod", "id": "1"}});
    assert_eq!(fault("workspace-current.json", &right), None);
    let wrong = [
        json!({"workspace": {"name": "prod"}}),
        json!({"workspace": {"name": "prod", "id": 1}}),
        json!({"workspace": {"name": "prod", "id": "1", "more": 1}}),
        json!({"workspace": "prod"}),
        json!({"error": {"code": "usage"}}),
        json!({}),
    ];
    for output in wrong {
        assert!(fault("workspace-current.json", &output).is_some(), "{output}");
    }
    let since = |text: &str| json!({"at": text, "exit_code": 0});
    for (text, sound) in [("2026-01-01T00:00:00Z", true), ("2026-01-01T00:00:00.000Z", false)] {
        let rules = &schemas()["check.json"]["properties"]["last_run"];
        assert_eq!(check("check.json", rules, &since(text)).is_ok(), sound, "{text}");
    }
}

/// Each rule of each schema is one that is checked, and each reference leads somewhere.
#[test]
fn the_schemas_themselves_are_sound() {
    for (file, schema) in schemas() {
        walk(file, schema);
    }
}

fn walk(file: &str, rules: &Value) {
    for (rule, value) in rules.as_object().expect("a schema") {
        match rule.as_str() {
            "properties" | "$defs" => {
                value.as_object().unwrap().values().for_each(|rules| walk(file, rules));
            }
            "items" | "additionalProperties" => walk(file, value),
            "anyOf" => value.as_array().unwrap().iter().for_each(|rules| walk(file, rules)),
            "$ref" => {
                referred(file, value.as_str().unwrap());
            }
            "required" => {
                let names = value.as_array().unwrap();
                assert!(names.iter().all(Value::is_string), "{file}: {names:?}");
            }
            "type" => one_or_many(value).for_each(|name| {
                is_a(&Value::Null, name.as_str().unwrap());
            }),
            "format" => assert_eq!(value, "date-time", "{file}"),
            "const" => {}
            "enum" => assert!(!value.as_array().unwrap().is_empty(), "{file}"),
            other => assert!(NOT_A_RULE.contains(&other), "{file}: {other}"),
        }
    }
}
