//! Whether the server still knows a token that is not due: a copy of this folder may have replaced it.

use super::Run;
use crate::api::Api;
use crate::commands::app::App;
use crate::commands::survey::{Survey, WorkspaceState};
use crate::config_dir::last_run::LastRun;
use crate::error::{Cause, Error, Failure};
use crate::rotation::{Acceptance, Answer, ControlPlane, Outcome};
use crate::token::Token;

/// How long the server's word counts that it knows a token.
const LOOK_S: i64 = 7 * 86_400;

/// Whether the server is asked if it knows a token that is not due: its last word is too old to count, or
/// the token is to take the place of what a target holds now. That may be a later one, where an older state
/// of this folder came back.
pub(super) fn is_look_due(survey: &Survey, state: &WorkspaceState) -> bool {
    let last = survey.last_run.as_ref().and_then(|last| last.looked_at(&state.workspace.id));
    let is_recent = last.is_some_and(|at| (0..LOOK_S).contains(&(survey.now.secs() - at.secs())));
    !state.due.is_due() && (!is_recent || state.drifted() > 0)
}

impl Run<'_> {
    /// Asks whether the server still knows the tokens that are not due: a copy of this folder may have
    /// replaced them. One that it does not know is refreshed, and delivered nowhere.
    pub(super) fn ask_server(&mut self, api: &Api) {
        for (turn, state) in self.turns.iter_mut().zip(&self.survey.workspaces) {
            if !is_look_due(&self.survey, state) {
                continue;
            }
            let (name, id, token) = (&state.workspace.name, &state.workspace.id, &state.token);
            match is_known(self.app, api, id, token) {
                Ok(is_known) => {
                    let unknown = || Error::token_was_unknown(token.jti.as_deref(), name);
                    turn.problem = (!is_known).then(unknown);
                    turn.is_known = Some(is_known);
                }
                Err(failure) if failure.is_workspace_missing() => {
                    turn.problem = Some(Error::workspace_gone(name));
                }
                Err(Failure::NotSent { cause: Cause::Setting, .. }) => {} // another server's
                Err(_) => break, // the others would get no answer either
            }
        }
    }

    /// Notes what the server knows, and what it was made to know.
    pub(super) fn note_looks(&mut self) {
        let mut looked = Vec::new();
        for (turn, state) in self.turns.iter_mut().zip(&self.survey.workspaces) {
            let resumed = match &turn.outcome {
                Some(Ok(Outcome::Refreshed(refreshed))) => Some(refreshed.resumed),
                _ => None,
            };
            if resumed == Some(true) && turn.is_known == Some(false) {
                turn.problem = None; // an earlier run had replaced it already
            }
            if resumed == Some(false) || turn.is_known == Some(true) {
                looked.push(state.workspace.id.clone());
            }
        }
        LastRun::note_looks(&self.app.paths, self.survey.now, &looked);
    }
}

/// Whether the server knows the token: it takes it, or lists it.
fn is_known(app: &App, api: &Api, workspace: &str, token: &Token) -> Answer<bool> {
    match app.check_token(api, token)? {
        Acceptance::Accepted | Acceptance::Unclear => return Ok(true),
        Acceptance::Denied => {}
    }
    let listed = api.list(workspace)?;
    Ok(!token.jti.as_ref().is_some_and(|jti| listed.lacks(jti)))
}
