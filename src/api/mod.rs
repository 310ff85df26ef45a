//! The control plane's calls and shapes.

mod answer;
#[cfg(test)]
mod fuzz;
mod pages;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::auth::Keeper;
use crate::config::bare_id;
use crate::context::Clock;
use crate::error::Failure;
use crate::http::{self, Body, Http, Method, Repeat, Request, Response, our_fault};
use crate::json::Json;
use crate::rotation::{Acceptance, Answer, ControlPlane, NewWorkspace, TokenList};
use crate::secret::Secret;
use crate::time::{Expiry, Timestamp};
use crate::token::Token;

pub(crate) use pages::{RemoteToken, RemoteWorkspace};

/// The management API of one control plane, as one session sees it.
pub(crate) struct Api<'a> {
    http: &'a Http,
    clock: &'a dyn Clock,
    base: String,
    bearer: RefCell<Option<Secret>>,
    keeper: Option<&'a Keeper>,
    renewed: Cell<bool>,
    skew_s: Cell<Option<i64>>,
}

impl<'a> Api<'a> {
    /// Calls go to `base` (no slash at its end) and carry `bearer`.
    pub(crate) fn new(
        http: &'a Http,
        clock: &'a dyn Clock,
        base: String,
        bearer: Option<Secret>,
    ) -> Self {
        Self {
            http,
            clock,
            base,
            bearer: RefCell::new(bearer),
            keeper: None,
            renewed: Cell::new(false),
            skew_s: Cell::new(None),
        }
    }

    /// The same, renewing the bearer once if the server rejects it.
    pub(crate) fn renewing(self, keeper: &'a Keeper) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// Sends a request with the session bearer. A request that got a 401 was certainly not carried
    /// out, so it is sent again with another bearer.
    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Body>,
        repeat: Repeat,
    ) -> Answer<Response> {
        let bearer = self.bearer.borrow().clone();
        let url = format!("{}{path}", self.base);
        let request = Request { method, url, bearer: bearer.as_ref(), body, repeat };
        let answer = match (self.http.send(&request), self.keeper) {
            (Err(refusal), Some(keeper)) if refusal.status() == Some(401) => {
                let rejected = bearer.as_ref().filter(|_| !self.renewed.replace(true));
                let Some(rejected) = rejected else {
                    return Err(keeper.explain(refusal));
                };
                let bearer = keeper.renew(self.http, rejected, refusal)?;
                let outcome = self.http.send(&Request { bearer: Some(&bearer), ..request });
                self.bearer.replace(Some(bearer));
                outcome
            }
            (outcome, _) => outcome,
        };
        answer.inspect(|response| {
            let skew_s = response.date.map(|date| date.secs() - self.clock.now().secs());
            self.skew_s.set(skew_s.or(self.skew_s.get()));
        })
    }

    /// The server's time, or ours if the answer has none.
    fn now_by(&self, response: &Response) -> Timestamp {
        response.date.unwrap_or_else(|| self.clock.now())
    }

    /// Deletes something. If the answer is lost, the request is repeated; a refusal of the repeat
    /// leaves open whether the first one worked, so it is not an answer.
    fn delete(&self, path: &str) -> Answer<Option<Timestamp>> {
        let delete = |repeat| answer::revoked_at(&self.send(Method::DELETE, path, None, repeat)?);
        let lost = match delete(Repeat::IfNotCarriedOut) {
            Err(failure @ Failure::Unknown { in_flight: false, .. }) => failure,
            outcome => return outcome,
        };
        if !self.http.back_off(lost.retry_after(), 1) {
            return Err(lost);
        }
        delete(Repeat::Safe).map_err(|_| lost)
    }

    fn get(&self, path: &str) -> Answer<Response> {
        self.send(Method::GET, path, None, Repeat::Safe)
    }

    /// A lifetime in seconds, the one form that every server knows: a date is that far away by the
    /// server's clock, as far as that is known. `null` is for ever.
    fn seconds(&self, expiry: Expiry) -> Answer<Json> {
        let secs = match expiry {
            Expiry::Never => return Ok(Json::Null),
            Expiry::In(secs) => i64::try_from(secs).unwrap_or(i64::MAX),
            Expiry::At(at) => {
                let now = self.clock.now().plus_secs(self.skew_s.get().unwrap_or_default());
                at.secs() - now.secs()
            }
        };
        let secs = (secs > 0).then(|| secs.into());
        secs.ok_or_else(|| our_fault("the token would have expired by the server's clock"))
    }

