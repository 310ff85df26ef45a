//! The simulated server, as a rotation sees it through gateways that lie.

use std::time::Duration;

use super::{Fate, How, Needs, SERVER, Sim, World, token};
use crate::error::{Cause, ErrorKind, Failure, WORKSPACE_NOT_FOUND};
use crate::rotation::moment::signed;
use crate::rotation::{Acceptance, Answer, ControlPlane, ListedToken, NewWorkspace, TokenList};
use crate::secret::Secret;
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};

#[derive(Debug, Clone)]
pub(in crate::rotation::tests) struct OnServer {
    pub(in crate::rotation::tests) workspace: String,
    pub(in crate::rotation::tests) token: Token,
    pub(in crate::rotation::tests) created_at: i64,
    pub(in crate::rotation::tests) live: bool,
    pub(in crate::rotation::tests) lifetime_s: Option<i64>,
}

impl World {
    /// A new token on the server.
    pub(in crate::rotation::tests) fn make(&self, workspace: &str, age_s: i64) -> Token {
        self.0.borrow_mut().make(workspace, age_s)
    }

    /// The same for a workspace: the server no longer has it, or not yet.
    fn call_about<T>(&self, workspace: &str, act: impl FnOnce(&mut Sim) -> T) -> Answer<T> {
        let answer = self.call(|sim| {
            let is_there = sim.workspaces.iter().any(|id| id == workspace);
            is_there.then(|| act(sim))
        });
        answer?.ok_or(Failure::Rejected {
            status: 404,
            kind: ErrorKind::Api { code: Some(WORKSPACE_NOT_FOUND.to_owned()) },
            message: "no such workspace".to_owned(),
            retry_after: None,
        })
    }

    fn call<T>(&self, act: impl FnOnce(&mut Sim) -> T) -> Answer<T> {
        let mut answer = None;
        match self.effect(Needs::Network, |sim| answer = Some(act(sim))) {
            Fate::Done => {
                let mut sim = self.0.borrow_mut();
                sim.skew_s = Some(-sim.ahead());
                Ok(answer.expect("it was carried out"))
            }
            Fate::Failed { how, done } => Err(failure(how, done)),
        }
    }
}

fn failure(how: How, done: bool) -> Failure {
    let reason = "the simulation's wish".to_owned();
    match how {
        How::NoRoute => Failure::NotSent { reason, cause: Cause::Network },
        How::Cut | How::Late { .. } | How::Twice => {
            Failure::Unknown { reason, status: None, in_flight: done, retry_after: None }
        }
        How::Busy => {
            Failure::Unknown { reason, status: Some(503), in_flight: false, retry_after: None }
        }
        How::NotFound => Failure::Rejected {
            status: 404,
            kind: ErrorKind::Foreign,
            message: reason,
            retry_after: None,
        },
    }
}

impl Sim {
    fn make(&mut self, workspace: &str, age_s: i64) -> Token {
        let mut token = token(self.tokens.len());
        if self.kind.narrows {
            let rights = if age_s < 0 { &["read", "write"][..] } else { &["read"] };
            token.scope = rights.iter().map(|&right| right.to_owned()).collect();
        }
        self.tokens.push(OnServer {
            workspace: workspace.into(),
            token: token.clone(),
            created_at: self.now + age_s,
            live: true,
            lifetime_s: None,
        });
        token
    }

    /// Whether the news of a token has reached every part of the server.
    fn is_known(&self, token: &OnServer) -> bool {
        self.now >= token.created_at + self.kind.news_s
    }
}

impl ControlPlane for World {
    fn server(&self) -> &str {
        SERVER
    }

    /// A gateway's 404 means that the request went nowhere.
    fn create(&self, workspace: &str, expiry: Expiry, _: &[String]) -> Answer<Token> {
        self.0.borrow_mut().now += 1;
        let mut carried_out = None;
        let answer = self.call_about(workspace, |sim| {
            carried_out = Some(sim.tokens.len());
            let token = sim.make(workspace, 0);
            if let (true, Expiry::In(secs)) = (sim.kind.lifetimes, expiry) {
                sim.tokens.last_mut().expect("it was made").lifetime_s = Some(signed(secs));
            }
            token
        });
        if let (Err(Failure::Rejected { .. }), Some(n)) = (&answer, carried_out) {
            self.0.borrow_mut().tokens.truncate(n);
        }
        answer
    }

    fn list(&self, workspace: &str) -> Answer<TokenList> {
        self.call_about(workspace, |sim| {
            let tokens = sim.tokens.iter().filter(|t| t.live && t.workspace == workspace);
            let known = tokens.filter(|t| sim.is_known(t));
            let listed = known.map(|t| ListedToken {
                jti: t.token.jti.clone().unwrap_or_default(),
                created_at: Some(Timestamp::from_secs(t.created_at)),
                expiry: t.lifetime_s.map_or(TokenExpiry::Unknown, |secs| {
                    TokenExpiry::At(Timestamp::from_secs(t.created_at + secs))
                }),
            });
            TokenList::new(listed.collect(), true)
        })
    }

    fn revoke(&self, workspace: &str, jti: &str) -> Answer<Option<Timestamp>> {
        self.call_about(workspace, |sim| {
            let is_it = |t: &super::OnServer| t.token.jti.as_deref() == Some(jti);
            if let Some(n) = sim.tokens.iter().position(is_it) {
                if sim.tokens[n].live {
                    sim.check_grace(&sim.tokens[n].token);
                }
                sim.tokens[n].live = false;
            }
            None
        })
    }

    fn check(&self, secret: &Secret) -> Answer<Acceptance> {
        self.call(|sim| {
            let mut live = sim.tokens.iter().filter(|t| t.live && sim.is_known(t));
            if !sim.kind.mute && live.any(|t| t.token.access_token == *secret) {
                Acceptance::Accepted
            } else {
                Acceptance::Denied
            }
        })
    }

    fn workspaces(&self) -> Answer<Vec<(String, String)>> {
        self.call(|sim| sim.workspaces.iter().map(|id| (id.clone(), id.clone())).collect())
    }

    fn create_workspace(&self, name: &str, _: Option<&str>) -> Answer<NewWorkspace> {
        let mut carried_out = None;
        let answer = self.call(|sim| {
            carried_out = Some(sim.tokens.len());
            sim.workspaces.push(name.into());
            let token = Some(sim.make(name, 0));
            NewWorkspace { id: name.into(), name: name.into(), token }
        });
        if let (Err(Failure::Rejected { .. }), Some(n)) = (&answer, carried_out) {
            let mut sim = self.0.borrow_mut();
            sim.tokens.truncate(n);
            sim.workspaces.pop();
        }
        answer
    }

    fn delete_workspace(&self, workspace: &str) -> Answer<()> {
        self.call_about(workspace, |sim| {
            sim.workspaces.retain(|id| id != workspace);
            for token in sim.tokens.iter_mut().filter(|t| t.workspace == workspace) {
                token.live = false;
            }
        })
    }

    fn skew_s(&self) -> Option<i64> {
        self.0.borrow().skew_s
    }

    fn longest_create(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn back_off(&self, _: Option<Duration>, attempt: u32) -> bool {
        self.0.borrow_mut().now += 1;
        attempt < 4
    }
}
