//! What the records of a journal add up to, read anew from the file; and how to make them older.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// What is neither done nor only waiting for its time: a text for each, for the message of a
/// failure.
pub(crate) fn pending(path: &Path) -> Vec<String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(e) => return vec![e.to_string()],
    };
    let mut left = Left::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_str(line).unwrap_or_default();
        match record.as_object().and_then(|fields| fields.iter().next()) {
            Some((name, fields)) => left.apply(name, fields),
            None => return vec![format!("no record: {line}")],
        }
    }
    let requests = left.requests.iter().filter(|(_, (_, searched))| !*searched);
    let requests = requests.map(|(at, _)| format!("the request at {at}, not searched for"));
    let rotations = left.rotations.keys().map(|id| format!("a refresh of {id}"));
    let tokens = left.tokens.keys().map(|(jti, _)| format!("token {jti}"));
    // What is over leaves no token behind.
    let secret = text.contains("access_token");
    let secret = (left.rotations.is_empty() && secret).then(|| "the text of a token".to_owned());
    requests.chain(rotations).chain(tokens).chain(secret).collect()
}

/// As if every record had been written that much earlier.
pub(crate) fn age(path: &Path, secs: i64) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut aged = String::new();
    for line in text.lines() {
        let mut record = serde_json::from_str(line).unwrap_or_default();
        age_moments(&mut record, secs);
        match record {
            Value::Null => aged.push('\n'),
            record => writeln!(aged, "{record}").unwrap(),
        }
    }
    if !text.is_empty() {
        fs::write(path, aged).unwrap();
    }
}

fn age_moments(value: &mut Value, secs: i64) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        match (name.as_str(), value.as_i64()) {
            ("at" | "until" | "since" | "not_before" | "born", Some(ms)) => {
                *value = (ms - secs * 1000).into();
            }
            ("secs", Some(uptime)) => *value = (uptime - secs).into(),
            _ => age_moments(value, secs),
        }
    }
}

#[derive(Default)]
struct Left {
    /// The workspace, and whether its list was read since, by the moment, which no two share.
    requests: BTreeMap<String, (String, bool)>,
    /// The old token's id, by workspace.
    rotations: BTreeMap<String, Value>,
    /// The workspace, by the token's id and whether it is to be revoked.
    tokens: BTreeMap<(String, bool), String>,
}

impl Left {
    fn apply(&mut self, name: &str, fields: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let at = fields["at"].to_string();
        let jti = text(&fields["jti"]);
        let id = fields.get("workspace").unwrap_or(&fields["place"]["id"]);
        let id = text(id);
        match name {
            "creating" | "creating_workspace" => {
                self.requests.insert(at, (id, false));
            }
            "searched" => {
                self.requests.entry(at).and_modify(|(_, searched)| *searched = true);
            }
            "closed" => {
                self.requests.remove(&at);
            }
            "created" => {
                self.requests.remove(&at);
                self.rotations.insert(id, fields["old"]["jti"].clone());
            }
            "done" => {
                self.rotations.remove(&id);
            }
            "owed" | "orphan" | "handing_out" => {
                self.requests.remove(&at);
                self.tokens.insert((jti, name == "owed"), id);
            }
            "gone" | "dismissed" => {
                self.tokens.retain(|(other, _), _| *other != jti);
                if self.rotations.get(&id).is_some_and(|old| *old == *jti) {
                    self.rotations.remove(&id);
                }
            }
            "withdrawn" => {
                self.tokens.remove(&(jti, true));
            }
            "forgotten" => {
                self.requests.retain(|_, (workspace, _)| *workspace != id);
                self.rotations.remove(&id);
                self.tokens.retain(|_, workspace| *workspace != id);
            }
            "ended" | "unconfirmed" | "promoted" | "handed_over" | "delivering"
            | "delivered_to" | "turned_back" => {}
            other => panic!("no such record: {other}"),
        }
    }
}
