//! A workspace token and what is known about it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::jwt::{self, Claims};
use crate::secret::Secret;
use crate::time::Timestamp;

/// When a token expires, as far as known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenExpiry {
    /// At that moment.
    At(Timestamp),
    /// It never expires.
    Never,
    /// Neither the server nor the token says.
    #[default]
    Unknown,
}

impl TokenExpiry {
    /// The moment, if there is one.
    pub(crate) fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::Never | Self::Unknown => None,
        }
    }

    /// For people: a date, `Never`, or `-`.
    pub(crate) fn for_people(self) -> String {
        match self {
            Self::At(time) => time.to_string(),
            Self::Never => "Never".to_owned(),
            Self::Unknown => "-".to_owned(),
        }
    }
}

/// A workspace token. The id and the end of a JWT are those of its claims: the fields beside it may
/// be those of the previous token.
#[allow(clippy::struct_field_names)] // as on the wire
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "TokenFields")]
pub(crate) struct Token {
    /// What goes into the `Authorization` header.
    pub(crate) access_token: Secret,
    /// Its id, without which it cannot be revoked.
    pub jti: Option<String>,
    pub expiry: TokenExpiry,
    /// As the server said it, usually `Bearer`.
    pub token_type: String,
    /// What it may do.
    pub scope: Vec<String>,
}

/// What the journal has of a token, whose claims win.
#[derive(Deserialize)]
struct TokenFields {
    access_token: Secret,
    jti: Option<String>,
    expiry: TokenExpiry,
    token_type: String,
    scope: Vec<String>,
}

impl From<TokenFields> for Token {
    fn from(said: TokenFields) -> Self {
        Self::new(said.access_token, said.jti, said.expiry, said.token_type, said.scope)
    }
}

impl Token {
    /// A token with the fields beside it. The claims of a JWT win; one without `exp` expires only
    /// if the field beside it says so.
    pub(crate) fn new(
        access_token: Secret,
        jti: Option<String>,
        said: TokenExpiry,
        token_type: String,
        scope: Vec<String>,
    ) -> Self {
        let claims = jwt::claims(access_token.expose());
        let expiry = match (&claims, said) {
            (Some(Claims { expires_at: Some(at), .. }), _) => TokenExpiry::At(*at),
            (Some(_), TokenExpiry::Unknown) => TokenExpiry::Never,
            (_, said) => said,
        };
        Self {
            jti: claims.and_then(|claims| claims.jti).or(jti.filter(|jti| !jti.is_empty())),
            access_token,
            expiry,
            token_type,
            scope,
        }
    }

    /// When it is to be renewed, that long before its end.
    pub(crate) fn renewal(&self, window_s: u64) -> Option<Timestamp> {
        let window_s = i64::try_from(window_s).unwrap_or(i64::MAX);
        self.expiry.at().map(|end| end.plus_secs(window_s.saturating_neg()))
    }

    /// What its text is known by when it is met again: see [`mark_of`].
    pub(crate) fn mark(&self) -> String {
        mark_of(self.access_token.expose())
    }

    /// Whether both are the same token, by text or id: revoking one revokes the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.access_token == other.access_token || (self.jti.is_some() && self.jti == other.jti)
    }

    /// The rights of the one that it replaces which it lacks. One that names no right says nothing.
    pub(crate) fn lost_scope(&self, old: &Self) -> Vec<String> {
        let had = old.scope.iter().filter(|_| !self.scope.is_empty());
        had.filter(|right| !self.scope.contains(right)).cloned().collect()
    }

    /// Whether it has expired.
    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.expiry.at().is_some_and(|end| end <= now)
    }

    /// When it was created, which only a JWT says.
    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        jwt::claims(self.access_token.expose())?.issued_at
    }

    /// Its id for people, or a text if it has none.
    pub(crate) fn jti_for_people(&self) -> &str {
        self.jti.as_deref().unwrap_or("no id")
    }
}

