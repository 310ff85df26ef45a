//! The management API: health, workspaces and their tokens.

use super::clock;
use super::http::{Answer, Request};
use super::json::{self, Value, object};
use super::options::{Options, RevokeAnswer};
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
    let is_token_route = matches!(
        route,
        Route::TokenCreate | Route::TokenList | Route::TokenRevoke
    );
    if is_token_route && !options.token_routes {
        return Ok(refusal::unknown_route());
    }
    let mut call = Call {
        now: clock::now(options.clock_offset_s).as_secs(),
        state,
        options,
        request,
    };
    match route {
        Route::Health => return Ok(call.health()),
        Route::TokenAuth => return call.token_auth(),
        _ => call.need_session()?,
    }
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
        let fields = object([
            ("status", "healthy".into()),
            ("version", "1.0.0".into()),
            ("service", "control-plane".into()),
            ("timestamp", self.timestamp().into()),
        ]);
        Answer::json(200, &fields)
    }

    fn token_auth(&mut self) -> Result<Answer, Refusal> {
        let bearer = self.request.bearer().unwrap_or_default();
        let mode = self.options.token_auth;
        if self.options.accounts && !self.state.check(bearer, self.now, mode) {
            return Err(Refusal::TokenRejected);
        }
        Ok(Answer::json(200, &object([("valid", true.into())])))
    }

    fn need_session(&self) -> Result<(), Refusal> {
        if !self.options.accounts {
            return Ok(());
        }
        let bearer = self.request.bearer().unwrap_or_default();
        match self.state.session(bearer, self.now) {
            Session::Live => Ok(()),
            Session::Expired => Err(Refusal::SessionExpired),
            Session::Unknown => Err(Refusal::NoSession),
        }
    }

    fn workspace_list(&self) -> Answer {
        let workspaces = self.state.workspaces();
        let described: Vec<_> = workspaces.iter().map(|w| self.describe(w)).collect();
        let total = described.len();
        let fields = object([
            ("workspaces", described.into()),
            ("total", total.into()),
            ("user_id", self.options.identity.user_id.as_str().into()),
        ]);
        Answer::json(200, &fields)
    }

    fn workspace_create(&mut self) -> Result<Answer, Refusal> {
        let body = json::parse(&self.request.body).unwrap_or(Value::Null);
        let invalid = |reason| Refusal::Invalid {
            field: "name",
            reason,
        };
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
        fields = fields.with("message", format!("Workspace '{name}' created"));
        if self.options.workspace_create_includes_token {
            let expires_at = self.now.saturating_add(YEAR);
            let token = self.issue(&id, Some(expires_at))?;
            fields = self.add_token_fields(fields, &token);
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
        let fields = object([
            ("namespace", namespace(&workspace).into()),
            ("workspace_id", id.into()),
            ("message", "Workspace deleted".into()),
        ]);
        Ok(Answer::json(200, &fields))
    }

    fn token_create(&mut self) -> Result<Answer, Refusal> {
        let id = self.workspace_id().to_owned();
        self.workspace(&id)?;
        let expires_at = requested_expiry(&self.request.body, self.now)?;
        let token = self.issue(&id, expires_at)?;
        let fields = object([("workspace_id", id.into())]);
        let fields = self.add_token_fields(fields, &token);
        let fields = fields.with("message", "Workspace token created");
        Ok(Answer::json(self.options.created_status, &fields))
    }

    fn token_list(&self) -> Result<Answer, Refusal> {
        let workspace = self.workspace(self.workspace_id())?;
        let tokens = self.state.live_tokens(&workspace.id, self.now);
        let with_expiry = self.options.list_has_expiry;
        let describe = |token: &Token| {
            let fields = object([
                ("jti", token.jti.as_str().into()),
                ("created_at", token.created_at.into()),
            ]);
            if with_expiry {
                fields.with("expires_at", token.expires_at)
            } else {
                fields
            }
        };
        let count = tokens.len();
        let tokens: Vec<_> = tokens.into_iter().map(describe).collect();
        let fields = object([
            ("workspace_id", workspace.id.as_str().into()),
            ("tokens", tokens.into()),
            ("count", count.into()),
        ]);
        Ok(Answer::json(200, &fields))
    }

    fn token_revoke(&mut self) -> Result<Answer, Refusal> {
        let id = self.workspace_id().to_owned();
        self.workspace(&id)?;
        let jti = self.request.segments[4].as_str();
        if !self.state.revoke(&id, jti, self.now) {
            return Err(Refusal::NoToken(jti.to_owned()));
        }
        let fields = match self.options.revoke_answer {
            RevokeAnswer::Full => object([
                ("workspace_id", id.into()),
                ("token_jti", jti.into()),
                ("status", "revoked".into()),
                ("revoked_at", self.timestamp().into()),
            ]),
            RevokeAnswer::MessageOnly => object([("message", "Workspace token revoked".into())]),
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
        let token = self
            .state
            .issue(id, expires_at, self.now, shape, Origin::Api);
        token.ok_or_else(|| Refusal::NoWorkspace(id.to_owned()))
    }

    fn describe(&self, workspace: &Workspace) -> Value {
        let created_at = clock::rfc3339(workspace.created_at);
        let identity = &self.options.identity;
        object([
            ("workspace_id", workspace.id.as_str().into()),
            ("workspace_name", workspace.name.as_str().into()),
            ("namespace", namespace(workspace).into()),
            (self.options.workspace_created_field, created_at.into()),
            ("status", "active".into()),
            ("user_id", identity.user_id.as_str().into()),
            ("organization_id", identity.org_id.as_str().into()),
        ])
    }

    fn add_token_fields(&self, fields: Value, token: &Token) -> Value {
        let expires_in = token.expires_at.map(|at| at.saturating_sub(self.now));
        let fields = fields
            .with("access_token", token.bearer.as_str())
            .with("token_type", "Bearer")
            .with("expires_in", expires_in)
            .with("scope", SCOPE.to_vec());
        if self.options.jti_in_answer {
            fields.with("jti", token.jti.as_str())
        } else {
            fields
        }
    }

    fn timestamp(&self) -> String {
        clock::rfc3339(clock::now(self.options.clock_offset_s))
    }
}

fn namespace(workspace: &Workspace) -> String {
    format!("ws-{}-{}", workspace.name, workspace.id)
}

/// The expiry that a create asks for; `None` is never. Strict, so that a client
/// that sends something else by mistake is found out.
fn requested_expiry(body: &str, now: u64) -> Result<Option<u64>, Refusal> {
    if body.is_empty() {
        return Ok(Some(now.saturating_add(YEAR)));
    }
    let invalid = |field, reason| Refusal::Invalid { field, reason };
    let Some(Value::Object(fields)) = json::parse(body) else {
        return Err(invalid("body", "JSON object expected"));
    };
    match fields.as_slice() {
        [(name, Value::Null)] if name == "expires_in" => Ok(None),
        [(name, value)] if name == "expires_in" => {
            let seconds = value.as_u64().filter(|seconds| *seconds > 0);
            let at = seconds.and_then(|seconds| now.checked_add(seconds));
            at.map(Some)
                .ok_or(invalid("expires_in", "A number of seconds from 1 up"))
        }
        [(name, value)] if name == "expires_at" => {
            let at = value.as_u64().filter(|at| *at > now);
            at.map(Some)
                .ok_or(invalid("expires_at", "A Unix time to come"))
        }
        _ => Err(invalid("body", "One of expires_in and expires_at expected")),
    }
}
