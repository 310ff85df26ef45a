//! The history: one JSON line per action, never a token. Nothing depends on it except the knowledge
//! of which tokens were created to be handed out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::rotation::{HistoryEvent, WorkspaceRef};
use crate::store::{Log, OwnFile};
use crate::text::set_of;
use crate::time::Timestamp;

/// When the file is longer than this, its older half is dropped, or more of one that is far longer.
pub(super) const LONG_HISTORY: u64 = 1 << 20;
/// All that is likely to be there.
pub(super) const END: u64 = 8 * LONG_HISTORY;

/// An action. Fields that are not known do no harm to the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// When, RFC 3339.
    pub at: String,
    /// `refreshed`, `recovered`, `delivered`, `revoked`, `grace`, `rolled_back`, `handed_out`,
    /// `orphan_found`, `dismissed`, `failed`.
    pub event: String,
    pub workspace: String,
    pub workspace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The token that was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_jti: Option<String>,
    /// When the token ends, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What got the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The base URL of the server that made the token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) server: String,
    /// What those of its tokens are known by that do not carry their id themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sha256: Vec<String>,
}

impl Line {
    /// Whether it tells of a new token.
    pub(crate) fn is_birth(&self) -> bool {
        ["refreshed", "recovered", "handed_out"].contains(&self.event.as_str())
    }

    /// When the token ends, if that is known.
    pub(crate) fn ends(&self) -> Option<Timestamp> {
        Timestamp::parse_rfc3339(self.expires_at.as_deref()?)
    }

    /// What all its tokens are known by.
    pub(super) fn marks(&self) -> impl Iterator<Item = &str> {
        let marks = self.jti.iter().chain(&self.old_jti).chain(&self.sha256);
        marks.map(String::as_str)
    }

    /// Whether both tell of the same action. A refresh that a later run finishes is the same.
    pub(super) fn is_same_act(&self, other: &Self) -> bool {
        let kind = |line: &Self| line.event.replace("recovered", "refreshed");
        kind(self) == kind(other) && (&self.jti, &self.target) == (&other.jti, &other.target)
    }
}

/// Formats an action as a line.
pub(crate) fn line(at: Timestamp, place: &WorkspaceRef, deed: &HistoryEvent) -> Line {
    let (event, token, old, jti) = match deed {
        HistoryEvent::Refreshed { new, old, recovered: true } => {
            ("recovered", Some(new), old, None)
        }
        HistoryEvent::Refreshed { new, old, .. } => ("refreshed", Some(new), old, None),
        HistoryEvent::RolledBack { to, from } => ("rolled_back", Some(to), from, None),
        HistoryEvent::Delivered { token, .. } => ("delivered", Some(token), &None, None),
        HistoryEvent::HandedOut(token) => ("handed_out", Some(token), &None, None),
        HistoryEvent::Revoked(jti) => ("revoked", None, &None, Some(jti)),
        HistoryEvent::Grace { jti, .. } => ("grace", None, &None, Some(jti)),
        HistoryEvent::Dismissed(jti) => ("dismissed", None, &None, Some(jti)),
        HistoryEvent::OrphanFound(jti) => ("orphan_found", None, &None, Some(jti)),
        HistoryEvent::Failed { .. } => ("failed", None, &None, None),
    };
    let mut line = Line {
        at: at.to_string(),
        event: event.to_owned(),
        workspace: place.name.clone(),
        workspace_id: place.id.clone(),
        jti: token.map_or(jti, |token| token.jti.as_ref()).cloned(),
        old_jti: old.as_ref().and_then(|old| old.jti.clone()),
        ..Line::default()
    };
    let tokens = token.into_iter().chain(old).map(|token| (token.mark(), &token.jti));
    let unnamed = tokens.filter(|(mark, jti)| jti.as_ref() != Some(mark));
    line.sha256 = unnamed.map(|(mark, _)| mark).collect();
    if let Some(token) = token.filter(|_| line.is_birth()) {
        line.expires_at = token.expiry.at().map(|t| t.to_string());
        line.server.clone_from(&place.server);
    }
    match deed {
        HistoryEvent::Grace { until, .. } => line.reason = Some(format!("left live until {until}")),
        HistoryEvent::Failed { reason } => line.reason = Some(reason.clone()),
        HistoryEvent::Delivered { target, .. } => line.target = Some(target.clone()),
        _ => {}
    }
    line
}

/// What the tokens that were current or delivered here are known by, with the UUIDs of their workspaces.
/// What was handed out is not ours to replace, unless a target got it from here too.
pub(crate) fn earlier(at: &OwnFile) -> BTreeSet<(String, String)> {
    let lines = read(at).unwrap_or_default();
    let of = |event: &'static str| {
        lines.iter().filter(move |line| line.event == event).flat_map(Line::marks)
    };
    let delivered = set_of(of("delivered"));
    let handed_out = set_of(of("handed_out").filter(|mark| !delivered.contains(mark)));
    let is_ours = |line: &&Line| {
        ["refreshed", "recovered", "delivered", "rolled_back"].contains(&line.event.as_str())
    };
    let marks = lines.iter().filter(is_ours).flat_map(|line| {
        let those = line.marks().filter(|mark| !handed_out.contains(mark));
        those.map(|mark| (line.workspace_id.clone(), (*mark).to_owned()))
    });
    set_of(marks)
}

/// The lines, oldest first, of all that is likely to be there. An invalid line is skipped: it is only
/// history.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read(at: &OwnFile) -> Result<Vec<Line>> {
    let bytes = Log::end_of(at, END)?;
    let lines = bytes.split(|b| *b == b'\n');
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}
