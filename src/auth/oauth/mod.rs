//! The sign-in service: OAuth 2.0 with PKCE, who signed in, and the exchange for a session.

mod answer;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::context::{Clock, Env};
use crate::endpoints;
use crate::error::{Error, Failure, Result};
use crate::http::{Body, Http, Repeat, Request, encode_form};
use crate::json::Json;
use crate::secret::Secret;
use answer::{need, secret};

pub(crate) use answer::Grant;

type Answer<T> = std::result::Result<T, Failure>;

/// Everything that a session and its renewal need of a person.
const SCOPE: &str = "openid email profile";

/// The sign-in service and the API that trusts it.
pub(crate) struct Provider<'a> {
    http: &'a Http,
    clock: &'a dyn Clock,
    base: String,
    studio: String,
    client_id: String,
}

/// One sign-in in progress.
pub(crate) struct Attempt {
    /// What the answer must have.
    pub state: String,
    verifier: Secret,
    redirect_uri: String,
}

impl Attempt {
    /// A new sign-in that redirects to `port`.
    ///
    /// # Errors
    /// [`Error::no_random`].
    pub(crate) fn new(port: u16) -> Result<Self> {
        Ok(Self {
            state: random()?,
            verifier: Secret::new(random()?),
            redirect_uri: format!("http://localhost:{port}/callback"),
        })
    }
}

/// 256 random bits as text.
fn random() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::no_random())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The S256 challenge of a PKCE verifier.
fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes()))
}

impl<'a> Provider<'a> {
    /// The one that the environment names.
    ///
    /// # Errors
    /// [`Error::invalid_value`] when it names none.
    pub(crate) fn new(env: &Env, http: &'a Http, clock: &'a dyn Clock) -> Result<Self> {
        Ok(Self {
            http,
            clock,
            base: endpoints::oauth(env)?,
            studio: endpoints::studio(env)?,
            client_id: endpoints::client_id(env),
        })
    }

    /// The URL that the browser opens first.
    pub(crate) fn authorize_url(&self, attempt: &Attempt) -> String {
        let challenge = challenge(&attempt.verifier);
        let query = encode_form(&[
            ("client_id", self.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", attempt.redirect_uri.as_str()),
            ("scope", SCOPE),
            ("state", attempt.state.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        format!("{}/oauth/authorize?{query}", self.base)
    }

    /// Redeems the code from the browser. It works once.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn redeem(&self, code: &Secret, attempt: &Attempt) -> Answer<Grant> {
        let form = Body::form(&[
            ("grant_type", "authorization_code"),
            ("client_id", &self.client_id),
            ("code", code.expose()),
            ("redirect_uri", &attempt.redirect_uri),
            ("code_verifier", attempt.verifier.expose()),
        ]);
        self.token(form.hiding(&[code, &attempt.verifier]))
    }

    /// Asks for new tokens. The refresh token may work once only.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn renew(&self, refresh_token: &Secret) -> Answer<Grant> {
        let form = Body::form(&[
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("refresh_token", refresh_token.expose()),
        ]);
        self.token(form.hiding(&[refresh_token]))
    }

    fn token(&self, form: Body) -> Answer<Grant> {
        // Before it is sent: the lifetime in the answer began no earlier.
        let asked = self.clock.now();
        let response = self.http.send(&Request {
            repeat: Repeat::Never,
            ..Request::post(format!("{}/oauth/token", self.base), Some(form))
        })?;
        answer::grant(&response, asked)
    }

    /// Who signed in.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn user(&self, grant: &Grant) -> Answer<Json> {
        let bearer = need(grant.access_token.as_ref(), "access_token")?;
        let url = format!("{}/oauth/userinfo", self.base);
        let response = self.http.send(&Request::get(url).bearer(bearer))?;
        Ok(answer::user(&response.object()?))
    }

    /// Exchanges the sign-in for a session bearer. Repeating it is harmless.
    ///
    /// # Errors
    /// [`Failure`]; 403 means that the account may not use a command line.
    pub(crate) fn exchange(&self, grant: &Grant) -> Answer<Secret> {
        let id_token = need(grant.id_token.as_ref(), "id_token")?;
        let body =
            Body::json(&Json::of([("oauth_token", id_token.expose().into())])).hiding(&[id_token]);
        let url = format!("{}/api/v1/auth/token-exchange", self.studio);
        let response =
            self.http.send(&Request { repeat: Repeat::Safe, ..Request::post(url, Some(body)) })?;
        let bearer = secret(&response.object()?, "access_token", &response)?;
        bearer.ok_or_else(|| response.unusable("it holds no access_token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use crate::context::SystemClock;
    use crate::http::Settings;

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn attempts_differ_and_fit() {
        let (one, other) = (Attempt::new(1).unwrap(), Attempt::new(1).unwrap());
        assert_ne!(one.state, other.state);
        assert_ne!(one.verifier, other.verifier);
        assert_ne!(one.state, one.verifier.expose());
        assert_eq!(one.verifier.expose().len(), 43);
    }

    #[test]
    fn the_url_holds_everything_but_the_verifier() {
        let env = Env::new([
            ("CLERK_OAUTH_DOMAIN".into(), "http://127.0.0.1:9".into()),
            ("CLERK_OAUTH_CLIENT_ID".into(), "a&b".into()),
        ]);
        let http = Http::new(Settings::default(), Rc::new(SystemClock), |_| {});
        let provider = Provider::new(&env, &http, &SystemClock).unwrap();
        let attempt = Attempt::new(41250).unwrap();
        let url = provider.authorize_url(&attempt);
        let challenge = challenge(&attempt.verifier);
        assert_eq!(
            url,
            format!(
                "http://127.0.0.1:9/oauth/authorize?client_id=a%26b&response_type=code\
                 &redirect_uri=http%3A%2F%2Flocalhost%3A41250%2Fcallback&scope=openid%20email%20profile\
                 &state={}&code_challenge={challenge}&code_challenge_method=S256",
                attempt.state
            )
        );
        assert!(!url.contains(attempt.verifier.expose()));
    }
}
