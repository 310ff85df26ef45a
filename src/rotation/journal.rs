//! What a refresh is in the middle of: the records of the journal. What they add up to is the ledger.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::time::Timestamp;
use crate::token::Token;

pub use super::ledger::{Orphan, Owed, Pending, Rotation, Window};

/// A workspace, by everything it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceRef {
    /// Its key in the config file.
    pub key: String,
    /// Its UUID, for the API.
    pub id: String,
    /// Its name, for people.
    pub name: String,
}

/// One line of the journal. Written before, or right after, the step it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(clippy::large_enum_variant)] // few at a time, and boxes would only clutter
pub enum Record {
    /// A token is about to be asked for; the server may have made it by `until`, our clock.
    Creating {
        /// For which workspace.
        place: WorkspaceRef,
        /// When; with the workspace this names the request.
        at: Timestamp,
        /// When the request will have been given up at the latest.
        until: Timestamp,
    },
    /// The time for that ran out, and the server may still carry it out.
    Unanswered {
        /// The workspace's UUID.
        workspace: String,
        /// As in `creating`.
        at: Timestamp,
    },
    /// That came to nothing, or what became of it is known.
    Closed {
        /// The workspace's UUID.
        workspace: String,
        /// As in `creating`.
        at: Timestamp,
    },
    /// The token that was asked for. From here it cannot be lost.
    Created {
        /// For which workspace.
        place: WorkspaceRef,
        /// As in `creating`.
        at: Timestamp,
        /// The new token.
        token: Token,
        /// The one it takes the place of.
        old: Option<Token>,
        /// Whether it is to be handed on before the old one may be revoked.
        hand_over: bool,
        /// For how many seconds the old one is left live.
        grace_s: Option<u64>,
    },
    /// The new token is the workspace's current one.
    Promoted {
        /// The workspace's UUID.
        workspace: String,
    },
    /// The new token was handed on.
    HandedOver {
        /// The workspace's UUID.
        workspace: String,
    },
    /// The refresh needs nothing more; what it leaves to do has records of its own.
    Done {
        /// The workspace's UUID.
        workspace: String,
    },
    /// A token of ours that is still to be revoked.
    Owed {
        /// Of which workspace.
        place: WorkspaceRef,
        /// Its id.
        jti: String,
        /// Not before this moment; at once when absent.
        not_before: Option<Timestamp>,
    },
    /// A token that was born while a request of ours had no answer, and that nobody here holds.
    Orphan {
        /// Of which workspace.
        place: WorkspaceRef,
        /// Its id.
        jti: String,
        /// When it was made, by the server's clock.
        born: Option<Timestamp>,
    },
    /// This token needs nothing more: it was revoked, or is gone.
    Gone {
        /// The workspace's UUID.
        workspace: String,
        /// Its id.
        jti: String,
    },
    /// The workspace was deleted, and everything that is owed about it with it.
    Forgotten {
        /// The workspace's UUID.
        workspace: String,
    },
}

/// Lays records out as the lines of a journal.
///
/// # Errors
/// None that occurs: a record always has a JSON form.
pub fn lines(records: &[Record]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, record).map_err(|e| {
            Error::write_file(
                "lay out",
                std::path::Path::new("a journal record"),
                e.into(),
            )
        })?;
        lines.push(b'\n');
    }
    Ok(lines)
}
