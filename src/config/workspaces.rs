//! The workspaces in the config file, and their tokens.

use std::collections::BTreeMap;

use super::naming::{WorkspaceName, bare_id, pick};
use super::{Config, set_or_remove};
use crate::error::{Error, Result};
use crate::json::Json;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::token::{Token, TokenExpiry};

/// What the existing client reads for a token that never expires: a date far in the future.
const FAR_AHEAD_MS: i64 = 253_402_300_799_000;
/// The fields of an entry that describe its token.
const OF_A_TOKEN: [&str; 6] =
    ["access_token", "token_type", "expires_at", "never_expires", "scope", "jti"];

/// A workspace that is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workspace {
    /// Its key in the config file: a bare UUID or `ws-NAME-UUID`.
    pub key: String,
    /// What the API wants: the UUID.
    pub id: String,
    pub name: String,
    pub token: Option<Token>,
}

impl Config {
    /// The workspaces known here, in the file's order: of each the entry that counts.
    pub(crate) fn workspaces(&self) -> Vec<Workspace> {
        self.by_workspace().into_iter().map(|mut same| same.swap_remove(0)).collect()
    }

    /// The workspaces, each followed by those of its entries that hold another token.
    pub(crate) fn holders(&self) -> Vec<Workspace> {
        self.by_workspace().concat()
    }

    /// The entries of each workspace, without those that add no token; the first one counts.
    pub(crate) fn by_workspace(&self) -> Vec<Vec<Workspace>> {
        let mut all = Vec::<Vec<Workspace>>::new();
        let mut places = BTreeMap::<String, usize>::new();
        for entry in self.entries() {
            let place = *places.entry(entry.id.to_ascii_lowercase()).or_insert(all.len());
            match all.get_mut(place) {
                Some(same) => same.push(entry),
                None => all.push(vec![entry]),
            }
        }
        for same in all.iter_mut().filter(|same| same.len() > 1) {
            same.sort_by_key(|entry| self.rank(&entry.key, entry.token.is_some()));
            let mut seen: Vec<Option<Secret>> = Vec::new();
            same.retain(|entry| {
                let token = entry.token.as_ref().map(|token| token.access_token.clone());
                let counts = seen.is_empty() || (token.is_some() && !seen.contains(&token));
                seen.push(token);
                counts
            });
        }
        all
    }

    /// The one order of the entries of a workspace, the lowest first: one with a token, the active
    /// one, the one whose key is the id; else the file's order decides.
    fn rank(&self, key: &str, has_token: bool) -> (bool, bool, bool) {
        (!has_token, self.stored_active() != Some(key), key != bare_id(key))
    }

    /// Every entry of the file, in its order.
    pub(crate) fn entries(&self) -> Vec<Workspace> {
        let entries = self.items().iter();
        entries.map(|(key, item)| workspace(key, item)).collect()
    }

    /// Every entry of the workspace with that UUID.
    pub(crate) fn entries_of(&self, id: &str) -> Vec<Workspace> {
        self.items_of(id).map(|(key, item)| workspace(key, item)).collect()
    }

    fn items_of(&self, id: &str) -> impl Iterator<Item = &(String, Json)> {
        self.items().iter().filter(move |(key, _)| bare_id(key).eq_ignore_ascii_case(id))
    }

    fn item(&self, key: &str) -> Option<&(String, Json)> {
        let items = self.items();
        // They are asked for in the file's order, one after another.
        let near = self.near.get().min(items.len());
        let found = (near..items.len()).chain(0..near).find(|n| items[*n].0 == key)?;
        self.near.set(found);
        items.get(found)
    }

    /// The entry that counts of the workspace with that id.
    fn item_by_id(&self, id: &str) -> Option<&(String, Json)> {
        self.items_of(bare_id(id)).min_by_key(|(key, item)| self.rank(key, has_token(item)))
    }

    fn items(&self) -> &[(String, Json)] {
        let items = self.doc.get("workspaces").and_then(|w| w.get("items"));
        items.map_or(&[], Json::fields)
    }

    fn items_mut(&mut self) -> &mut Json {
        self.doc.entry("workspaces").entry("items")
    }

    /// The key of the active workspace, if it is known here. If that entry holds no token but
    /// another one of the workspace does, the other one is active.
    pub(crate) fn active_key(&self) -> Option<&str> {
        self.item_by_id(self.stored_active()?).map(|(key, _)| key.as_str())
    }

    fn stored_active(&self) -> Option<&str> {
        self.doc["workspaces"].filled("activeWorkspaceId")
    }

    /// The workspace with that key.
    pub(crate) fn workspace(&self, key: &str) -> Option<Workspace> {
        self.item(key).map(|(key, item)| workspace(key, item))
    }

    /// The tokens of the workspace with that UUID, each with its key: the file may have several.
    pub(crate) fn tokens_of(&self, id: &str) -> impl Iterator<Item = (&str, Token)> {
        let items = self.items().iter();
        let same = items.filter(move |(key, _)| key.ends_with(id) && bare_id(key) == id);
        same.filter_map(|(key, item)| Some((key.as_str(), token(item)?)))
    }

    /// The workspace with that id, bare or `ws-NAME-UUID`: the one of its entries that counts.
    pub(crate) fn workspace_by_id(&self, id: &str) -> Option<Workspace> {
        self.item_by_id(id).map(|(key, item)| workspace(key, item))
    }

