//! Pending work in words.

use crate::rotation::{Origin, Pending, WorkspaceRef};
use crate::token::Token;

/// What the journal holds for a workspace.
pub(in crate::commands) fn words(pending: &Pending, workspace: &WorkspaceRef) -> Vec<String> {
    let mut words = Vec::new();
    for rotation in pending.rotations.iter().filter(|r| r.workspace.is(workspace)) {
        let new = rotation.token.jti_for_people();
        words.push(if rotation.awaits_delivery() {
            let old = rotation.old.as_ref().map_or("no id", Token::jti_for_people);
            format!("the current token must still be delivered; until then the old one ({old}) is kept live")
        } else if rotation.unconfirmed {
            format!("the server has not accepted the new token ({new}) yet; the next run asks again")
        } else if let (true, Some(old)) = (rotation.promoted, &rotation.old) {
            format!("token {} must still be revoked", old.jti_for_people())
        } else {
            format!("a refresh was interrupted; the next run finishes it (its token is {new})")
        });
    }
    for create in pending.creates.iter().filter(|c| c.workspace.is(workspace)) {
        let at = create.at;
        words.push(if create.searched {
            format!("a token was requested at {at} and no answer came; none was found so far")
        } else {
            format!("a token was requested at {at} and no answer came")
        });
    }
    for revocation in pending.revocations.iter().filter(|p| p.workspace.is(workspace)) {
        let jti = &revocation.jti;
        words.push(match revocation.not_before {
            Some(time) => format!("token {jti} will be revoked after {time}"),
            None => format!("token {jti} must still be revoked"),
        });
    }
    for orphan in pending.orphans.iter().filter(|o| o.workspace.is(workspace)) {
        let jti = &orphan.jti;
        words.push(match orphan.origin {
            Origin::Match => format!("token {jti} is live and nothing here holds it"),
            Origin::Maybe => format!("token {jti} is live and may be ours"),
            Origin::HandedOut => {
                format!("token {jti} was created by token create and may never have been printed")
            }
            Origin::Superseded => {
                format!(
                    "token {jti} is live; the config file, which held it, now holds another one"
                )
            }
        });
    }
    words
}
