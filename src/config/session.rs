//! The sign-in in the config file.

use super::{Config, set_or_remove};
use crate::json::Json;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The stored sign-in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub bearer: Secret,
    /// When it ends; `None` if not known.
    pub expires_at: Option<Timestamp>,
    /// Renews it; may be single-use.
    pub refresh_token: Option<Secret>,
    /// The management URL of the server it was made for; `None` when the existing client stored it.
    pub server: Option<String>,
    /// The signed-in user, as far as known: see `USER`.
    pub user: Json,
}

impl Session {
    /// Whether it may be sent to the server at `url`: it was made for it, or names no server.
    pub(crate) fn is_for(&self, url: &str) -> bool {
        let same = |server: &str| server.trim_end_matches('/').eq_ignore_ascii_case(url);
        self.server.as_deref().is_none_or(same)
    }
}

/// What is known of the signed-in user, under the names of the config file.
const USER: [&str; 5] = ["id", "email", "firstName", "lastName", "organizationId"];

impl Config {
    /// The stored sign-in, expired or not.
    pub(crate) fn session(&self) -> Option<Session> {
        let auth = self.doc.get("auth")?;
        Some(Session {
            bearer: Secret::new(auth.filled("bearerToken")?),
            expires_at: auth.get("expiresAt").and_then(Json::as_whole).map(Timestamp::from_millis),
            refresh_token: auth.filled("refreshToken").map(Secret::new),
            server: auth.filled("server").map(str::to_owned),
            user: auth["user"].clone(),
        })
    }

    /// Replaces the stored sign-in, and forgets the previous user.
    pub(crate) fn set_session(&mut self, session: &Session) {
        let auth = self.doc.entry("auth");
        auth.set("bearerToken", Json::from(session.bearer.expose()));
        set_or_remove(auth, "expiresAt", session.expires_at.map(Timestamp::millis));
        set_or_remove(auth, "refreshToken", session.refresh_token.as_ref().map(Secret::expose));
        set_or_remove(auth, "server", session.server.as_deref());
        let user = &session.user;
        let id = user.filled("id");
        if id.is_none() || auth["user"].filled("id") != id {
            auth.remove("user"); // another user's
        }
        for name in USER {
            let value = user.filled(name);
            if value.is_some() || auth.get("user").is_some() {
                set_or_remove(auth.entry("user"), name, value);
            }
        }
    }

    /// Binds a stored session that names no server to the one at `url`.
    pub(crate) fn bind_session(&mut self, url: &str) {
        if self.session().is_some_and(|s| s.server.is_none()) {
            self.doc.entry("auth").set("server", Json::from(url));
        }
    }

    /// Forgets the sign-in.
    pub(crate) fn clear_session(&mut self) {
        self.doc.remove("auth");
    }
}
