//! The management API: health, workspaces and their tokens.

use std::time::Duration;

use serde_json::{Value, json};

use super::clock;
use super::http::{Answer, Request};
use super::options::{Dates, Options, Paging, RevokeAnswer, TokenAuth};
use super::refusal::{self, Refusal};
use super::routes::Route;
use super::state::{Origin, SCOPE, Session, State, Token, Workspace};

const YEAR: u64 = 31_536_000;

/// Carries out a call; `route` is not one of OAuth's.
pub(crate) fn handle(
    state: &mut State,
    options: &Options,
    route: Route,
    request: &Request,
) -> Result<Answer, Refusal> {
    let is_token_route =
        matches!(route, Route::TokenCreate | Route::TokenList | Route::TokenRevoke);
    if is_token_route && !options.token_routes {
        return Ok(refusal::unknown_route());
    }
    let mut call =
        Call { now: clock::now(options.clock_offset_s).as_secs(), state, options, request };
    match route {
        Route::Health => return Ok(call.health()),
        Route::TokenAuth => return call.token_auth(),
        _ => call.need_session()?,
    }
    call.hide_from_strangers()?;
    match route {
        Route::WorkspaceList => Ok(call.workspace_list()),
        Route::WorkspaceCreate => call.workspace_create(),
        Route::WorkspaceGet => call.workspace_get(),
        Route::WorkspaceDelete => call.workspace_delete(),
        Route::TokenCreate => call.token_create(),
        Route::TokenList => call.token_list(),
        Route::TokenRevoke => call.token_revoke(),
        other => unreachable!("{other:?} is no management call"),
    }
}

struct Call<'a> {
    state: &'a mut State,
    options: &'a Options,
    request: &'a Request,
    now: u64,
}

