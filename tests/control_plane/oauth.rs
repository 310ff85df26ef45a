//! The OAuth provider of the sign-in, and the exchange of its tokens for a session.

use std::collections::{HashMap, HashSet};

use super::clock;
use super::http::{Answer, Form, Request, percent_encode};
use super::json::{self, Value, object};
use super::options::{Options, Userinfo};
use super::refusal::Refusal;
use super::routes::Route;
use super::state::State;
use super::{jwt, sha256};

#[derive(Default)]
pub(crate) struct Provider {
    codes: HashMap<String, Grant>,
    access_tokens: HashSet<String>,
    /// Oldest first.
    refresh_tokens: Vec<String>,
    id_tokens: HashSet<String>,
}

/// What a code was given for, to be held against its redemption.
struct Grant {
    redirect_uri: String,
    challenge: String,
}

/// Carries out a call of the sign-in. `state` takes the session that comes of it.
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
    let fields = object([
        ("error", error.into()),
        ("error_description", description.into()),
    ]);
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
        // 32 bytes in base64url, which is what a SHA-256 comes to.
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
        let grant = Grant {
            redirect_uri: redirect_uri.to_owned(),
            challenge: challenge.to_owned(),
        };
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
        // A code is used up even by a redemption that fails.
        let grant = self.provider.codes.remove(form.get("code"));
        let grant = grant.ok_or(("invalid_grant", "the code is unknown or used"))?;
        if form.get("redirect_uri") != grant.redirect_uri {
            return Err(("invalid_grant", "not the redirect_uri of the code"));
        }
        let verifier = form.get("code_verifier");
        let challenge = jwt::base64url(&sha256::digest(verifier.as_bytes()));
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
        let claims = object([
            ("sub", identity.user_id.as_str().into()),
            ("email", identity.email.as_str().into()),
            ("aud", self.options.oauth_client_id.as_str().into()),
            ("iat", self.now.into()),
            ("exp", self.ends().into()),
            ("jti", self.state.random("id token").into()),
        ]);
        let id_token = jwt::encode(&claims);
        self.provider.access_tokens.insert(access_token.clone());
        self.provider.id_tokens.insert(id_token.clone());

        let mut fields = object([
            ("access_token", access_token.into()),
            ("id_token", id_token.into()),
            ("expires_in", self.options.session_lifetime.into()),
            ("token_type", "Bearer".into()),
        ]);
        if with_refresh_token {
            let token = self.provider.grant_refresh_token(self.state);
            fields = fields.with("refresh_token", token);
        }
        Answer::json(200, &fields)
    }

    fn userinfo(&self) -> Result<Answer, Refusal> {
        let bearer = self.request.bearer().unwrap_or_default();
        if !self.provider.access_tokens.contains(bearer) {
            return Err(Refusal::NoSession);
        }
        let identity = &self.options.identity;
        let (id, email) = (identity.user_id.as_str(), identity.email.as_str());
        let (given, family) = (identity.given_name.as_str(), identity.family_name.as_str());
        let fields = match self.options.userinfo {
            Userinfo::Oidc => object([
                ("sub", id.into()),
                ("email", email.into()),
                ("given_name", given.into()),
                ("family_name", family.into()),
            ]),
            Userinfo::Clerk => {
                let verification = object([("status", "verified".into())]);
                let address = object([
                    ("email_address", email.into()),
                    ("verification", verification),
                ]);
                object([
                    ("id", id.into()),
                    ("email_addresses", vec![address].into()),
                    ("first_name", given.into()),
                    ("last_name", family.into()),
                ])
            }
        };
        Ok(Answer::json(200, &fields))
    }

    fn exchange(&mut self) -> Result<Answer, Refusal> {
        let body = json::parse(&self.request.body).unwrap_or(Value::Null);
        let token = body.get("oauth_token").and_then(Value::as_str);
        let token = token.ok_or(Refusal::Invalid {
            field: "oauth_token",
            reason: "Field required",
        })?;
        if !self.provider.id_tokens.contains(token) {
            return Err(Refusal::ExchangeFailed);
        }
        if !self.options.cli_access {
            return Err(Refusal::NoCliAccess);
        }
        let identity = &self.options.identity;
        let claims = object([
            ("sub", identity.user_id.as_str().into()),
            ("email", identity.email.as_str().into()),
            ("org_id", identity.org_id.as_str().into()),
            ("organization_id", identity.org_id.as_str().into()),
            ("iat", self.now.into()),
            ("exp", self.ends().into()),
            ("jti", self.state.random("session").into()),
        ]);
        let session = jwt::encode(&claims);
        self.state.add_session(&session, Some(self.ends()));
        let fields = object([
            ("access_token", session.into()),
            ("token_type", "Bearer".into()),
        ]);
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