    /// Makes one request that needs the bearer, to find out whether the server accepts it.
    ///
    /// # Errors
    /// [`Failure`]; a 401 means no. A success that is not an answer of this API proves nothing.
    pub(crate) fn takes_bearer(&self) -> Answer<()> {
        let response = self.send(Method::GET, "/v1/workspaces", None, Repeat::Never)?;
        pages::page(&response, "workspaces", answer::remote_workspace).map(drop)
    }

    /// The server's health: `status`, `version`, `service`, and its clock as `timestamp`.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn health(&self) -> Answer<Json> {
        answer::health(&self.get("/health")?)
    }

    /// Creates something.
    fn post(&self, path: &str, fields: &Json) -> Answer<Response> {
        self.send(Method::POST, path, Some(Body::json(fields)), Repeat::IfNotCarriedOut)
    }
}

/// The path of one workspace. With an empty id it would be the path of all workspaces.
fn workspace_path(workspace: &str) -> Answer<String> {
    Ok(format!("/v1/workspaces/{}", segment(workspace)?))
}

fn tokens_path(workspace: &str) -> Answer<String> {
    Ok(format!("{}/tokens", workspace_path(workspace)?))
}

fn token_path(workspace: &str, jti: &str) -> Answer<String> {
    Ok(format!("{}/{}", tokens_path(workspace)?, segment(jti)?))
}

fn segment(id: &str) -> Answer<String> {
    if id.is_empty() {
        return Err(our_fault("an id that the request needs is empty"));
    }
    Ok(http::encode_segment(id))
}

impl ControlPlane for Api<'_> {
    fn server(&self) -> &str {
        &self.base
    }

    fn create(&self, workspace: &str, expiry: Expiry, scope: &[String]) -> Answer<Token> {
        let mut fields = Json::of([("expires_in", self.seconds(expiry)?)]);
        if !scope.is_empty() {
            let scope = scope.iter().map(|right| right.as_str().into());
            fields.set("scope", Json::Array(scope.collect()));
        }
        let response = self.post(&tokens_path(workspace)?, &fields)?;
        answer::issued(&response, Some(expiry), self.now_by(&response))
    }

    fn list(&self, workspace: &str) -> Answer<TokenList> {
        let (tokens, whole) = self.tokens(workspace)?;
        let live = tokens.into_iter().filter(|remote| !remote.revoked);
        Ok(TokenList::new(live.map(|remote| remote.token).collect(), whole))
    }

    fn revoke(&self, workspace: &str, jti: &str) -> Answer<Option<Timestamp>> {
        self.delete(&token_path(workspace, jti)?)
    }

    fn check(&self, token: &Secret) -> Answer<Acceptance> {
        let url = format!("{}/v1/token_auth", self.base);
        match self.http.send(&Request::get(url).bearer(token)) {
            Ok(response) => Ok(answer::acceptance(&response)),
            Err(Failure::Rejected { status: 401, .. }) => Ok(Acceptance::Denied),
            Err(failure) => Err(failure),
        }
    }

    fn workspaces(&self) -> Answer<Vec<(String, String)>> {
        let all = Api::workspaces(self)?.into_iter();
        Ok(all.map(|w| (bare_id(&w.id).to_owned(), w.name)).collect())
    }

    fn create_workspace(&self, name: &str, description: Option<&str>) -> Answer<NewWorkspace> {
        let mut fields = Json::of([("name", name.into())]);
        if let Some(text) = description {
            fields.set("description", text.into());
        }
        let response = self.post("/v1/workspaces", &fields)?;
        answer::created(&response, self.now_by(&response))
    }

    fn delete_workspace(&self, workspace: &str) -> Answer<()> {
        self.delete(&workspace_path(workspace)?).map(drop)
    }

    fn skew_s(&self) -> Option<i64> {
        self.skew_s.get()
    }

    fn longest_create(&self) -> Duration {
        let renewal = self.keeper.map_or(Duration::ZERO, |keeper| keeper.longest(self.http));
        self.http.longest() + renewal
    }

    fn back_off(&self, retry_after: Option<Duration>, attempt: u32) -> bool {
        self.http.back_off(retry_after, attempt)
    }
}