impl Call<'_> {
    fn health(&self) -> Answer {
        let fields = json!({"status": "healthy", "version": "1.0.0",
            "service": "control-plane", "timestamp": self.timestamp()});
        Answer::json(200, &fields)
    }

    fn token_auth(&mut self) -> Result<Answer, Refusal> {
        let bearer = self.request.bearer().unwrap_or_default();
        let mode = self.options.token_auth;
        let asks = self.options.accounts && !matches!(mode, TokenAuth::Denies | TokenAuth::Html);
        if asks && !self.state.check(bearer, self.now, mode) {
            return Err(Refusal::TokenRejected);
        }
        Ok(match mode {
            TokenAuth::Denies => Answer::json(200, &json!({"authenticated": false})),
            TokenAuth::Html => Answer::html(200, "<!doctype html><title>Sign in</title>"),
            _ => Answer::json(200, &json!({"valid": true})),
        })
    }

    fn need_session(&self) -> Result<(), Refusal> {
        if !self.options.accounts {
            return Ok(());
        }
        match self.session() {
            Session::Live | Session::Stranger => Ok(()),
            Session::Expired => Err(Refusal::SessionExpired),
            Session::Unknown => Err(Refusal::NoSession),
        }
    }

    fn session(&self) -> Session {
        let bearer = self.request.bearer().unwrap_or_default();
        self.state.session(bearer, self.now)
    }

    /// A workspace of another account is reported as missing.
    fn hide_from_strangers(&self) -> Result<(), Refusal> {
        match self.request.segments.get(2) {
            Some(id) if self.session() == Session::Stranger => {
                Err(Refusal::NoWorkspace(id.clone()))
            }
            _ => Ok(()),
        }
    }

    fn workspace_list(&self) -> Answer {
        let workspaces = match self.session() {
            Session::Stranger => &[],
            _ => self.state.workspaces(),
        };
        let described: Vec<_> = workspaces.iter().map(|w| self.describe(w)).collect();
        let fields = json!({"total": described.len(), "user_id": self.options.identity.user_id});
        self.page(fields, "workspaces", described)
    }

    /// The part of a list that the request asks for: `?page=`, from 1.
    fn page(&self, mut fields: Value, name: &str, mut all: Vec<Value>) -> Answer {
        let (size, paging) = (self.options.page_size, self.options.paging);
        let number: usize = self.request.query().get("page").parse().unwrap_or(1);
        let (total, path) = (all.len(), self.request.target.split('?').next().unwrap_or_default());
        if size > 0 {
            all.reverse();
            all = all.split_off(total.min(size * (number - 1)));
            all.truncate(size);
        }
        let more = size > 0 && total > size * number;
        let next = format!("{path}?page={}", number + 1);
        for count in ["count", "total"].into_iter().filter(|_| paging != Paging::Count) {
            if fields.get(count).is_some() {
                fields[count] = all.len().into();
            }
        }
        fields[name] = all.into();
        let mut headers = Vec::new();
        match paging {
            Paging::Link if more => {
                let link = format!("<http://{}{next}>; rel=\"next\"", self.host());
                headers.push(("Link".to_owned(), link));
            }
            Paging::NextPath => fields["next"] = if more { next.into() } else { Value::Null },
            Paging::HasMore => fields["has_more"] = more.into(),
            Paging::Cursor if more => fields["next_cursor"] = "abc".into(),
            Paging::TotalHeader => headers.push(("X-Total-Count".to_owned(), total.to_string())),
            Paging::Pagination if more => fields["pagination"] = json!({"page": number}),
            _ => {}
        }
        Answer { headers, ..Answer::json(200, &fields) }
    }

    fn host(&self) -> &str {
        self.request.header("host").unwrap_or_default()
    }

    fn workspace_create(&mut self) -> Result<Answer, Refusal> {
        let body: Value = serde_json::from_str(&self.request.body).unwrap_or_default();
        let invalid = |reason| Refusal::Invalid { field: "name", reason };
        let name = body.get("name").and_then(Value::as_str);
        let name = name.ok_or(invalid("Field required"))?;
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_".contains(&c);
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(invalid("String should match pattern '^[a-z0-9-_]+$'"));
        }
        if self.state.workspaces().iter().any(|w| w.name == name) {
            return Err(Refusal::WorkspaceExists(name.to_owned()));
        }
        let now = clock::now(self.options.clock_offset_s);
        let id = self.state.add_workspace(name, now);
        let mut fields = self.describe(self.workspace(&id)?);
        fields["message"] = format!("Workspace '{name}' created").into();
        if self.options.workspace_create_includes_token {
            let expires_at = self.now.saturating_add(YEAR);
            let token = self.issue(&id, Some(expires_at))?;
            self.add_token_fields(&mut fields, &token);
        }
        Ok(Answer::json(self.options.created_status, &fields))
    }

    fn workspace_get(&self) -> Result<Answer, Refusal> {
        let workspace = self.workspace(self.workspace_id())?;
        Ok(Answer::json(200, &self.describe(workspace)))
    }

    fn workspace_delete(&mut self) -> Result<Answer, Refusal> {
        let id = self.workspace_id().to_owned();
        let removed = self.state.remove_workspace(&id);
        let workspace = removed.ok_or_else(|| Refusal::NoWorkspace(id.clone()))?;
        let fields = json!({"namespace": namespace(&workspace), "workspace_id": id,
            "message": "Workspace deleted"});
        Ok(Answer::json(200, &fields))
    }

    fn token_create(&mut self) -> Result<Answer, Refusal> {
        let id = self.workspace_id().to_owned();
        self.workspace(&id)?;
        let expires_at = requested_expiry(&self.request.body, self.now)?;
        let cap = self.options.longest_lifetime.map(|secs| self.now.saturating_add(secs));
        let expires_at = cap.map_or(expires_at, |cap| Some(expires_at.unwrap_or(cap).min(cap)));
        let scope = match requested_scope(&self.request.body)? {
            Some(scope) if !self.options.drops_scope => scope,
            _ => SCOPE.map(str::to_owned).to_vec(),
        };
        let held = self.state.live_tokens(&id, self.now).pop().cloned();
        let held = held.filter(|_| self.options.create_repeats_token);
        let kind = (self.options.token_shape, Origin::Api);
        let token = held.or_else(|| self.state.issue_with(&id, expires_at, self.now, kind, scope));
        let token = token.ok_or_else(|| Refusal::NoWorkspace(id.clone()))?;
        let mut fields = json!({"workspace_id": id, "message": "Workspace token created"});
        self.add_token_fields(&mut fields, &token);
        Ok(Answer::json(self.options.created_status, &fields))
    }

    fn token_list(&mut self) -> Result<Answer, Refusal> {
        let id = self.workspace_id().to_owned();
        self.workspace(&id)?;
        let mut tokens = self.state.list(&id, self.now, self.options.list_lag);
        tokens.retain(|token| !token.revoked || self.options.list_has_revoked);
        let tokens: Vec<_> = tokens.iter().map(|token| self.listed(token)).collect();
        let fields = json!({"workspace_id": id, "count": tokens.len()});
        Ok(self.page(fields, "tokens", tokens))
    }

    fn listed(&self, token: &Token) -> Value {
        let dates = self.options.list_dates;
        let mut fields = json!({"jti": token.jti});
        if dates != Dates::Missing {
            fields["created_at"] = date(dates, token.created_at);
        }
        if dates != Dates::Missing && self.options.list_has_expiry {
            fields["expires_at"] = token.expires_at.map_or(Value::Null, |at| date(dates, at));
        }
        if self.options.list_has_revoked {
            let status = if token.revoked { "revoked" } else { "active" };
            fields["status"] = status.into();
        }
        fields
    }

    fn token_revoke(&mut self) -> Result<Answer, Refusal> {
        let id = self.workspace_id().to_owned();
        self.workspace(&id)?;
        let jti = self.request.segments[4].as_str();
        if !self.state.revoke(&id, jti, self.now) {
            return Err(Refusal::NoToken(jti.to_owned()));
        }
        let fields = match self.options.revoke_answer {
            RevokeAnswer::Full => json!({"workspace_id": id, "token_jti": jti,
                "status": "revoked", "revoked_at": self.timestamp()}),
            RevokeAnswer::MessageOnly => json!({"message": "Workspace token revoked"}),
        };
        Ok(Answer::json(200, &fields))
    }

    fn workspace_id(&self) -> &str {
        &self.request.segments[2]
    }

    fn workspace(&self, id: &str) -> Result<&Workspace, Refusal> {
        let workspace = self.state.workspace(id);
        workspace.ok_or_else(|| Refusal::NoWorkspace(id.to_owned()))
    }

    fn issue(&mut self, id: &str, expires_at: Option<u64>) -> Result<Token, Refusal> {
        let shape = self.options.token_shape;
        let token = self.state.issue(id, expires_at, self.now, shape, Origin::Api);
        token.ok_or_else(|| Refusal::NoWorkspace(id.to_owned()))
    }

    fn describe(&self, workspace: &Workspace) -> Value {
        let created_at = clock::rfc3339(workspace.created_at);
        let identity = &self.options.identity;
        json!({"workspace_id": workspace.id, "workspace_name": workspace.name,
            "namespace": namespace(workspace), self.options.workspace_created_field: created_at,
            "status": "active", "user_id": identity.user_id, "organization_id": identity.org_id})
    }

    fn add_token_fields(&self, fields: &mut Value, token: &Token) {
        let expires_in = token.expires_at.map(|at| at.saturating_sub(self.now));
        fields["access_token"] = token.bearer.as_str().into();
        fields["token_type"] = "Bearer".into();
        fields["expires_in"] = match expires_in.and_then(|s| u32::try_from(s).ok()) {
            Some(seconds) if self.options.fractional_expires_in => f64::from(seconds).into(),
            _ => expires_in.into(),
        };
        fields["scope"] = json!(token.scope);
        if self.options.jti_in_answer {
            fields["jti"] = token.jti.as_str().into();
        }
    }

    fn timestamp(&self) -> String {
        clock::rfc3339(clock::now(self.options.clock_offset_s))
    }
}

