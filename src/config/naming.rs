//! The names of a workspace.

use crate::error::{Error, Result};
use crate::text::nearest;

/// What a workspace can be referred to by.
pub(crate) struct WorkspaceName<'a> {
    /// Its key in the config file, or what that would be.
    pub key: &'a str,
    pub id: &'a str,
    pub name: &'a str,
}

/// The workspace that `name` refers to; an id takes precedence over a name.
///
/// # Errors
/// [`Error::unknown_workspace`], [`Error::ambiguous_workspace`].
pub(crate) fn pick<'a>(
    known: impl Iterator<Item = WorkspaceName<'a>>,
    name: &str,
) -> Result<WorkspaceName<'a>> {
    let id = bare_id(name);
    let (mut by_id, mut by_name) = (Vec::new(), Vec::new());
    let mut names = Vec::new();
    for workspace in known {
        names.push(workspace.name);
        if workspace.id.eq_ignore_ascii_case(id) {
            by_id.push(workspace);
        } else if workspace.name == name {
            by_name.push(workspace);
        }
    }
    let mut fits = if by_id.is_empty() { by_name } else { by_id };
    let Some(found) = fits.pop() else {
        let near = nearest(name, names.into_iter());
        return Err(Error::unknown_workspace(name, near.as_deref()));
    };
    if fits.iter().all(|w| w.id.eq_ignore_ascii_case(found.id)) {
        return Ok(found);
    }
    let ids = fits.iter().chain([&found]).map(|w| w.key.to_owned());
    Err(Error::ambiguous_workspace(name, &ids.collect::<Vec<_>>()))
}

/// The API wants the UUID of `ws-NAME-UUID`: its last five groups.
pub(crate) fn bare_id(key: &str) -> &str {
    let hyphens = key.bytes().rev().filter(|b| *b == b'-').count();
    if hyphens <= 4 {
        return key;
    }
    let fifth_from_end = key.bytes().rev().enumerate().filter(|(_, b)| *b == b'-').nth(4);
    fifth_from_end.map_or(key, |(from_end, _)| &key[key.len() - from_end..])
}
