//! The server's state as JSON that another server can load.

use std::time::Duration;

use serde_json::{Value, json};

use super::state::{Origin, SCOPE, State, Token, Workspace};

impl State {
    pub(crate) fn saved(&self) -> Value {
        let saved = |workspace: &Workspace| {
            let tokens = workspace.tokens.iter().map(|place| {
                let token = &self.tokens[*place];
                json!({"access_token": token.bearer, "jti": token.jti, "revoked": token.revoked,
                    "created_at": token.created_at, "expires_at": token.expires_at})
            });
            json!({"workspace_id": workspace.id, "workspace_name": workspace.name,
                "created_at": workspace.created_at.as_secs(), "tokens": tokens.collect::<Vec<_>>()})
        };
        self.workspaces.iter().map(saved).collect()
    }

    /// Adds what is saved; every part of the server already knows it.
    pub(crate) fn restore(&mut self, saved: &Value) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        for workspace in saved.as_array().expect("a list of workspaces") {
            let mut places = Vec::new();
            for token in workspace["tokens"].as_array().expect("a list of tokens") {
                let bearer = text(&token["access_token"]);
                places.push(self.tokens.len());
                self.by_bearer.insert(bearer.clone(), self.tokens.len());
                self.tokens.push(Token {
                    bearer,
                    jti: text(&token["jti"]),
                    created_at: token["created_at"].as_u64().expect("a time"),
                    expires_at: token["expires_at"].as_u64(),
                    revoked: token["revoked"] == true,
                    scope: SCOPE.map(str::to_owned).to_vec(),
                    origin: Origin::Test,
                    checks: 0,
                    lists: 0,
                });
            }
            self.workspaces.push(Workspace {
                id: text(&workspace["workspace_id"]),
                name: text(&workspace["workspace_name"]),
                created_at: Duration::from_secs(workspace["created_at"].as_u64().expect("a time")),
                tokens: places,
            });
        }
        // So that no id is issued again.
        self.skip_ids(1 << 16);
    }
}
