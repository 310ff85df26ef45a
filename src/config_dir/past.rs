//! The history as the holder of the lock has it: lines are added, and asked about single tokens.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::ManuallyDrop;

use super::history::{END, LONG_HISTORY, Line};
use crate::error::Result;
use crate::rotation::WorkspaceRef;
use crate::store::{Log, OwnFile};

/// So many questions are answered before it pays to read all lines.
const FEW: u32 = 8;
/// More than a line is likely to take.
const LINE: u64 = 1024;
/// The end in which the birth of a current token is likely to be.
const NEAR: u64 = 16 << 10;

/// The server that made a token here, if that was noted. By its id, or by what its text is known by.
pub(crate) fn maker_of(at: &OwnFile, mark: &str) -> Option<String> {
    Past::of(Log::end_of(at, END).unwrap_or_default()).maker_of(mark)
}

/// The history file, for the holder of the lock.
pub(super) struct History {
    at: OwnFile,
    log: RefCell<Option<Log>>,
    /// Whether it could not be written: reported once per run, not once per line.
    broken: bool,
    /// Whether it has been as short as it must be: once in a run, whose own lines all stay.
    is_bounded: bool,
    /// Its very end, until more was asked for, and all that is likely to be there.
    near: OnceCell<Past>,
    past: OnceCell<Past>,
}

impl History {
    /// The history at `at`, not opened yet.
    pub(super) fn new(at: &OwnFile) -> Self {
        let (at, log, near, past) =
            (at.clone(), RefCell::default(), OnceCell::new(), OnceCell::new());
        Self { at, log, broken: false, is_bounded: false, near, past }
    }

    /// What it says of single tokens.
    pub(super) fn past(&self) -> &Past {
        self.past.get_or_init(|| Past::of(Log::end_of(&self.at, END).unwrap_or_default()))
    }

    /// What was read of it already, or its very end.
    fn known(&self) -> &Past {
        self.past.get().unwrap_or_else(|| {
            self.near.get_or_init(|| {
                let opened = Log::open_end(&self.at, NEAR).map(|(log, end)| {
                    self.log.replace(Some(log));
                    end
                });
                // One that cannot be written can be read.
                Past::of(opened.or_else(|_| Log::end_of(&self.at, NEAR)).unwrap_or_default())
            })
        })
    }

    /// Whether the token was made or taken up again here.
    pub(super) fn was_made_here(&self, mark: &str) -> bool {
        self.known().births(mark).next().is_some() || self.past().births(mark).next().is_some()
    }

    /// The server that made it, if that was noted.
    pub(super) fn maker_of(&self, mark: &str) -> Option<String> {
        self.known().maker_of(mark).or_else(|| self.past().maker_of(mark))
    }

    /// Appends a line, which may be lost in a power cut unless it must be durable.
    ///
    /// # Errors
    /// The first time in a run that it cannot be written.
    pub(super) fn note(&mut self, line: &Line, durable: bool) -> Result<()> {
        let mut text = serde_json::to_string(line).unwrap_or_default();
        text.push('\n');
        let near = self.near.get_mut();
        if let Some(known) = self.past.get_mut().or(near) {
            known.add(&text, line);
        }
        if self.broken {
            return Ok(());
        }
        let done = self.append(text.as_bytes(), durable);
        self.broken = done.is_err();
        done
    }

    fn append(&mut self, line: &[u8], durable: bool) -> Result<()> {
        let mut log = match self.log.take() {
            Some(log) => log,
            None => Log::open_end(&self.at, LINE)?.0,
        };
        if !std::mem::replace(&mut self.is_bounded, true) && log.len() > LONG_HISTORY {
            log.rewrite(&Log::end_of(&self.at, (log.len() / 2).min(LONG_HISTORY))?)?;
        }
        log.append(line, durable)?;
        self.log.replace(Some(log));
        Ok(())
    }
}

/// The end of the history, for questions about single tokens.
pub(super) struct Past {
    /// Never taken apart: the end of the run does that in one go.
    text: ManuallyDrop<String>,
    asked: Cell<u32>,
    /// Where the lines begin that name a token, by a hash of what it is known by.
    index: OnceCell<BTreeSet<(u64, usize)>>,
}

