//! What the history says of single tokens: who made them, and which was current last.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use super::history::{Line, text};
use crate::rotation::WorkspaceRef;
use crate::store::OwnFile;

/// So many tokens are asked about before it pays to read all lines.
const FEW: u32 = 8;

/// The server that made a token here, if that was noted. By its id, or by what its text is known by.
pub(crate) fn maker_of(at: &OwnFile, mark: &str) -> Option<String> {
    Past::read(at).maker_of(mark)
}

/// What the tokens are known by that were made or taken up again here, with the servers that made them, as
/// far as those were noted.
#[derive(Default)]
pub(super) struct Births(BTreeMap<String, String>);

impl Births {
    fn of<'l>(lines: impl Iterator<Item = &'l str>) -> Self {
        let mut births = Self::default();
        let events = ["refreshed", "recovered", "handed_out", "rolled_back"];
        let events = events.map(|event| format!(r#""event":"{event}""#));
        for line in lines.filter(|line| events.iter().any(|event| line.contains(event))) {
            if let Ok(line) = serde_json::from_str(line) {
                births.add(&line);
            }
        }
        births
    }

    fn add(&mut self, line: &Line) {
        for mark in line.jti.iter().chain(line.sha256.first()) {
            let server = self.0.entry(mark.clone()).or_default();
            if !line.server.is_empty() {
                server.clone_from(&line.server);
            }
        }
    }
}

/// The end of the history, for questions about single tokens.
pub(super) struct Past {
    pub(super) text: String,
    asked: Cell<u32>,
    all: OnceCell<Births>,
}

impl Past {
    pub(super) fn read(at: &OwnFile) -> Self {
        Self { text: text(at), asked: Cell::new(0), all: OnceCell::new() }
    }

    /// A line that was written since.
    pub(super) fn add(&mut self, line: &Line) {
        self.text += &serde_json::to_string(line).unwrap_or_default();
        self.text.push('\n');
        if let Some(all) =
            self.all.get_mut().filter(|_| line.is_birth() || line.event == "rolled_back")
        {
            all.add(line);
        }
    }

    pub(super) fn was_made_here(&self, mark: &str) -> bool {
        self.births(mark, |births| births.0.contains_key(mark))
    }

    pub(super) fn maker_of(&self, mark: &str) -> Option<String> {
        self.births(mark, |births| births.0.get(mark).filter(|server| !server.is_empty()).cloned())
    }

    /// For a few tokens the lines that name them are looked for; for many all are read once.
    fn births<T>(&self, mark: &str, ask: impl Fn(&Births) -> T) -> T {
        self.asked.set(self.asked.get() + 1);
        if self.asked.get() <= FEW {
            return ask(&Births::of(lines_with(&self.text, mark)));
        }
        ask(self.all.get_or_init(|| Births::of(self.text.lines())))
    }
}

/// The lines in which a mark stands, found without a look at each line.
fn lines_with<'t>(text: &'t str, mark: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(mark).map(|(at, _)| {
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        &text[start..end]
    })
}

/// The last token that was made here for a workspace and current, and of whose end nothing is known: another
/// program has stored another one in its place.
pub(crate) fn last_made(text: &str, place: &WorkspaceRef) -> Option<String> {
    let mut left = Vec::new();
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        if line.workspace_id != place.id || !place.is_on(&line.server) {
            continue;
        }
        if line.event != "delivered" {
            let named = [&line.jti, &line.old_jti];
            left.retain(|known| named.into_iter().flatten().all(|jti| jti != known));
        }
        if ["refreshed", "recovered", "rolled_back"].contains(&line.event.as_str()) {
            left.extend(line.jti);
        }
    }
    left.pop()
}
