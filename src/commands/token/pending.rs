//! Pending work, in words and for programs.

use crate::commands::messages;
use crate::json::Json;
use crate::rotation::{Pending, Reason, Rotation, Stage, WorkspaceRef};
use crate::text::printable;
use crate::time::Timestamp;
use crate::token::Token;

/// One thing that a later run has to do, or the user to decide.
pub(crate) struct Work {
    /// The name of its workspace.
    pub(crate) workspace: String,
    /// `delivery`, `verification`, `refresh`, `revocation`, `request` or `orphan`.
    kind: &'static str,
    /// The token that it is about.
    jti: Option<String>,
    /// When it began, as far as that is known.
    pub(crate) since: Option<Timestamp>,
    pub(crate) text: String,
}

/// What the journal holds for the workspaces that are meant.
pub(crate) fn of(pending: &Pending, is_meant: impl Fn(&WorkspaceRef) -> bool) -> Vec<Work> {
    let new = |kind, of: &WorkspaceRef, jti: Option<&str>, since, text: String| Work {
        kind,
        workspace: of.name.clone(),
        jti: jti.map(str::to_owned),
        since,
        text: printable(&text),
    };
    let rotations = pending.rotations.iter().filter(|r| is_meant(&r.workspace)).map(|open| {
        let (kind, about, text) = rotation(open);
        let jti = about.and_then(|token| token.jti.as_deref());
        new(kind, &open.workspace, jti, open.token.created_at(), text)
    });
    let creates = pending.creates.iter().filter(|c| is_meant(&c.workspace)).map(|create| {
        let found = if create.searched { "; none was found so far" } else { "" };
        let text = format!("a token was requested at {} and no answer came{found}", create.at);
        new("request", &create.workspace, None, Some(create.at), text)
    });
    let revocations = pending.revocations.iter().filter(|p| is_meant(&p.workspace)).map(|due| {
        let jti = &due.jti;
        let text = match due.not_before {
            Some(time) => format!("token {jti} will be revoked after {time}"),
            None if due.reason == Reason::LosesScope => {
                format!("token {jti} is kept live: the one that replaced it lacks a right")
            }
            None => format!("token {jti} must still be revoked"),
        };
        new("revocation", &due.workspace, Some(jti), due.since, text)
    });
    let orphans = pending.orphans.iter().filter(|o| is_meant(&o.workspace)).map(|orphan| {
        let what = messages::origin(orphan.origin);
        let text = format!("token {} {what}", orphan.jti);
        new("orphan", &orphan.workspace, Some(&orphan.jti), orphan.created_at, text)
    });
    rotations.chain(creates).chain(revocations).chain(orphans).collect()
}

/// What is left to do of a refresh: its kind, the token that it is about, and what to say.
fn rotation(open: &Rotation) -> (&'static str, Option<&Token>, String) {
    let new = open.token.jti_for_people();
    let new_token = Some(&open.token);
    if open.awaits_delivery {
        let mut text = "the current token must still be delivered".to_owned();
        if let Some(old) = &open.old {
            let old = old.jti_for_people();
            text += &format!("; until then the old one ({old}) stays live");
        }
        ("delivery", new_token, text)
    } else if open.stage == Stage::Denied {
        let text = format!(
            "the server has not accepted the new token ({new}) yet; the next run asks again"
        );
        ("verification", new_token, text)
    } else if let (true, Some(old)) = (open.is_stored(), &open.old) {
        let text = format!("token {} must still be revoked", old.jti_for_people());
        ("revocation", Some(old), text)
    } else {
        let text =
            format!("a refresh was interrupted; the next run finishes it (its token is {new})");
        ("refresh", new_token, text)
    }
}

/// For programs.
pub(crate) fn json(all: &[Work]) -> Json {
    let each = all.iter().map(|work| {
        Json::of([
            ("kind", work.kind.into()),
            ("jti", work.jti.clone().into()),
            ("since", work.since.into()),
            ("text", work.text.as_str().into()),
        ])
    });
    Json::Array(each.collect())
}
