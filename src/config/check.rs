//! Whether a parsed document is a config file: the fields we use have the right types.

use crate::json::Json;
use crate::secret::Secret;

/// The type of a text that goes into a header, and of one that may be a list.
const SECRET: &str = "a secret";
const SCOPE: &str = "an array of strings";
/// What is looked at, in order; `*` is every field. Where a part is missing, so is all in it.
const FIELDS: &[(&str, &str, &[&str])] = &[
    ("", "a string", &["domain"]),
    ("", "a boolean", &["insecure"]),
    ("", "an object", &["auth", "workspaces"]),
    ("auth", SECRET, &["bearerToken", "refreshToken"]),
    ("auth", "a number", &["expiresAt"]),
    ("auth", "a string", &["server"]),
    ("auth", "an object", &["user"]),
    ("auth.user", "a string", &["id", "email", "firstName", "lastName", "organizationId"]),
    ("workspaces", "a string", &["activeWorkspaceId"]),
    ("workspaces", "an object", &["items"]),
    ("workspaces.items.*", SECRET, &["access_token"]),
    ("workspaces.items.*", "a string", &["workspace_id", "workspace_name", "token_type", "jti"]),
    ("workspaces.items.*", "a number", &["expires_at"]),
    ("workspaces.items.*", "a boolean", &["never_expires", "isActive"]),
    ("workspaces.items.*", SCOPE, &["scope"]),
];
/// Finds the first field of the wrong type; `null` counts as missing.
///
/// # Errors
/// The place and the problem, for people; never a value.
pub(super) fn check(doc: &Json) -> Result<(), String> {
    fits("the file", doc, "an object")?;
    for (path, kind, names) in FIELDS {
        for (place, part) in parts(doc, path) {
            if path.ends_with('*') {
                fits(&place, part, "an object")?;
            }
            for name in *names {
                match part.get(name) {
                    None | Some(Json::Null) => {}
                    Some(value) => fits(name, value, kind).map_err(|why| join(&place, &why))?,
                }
            }
        }
    }
    Ok(())
}

/// The parts at that path, each with its place.
fn parts<'a>(doc: &'a Json, path: &str) -> Vec<(String, &'a Json)> {
    let steps = path.split('.').filter(|step| !step.is_empty());
    steps.fold(vec![(String::new(), doc)], |parts, step| {
        let within = |(place, part): (String, &'a Json)| {
            let fields = part.fields().iter().filter(move |(name, _)| step == "*" || name == step);
            fields.map(move |(name, value)| (join(&place, name), value))
        };
        parts.into_iter().flat_map(within).collect()
    })
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn fits(place: &str, value: &Json, kind: &str) -> Result<(), String> {
    let kind = match (kind, value) {
        (SCOPE, Json::Text(_)) => return Ok(()),
        (SCOPE, Json::Array(all)) if all.iter().all(|v| v.as_str().is_some()) => return Ok(()),
        (SCOPE, _) => return Err(format!("{place} must be {SCOPE}")),
        // A value that goes into a header must not be able to end it.
        (SECRET, Json::Text(text)) if text.is_empty() || Secret::new(text).is_header_safe() => {
            return Ok(());
        }
        (SECRET, Json::Text(_)) => {
            return Err(format!(
                "{place} holds a character that no token has (a space, a line break, or beyond ASCII)"
            ));
        }
        (SECRET, _) => "a string",
        (kind, _) => kind,
    };
    if value.kind() == kind {
        return Ok(());
    }
    Err(format!("{place} must be {kind}, not {}", value.kind()))
}