/// What tells a token's text from every other without holding it: the id that a JWT carries, else the
/// text's SHA-256.
pub(crate) fn mark_of(text: &str) -> String {
    let sha256 = || URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()));
    jwt::claims(text).and_then(|claims| claims.jti).unwrap_or_else(sha256)
}

/// Whether a token must be refreshed, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// It lasts long enough.
    NotYet,
    /// It expires within the time.
    Soon,
    /// It has expired.
    Expired,
    /// Its end is unknown: refreshed now, to be safe.
    UnknownEnd,
    /// No server could accept its text.
    Invalid,
    /// It is refreshed whatever its age.
    Asked,
}

impl Due {
    /// Whether to refresh now.
    pub(crate) fn is_due(self) -> bool {
        self != Self::NotYet
    }

    /// For scripts.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotYet => "not_due",
            Self::Soon => "expires_soon",
            Self::Expired => "expired",
            Self::UnknownEnd => "unknown_expiry",
            Self::Invalid => "invalid",
            Self::Asked => "as_asked",
        }
    }
}

/// Whether a token must be refreshed: it expires within that time, has expired, cannot be used, or
/// its end is unknown. One that never expires is not due.
pub(crate) fn due(token: &Token, within_secs: u64, now: Timestamp) -> Due {
    if !token.access_token.is_header_safe() {
        return Due::Invalid;
    }
    let within = i64::try_from(within_secs).unwrap_or(i64::MAX);
    match token.expiry {
        TokenExpiry::Unknown => Due::UnknownEnd,
        TokenExpiry::At(end) if end <= now => Due::Expired,
        TokenExpiry::At(end) if end <= now.plus_secs(within) => Due::Soon,
        TokenExpiry::At(_) | TokenExpiry::Never => Due::NotYet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, expiry: TokenExpiry) -> Token {
        let secret = Secret::new(text);
        Token::new(secret, None, expiry, "Bearer".to_owned(), Vec::new())
    }

    #[test]
    fn claims_win_wherever_a_token_comes_from() {
        // {"jti":"own","exp":1790000000}
        let jwt = "e30.eyJqdGkiOiJvd24iLCJleHAiOjE3OTAwMDAwMDB9.c2ln";
        let end = TokenExpiry::At(Timestamp::from_secs(1_790_000_000));
        let json = |token: &str| {
            format!(
                r#"{{"access_token":"{token}","jti":"field","expiry":"never","token_type":"Bearer","scope":[]}}"#
            )
        };
        let read = |token| serde_json::from_str::<Token>(&json(token)).unwrap();
        let own = read(jwt);
        assert_eq!((own.jti.as_deref(), own.expiry), (Some("own"), end));
        let written = serde_json::to_string(&own).unwrap();
        assert_eq!(serde_json::from_str::<Token>(&written).unwrap(), own);
        let opaque = read("wst_1");
        assert_eq!(serde_json::to_string(&opaque).unwrap(), json("wst_1"));
    }

    #[test]
    fn what_is_due() {
        let now = Timestamp::from_secs(1_000_000);
        let at = |secs| TokenExpiry::At(now.plus_secs(secs));
        for (expiry, within, expected) in [
            (at(101), 100, Due::NotYet),
            (at(100), 100, Due::Soon),
            (at(1), 1, Due::Soon),
            (at(1), 0, Due::NotYet),
            (at(0), 100, Due::Expired),
            (at(-1), 0, Due::Expired),
            (at(1), u64::MAX, Due::Soon),
            (TokenExpiry::Never, u64::MAX, Due::NotYet),
            (TokenExpiry::Unknown, 1, Due::UnknownEnd),
        ] {
            let found = due(&token("wst_1", expiry), within, now);
            assert_eq!(found, expected, "{expiry:?} within {within}");
        }
        let broken = token("a b", TokenExpiry::Never);
        assert_eq!(due(&broken, 1, now), Due::Invalid);
    }
}
