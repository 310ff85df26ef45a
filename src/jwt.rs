//! The payload of a JWT, read but never trusted: it says what a token is, not that it is valid.

use std::cell::RefCell;

use crate::json::Json;
use crate::secret::Secret;
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The claims that matter here, each `None` when absent or of another type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The token's id, by which it is revoked.
    pub jti: Option<String>,
    pub expires_at: Option<Timestamp>,
    /// When it was created.
    pub issued_at: Option<Timestamp>,
    /// The organisation of a session token.
    pub organization_id: Option<String>,
}

/// So many tokens are asked about again and again in a row.
const NEAR: usize = 4;

thread_local! {
    /// The tokens that were read last.
    static LAST: RefCell<Vec<(Secret, Option<Claims>)>> = const { RefCell::new(Vec::new()) };
}

/// Reads the claims of `token`; `None` if it is not a JWT.
pub(crate) fn claims(token: &str) -> Option<Claims> {
    LAST.with_borrow_mut(|last| {
        if let Some((_, claims)) = last.iter().find(|(known, _)| known.expose() == token) {
            return claims.clone();
        }
        let claims = read(token);
        last.truncate(NEAR - 1);
        last.insert(0, (Secret::new(token), claims.clone()));
        claims
    })
}

fn read(token: &str) -> Option<Claims> {
    let said = payload(token)?;
    let text = |name| said.filled(name).map(str::to_owned);
    let time = |name| said[name].as_whole().map(Timestamp::from_secs);
    let organizations = ["nb_organization_id", "org_id", "organization_id"];
    Some(Claims {
        jti: text("jti"),
        expires_at: time("exp"),
        issued_at: time("iat"),
        organization_id: organizations.into_iter().find_map(text),
    })
}

/// Whether the claims are those of a workspace token, not of a session: a `workspace_id`, or a
/// scope `workspace:…` (a list, or words in one text).
pub(crate) fn is_of_workspace(token: &str) -> bool {
    let said = payload(token).unwrap_or_default();
    let mut scopes = [said["scope"].words(), said["scopes"].words()].into_iter().flatten();
    said.filled("workspace_id").is_some() || scopes.any(|scope| scope.starts_with("workspace:"))
}

fn payload(token: &str) -> Option<Json> {
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    // With padding or without: both occur.
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok().filter(|said| matches!(said, Json::Object(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn reads_the_claims() {
        let token = jwt(r#"{"jti":"jti_1","exp":1790000000.9,"iat":1780000000,"org_id":"org_1"}"#);
        assert_eq!(
            claims(&token),
            Some(Claims {
                jti: Some("jti_1".into()),
                expires_at: Some(Timestamp::from_secs(1_790_000_000)),
                issued_at: Some(Timestamp::from_secs(1_780_000_000)),
                organization_id: Some("org_1".into()),
            })
        );
    }

    #[test]
    fn claims_of_another_type_are_absent() {
        assert_eq!(claims(&jwt(r#"{"jti":5,"exp":"x"}"#)), Some(Claims::default()));
        assert_eq!(claims(&jwt(r#"{"jti":""}"#)), Some(Claims::default()));
    }

    #[test]
    fn whose_token_it_is() {
        for of_workspace in [
            r#"{"workspace_id":"w"}"#,
            r#"{"scope":["openid","workspace:read"]}"#,
            r#"{"scope":"openid workspace:write"}"#,
            r#"{"scopes":["workspace:admin"]}"#,
        ] {
            assert!(is_of_workspace(&jwt(of_workspace)), "{of_workspace}");
        }
        for of_session in [
            "{}",
            r#"{"sub":"user_1","org_id":"org_1","scope":"openid email profile"}"#,
            r#"{"scope":["openid",5],"scopes":null,"workspace_id":""}"#,
            r#"{"scope":{"workspace:read":true},"workspace_id":null}"#,
        ] {
            assert!(!is_of_workspace(&jwt(of_session)), "{of_session}");
        }
        assert!(!is_of_workspace("workspace:read"));
    }

    #[test]
    fn what_is_no_jwt() {
        for token in ["", "wst_abc", "a.b", "a.b.c", "e30.W10.x", "e30.e30.x.y", "..", "é.é.é"] {
            assert_eq!(claims(token), None, "{token}");
        }
        assert_eq!(claims(&format!("a.{}.c", "[".repeat(100_000))), None);
    }
}
