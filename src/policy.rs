//! What is wanted of a workspace's token: how long it lives, when it is renewed, and how long the one
//! before it stays live.

use std::collections::BTreeMap;
use std::ops::Not;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::json::Json;
use crate::store::{self, Expected, OwnFile};
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};

const VERSION: i64 = 1;
const DAY_S: u64 = 86_400;
const YEAR_S: u64 = 365 * DAY_S;
const MONTH_S: u64 = 30 * DAY_S;
/// A server may round a lifetime, and `renew` asks for up to ten minutes less than is wanted.
const ROUNDING_S: u64 = 60 + 600;

/// The wishes for one workspace; what is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// The lifetime to ask for, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_in_s: Option<u64>,
    /// How long before its end a token is renewed, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) renew_before_s: Option<u64>,
    /// How long the replaced token stays live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoke_after_s: Option<u64>,
    /// The replaced token is revoked although the new one lacks a right.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub(crate) accept_scope: bool,
    /// Of later versions.
    #[serde(flatten)]
    others: BTreeMap<String, Json>,
}

impl Policy {
    pub(crate) fn lifetime_s(&self) -> u64 {
        self.expires_in_s.unwrap_or(YEAR_S)
    }

    pub(crate) fn expiry(&self) -> Expiry {
        self.expires_in_s.map_or_else(Expiry::default, Expiry::In)
    }

    /// How long before its end the token is to be renewed. A server that grants less than was asked
    /// for must not make every run renew, so the window is then a third of what it granted.
    pub(crate) fn window_s(&self, token: &Token, created: Option<Timestamp>) -> u64 {
        let granted_s = match (token.expiry, created) {
            (TokenExpiry::At(end), Some(created)) => {
                u64::try_from(end.secs() - created.secs()).unwrap_or(0)
            }
            _ => self.lifetime_s(),
        };
        match self.renew_before_s {
            Some(wanted_s) if granted_s.saturating_add(ROUNDING_S) >= self.lifetime_s() => wanted_s,
            wanted_s => wanted_s.unwrap_or(MONTH_S).min(granted_s / 3),
        }
    }

    /// What is contradictory in it.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        let shorter = |wish: Option<u64>| wish.is_none_or(|wish_s| wish_s < self.lifetime_s());
        if !shorter(self.renew_before_s) {
            return Some("--renew-before must be shorter than --expires-in, or every run renews");
        }
        let window_s = self.renew_before_s.unwrap_or(MONTH_S.min(self.lifetime_s() / 3));
        if self.revoke_after_s.is_some_and(|grace_s| grace_s > window_s) {
            return Some(
                "--revoke-after must not be longer than --renew-before: the old token ends by then",
            );
        }
        None
    }
}

/// Those of all workspaces.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Policies {
    #[serde(default)]
    version: i64,
    /// By the workspace's UUID.
    #[serde(default, rename = "policies")]
    of_each: BTreeMap<String, Policy>,
    #[serde(flatten)]
    others: BTreeMap<String, Json>,
}

impl Policies {
    /// # Errors
    /// [`Error::read_file`]; [`Error::damaged_file`]: a wish that cannot be read is not left out.
    pub(crate) fn load(path: &OwnFile) -> Result<Self> {
        let read: Self = store::read_json(path)?.unwrap_or_default();
        if read.version > VERSION {
            return Err(Error::damaged_file(path, "a later version of ntcli wrote it"));
        }
        Ok(read)
    }

    /// Writes them durably, in one step.
    ///
    /// # Errors
    /// [`Error::write_file`].
    pub(crate) fn save(&mut self, path: &OwnFile) -> Result<()> {
        self.version = VERSION;
        store::replace_json(path, self, Expected::Anything)?;
        Ok(())
    }

    /// That of the workspace with this UUID.
    pub(crate) fn of(&self, id: &str) -> Policy {
        self.of_each.get(id).cloned().unwrap_or_default()
    }

    /// Sets that of the workspace with this UUID; the default one is forgotten.
    pub(crate) fn set(&mut self, id: &str, policy: Policy) {
        if policy == Policy::default() {
            self.of_each.remove(id);
        } else {
            self.of_each.insert(id.to_owned(), policy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn the_window_follows_what_was_granted() {
        let created = Timestamp::from_secs(1_800_000_000);
        let window = |expires_in_s: Option<u64>, renew_before_s, granted_days: i64| {
            let policy = Policy { expires_in_s, renew_before_s, ..Policy::default() };
            let end = TokenExpiry::At(created.plus_secs(granted_days * 86_400));
            let token =
                Token::new(Secret::new("wst_1"), None, end, "Bearer".to_owned(), Vec::new());
            policy.window_s(&token, Some(created)) / 3600
        };
        assert_eq!(window(None, None, 365), 30 * 24);
        assert_eq!(window(None, None, 90), 30 * 24);
        assert_eq!(window(None, None, 10), 80, "a third of ten days");
        assert_eq!(window(Some(20 * DAY_S), Some(15 * DAY_S), 20), 15 * 24, "as is wanted");
        assert_eq!(window(Some(20 * DAY_S), Some(15 * DAY_S), 9), 72, "less was granted");
        assert_eq!(window(Some(DAY_S), None, 1), 8);
    }

    /// `renew` asks for up to ten minutes less than is wanted, by which a lost token is recognised.
    #[test]
    fn the_window_of_a_token_that_renew_asked_for() {
        let created = Timestamp::from_secs(1_800_000_000);
        let window = |less_s: i64| {
            let (wanted, before) = (Some(20 * DAY_S), Some(15 * DAY_S));
            let policy =
                Policy { expires_in_s: wanted, renew_before_s: before, ..Policy::default() };
            let end = TokenExpiry::At(created.plus_secs(20 * 86_400 - less_s));
            let token =
                Token::new(Secret::new("wst_1"), None, end, "Bearer".to_owned(), Vec::new());
            policy.window_s(&token, Some(created))
        };
        for less_s in [0, 60, 300, 600, 660] {
            assert_eq!(window(less_s), 15 * DAY_S, "{less_s}");
        }
        assert!(window(661) < 7 * DAY_S);
    }

    #[test]
    fn wishes_that_contradict_each_other() {
        let policy = |expires, renew, revoke| Policy {
            expires_in_s: expires,
            renew_before_s: renew,
            revoke_after_s: revoke,
            ..Policy::default()
        };
        assert!(policy(Some(DAY_S), Some(DAY_S), None).contradiction().is_some());
        assert!(policy(None, Some(YEAR_S), None).contradiction().is_some());
        assert!(policy(None, None, Some(MONTH_S + 1)).contradiction().is_some());
        assert!(policy(Some(DAY_S), None, Some(3600)).contradiction().is_none());
        assert!(policy(None, Some(YEAR_S - 1), Some(DAY_S)).contradiction().is_none());
    }

    #[test]
    fn fields_of_later_versions_stay() {
        let text = r#"{"version":1,"policies":{"a":{"revoke_after_s":5,"new":1}},"more":true}"#;
        let mut policies: Policies = serde_json::from_str(text).unwrap();
        let policy = Policy { expires_in_s: Some(7200), ..policies.of("a") };
        policies.set("a", policy);
        let written = serde_json::to_value(&policies).unwrap();
        assert_eq!(written["policies"]["a"]["new"], 1);
        assert_eq!(written["policies"]["a"]["expires_in_s"], 7200);
        assert_eq!(written["more"], true);
    }
}
