//! What the control plane remembers: sessions, workspaces and their tokens.
//! `now` is always the server's clock.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde_json::json;

use super::jwt;
use super::options::{TokenAuth, TokenShape};

pub(crate) const SCOPE: [&str; 2] = ["workspace:read", "workspace:write"];

#[derive(Default)]
pub(crate) struct State {
    /// When each session ends, if it does, by its bearer.
    sessions: HashMap<String, Option<u64>>,
    /// The sessions among these that belong to another account.
    strangers: HashSet<String>,
    pub(super) workspaces: Vec<Workspace>,
    /// Every token ever issued; a workspace names its own by their places here.
    pub(super) tokens: Vec<Token>,
    pub(super) by_bearer: HashMap<String, usize>,
    serial: u64,
}

pub(crate) struct Workspace {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: Duration,
    pub(super) tokens: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) bearer: String,
    pub(crate) jti: String,
    pub(crate) created_at: u64,
    pub(crate) expires_at: Option<u64>,
    pub(crate) revoked: bool,
    pub(crate) scope: Vec<String>,
    pub(super) origin: Origin,
    pub(super) checks: usize,
    /// Lists of its workspace since it was made.
    pub(super) lists: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Made by a test: known everywhere at once.
    Test,
    /// Made through the API: may lag.
    Api,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    Live,
    /// Live, and another account's.
    Stranger,
    Expired,
    Unknown,
}

impl Token {
    fn is_live(&self, now: u64) -> bool {
        !self.revoked && self.expires_at.is_none_or(|at| at > now)
    }
}

impl State {
    pub(crate) fn add_session(&mut self, bearer: &str, ends: Option<u64>) {
        self.sessions.insert(bearer.to_owned(), ends);
    }

    pub(crate) fn add_stranger(&mut self, bearer: &str) {
        self.add_session(bearer, None);
        self.strangers.insert(bearer.to_owned());
    }

    pub(crate) fn drop_session(&mut self, bearer: &str) {
        self.sessions.remove(bearer);
        self.strangers.remove(bearer);
    }

    /// Of sessions and workspace tokens, dead ones too.
    pub(crate) fn bearers(&self) -> impl Iterator<Item = String> {
        self.sessions.keys().chain(self.by_bearer.keys()).cloned()
    }

    pub(crate) fn session(&self, bearer: &str, now: u64) -> Session {
        match self.sessions.get(bearer) {
            None => Session::Unknown,
            Some(Some(ends)) if *ends <= now => Session::Expired,
            Some(_) if self.strangers.contains(bearer) => Session::Stranger,
            Some(_) => Session::Live,
        }
    }

    pub(crate) fn workspaces(&self) -> &[Workspace] {
        &self.workspaces
    }

    pub(crate) fn workspace(&self, id: &str) -> Option<&Workspace> {
        self.workspaces.iter().find(|w| w.id == id)
    }

    pub(crate) fn add_workspace(&mut self, name: &str, now: Duration) -> String {
        let hex = self.random("workspace");
        // A version 4 UUID has fixed digits in two places.
        let parts = [&hex[..8], &hex[8..12], &hex[13..16], &hex[17..20]];
        let [a, b, c, d] = parts;
        let id = format!("{a}-{b}-4{c}-a{d}-{}", &hex[20..32]);
        self.workspaces.push(Workspace {
            id: id.clone(),
            name: name.to_owned(),
            created_at: now,
            tokens: Vec::new(),
        });
        id
    }

    /// Its tokens go with it.
    pub(crate) fn remove_workspace(&mut self, id: &str) -> Option<Workspace> {
        let place = self.workspaces.iter().position(|w| w.id == id)?;
        let workspace = self.workspaces.remove(place);
        for token in &workspace.tokens {
            self.tokens[*token].revoked = true;
        }
        Some(workspace)
    }

    /// A new token, unless there is no such workspace.
    pub(crate) fn issue(
        &mut self,
        workspace_id: &str,
        expires_at: Option<u64>,
        now: u64,
        shape: TokenShape,
        origin: Origin,
    ) -> Option<Token> {
        let scope = SCOPE.map(str::to_owned).to_vec();
        self.issue_with(workspace_id, expires_at, now, (shape, origin), scope)
    }

