//! The OAuth provider of the sign-in, and the exchange of its tokens for a session.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::clock;
use super::http::{Answer, Form, Request, percent_encode};
use super::jwt;
use super::options::{Options, Userinfo};
use super::refusal::Refusal;
use super::routes::Route;
use super::state::State;

#[derive(Default)]
pub(crate) struct Provider {
    codes: HashMap<String, Grant>,
    access_tokens: HashSet<String>,
    /// Oldest first.
    refresh_tokens: Vec<String>,
    id_tokens: HashSet<String>,
}

/// What a code was issued for, to be compared with its redemption.
struct Grant {
    redirect_uri: String,
    challenge: String,
}

/// Carries out a call of the sign-in. The resulting session is stored in `state`.
pub(crate) fn handle(
    provider: &mut Provider,
    state: &mut State,
    options: &Options,
    route: Route,
    request: &Request,
) -> Result<Answer, Refusal> {
    let mut call = Call {
        now: clock::now(options.clock_offset_s).as_secs(),
        provider,
        state,
        options,
        request,
    };
    match route {
        Route::OauthAuthorize => Ok(call.authorize().unwrap_or_else(oauth_error)),
        Route::OauthToken => Ok(call.token().unwrap_or_else(oauth_error)),
        Route::OauthUserinfo => call.userinfo(),
        Route::TokenExchange => call.exchange(),
        other => unreachable!("{other:?} is no call of the sign-in"),
    }
}

impl Provider {
    pub(crate) fn grant_refresh_token(&mut self, state: &mut State) -> String {
        let token = format!("ort_{}", state.random("refresh token"));
        self.refresh_tokens.push(token.clone());
        token
    }

    pub(crate) fn refresh_tokens(&self) -> &[String] {
        &self.refresh_tokens
    }
}

/// An error code and what is wrong, as RFC 6749 has them.
type OauthError = (&'static str, &'static str);

fn oauth_error((error, description): OauthError) -> Answer {
    let fields = json!({"error": error, "error_description": description});
    Answer::json(400, &fields)
}

struct Call<'a> {
    provider: &'a mut Provider,
    state: &'a mut State,
    options: &'a Options,
    request: &'a Request,
    now: u64,
}

