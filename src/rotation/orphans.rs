//! Looking for the tokens of requests whose answer was lost.
//!
//! A candidate is a token of the list that nothing here knows and that was created around a lost
//! request. It is *named* if its moment fits within minutes: the server's clocks may differ from
//! each other, and its news travels slowly. It is *revoked*, if the user asks for that, only if its
//! moment and lifetime are those of the request and there are no more such tokens than requests; or,
//! unasked, if it has the lifetime that only that request asked for.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::breaker::Call;
use super::journal::{Origin, Orphan, Reason, Record};
use super::pending::PendingCreate;
use super::ports::{Event, HistoryEvent, ListedToken, TokenList};
use super::{Answer, Rotator, WorkspaceRef};
use crate::error::{Cause, Failure};

impl Rotator<'_> {
    /// The live tokens of a workspace, read once a run unless something has changed since.
    pub(super) fn list(&mut self, workspace: &WorkspaceRef) -> Answer<Rc<TokenList>> {
        if let Some(list) = self.lists.get(&workspace.id) {
            return Ok(Rc::clone(list));
        }
        let list = Rc::new(self.send(Call::List, |server| server.list(&workspace.id))?);
        self.lists.insert(workspace.id.clone(), Rc::clone(&list));
        Ok(list)
    }

    /// Finds out the outcome of the requests that have no answer.
    pub(super) fn search_creates(&mut self) {
        let mut seen = BTreeSet::new();
        for PendingCreate { workspace, at, .. } in self.pending.creates.clone() {
            let is_unborn = workspace.id.is_empty();
            if !self.is_ours(&workspace) || !(is_unborn || seen.insert(workspace.id.clone())) {
                continue;
            }
            let failed = if is_unborn {
                self.search_workspace(&workspace, at).err().map(|error| error.in_one_line())
            } else if self.breaker.is_clear(Call::List) {
                let failed = self.search(&workspace).err();
                let failed = failed.filter(|f| !self.forget_if_gone(&workspace, f));
                failed.map(|failure| failure.to_string())
            } else {
                None
            };
            if let Some(reason) = failed {
                (self.on_event)(Event::Unsettled { workspace, reason });
            }
        }
    }

    /// Records in the journal the tokens that lost requests of a workspace may have created, where
    /// they stay until they are gone or dismissed, and closes the requests whose outcome is known.
    pub(super) fn search(&mut self, workspace: &WorkspaceRef) -> Answer<BTreeSet<String>> {
        let list = self.list(workspace)?;
        let now = self.moment();
        let all = self.pending.creates.iter().filter(|c| c.workspace.is(workspace));
        let (mut creates, mut records) = (Vec::new(), Vec::new());
        let mut certain = BTreeSet::new();
        for create in all.cloned().collect::<Vec<_>>() {
            let is_it = |token: &&ListedToken| create.has_certainly_made(token, &now);
            let mut made = list.tokens.iter().filter(|_| list.whole).filter(is_it);
            match (made.next(), made.next()) {
                // Its lifetime tells it from all others: it is revoked unasked.
                (Some(ListedToken { jti, .. }), None)
                    if !certain.contains(jti) && !self.is_known(workspace, jti)? =>
                {
                    self.note(workspace, &HistoryEvent::OrphanFound(jti.clone()));
                    records.push(self.to_revoke(workspace, jti, Reason::NotNeeded));
                    records.push(Record::Closed(workspace.request(create.at)));
                    certain.insert(jti);
                }
                _ => creates.push(create),
            }
        }
        let current = self.store.current(workspace).ok().flatten().and_then(|token| token.jti);
        let current = list.tokens.iter().find(|token| Some(&token.jti) == current.as_ref());
        let mut candidates: Vec<&ListedToken> = Vec::new();
        for token in &list.tokens {
            let fits = creates.iter().any(|c| c.may_have_made(token, current, &now));
            if fits && !certain.contains(&token.jti) && !self.is_known(workspace, &token.jti)? {
                candidates.push(token);
            }
        }
        self.name_candidates(workspace, &candidates, &creates, list.whole, &mut records);
        // A token that fits may be another machine's, and ours may still appear: a request stays open
        // until it would have.
        for create in creates.iter().filter(|_| list.whole) {
            if create.is_settled(&now) {
                records.push(Record::Closed(workspace.request(create.at)));
            } else if !create.searched {
                records.push(Record::Searched(workspace.request(create.at)));
            }
        }
        let found = candidates.iter().map(|token| token.jti.clone()).collect();
        self.append_found(records);
        if list.whole { Ok(found) } else { Err(not_whole()) }
    }

    /// Whose the candidates are, as far as the evidence goes. The result of an earlier search counts too,
    /// while the requests stay open.
    fn name_candidates(
        &mut self,
        workspace: &WorkspaceRef,
        candidates: &[&ListedToken],
        creates: &[PendingCreate],
        is_whole: bool,
        records: &mut Vec<Record>,
    ) {
        let now = self.moment();
        let was_then = |orphan: &&Orphan| {
            let is_it = |create: &PendingCreate| create.was_then(orphan.created_at, &now);
            orphan.workspace.is(workspace) && creates.iter().any(is_it)
        };
        let earlier: Vec<&Orphan> = self.pending.orphans.iter().filter(was_then).collect();
        // Others that fit may stand on a page that was not read.
        let ambiguous = !is_whole || candidates.len() + earlier.len() > creates.len();
        if ambiguous && !candidates.is_empty() {
            let certain = earlier.into_iter().filter(|o| o.origin == Origin::Match).cloned();
            let maybe = certain.map(|o| Orphan { origin: Origin::Maybe, ..o });
            records.extend(maybe.map(Record::Orphan));
        }
        for token in candidates {
            let origin = if creates.iter().any(|c| c.to_hand_out) {
                Origin::HandedOut
            } else if !ambiguous && creates.iter().any(|c| c.has_made(token, &now)) {
                Origin::Match
            } else {
                Origin::Maybe
            };
            let (jti, created_at) = (token.jti.clone(), token.created_at);
            self.note(workspace, &HistoryEvent::OrphanFound(jti.clone()));
            let workspace = workspace.clone();
            records.push(Record::Orphan(Orphan { workspace, jti, created_at, origin }));
        }
    }

    fn append_found(&mut self, records: Vec<Record>) {
        let is_token = |r: &Record| matches!(r, Record::Orphan(_) | Record::PendingRevocation(_));
        if records.is_empty() {
            return;
        }
        if !records.iter().any(is_token) {
            self.append_relaxed(&records);
        } else if self.append_durable(&records).is_err() {
            // The journal still has the requests, so the next run finds them again.
            self.pending.apply_all(records);
        }
    }

    /// Whether a token is accounted for. A config file that cannot be read may hold it: nothing is
    /// found out then.
    fn is_known(&mut self, workspace: &WorkspaceRef, jti: &str) -> Answer<bool> {
        if self.pending.knows(workspace, jti) {
            return Ok(true);
        }
        let held = self.store.holds(workspace, jti);
        let held = held.map_err(|error| Failure::NotSent {
            reason: error.in_one_line(),
            cause: Cause::Network,
        })?;
        Ok(held || self.store.has_history_of(jti))
    }

    /// Finds what was ours until another program stored a token of its own, without revoking it. Once the
    /// list proves that it is gone, it is looked for no more.
    pub(super) fn find_displaced(&mut self) {
        let mut all: Vec<_> = self.wishes.values().cloned().collect();
        // A config file of thousands is read fastest in its own order.
        all.sort_by_key(|(place, ..)| *place);
        for (_, workspace, _) in &all {
            let Ok(Some(current)) = self.store.current(workspace) else { continue };
            let left = self.store.displaced_by(workspace, &current);
            let left = left.filter(|jti| !self.is_known(workspace, jti).unwrap_or(true));
            let Some(jti) = left else { continue };
            let Some(Ok(list)) = self.list_if_clear(workspace) else { continue };
            if list.has(&jti) {
                self.note(workspace, &HistoryEvent::OrphanFound(jti.clone()));
                self.append_found(vec![Record::Orphan(Orphan::superseded(workspace, jti))]);
            } else if self.is_proof(workspace, &jti, &list) {
                self.note(workspace, &HistoryEvent::Revoked(jti));
            }
        }
    }

    /// Names the orphans that are still live, or, on request, revokes those that are certainly ours.
    pub(super) fn visit_orphans(&mut self, is_it: impl Fn(&Orphan) -> bool) {
        let all = self.pending.orphans.iter().filter(|o| self.is_ours(&o.workspace) && is_it(o));
        for orphan in all.cloned().collect::<Vec<_>>() {
            self.visit(orphan);
        }
    }

    fn visit(&mut self, orphan: Orphan) {
        let Orphan { workspace, jti, origin, .. } = &orphan;
        // A token that the config file holds, from another machine or restored, is not an orphan.
        let is_held = self.store.holds(workspace, jti).unwrap_or(false);
        if is_held && self.pending.revocations.iter().all(|p| p.jti != *jti) {
            return self.append_relaxed(&[Record::Gone(workspace.token(jti))]);
        }
        let revoked = match self.list_if_clear(workspace) {
            Some(Ok(list)) if list.lacks(jti) && orphan.has_settled(&self.moment()) => {
                return self.append_relaxed(&[Record::Gone(workspace.token(jti))]);
            }
            Some(Err(failure)) if self.forget_if_gone(workspace, &failure) => return,
            Some(Ok(_)) => {
                self.options_for(workspace).revoke_orphans
                    && *origin == Origin::Match
                    && self.revoke(workspace, jti, false).is_ok()
            }
            _ => false,
        };
        if revoked {
            self.gone(workspace, jti);
        }
        (self.on_event)(Event::Orphan { orphan, revoked });
    }

    fn list_if_clear(&mut self, workspace: &WorkspaceRef) -> Option<Answer<Rc<TokenList>>> {
        self.breaker.is_clear(Call::List).then(|| self.list(workspace))
    }
}

/// A list of which there is more than was read: what it lacks may be there.
fn not_whole() -> Failure {
    Failure::Unknown {
        reason: "the server lists only some of the tokens".to_owned(),
        status: None,
        in_flight: false,
        retry_after: None,
    }
}