    /// The same with rights of its own.
    pub(crate) fn issue_with(
        &mut self,
        workspace_id: &str,
        expires_at: Option<u64>,
        now: u64,
        (shape, origin): (TokenShape, Origin),
        scope: Vec<String>,
    ) -> Option<Token> {
        let place = self.workspaces.iter().position(|w| w.id == workspace_id)?;
        let jti = format!("jti_{}", &self.random("jti")[..16]);
        let bearer = match shape {
            TokenShape::Opaque => format!("wst_{}", self.random("bearer")),
            TokenShape::Jwt => {
                let mut claims =
                    json!({"jti": jti, "sub": workspace_id, "iat": now, "scope": scope});
                if let Some(at) = expires_at {
                    claims["exp"] = at.into();
                }
                jwt::encode(&claims)
            }
        };
        let token = Token {
            bearer: bearer.clone(),
            jti,
            created_at: now,
            expires_at,
            revoked: false,
            scope,
            origin,
            checks: 0,
            lists: 0,
        };
        self.by_bearer.insert(bearer, self.tokens.len());
        self.workspaces[place].tokens.push(self.tokens.len());
        self.tokens.push(token.clone());
        Some(token)
    }

    pub(crate) fn age_tokens(&mut self, secs: u64) {
        self.tokens.iter_mut().for_each(|token| token.created_at -= secs);
    }

    /// Oldest first.
    pub(crate) fn live_tokens(&self, workspace_id: &str, now: u64) -> Vec<&Token> {
        let places = self.workspace(workspace_id).map(|w| &w.tokens);
        let tokens = places.into_iter().flatten().map(|i| &self.tokens[*i]);
        tokens.filter(|token| token.is_live(now)).collect()
    }

    /// What a list of the workspace's tokens holds, oldest first; it counts as one.
    pub(crate) fn list(&mut self, workspace_id: &str, now: u64, lag: usize) -> Vec<Token> {
        let places = self.workspace(workspace_id).map(|w| w.tokens.clone());
        let mut listed = Vec::new();
        for place in places.into_iter().flatten() {
            let token = &mut self.tokens[place];
            token.lists += 1;
            let known = token.origin == Origin::Test || token.lists > lag;
            if known && (token.revoked || token.is_live(now)) {
                listed.push(token.clone());
            }
        }
        listed
    }

    /// `false` if there is no such live token.
    pub(crate) fn revoke(&mut self, workspace_id: &str, jti: &str, now: u64) -> bool {
        let tokens = self.live_tokens(workspace_id, now);
        let Some(token) = tokens.into_iter().find(|token| token.jti == jti) else {
            return false;
        };
        let place = self.by_bearer[&token.bearer];
        self.tokens[place].revoked = true;
        true
    }

    pub(crate) fn is_live(&self, bearer: &str, now: u64) -> bool {
        let place = self.by_bearer.get(bearer);
        place.is_some_and(|place| self.tokens[*place].is_live(now))
    }

    /// What `token_auth` answers for a workspace token.
    pub(crate) fn check(&mut self, bearer: &str, now: u64, mode: TokenAuth) -> bool {
        let Some(place) = self.by_bearer.get(bearer) else {
            return false;
        };
        let token = &mut self.tokens[*place];
        token.checks += 1;
        let known = match mode {
            TokenAuth::Normal | TokenAuth::Denies | TokenAuth::Html => true,
            TokenAuth::Lagging(n) => token.origin == Origin::Test || token.checks > n,
            TokenAuth::Rejects401All => false,
        };
        known && token.is_live(now)
    }

    pub(super) fn skip_ids(&mut self, count: u64) {
        self.serial += count;
    }

    /// 64 hexadecimal digits that look random, never the same twice.
    pub(crate) fn random(&mut self, what: &str) -> String {
        self.serial += 1;
        let digest = digest(&SHA256, format!("{what} {}", self.serial).as_bytes());
        digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes everything");
            hex
        })
    }
}
