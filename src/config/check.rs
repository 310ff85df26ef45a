//! Whether a parsed document is a config file: the fields we use have the right types.

use crate::json::Json;
use crate::secret::Secret;

/// Finds the first field of the wrong type.
///
/// # Errors
/// The place and the problem, for people; never a value.
pub(super) fn check(doc: &Json) -> Result<(), String> {
    object("the file", doc)?;
    of_type(doc, "", "domain", "a string")?;
    of_type(doc, "", "insecure", "a boolean")?;
    if let Some(auth) = part(doc, "", "auth")? {
        for name in ["bearerToken", "refreshToken"] {
            secret(auth, "auth", name)?;
        }
        of_type(auth, "auth", "expiresAt", "a number")?;
        of_type(auth, "auth", "server", "a string")?;
        if let Some(user) = part(auth, "auth", "user")? {
            for name in ["id", "email", "firstName", "lastName", "organizationId"] {
                of_type(user, "auth.user", name, "a string")?;
            }
        }
    }
    let Some(workspaces) = part(doc, "", "workspaces")? else {
        return Ok(());
    };
    of_type(workspaces, "workspaces", "activeWorkspaceId", "a string")?;
    let Some(items) = part(workspaces, "workspaces", "items")? else {
        return Ok(());
    };
    for (key, item) in items.fields() {
        let place = format!("workspaces.items.{key}");
        object(&place, item)?;
        secret(item, &place, "access_token")?;
        for name in ["workspace_id", "workspace_name", "token_type", "jti"] {
            of_type(item, &place, name, "a string")?;
        }
        of_type(item, &place, "expires_at", "a number")?;
        for name in ["never_expires", "isActive"] {
            of_type(item, &place, name, "a boolean")?;
        }
        if let Some(scope) = item.get("scope") {
            let fits = match scope {
                Json::Array(values) => values.iter().all(|v| v.as_str().is_some()),
                Json::Text(_) | Json::Null => true,
                _ => false,
            };
            if !fits {
                return Err(format!("{place}.scope must be an array of strings"));
            }
        }
    }
    Ok(())
}

fn object(place: &str, json: &Json) -> Result<(), String> {
    match json {
        Json::Object(_) => Ok(()),
        other => Err(format!("{place} must be an object, not {}", other.kind())),
    }
}

/// A part that must be an object if present; `null` counts as missing.
fn part<'a>(json: &'a Json, place: &str, name: &str) -> Result<Option<&'a Json>, String> {
    match json.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(part) => object(&join(place, name), part).map(|()| Some(part)),
    }
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn of_type(json: &Json, place: &str, name: &str, kind: &str) -> Result<(), String> {
    match json.get(name) {
        None | Some(Json::Null) => Ok(()),
        Some(value) if value.kind() == kind => Ok(()),
        Some(value) => Err(format!("{} must be {kind}, not {}", join(place, name), value.kind())),
    }
}

/// A value that goes into a header must not be able to end it.
fn secret(json: &Json, place: &str, name: &str) -> Result<(), String> {
    of_type(json, place, name, "a string")?;
    let text = json.get(name).and_then(Json::as_str).unwrap_or_default();
    if text.is_empty() || Secret::new(text).is_header_safe() {
        Ok(())
    } else {
        Err(format!(
            "{} holds a character that no token has (a space, a line break, or beyond ASCII)",
            join(place, name)
        ))
    }
}
