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
    fits(doc, "an object").map_err(|why| format!("the file{why}"))?;
    for (path, kind, names) in FIELDS {
        let look = |part: &Json| {
            if path.ends_with('*') {
                fits(part, "an object")?;
            }
            let named = names.iter().filter_map(|name| Some((name, part.get(name)?)));
            let mut given = named.filter(|(_, value)| **value != Json::Null);
            given.try_for_each(|(name, value)| {
                fits(value, kind).map_err(|why| format!(".{name}{why}"))
            })
        };
        each(doc, path, &look).map_err(|why| why.trim_start_matches('.').to_owned())?;
    }
    Ok(())
}

/// Looks at every part of that path; an error says where it was found.
fn each(part: &Json, path: &str, look: &dyn Fn(&Json) -> Result<(), String>) -> Result<(), String> {
    if path.is_empty() {
        return look(part);
    }
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut parts = part.fields().iter().filter(|(name, _)| step == "*" || name == step);
    parts.try_for_each(|(name, value)| {
        each(value, rest, look).map_err(|why| format!(".{name}{why}"))
    })
}

/// Whether the value is of that kind; the error follows its place.
fn fits(value: &Json, kind: &str) -> Result<(), String> {
    let kind = match (kind, value) {
        (SCOPE, Json::Text(_)) => return Ok(()),
        (SCOPE, Json::Array(all)) if all.iter().all(|v| v.as_str().is_some()) => return Ok(()),
        (SCOPE, _) => return Err(format!(" must be {SCOPE}")),
        // A value that goes into a header must not be able to end it.
        (SECRET, Json::Text(text)) if text.is_empty() || Secret::new(text).is_header_safe() => {
            return Ok(());
        }
        (SECRET, Json::Text(_)) => {
            return Err(
                " holds a character that no token has (a space, a line break, or beyond ASCII)"
                    .to_owned(),
            );
        }
        (SECRET, _) => "a string",
        (kind, _) => kind,
    };
    if value.kind() == kind {
        return Ok(());
    }
    Err(format!(" must be {kind}, not {}", value.kind()))
}
