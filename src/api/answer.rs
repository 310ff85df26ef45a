//! Parses the control plane's answers. Plain functions: nothing here sends a request.

use super::{RemoteToken, RemoteWorkspace};
use crate::http::Response;
use crate::json::Json;
use crate::rotation::{Acceptance, Answer, ListedToken, NewWorkspace};
use crate::secret::Secret;
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};

/// A date in any format that servers use.
fn date(value: &Json) -> Option<Timestamp> {
    match value {
        Json::Text(text) => Timestamp::parse_any(text),
        _ => Timestamp::from_unix(value.as_whole()?),
    }
}

/// The token of a create answer. `asked` is the expiry in the request, if any.
pub(super) fn issued(response: &Response, asked: Option<Expiry>, now: Timestamp) -> Answer<Token> {
    let fields = response.object()?;
    let access_token = fields.filled("access_token").map(Secret::new);
    let access_token = access_token.ok_or_else(|| response.unusable("it holds no access_token"))?;
    if !access_token.is_header_safe() || access_token.expose() == "no-token" {
        return Err(response.unusable("its access_token holds characters that no token has"));
    }
    let said = match (fields.get("expires_in"), asked) {
        (Some(secs @ Json::Number(_)), _) => secs
            .as_whole()
            .map_or(TokenExpiry::Unknown, |secs| TokenExpiry::At(now.plus_secs(secs))),
        (None | Some(Json::Null), Some(Expiry::Never)) | (Some(Json::Null), None) => {
            TokenExpiry::Never
        }
        _ => TokenExpiry::Unknown,
    };
    let token_type = fields.filled("token_type").unwrap_or("Bearer").to_owned();
    let jti = fields.filled("jti").map(str::to_owned);
    Ok(Token::new(access_token, jti, said, token_type, fields["scope"].words()))
}

/// A token of a list; some servers list revoked ones too.
pub(super) fn remote_token(fields: &Json, response: &Response) -> Answer<RemoteToken> {
    let jti = fields.filled("jti").ok_or_else(|| response.unusable("a token in it has no id"))?;
    let expiry = match (fields.get("expires_at"), date(&fields["expires_at"])) {
        (_, Some(at)) => TokenExpiry::At(at),
        (Some(Json::Null), _) => TokenExpiry::Never,
        _ => TokenExpiry::Unknown,
    };
    let created_at = date(&fields["created_at"]);
    Ok(RemoteToken {
        token: ListedToken { jti: jti.to_owned(), created_at, expiry },
        revoked: fields["status"].as_str().is_some_and(|s| s.eq_ignore_ascii_case("revoked")),
    })
}

/// What a revocation answer reports, unless it reports a failure or an unfinished operation. An answer of
/// this API is JSON or empty, unlike the page of a gateway.
pub(super) fn revoked_at(response: &Response) -> Answer<Option<Timestamp>> {
    let unfinished = || response.unusable("it does not say that it was done");
    // Accepted, partial or multi-status: none of these means that the work is done.
    if ![200, 201, 204].contains(&response.status) {
        return Err(unfinished());
    }
    if response.body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let fields = response.object()?;
    let denied = ["success", "ok", "revoked", "deleted"];
    let status = fields["status"].as_str().unwrap_or_default();
    if ["error", "errors", "detail"].iter().any(|name| !fields[*name].is_null())
        || denied.iter().any(|name| fields[*name] == Json::Bool(false))
        || ["pending", "failed", "error", "queued", "active"].contains(&status)
    {
        return Err(unfinished());
    }
    Ok(date(&fields["revoked_at"]))
}

/// Whether a token is accepted, by a 2xx answer.
pub(super) fn acceptance(response: &Response) -> Acceptance {
    let Ok(fields) = response.object() else {
        return Acceptance::Unclear;
    };
    let says = |name: &str, said: bool| fields[name] == Json::Bool(said);
    let denying = ["authenticated", "valid", "is_valid", "active", "is_active", "ok", "success"];
    let ended = ["revoked", "expired", "invalid"];
    let status = fields["status"].as_str().unwrap_or_default();
    let error = ["error", "errors", "detail"].iter().any(|name| !fields[*name].is_null());
    if denying.into_iter().any(|name| says(name, false))
        || ended.into_iter().any(|name| says(name, true) || name == status)
    {
        Acceptance::Denied
    } else if error || response.status != 200 {
        Acceptance::Unclear
    } else {
        Acceptance::Accepted
    }
}

/// The created workspace, and its token if the answer has one.
pub(super) fn created(response: &Response, now: Timestamp) -> Answer<NewWorkspace> {
    let RemoteWorkspace { id, name, .. } = remote_workspace(&response.object()?, response)?;
    // Most deployments send no token, which is not an error.
    let token = issued(response, None, now).ok();
    Ok(NewWorkspace { id, name, token })
}

/// A workspace of a list.
pub(super) fn remote_workspace(fields: &Json, response: &Response) -> Answer<RemoteWorkspace> {
    let text = |name| fields.filled(name).map(str::to_owned);
    let (Some(id), Some(name)) = (text("workspace_id"), text("workspace_name")) else {
        return Err(response.unusable("a workspace in it has no id or no name"));
    };
    Ok(RemoteWorkspace {
        id,
        name,
        created_at: date(&fields["created_at"]).or_else(|| date(&fields["created"])),
        status: text("status"),
    })
}

/// The server's health: its `status` is a text, its `timestamp` is one of ours.
pub(super) fn health(response: &Response) -> Answer<Json> {
    let mut said = response.object()?;
    let timestamp = date(&said["timestamp"]);
    said.set("timestamp", timestamp.into());
    match said["status"] {
        Json::Text(_) => Ok(said),
        _ => Err(response.unusable("it holds no status")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unnamed_expiry_is_unknown() {
        for (body, asked, expected) in [
            ("", None, TokenExpiry::Unknown),
            (r#","expires_in":null"#, None, TokenExpiry::Never),
            ("", Some(Expiry::Never), TokenExpiry::Never),
            ("", Some(Expiry::In(60)), TokenExpiry::Unknown),
        ] {
            let response = Response {
                status: 201,
                body: format!(r#"{{"access_token":"wst_1"{body}}}"#).into(),
                ..Response::default()
            };
            let token = issued(&response, asked, Timestamp::from_secs(0)).unwrap();
            assert_eq!(token.expiry, expected, "{body}");
        }
    }
}