impl Past {
    fn of(end: Vec<u8>) -> Self {
        let text = String::from_utf8(end);
        let text = text.unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        let text = ManuallyDrop::new(text);
        Self { text, asked: Cell::new(0), index: OnceCell::new() }
    }

    /// A line that was written since.
    fn add(&mut self, text: &str, line: &Line) {
        let start = self.text.len();
        *self.text += text;
        if let Some(index) = self.index.get_mut() {
            index.extend(line.marks().map(|mark| (hash(mark), start)));
        }
    }

    /// Whether there is a line of the same kind about the same token.
    pub(super) fn has(&self, line: &Line) -> bool {
        line.jti.as_ref().is_some_and(|jti| self.about(jti).any(|it| it.is_same_act(line)))
    }

    /// The tokens that replaced this one.
    pub(super) fn successors_of(&self, jti: &str) -> Vec<String> {
        let those = self.about(jti).filter(|line| line.old_jti.as_deref() == Some(jti));
        those.filter_map(|line| line.jti).collect()
    }

    /// Whether a token was made here to be handed out.
    pub(super) fn handed_out(&self, jti: &str) -> bool {
        self.about(jti).any(|l| l.event == "handed_out" && l.jti.as_deref() == Some(jti))
    }

    fn maker_of(&self, mark: &str) -> Option<String> {
        self.births(mark).map(|line| line.server).find(|server| !server.is_empty())
    }

    /// The lines that tell of its birth, the newest first.
    fn births<'a>(&'a self, mark: &'a str) -> impl Iterator<Item = Line> + 'a {
        self.about(mark).filter(move |line| {
            let mut new = line.jti.iter().chain(line.sha256.first());
            (line.is_birth() || line.event == "rolled_back") && new.any(|new| new == mark)
        })
    }

    /// The lines that name a token, the newest first: most questions are about the end. For a few they are
    /// looked for; for many all are read once.
    fn about<'a>(&'a self, mark: &str) -> impl Iterator<Item = Line> + use<'a> {
        self.asked.set(self.asked.get() + 1);
        let few = (self.asked.get() <= FEW).then(|| self.naming(mark));
        let many = few.is_none().then(|| {
            let key = hash(mark);
            let those = self.index().range((key, 0)..=(key, usize::MAX));
            those.rev().map(|(_, start)| *start)
        });
        let starts = few.into_iter().flatten().chain(many.into_iter().flatten());
        starts.filter_map(|start| self.line(start))
    }

    fn index(&self) -> &BTreeSet<(u64, usize)> {
        self.index.get_or_init(|| {
            let starts = self.text.match_indices('\n').map(|(end, _)| end + 1);
            let named = [0].into_iter().chain(starts).flat_map(|start| {
                let marks = self.line(start).map(|line| line.marks().map(hash).collect::<Vec<_>>());
                marks.into_iter().flatten().map(move |mark| (mark, start))
            });
            named.collect()
        })
    }

    /// Where the lines begin in which a value stands, the last one first, found without a look at each line.
    fn naming(&self, value: &str) -> impl Iterator<Item = usize> + use<'_> {
        let quoted = serde_json::to_string(value).unwrap_or_default();
        let mut end = self.text.len();
        std::iter::from_fn(move || {
            let at = self.text[..end].rfind(&quoted)?;
            end = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
            Some(end)
        })
    }

    /// An invalid line is skipped: it is only history.
    fn line(&self, start: usize) -> Option<Line> {
        serde_json::from_str(self.text[start..].lines().next()?).ok()
    }

    /// The last token that was made here for a workspace and current, and of whose end nothing is known:
    /// another program has stored another one in its place.
    pub(super) fn last_made(&self, place: &WorkspaceRef) -> Option<String> {
        let mut named = BTreeSet::new();
        for line in self.naming(&place.id).filter_map(|start| self.line(start)) {
            let is_there = line.workspace_id == place.id && place.is_on(&line.server);
            if !is_there || line.event == "delivered" {
                continue;
            }
            let is_made = ["refreshed", "recovered", "rolled_back"].contains(&line.event.as_str());
            if is_made && line.jti.as_ref().is_some_and(|jti| !named.contains(jti)) {
                return line.jti;
            }
            named.extend(line.jti.into_iter().chain(line.old_jti));
        }
        None
    }
}

fn hash(mark: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    mark.hash(&mut hasher);
    hasher.finish()
}
