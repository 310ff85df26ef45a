//! The workspaces in the config file, and their tokens.

use super::{Config, set_or_remove, text};
use crate::error::{Error, Result};
use crate::json::Json;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

/// What the existing client reads for a token that never ends: a date far ahead.
const FAR_AHEAD_MS: i64 = 253_402_300_799_000;

/// A workspace as it is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its key in the config file: a bare UUID or `ws-NAME-UUID`.
    pub key: String,
    /// What the API wants: the UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The current token.
    pub token: Option<Token>,
}

impl Config {
    /// The workspaces known here, in the file's order.
    #[must_use]
    pub fn workspaces(&self) -> Vec<Workspace> {
        self.items()
            .iter()
            .map(|(key, item)| workspace(key, item))
            .collect()
    }

    fn items(&self) -> &[(String, Json)] {
        let items = self.doc.get("workspaces").and_then(|w| w.get("items"));
        items.map_or(&[], Json::fields)
    }

    /// The key of the active workspace, when it is one that is known here.
    #[must_use]
    pub fn active_key(&self) -> Option<&str> {
        let key = text(self.doc.get("workspaces")?, "activeWorkspaceId")?;
        self.items().iter().any(|(k, _)| k == key).then_some(key)
    }

    /// The workspace with that key.
    #[must_use]
    pub fn workspace(&self, key: &str) -> Option<Workspace> {
        let found = self.items().iter().find(|(k, _)| k == key);
        found.map(|(key, item)| workspace(key, item))
    }

    /// The tokens of the workspace with that UUID, each with its key: the file may have several.
    pub fn tokens_of(&self, id: &str) -> impl Iterator<Item = (&str, Token)> {
        let items = self.items().iter();
        let same = items.filter(move |(key, _)| key.ends_with(id) && bare_id(key) == id);
        same.filter_map(|(key, item)| Some((key.as_str(), token(item)?)))
    }

    /// The workspace with that id, be it bare or `ws-NAME-UUID`, whatever its key looks like.
    #[must_use]
    pub fn workspace_by_id(&self, id: &str) -> Option<Workspace> {
        let exact = self.workspace(id);
        exact.or_else(|| {
            let bare = bare_id(id);
            let mut known = self.workspaces().into_iter();
            known.find(|w| w.id.eq_ignore_ascii_case(bare))
        })
    }

    /// The workspace that is named so: by its name, its UUID or its full local id.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`], [`Error::AmbiguousWorkspace`].
    pub fn find(&self, name: &str) -> Result<Workspace> {
        if let Some(found) = self.workspace(name) {
            return Ok(found);
        }
        let (mut by_id, mut by_name): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
        for workspace in self.workspaces() {
            if workspace.id.eq_ignore_ascii_case(bare_id(name)) {
                by_id.push(workspace);
            } else if workspace.name == name {
                by_name.push(workspace);
            }
        }
        let mut found = if by_id.is_empty() { by_name } else { by_id };
        if found.len() > 1 {
            return Err(Error::AmbiguousWorkspace {
                name: name.to_owned(),
                ids: found.into_iter().map(|w| w.key).collect(),
            });
        }
        found.pop().ok_or_else(|| Error::UnknownWorkspace {
            name: name.to_owned(),
        })
    }

    /// Puts a workspace into the file, or renames the one with that key. Its token stays.
    pub fn put_workspace(&mut self, key: &str, name: &str) {
        let workspaces = self.doc.entry("workspaces");
        let item = workspaces.entry("items").entry(key);
        if item.get("workspace_id").is_none() {
            item.set("workspace_id", Json::text(key));
        }
        item.set("workspace_name", Json::text(name));
    }

    /// Makes a workspace the active one, or none.
    pub fn set_active(&mut self, key: Option<&str>) {
        let workspaces = self.doc.entry("workspaces");
        set_or_remove(workspaces, "activeWorkspaceId", key.map(Json::text));
        let Json::Object(items) = workspaces.entry("items") else {
            return;
        };
        for (other, item) in items {
            if Some(other.as_str()) == key {
                item.set("isActive", Json::Bool(true));
            } else if item.get("isActive").is_some() {
                item.set("isActive", Json::Bool(false));
            }
        }
    }

    /// Forgets a workspace and its token.
    pub fn remove_workspace(&mut self, key: &str) {
        if self.active_key() == Some(key) {
            self.set_active(None);
        }
        self.doc.entry("workspaces").entry("items").remove(key);
    }

    /// Makes `token` the workspace's current one. A workspace that has gone from the file
    /// meanwhile comes back: its token must not be lost.
    pub fn set_token(&mut self, key: &str, name: &str, token: &Token) {
        if self.workspace(key).is_none() {
            self.put_workspace(key, name);
        }
        let item = self.doc.entry("workspaces").entry("items").entry(key);
        item.set("access_token", Json::text(token.access_token.expose()));
        item.set("token_type", Json::text(&token.token_type));
        let end = match token.expiry {
            TokenExpiry::At(at) => Json::Number(at.millis().into()),
            TokenExpiry::Never => Json::Number(FAR_AHEAD_MS.into()),
            TokenExpiry::Unknown => Json::Null,
        };
        item.set("expires_at", end);
        let never = token.expiry == TokenExpiry::Never;
        set_or_remove(item, "never_expires", never.then_some(Json::Bool(true)));
        item.set(
            "scope",
            Json::Array(token.scope.iter().map(Json::text).collect()),
        );
        set_or_remove(item, "jti", token.jti.as_ref().map(Json::text));
    }

    /// Forgets the workspace's token, in the way the existing client writes that.
    pub fn clear_token(&mut self, key: &str) {
        if self.workspace(key).is_none() {
            return;
        }
        let item = self.doc.entry("workspaces").entry("items").entry(key);
        item.set("access_token", Json::text("no-token"));
        item.set("expires_at", Json::Null);
        item.remove("never_expires");
        item.remove("jti");
    }
}

/// The API wants the UUID of `ws-NAME-UUID`: its last five groups.
#[must_use]
pub fn bare_id(key: &str) -> &str {
    let hyphens = key.bytes().rev().filter(|b| *b == b'-').count();
    if hyphens <= 4 {
        return key;
    }
    let fifth_from_end = key
        .bytes()
        .rev()
        .enumerate()
        .filter(|(_, b)| *b == b'-')
        .nth(4);
    fifth_from_end.map_or(key, |(from_end, _)| &key[key.len() - from_end..])
}

fn workspace(key: &str, item: &Json) -> Workspace {
    Workspace {
        key: key.to_owned(),
        id: bare_id(key).to_owned(),
        name: text(item, "workspace_name").unwrap_or(key).to_owned(),
        token: token(item),
    }
}

fn token(item: &Json) -> Option<Token> {
    let access_token = text(item, "access_token").filter(|t| *t != "no-token")?;
    // Whoever replaces the token writes another date, and leaves a field behind that it does not know.
    let never = item["never_expires"] == Json::Bool(true);
    let said = match item["expires_at"].as_whole() {
        Some(FAR_AHEAD_MS) if never => TokenExpiry::Never,
        Some(millis) => TokenExpiry::At(Timestamp::from_millis(millis)),
        None => TokenExpiry::Unknown,
    };
    let scope = match item.get("scope") {
        Some(Json::Array(values)) => values
            .iter()
            .filter_map(Json::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Json::Text(words)) => words.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Some(Token::new(
        Secret::new(access_token),
        text(item, "jti").map(str::to_owned),
        said,
        text(item, "token_type").unwrap_or("Bearer").to_owned(),
        scope,
    ))
}