fn date(dates: Dates, at: u64) -> Value {
    let moment = Duration::from_secs(at);
    let zoned = clock::rfc3339(moment);
    match dates {
        Dates::Seconds => at.into(),
        Dates::Millis => at.saturating_mul(1000).into(),
        Dates::Zoned => zoned.into(),
        Dates::Ahead => {
            let ahead = clock::rfc3339(moment.saturating_add(Duration::from_secs(7200)));
            ahead.replace('Z', "+02:00").into()
        }
        Dates::Unzoned => zoned.trim_end_matches('Z').into(),
        Dates::Rfc1123 => clock::imf_fixdate(moment).into(),
        Dates::Missing => Value::Null,
        Dates::Garbage => "the day before yesterday".into(),
    }
}

fn namespace(workspace: &Workspace) -> String {
    format!("ws-{}-{}", workspace.name, workspace.id)
}

/// The expiry in a create request; `None` is never. Strict, so that a client that sends something
/// else by mistake is detected.
fn requested_expiry(body: &str, now: u64) -> Result<Option<u64>, Refusal> {
    if body.is_empty() {
        return Ok(Some(now.saturating_add(YEAR)));
    }
    let invalid = |field, reason| Refusal::Invalid { field, reason };
    let Ok(Value::Object(fields)) = serde_json::from_str(body) else {
        return Err(invalid("body", "JSON object expected"));
    };
    let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, value)).collect();
    let fields: Vec<_> = fields.into_iter().filter(|(name, _)| *name != "scope").collect();
    match fields[..] {
        [("expires_in", Value::Null)] => Ok(None),
        [("expires_in", value)] => {
            let seconds = value.as_u64().filter(|seconds| *seconds > 0);
            let at = seconds.and_then(|seconds| now.checked_add(seconds));
            at.map(Some).ok_or(invalid("expires_in", "A number of seconds from 1 up"))
        }
        _ => Err(invalid("body", "expires_in expected")),
    }
}

/// The rights in a create request.
fn requested_scope(body: &str) -> Result<Option<Vec<String>>, Refusal> {
    let fields: Value = serde_json::from_str(body).unwrap_or_default();
    let Some(scope) = fields.get("scope") else { return Ok(None) };
    let invalid = Refusal::Invalid { field: "scope", reason: "A list of rights" };
    serde_json::from_value(scope.clone()).map(Some).map_err(|_| invalid)
}
