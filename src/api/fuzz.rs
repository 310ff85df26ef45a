//! Random answers of a control plane: everything that is parsed from one can be used.

use super::answer::{
    acceptance, created, health, issued, remote_token, remote_workspace, revoked_at,
};
use super::pages::page;
use super::{token_path, workspace_path};
use crate::fuzz;
use crate::http::Response;
use crate::rotation::{
    Acceptance, Pending, Purpose, Record, Rotation, WorkspaceRef, journal_lines,
};
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

fn answer(body: &[u8]) -> Response {
    Response { status: 200, body: body.to_vec(), ..Response::default() }
}

/// An answer that cannot be understood is reported as an unknown outcome.
#[track_caller]
fn taken<T>(outcome: crate::rotation::Answer<T>) -> Option<T> {
    if let Err(failure) = &outcome {
        assert_eq!(failure.status(), Some(200), "{failure}");
        assert!(!failure.to_string().contains(char::is_control), "{failure}");
    }
    outcome.ok()
}

/// A parsed token can be sent, and the next run reads it from the journal unchanged.
fn check_token(token: &Token) {
    assert!(token.access_token.is_header_safe());
    assert_ne!(token.access_token.expose(), "no-token");
    assert_ne!(token.jti.as_deref(), Some(""));
    if let TokenExpiry::At(end) = token.expiry {
        assert_eq!(end.to_iso_millis().len(), 24, "{end}");
    }
    let workspace = WorkspaceRef {
        key: "k".to_owned(),
        id: "u".to_owned(),
        name: "n".to_owned(),
        server: String::new(),
    };
    let created = Rotation::new(&workspace, now(), token.clone(), None, Purpose::Refresh);
    let lines = journal_lines(&[Record::Created(created)]).unwrap();
    let (pending, _) = Pending::read(&lines).unwrap();
    assert_eq!(pending.rotations[0].token, *token);
}

#[test]
fn tokens_that_are_issued() {
    let seeds: [&[u8]; 4] = [
        br#"{"access_token":"wst_1","token_type":"Bearer","expires_in":3600,"scope":["workspace:read"],"jti":"jti_1"}"#,
        br#"{"access_token":"e30.eyJqdGkiOiJqIiwiZXhwIjoxNzkwMDAwMDAwfQ.x","expires_in":null,"scope":"a b"}"#,
        br#"{"access_token":"no-token","expires_in":-1.5e300,"scope":{"a":1},"jti":null,"token_type":7}"#,
        br#"{"detail":"Workspace not found"}"#,
    ];
    let asked = [
        None,
        Some(Expiry::Never),
        Some(Expiry::In(60)),
        Some(Expiry::At(Timestamp::from_secs(1_800_000_000))),
    ];
    fuzz::bytes(&seeds, |body| {
        for expiry in asked {
            if let Some(token) = taken(issued(&answer(body), expiry, now())) {
                check_token(&token);
            }
        }
    });
}

#[test]
fn lists_of_tokens() {
    let seeds: [&[u8]; 3] = [
        br#"{"tokens":[{"jti":"jti_1","created_at":"2026-01-01T00:00:00Z","expires_at":1790000000},{"jti":"jti_2","expires_at":null}],"total":2}"#,
        br#"{"tokens":[{"jti":7,"created_at":1e300,"expires_at":"soon"}]}"#,
        br#"{"tokens":{}}"#,
    ];
    fuzz::bytes(&seeds, |body| {
        let tokens = taken(page(&answer(body), "tokens", remote_token));
        for remote in tokens.map(|page| page.items).unwrap_or_default() {
            let token = remote.token;
            // For any id, the path of a revocation addresses exactly this token.
            let path = token_path("u", &token.jti).unwrap();
            let id = path.strip_prefix("/v1/workspaces/u/tokens/").unwrap();
            assert!(!id.is_empty() && !id.contains(['/', '?', '#', ' ']), "{path}");
            assert!(id != "." && id != "..", "{path}");
            assert!(path.bytes().all(|b| b.is_ascii_graphic()), "{path}");
            if let Some(born) = token.created_at {
                assert_eq!(born.to_string().len(), 20);
            }
        }
    });
}

#[test]
fn workspaces_of_an_account() {
    let seeds: [&[u8]; 3] = [
        br#"{"workspaces":[{"workspace_id":"ws-prod-1","workspace_name":"prod","created_at":"2026-01-01T00:00:00Z","status":"active"}],"total":1}"#,
        br#"{"workspace_name":"prod","workspace_id":"1","namespace":"ns","created":"x","status":"active","message":"m","access_token":"wst_1","expires_in":60,"jti":"j"}"#,
        br#"{"workspace_name":"","workspace_id":null}"#,
    ];
    fuzz::bytes(&seeds, |body| {
        let answer = answer(body);
        let made = taken(created(&answer, now()));
        if let Some(made) = made {
            assert!(!made.name.is_empty() && !made.id.is_empty());
            if let Some(token) = made.token {
                check_token(&token);
            }
        }
        let workspaces = taken(page(&answer, "workspaces", remote_workspace));
        for workspace in workspaces.map(|page| page.items).unwrap_or_default() {
            assert!(!workspace.name.is_empty());
            assert!(workspace_path(&workspace.id).is_ok());
        }
    });
}

#[test]
fn words_of_a_revocation_or_deletion_and_the_health() {
    let seeds: [&[u8]; 4] = [
        br#"{"message":"Token revoked","token_jti":"jti_1","revoked_at":"2026-01-01T00:00:00Z"}"#,
        br#"{"workspace_id":"1","namespace":"ns","status":"deleted"}"#,
        br#"{"status":"healthy","version":"1.2","service":"s","timestamp":"t"}"#,
        b"<html><body>Bad gateway</body></html>",
    ];
    fuzz::bytes(&seeds, |body| {
        let answer = answer(body);
        let is_object = body.trim_ascii().starts_with(b"{");
        let is_empty = body.trim_ascii().is_empty();
        assert!(taken(revoked_at(&answer)).is_none() || is_object || is_empty);
        assert!(acceptance(&answer) != Acceptance::Accepted || is_object);
        assert!(taken(health(&answer)).is_none() || is_object);
    });
}
