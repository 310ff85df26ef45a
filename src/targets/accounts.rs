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

/// The number of a user or a group, which may be given itself.
pub(super) fn id_of(file: &str, name: &str) -> std::result::Result<u32, String> {
    let known = || lines(file).into_iter().find(|(known, _)| known == name).map(|(_, id)| id);
    name.parse().ok().or_else(known).ok_or_else(|| format!("there is no '{name}' in {file}"))
}

/// The name of a user or a group, or the number where it has none.
pub(super) fn name_of(file: &str, id: u32) -> String {
    let mut all = lines(file).into_iter();
    all.find(|(_, known)| *known == id).map_or_else(|| id.to_string(), |(name, _)| name)
}