    /// The workspace with this name, UUID or full local id. The latter means that entry, if it holds
    /// a token; otherwise it is the entry that counts.
    ///
    /// # Errors
    /// [`Error::unknown_workspace`], [`Error::ambiguous_workspace`].
    pub(crate) fn find(&self, name: &str) -> Result<Workspace> {
        let entries = self.items().iter().map(|(key, item)| WorkspaceName {
            key,
            id: bare_id(key),
            name: name_of(key, item),
        });
        let id = pick(entries, name)?.id;
        let named = self.item(name).filter(|(key, item)| has_token(item) && key != bare_id(key));
        let found = named.or_else(|| self.item_by_id(id));
        let found = found.map(|(key, item)| workspace(key, item));
        found.ok_or_else(|| Error::unknown_workspace(name, None))
    }

    /// Adds a workspace to the file, or renames the one with that key. Its token stays.
    pub(crate) fn put_workspace(&mut self, key: &str, name: &str) {
        let item = self.items_mut().entry(key);
        if item.get("workspace_id").is_none() {
            item.set("workspace_id", Json::from(key));
        }
        item.set("workspace_name", Json::from(name));
    }

    /// Makes a workspace the active one, or none.
    pub(crate) fn set_active(&mut self, key: Option<&str>) {
        set_or_remove(self.doc.entry("workspaces"), "activeWorkspaceId", key);
        let Json::Object(items) = self.items_mut() else {
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

    /// Forgets the workspace with that UUID: all its entries, with their tokens.
    pub(crate) fn remove_workspace(&mut self, id: &str) {
        let active = self.stored_active().map(bare_id);
        if active.is_some_and(|active| active.eq_ignore_ascii_case(id)) {
            self.set_active(None);
        }
        for entry in self.entries_of(id) {
            self.remove_entry(&entry.key);
        }
    }

    fn remove_entry(&mut self, key: &str) {
        self.items_mut().remove(key);
    }

    /// Merges two entries of one workspace. Fields that only `other` has move to `key`, except
    /// those that belong to a token.
    pub(crate) fn join(&mut self, key: &str, other: &str) {
        let active = self.stored_active();
        let is_active = active.is_some_and(|a| a == key || a == other);
        let items = self.items_mut();
        let theirs = items[other].clone();
        let item = items.entry(key);
        for (name, value) in theirs.fields() {
            if item.get(name).is_none() && !OF_A_TOKEN.contains(&name.as_str()) {
                item.set(name, value.clone());
            }
        }
        self.remove_entry(other);
        if is_active {
            self.set_active(Some(key));
        }
    }

    /// Makes `token` the workspace's current one. A workspace that was removed from the file
    /// meanwhile is added again: its token must not be lost.
    pub(crate) fn set_token(&mut self, key: &str, name: &str, token: &Token) {
        if self.item(key).is_none() {
            self.put_workspace(key, name);
        }
        let item = self.items_mut().entry(key);
        item.set("access_token", Json::from(token.access_token.expose()));
        item.set("token_type", Json::from(token.token_type.as_str()));
        let end = match token.expiry {
            TokenExpiry::At(at) => Json::Number(at.millis().into()),
            TokenExpiry::Never => Json::Number(FAR_AHEAD_MS.into()),
            TokenExpiry::Unknown => Json::Null,
        };
        item.set("expires_at", end);
        let never = token.expiry == TokenExpiry::Never;
        set_or_remove(item, "never_expires", never.then_some(true));
        item.set(
            "scope",
            Json::Array(token.scope.iter().map(|text| text.as_str().into()).collect()),
        );
        set_or_remove(item, "jti", token.jti.as_deref());
    }

    /// Forgets the token of that entry, in the format of the existing client.
    pub(crate) fn clear_token(&mut self, key: &str) {
        if self.item(key).is_some_and(|(_, item)| has_token(item)) {
            let item = self.items_mut().entry(key);
            item.set("access_token", Json::from("no-token"));
            item.set("expires_at", Json::Null);
            item.remove("never_expires");
            item.remove("jti");
        }
    }
}

fn workspace(key: &str, item: &Json) -> Workspace {
    Workspace {
        key: key.to_owned(),
        id: bare_id(key).to_owned(),
        name: name_of(key, item).to_owned(),
        token: token(item),
    }
}

fn name_of<'a>(key: &'a str, item: &'a Json) -> &'a str {
    item.filled("workspace_name").unwrap_or(key)
}

fn access_token(item: &Json) -> Option<&str> {
    item.filled("access_token").filter(|text| *text != "no-token")
}

fn has_token(item: &Json) -> bool {
    access_token(item).is_some()
}

fn token(item: &Json) -> Option<Token> {
    let access_token = access_token(item)?;
    // A client that replaces the token writes another date, and leaves fields it does not know.
    let never = item["never_expires"] == Json::Bool(true);
    let said = match item["expires_at"].as_whole() {
        Some(FAR_AHEAD_MS) if never => TokenExpiry::Never,
        Some(millis) => TokenExpiry::At(Timestamp::from_millis(millis)),
        None => TokenExpiry::Unknown,
    };
    Some(Token::new(
        Secret::new(access_token),
        item.filled("jti").map(str::to_owned),
        said,
        item.filled("token_type").unwrap_or("Bearer").to_owned(),
        item["scope"].words(),
    ))
}
