//! Tokens that are not the result of a refresh: those that `token create` hands out, and the first
//! token of a new workspace.

use std::io;

use super::breaker::Call;
use super::journal::{Reason, Record};
use super::pending::{PendingCreate, Purpose};
use super::ports::{Event, HistoryEvent};
use super::{OldFate, Outcome, RefreshOptions, Refreshed, Rotator, WorkspaceRef};
use crate::error::{Error, Failure, NewTokenFate, Result};
use crate::time::Timestamp;
use crate::token::Token;

const CREATE_WORKSPACE: &str = "create the workspace";

/// Prints a token for its recipient, and returns once it is written.
pub(crate) type Printer<'p> = dyn FnMut(&Token) -> io::Result<()> + 'p;

/// A workspace that was created.
pub(crate) struct CreatedWorkspace {
    pub(crate) workspace: WorkspaceRef,
    /// Its first token, which is stored.
    pub(crate) token: Option<Token>,
    /// The answer was lost, and the workspace was found in the list.
    pub(crate) found: bool,
}

impl Rotator<'_> {
    /// Creates a token to be handed out, and prints it. With `save` it becomes the workspace's
    /// current one and goes to its targets; the one before it stays live. Answers why not every
    /// target has got it, if so.
    ///
    /// The journal names the token until it is printed: if anything ends the run before that, the
    /// next one says that it is live.
    ///
    /// # Errors
    /// The current token is as it was.
    pub(crate) fn issue(
        &mut self,
        workspace: &WorkspaceRef,
        options: &RefreshOptions,
        save: bool,
        print: &mut Printer,
    ) -> Result<Option<String>> {
        self.wish(workspace, options);
        self.run(|run| {
            if save {
                run.issue_and_save(workspace, print)
            } else {
                run.issue_only(workspace, print).map(|()| None)
            }
        })
    }

    fn issue_only(&mut self, workspace: &WorkspaceRef, print: &mut Printer) -> Result<()> {
        let current = self.store.current(workspace).ok().flatten();
        let (at, token) = self.request(workspace, Purpose::HandOut, current.as_ref())?;
        let jti = token.jti.clone().unwrap_or_default();
        let handing_out = Record::HandingOut { workspace: workspace.clone(), at, jti: jti.clone() };
        if let Err(failed) = self.append_durable(&[handing_out]) {
            return Err(self.not_kept(workspace, at, &token, &failed));
        }
        self.note(workspace, &HistoryEvent::HandedOut(token.clone()));
        let Err(source) = print(&token) else {
            self.append_relaxed(&[Record::Gone(workspace.token(&jti))]);
            return Ok(());
        };
        // It may not have been received, so it is revoked.
        let fate = match &token.jti {
            None => NewTokenFate::Live,
            Some(jti) => {
                let pending = self.to_revoke(workspace, jti, Reason::NotNeeded);
                let _ = self.append_durable(&[pending]); // it is named anyway
                self.revoke_new(workspace, jti)
            }
        };
        Err(self.failed(workspace, Error::not_handed_out(token.jti.as_deref(), fate, &source)))
    }

    fn issue_and_save(
        &mut self,
        workspace: &WorkspaceRef,
        print: &mut Printer,
    ) -> Result<Option<String>> {
        self.refuse_if_unfinished(workspace)?;
        let old = self.store.current(workspace)?;
        let token = self.make(workspace, old.as_ref(), Purpose::HandOut)?;
        self.carry_on();
        let outcome = self.outcome_of(workspace)?;
        print(&token).map_err(|source| {
            let (jti, fate) = (token.jti.clone(), NewTokenFate::Kept);
            self.failed(workspace, Error::not_handed_out(jti.as_deref(), fate, &source))
        })?;
        Ok(match outcome {
            Outcome::Refreshed(Refreshed { fate: OldFate::Kept(reason), .. }) => Some(reason),
            _ => None,
        })
    }

    /// Creates a workspace and makes it the active one; a token that comes with it is stored.
    pub(crate) fn create_workspace(
        &mut self,
        name: &str,
        description: Option<&str>,
        select: bool,
    ) -> Result<CreatedWorkspace> {
        self.run(|run| {
            // Find out whether the config can be written before anything is requested.
            run.store.probe()?;
            let server = run.control_plane.server().to_owned();
            let create = run.new_request(&WorkspaceRef::unborn(name.to_owned(), server));
            let (request, at) = (create.workspace.clone(), create.at);
            run.append_durable(&[Record::Creating(create)])?;
            let sent =
                run.send(Call::Workspace, |server| server.create_workspace(name, description));
            let found = sent.is_err();
            let (workspace, token) = match sent {
                Ok(new) => (run.known_ref(&new.id, new.name), new.token),
                Err(failure) => (run.find_created(&request, at, failure)?, None),
            };
            match &token {
                _ if found => {}
                None => run.append_relaxed(&[Record::Closed(request.request(at))]),
                Some(token) => {
                    let kept = run.keep(&workspace, at, token, None, Purpose::HandOut);
                    kept.map_err(|error| {
                        Error::store_workspace(&workspace.name, error.new_token_fate(), &error)
                    })?;
                }
            }
            if let Err(error) = run.store.put_workspace(&workspace, select) {
                let fate = token.as_ref().map(|token| run.discard_new(&workspace, token));
                return Err(Error::store_workspace(&workspace.name, fate, &error));
            }
            run.carry_on();
            if let Some(Err(error)) = run.turn(&workspace).outcome.take() {
                return Err(error);
            }
            Ok(CreatedWorkspace { workspace, token, found })
        })
    }

    /// The workspace of a request that failed, if it was carried out all the same.
    fn find_created(
        &mut self,
        request: &WorkspaceRef,
        at: Timestamp,
        failure: Failure,
    ) -> Result<WorkspaceRef> {
        if !matches!(failure, Failure::Unknown { .. }) {
            self.append_relaxed(&[Record::Closed(request.request(at))]);
            return Err(match failure {
                Failure::Rejected { status: 409, .. } => Error::workspace_exists(&request.name),
                failure => Error::call(CREATE_WORKSPACE, failure),
            });
        }
        let Ok(Some(workspace)) = self.search_workspace(request, at) else {
            let (action, then) = (CREATE_WORKSPACE, "ntcli workspace list");
            return Err(Error::unconfirmed_call(action, &failure, then));
        };
        self.visit_orphans(|orphan| orphan.workspace.is(&workspace));
        Ok(workspace)
    }

    /// A workspace of this server, by the key that the config file has for it.
    fn known_ref(&mut self, id: &str, name: String) -> WorkspaceRef {
        let id = crate::config::bare_id(id).to_owned();
        let key = self.store.key_of(&id).unwrap_or_else(|| id.clone());
        WorkspaceRef { key, id, name, server: self.control_plane.server().to_owned() }
    }

    /// Looks for a workspace whose creation got no answer: names are unique, so the list tells. A
    /// token may have come with it, and is searched for from then on.
    pub(super) fn search_workspace(
        &mut self,
        request: &WorkspaceRef,
        at: Timestamp,
    ) -> Result<Option<WorkspaceRef>> {
        let all = self.send(Call::Workspace, |server| server.workspaces());
        let all = all.map_err(|failure| Error::call("list the workspaces", failure))?;
        let create = self.pending.creates.iter().find(|c| c.at == at && c.workspace.is(request));
        let Some(create) = create.cloned() else {
            return Ok(None);
        };
        let Some((id, name)) = all.into_iter().find(|(_, name)| *name == request.name) else {
            self.append_relaxed(&[if create.is_settled(&self.moment()) {
                Record::Closed(request.request(at))
            } else {
                Record::Searched(request.request(at))
            }]);
            return Ok(None);
        };
        let workspace = self.known_ref(&id, name);
        let creating = Record::Creating(PendingCreate { workspace: workspace.clone(), ..create });
        self.append_durable(&[Record::Closed(request.request(at)), creating])?;
        (self.on_event)(Event::WorkspaceFound { workspace: workspace.clone() });
        let _ = self.search(&workspace); // otherwise the next run looks again
        Ok(Some(workspace))
    }
}