impl Call<'_> {
    fn authorize(&mut self) -> Result<Answer, OauthError> {
        let query = self.request.query();
        self.need_client(&query)?;
        if query.get("response_type") != "code" {
            return Err(("unsupported_response_type", "response_type is not code"));
        }
        let redirect_uri = query.get("redirect_uri");
        let local = ["http://localhost:", "http://127.0.0.1:"];
        if !local.iter().any(|start| redirect_uri.starts_with(start)) {
            return Err(("invalid_request", "redirect_uri is not a local one"));
        }
        // 32 bytes in base64url, the length of a SHA-256.
        let challenge = query.get("code_challenge");
        if query.get("code_challenge_method") != "S256" || challenge.len() != 43 {
            return Err(("invalid_request", "an S256 code_challenge is needed"));
        }
        let state = query.get("state");
        if state.is_empty() {
            return Err(("invalid_request", "state is needed"));
        }

        let code = format!("code_{}", self.state.random("code"));
        let state = percent_encode(state);
        let location = format!("{redirect_uri}?code={code}&state={state}");
        let grant =
            Grant { redirect_uri: redirect_uri.to_owned(), challenge: challenge.to_owned() };
        self.provider.codes.insert(code, grant);
        Ok(Answer::redirect(302, location))
    }

    fn token(&mut self) -> Result<Answer, OauthError> {
        let content_type = self.request.header("content-type").unwrap_or_default();
        if !content_type.starts_with("application/x-www-form-urlencoded") {
            return Err(("invalid_request", "not a form"));
        }
        let form = self.request.form();
        self.need_client(&form)?;
        match form.get("grant_type") {
            "authorization_code" => self.redeem_code(&form),
            "refresh_token" => self.redeem_refresh_token(&form),
            _ => Err(("unsupported_grant_type", "unknown grant_type")),
        }
    }

    fn redeem_code(&mut self, form: &Form) -> Result<Answer, OauthError> {
        // A failed redemption uses the code up too.
        let grant = self.provider.codes.remove(form.get("code"));
        let grant = grant.ok_or(("invalid_grant", "the code is unknown or used"))?;
        if form.get("redirect_uri") != grant.redirect_uri {
            return Err(("invalid_grant", "not the redirect_uri of the code"));
        }
        let verifier = form.get("code_verifier");
        let challenge = jwt::sha256_base64url(verifier);
        if challenge != grant.challenge {
            return Err(("invalid_grant", "code_verifier does not fit the challenge"));
        }
        let fresh = self.options.offer_refresh_tokens;
        Ok(self.tokens(fresh))
    }

    fn redeem_refresh_token(&mut self, form: &Form) -> Result<Answer, OauthError> {
        let live = &mut self.provider.refresh_tokens;
        let place = live.iter().position(|t| t == form.get("refresh_token"));
        let place = place.ok_or(("invalid_grant", "the refresh token is not live"))?;
        if self.options.rotate_refresh_tokens {
            live.remove(place);
        }
        Ok(self.tokens(self.options.rotate_refresh_tokens))
    }

    fn tokens(&mut self, with_refresh_token: bool) -> Answer {
        let access_token = format!("oat_{}", self.state.random("access token"));
        let identity = &self.options.identity;
        let claims = json!({"sub": identity.user_id, "email": identity.email,
            "aud": self.options.oauth_client_id, "iat": self.now, "exp": self.ends(),
            "jti": self.state.random("id token")});
        let id_token = jwt::encode(&claims);
        self.provider.access_tokens.insert(access_token.clone());
        self.provider.id_tokens.insert(id_token.clone());

        let mut fields = json!({"access_token": access_token, "id_token": id_token,
            "expires_in": self.options.session_lifetime, "token_type": "Bearer"});
        if with_refresh_token {
            let token = self.provider.grant_refresh_token(self.state);
            fields["refresh_token"] = token.into();
        }
        Answer::json(200, &fields)
    }

    fn userinfo(&self) -> Result<Answer, Refusal> {
        let bearer = self.request.bearer().unwrap_or_default();
        if !self.provider.access_tokens.contains(bearer) {
            return Err(Refusal::NoSession);
        }
        let identity = &self.options.identity;
        let fields = match self.options.userinfo {
            Userinfo::Oidc => json!({"sub": identity.user_id, "email": identity.email,
                "given_name": identity.given_name, "family_name": identity.family_name}),
            Userinfo::Clerk => {
                let address = json!({"email_address": identity.email,
                    "verification": {"status": "verified"}});
                json!({"id": identity.user_id, "email_addresses": [address],
                    "first_name": identity.given_name, "last_name": identity.family_name})
            }
        };
        Ok(Answer::json(200, &fields))
    }

    fn exchange(&mut self) -> Result<Answer, Refusal> {
        let body: Value = serde_json::from_str(&self.request.body).unwrap_or_default();
        let token = body.get("oauth_token").and_then(Value::as_str);
        let token =
            token.ok_or(Refusal::Invalid { field: "oauth_token", reason: "Field required" })?;
        if !self.provider.id_tokens.contains(token) {
            return Err(Refusal::ExchangeFailed);
        }
        if !self.options.cli_access {
            return Err(Refusal::NoCliAccess);
        }
        let identity = &self.options.identity;
        let claims = json!({"sub": identity.user_id, "email": identity.email,
            "nb_organization_id": identity.org_id, "org_id": "org_of_clerk",
            "iat": self.now, "exp": self.ends(), "jti": self.state.random("session")});
        let session = jwt::encode(&claims);
        self.state.add_session(&session, Some(self.ends()));
        let fields = json!({"access_token": session, "token_type": "Bearer"});
        Ok(Answer::json(200, &fields))
    }

    fn need_client(&self, form: &Form) -> Result<(), OauthError> {
        if form.get("client_id") == self.options.oauth_client_id {
            Ok(())
        } else {
            Err(("invalid_client", "unknown client_id"))
        }
    }

    fn ends(&self) -> u64 {
        self.now.saturating_add(self.options.session_lifetime)
    }
}
