//! Whether the server still knows a token that is not due: a copy of this folder may have replaced it.

use super::{Run, wish};
use crate::api::Api;
use crate::commands::app::App;
use crate::commands::survey::{Survey, WorkspaceState};
use crate::config_dir::ConfigDir;
use crate::config_dir::last_run::LastRun;
use crate::error::{Cause, Error, Failure, Result};
use crate::rotation::{Acceptance, Answer, ControlPlane, Outcome, RefreshOptions, Refreshed};
use crate::targets::Targets;
use crate::token::Token;

/// How long the server's word counts that it knows a token.
const LOOK_S: i64 = 7 * 86_400;

/// Whether the server's last word on a token is too old to count.
pub(super) fn is_look_due(survey: &Survey, state: &WorkspaceState) -> bool {
    let last = survey.last_run.as_ref().and_then(|last| last.looked_at(&state.workspace.id));
    !last.is_some_and(|at| (0..LOOK_S).contains(&(survey.now.secs() - at.secs())))
}

impl Run<'_> {
    /// Asks once a week whether the server still knows a token that is not due: a copy of this folder
    /// may have replaced it. One that it does not know is refreshed.
    pub(super) fn ask_server(
        &mut self,
        dir: &mut ConfigDir,
        consumers: &mut Targets,
        api: &Api,
    ) -> Result<()> {
        let (now, mut looked, mut unknown) = (self.survey.now, Vec::new(), Vec::new());
        for (n, state) in self.survey.workspaces.iter().enumerate() {
            let id = &state.workspace.id;
            // The current token, which this run may have stored for an earlier one.
            let token = match &self.turns[n].outcome {
                Some(Ok(Outcome::Refreshed(Refreshed { verified: Some(true), .. }))) => {
                    looked.push(id.clone());
                    continue;
                }
                Some(Ok(Outcome::NotDue(token))) => token,
                Some(Ok(Outcome::Refreshed(Refreshed { resumed: true, new, .. }))) => new,
                _ => continue,
            };
            if !is_look_due(&self.survey, state) {
                continue;
            }
            match is_known(self.app, api, id, token) {
                Ok(true) => looked.push(id.clone()),
                Ok(false) => unknown.push((n, token.jti.clone())),
                Err(failure) if failure.is_workspace_missing() => {
                    let gone = Error::workspace_gone(&state.workspace.name);
                    self.turns[n].problem = Some(gone);
                }
                Err(Failure::NotSent { cause: Cause::Setting, .. }) => {} // another server's
                Err(_) => break, // the others would get no answer either
            }
        }
        LastRun::note_looks(&self.app.paths, now, &looked);
        if unknown.is_empty() {
            return Ok(());
        }
        let wishes = unknown.iter().map(|(n, _)| {
            // Whatever its age; and what the server does not know needs no time.
            let wish = wish(&self.survey.workspaces[*n]);
            (*n, RefreshOptions { due_within_s: None, grace_s: None, ..wish })
        });
        self.rotate(dir, consumers, api, wishes.collect())?;
        // Asked again by the next run if nothing came of it.
        let is_known = |(n, _): &&(usize, _)| matches!(self.turns[*n].outcome, Some(Ok(_)));
        let known = unknown.iter().filter(is_known);
        let ids = known.map(|(n, _)| self.survey.workspaces[*n].workspace.id.clone());
        LastRun::note_looks(&self.app.paths, now, &ids.collect::<Vec<_>>());
        for (n, jti) in unknown {
            let name = &self.survey.workspaces[n].workspace.name;
            self.turns[n].problem = Some(Error::token_was_unknown(jti.as_deref(), name));
        }
        Ok(())
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
