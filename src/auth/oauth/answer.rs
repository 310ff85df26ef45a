//! The answers of the sign-in service: tokens, and who signed in.

use super::Answer;
use crate::http::{Response, unusable};
use crate::json::Json;
use crate::jwt;
use crate::secret::Secret;
use crate::time::Timestamp;

/// What the provider gives for a code or a refresh token.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(super) access_token: Option<Secret>,
    pub(super) id_token: Option<Secret>,
    /// The refresh token to use from now on, if the answer has one.
    pub refresh_token: Option<Secret>,
    /// When the resulting session ends, by our clock.
    pub expires_at: Option<Timestamp>,
}

impl Grant {
    /// When the resulting session ends: as the provider says, else as the session itself says. An
    /// end in the past means a wrong clock, so it is ignored.
    pub(crate) fn session_end(&self, bearer: &Secret, now: Timestamp) -> Option<Timestamp> {
        let claimed = || jwt::claims(bearer.expose())?.expires_at;
        self.expires_at.or_else(claimed).filter(|end| *end > now)
    }
}

pub(super) fn need<'a>(token: Option<&'a Secret>, name: &str) -> Answer<&'a Secret> {
    token.ok_or_else(|| unusable("the sign-in service", 200, &format!("it holds no {name}")))
}

/// The token of that name; an error if it cannot be sent in a header.
pub(super) fn secret(fields: &Json, name: &str, response: &Response) -> Answer<Option<Secret>> {
    let Some(secret) = fields.filled(name).map(Secret::new) else {
        return Ok(None);
    };
    if secret.is_header_safe() {
        return Ok(Some(secret));
    }
    Err(response.unusable(&format!("its {name} holds a character that no token has")))
}

pub(super) fn grant(response: &Response, asked: Timestamp) -> Answer<Grant> {
    let fields = response.object()?;
    let token = |name| secret(&fields, name, response);
    let lifetime = fields["expires_in"].as_whole();
    let grant = Grant {
        access_token: token("access_token")?,
        id_token: token("id_token")?,
        refresh_token: token("refresh_token")?,
        expires_at: lifetime.filter(|secs| *secs > 0).map(|secs| asked.plus_secs(secs)),
    };
    if grant.id_token.is_none() && grant.refresh_token.is_none() {
        return Err(response.unusable("it holds no id_token"));
    }
    Ok(grant)
}

/// As the config file has it, from both shapes: that of `OpenID` Connect, and Clerk's own.
pub(super) fn user(fields: &Json) -> Json {
    let either = |one, other| fields.filled(one).or(fields.filled(other)).map(str::to_owned);
    let email = fields.filled("email").or_else(|| address(fields["email_addresses"].items()));
    Json::of([
        ("id", either("sub", "id").into()),
        ("email", email.map(str::to_owned).into()),
        ("firstName", either("given_name", "first_name").into()),
        ("lastName", either("family_name", "last_name").into()),
    ])
}

/// The first address that is verified, else the first.
fn address(addresses: &[Json]) -> Option<&str> {
    let verified =
        addresses.iter().find(|a| a["verification"]["status"].as_str() == Some("verified"));
    verified.or(addresses.first())?["email_address"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &str) -> Response {
        Response { status: 200, body: body.as_bytes().to_vec(), ..Response::default() }
    }

    #[test]
    fn both_shapes_of_a_user() {
        let oidc = r#"{"sub":"u1","email":"a@b.c","given_name":"A","family_name":"B"}"#;
        let clerk = r#"{"id":"u1","first_name":"A","last_name":"B","email_addresses":[
            {"email_address":"old@b.c","verification":{"status":"unverified"}},
            {"email_address":"a@b.c","verification":{"status":"verified"}}]}"#;
        let expected = [("id", "u1"), ("email", "a@b.c"), ("firstName", "A"), ("lastName", "B")];
        let expected = Json::of(expected.map(|(name, value)| (name, value.into())));
        for shape in [oidc, clerk] {
            assert_eq!(user(&response(shape).object().unwrap()), expected);
        }
        let odd = r#"{"sub":5,"email":"","email_addresses":[{"email_address":"x@y.z","verification":null}]}"#;
        let odd = user(&response(odd).object().unwrap());
        assert_eq!((odd.filled("id"), odd.filled("email")), (None, Some("x@y.z")));
        for none in ["{}", r#"{"email_addresses":[]}"#, r#"{"email_addresses":{}}"#] {
            let none = user(&response(none).object().unwrap());
            assert!(none.fields().iter().all(|(_, value)| value.is_null()), "{none:?}");
        }
    }

    #[test]
    fn grants() {
        let now = Timestamp::from_secs(1000);
        let read = |body: &str| grant(&response(body), now);
        let full =
            read(r#"{"access_token":"a","refresh_token":"r","id_token":"i","expires_in":60}"#)
                .unwrap();
        assert_eq!(full.refresh_token, Some(Secret::new("r")));
        assert_eq!(full.expires_at, Some(Timestamp::from_secs(1060)));
        let bare = read(r#"{"id_token":"i","expires_in":0,"refresh_token":null}"#).unwrap();
        assert_eq!((bare.refresh_token, bare.expires_at), (None, None));
        for bad in [
            "",
            "[]",
            "{}",
            "<html>",
            r#"{"id_token":""}"#,
            r#"{"access_token":"a"}"#,
            r#"{"id_token":"i","refresh_token":"a\nb"}"#,
        ] {
            assert_eq!(read(bad).unwrap_err().status(), Some(200), "{bad}");
        }
    }

    #[test]
    fn fuzz_answers() {
        let seeds = [
            r#"{"access_token":"a","refresh_token":"r","id_token":"i","expires_in":60}"#,
            r#"{"id_token":"e30.eyJleHAiOjE3OTAwMDAwMDB9.x","expires_in":-1e300}"#,
            r#"{"sub":"u1","email":"a@b.c","given_name":"A","family_name":7}"#,
            r#"{"id":"u1","email_addresses":[{"email_address":"a@b.c","verification":{"status":"verified"}},{}]}"#,
        ];
        let now = Timestamp::from_secs(1_790_000_000);
        crate::fuzz::text(&seeds, |body| {
            let response = response(body);
            match grant(&response, now) {
                Ok(grant) => {
                    let tokens = [&grant.access_token, &grant.id_token, &grant.refresh_token];
                    assert!(tokens.into_iter().flatten().all(Secret::is_header_safe));
                    assert!(grant.id_token.is_some() || grant.refresh_token.is_some());
                    let bearer = grant.id_token.clone().unwrap_or(Secret::new("b"));
                    assert!(grant.session_end(&bearer, now).is_none_or(|end| end > now));
                }
                Err(failure) => assert_eq!(failure.status(), Some(200)),
            }
            if let Ok(fields) = response.object() {
                let user = user(&fields);
                let texts = ["id", "firstName", "lastName"].map(|name| user.filled(name));
                assert!(texts.iter().flatten().all(|text| !text.is_empty()));
            }
        });
    }
}
