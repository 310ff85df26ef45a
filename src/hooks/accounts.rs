//! Names of users and groups, as the system's own files have them.

use std::fs;

pub(super) const USERS: &str = "/etc/passwd";
pub(super) const GROUPS: &str = "/etc/group";

/// Lines of names and numbers: `name:password:number:...`.
fn lines(file: &str) -> Vec<(String, u32)> {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// The name of a user or a group, or the number where it has none.
pub(super) fn name_of(file: &str, id: u32) -> String {
    let mut all = lines(file).into_iter();
    all.find(|(_, known)| *known == id).map_or_else(|| id.to_string(), |(name, _)| name)
}
