//! The message of an error answer, safe to show.

use crate::error::{ErrorKind, WORKSPACE_NOT_FOUND};
use crate::json::Json;

use super::sent_secrets::SentSecrets;

/// The media type of RFC 9457, whose `detail` is not the API's.
const PROBLEM: &str = "application/problem+json";

/// What is said of a page.
pub(super) const PAGE: &str = "a page of HTML, not an answer of the API";

/// What the server says when it has no such route.
const NO_ROUTE: [&str; 2] = ["Not Found", "Method Not Allowed"];

/// The kind of an error answer, and its message; the message is empty if it has nothing useful for
/// a person.
///
/// Knows the shapes of the management API (`detail`, `error`) and of OAuth (`error`, `error_description`).
/// Gateways have shapes of their own, such as `{"message": "no Route matched with those values"}`.
pub(super) fn parse(body: &[u8], media_type: &str, secrets: &SentSecrets) -> (ErrorKind, String) {
    let foreign = |text: &str| (ErrorKind::Foreign, text.to_owned());
    let (kind, said) = match serde_json::from_slice::<Json>(body) {
        Ok(answer) => match in_known_shape(&answer) {
            Some((_, said)) if media_type.starts_with(PROBLEM) => (ErrorKind::Foreign, said),
            Some(known) => known,
            None => foreign(answer["message"].as_str().unwrap_or_default()),
        },
        Err(_) if is_html(body, media_type) => foreign(PAGE),
        Err(_) if media_type.starts_with("text/plain") => {
            foreign(String::from_utf8_lossy(body).trim())
        }
        Err(_) => foreign(""),
    };
    (kind, secrets.clean(&said))
}

/// Whether it is a page, such as those of gateways and captive portals.
pub(super) fn is_html(body: &[u8], media_type: &str) -> bool {
    let start = body.trim_ascii_start();
    media_type.starts_with("text/html") || start.starts_with(b"<")
}

fn in_known_shape(answer: &Json) -> Option<(ErrorKind, String)> {
    match (&answer["detail"], &answer["error"]) {
        (Json::Text(detail), _) if NO_ROUTE.contains(&detail.as_str()) => {
            Some((ErrorKind::NoRoute, detail.clone()))
        }
        (Json::Text(detail), _) => {
            // The words of the edition that has no codes.
            let is_missing_workspace =
                detail.starts_with("Workspace ") && detail.ends_with(" not found");
            let code = is_missing_workspace.then(|| WORKSPACE_NOT_FOUND.to_owned());
            Some((ErrorKind::Api { code }, detail.clone()))
        }
        (Json::Array(faults), _) => {
            let faults: Vec<String> = faults.iter().filter_map(invalid_field).collect();
            (!faults.is_empty()).then(|| (api(&Json::Null), faults.join("; ")))
        }
        (error @ Json::Object(_), _) | (_, error @ Json::Object(_)) => {
            Some((api(&error["code"]), with_details(error)?))
        }
        (_, Json::Text(code)) if is_oauth_code(code) => {
            let said = with_extra(answer["error_description"].as_str(), code.clone());
            Some((api(&answer["error"]), said))
        }
        // "Not Found" and similar: from a gateway.
        (_, Json::Text(error)) => Some((ErrorKind::Foreign, error.clone())),
        _ => None,
    }
}

fn api(code: &Json) -> ErrorKind {
    ErrorKind::Api { code: code.as_str().map(str::to_owned) }
}

/// Whether it has the form of the codes of RFC 6749: `invalid_grant`.
fn is_oauth_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// An entry of a 422: the field, and what is wrong with it.
fn invalid_field(fault: &Json) -> Option<String> {
    let what = fault["msg"].as_str()?;
    let place = fault["loc"].items().iter().map(|part| match part {
        Json::Text(name) => name.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    });
    let place = place.collect::<Vec<_>>().join(".");
    Some(if place.is_empty() { what.to_owned() } else { format!("{place}: {what}") })
}

/// `message (CODE; field: …; reason: …; error id: …)`, as much of it as there is.
fn with_details(error: &Json) -> Option<String> {
    let details = &error["details"];
    let parts = [
        ("", &error["code"]),
        ("field: ", &details["field"]),
        ("reason: ", &details["reason"]),
        ("error id: ", &details["error_id"]),
    ];
    let extra = parts.iter().filter_map(|(name, value)| Some(format!("{name}{}", value.as_str()?)));
    let said = with_extra(error["message"].as_str(), extra.collect::<Vec<_>>().join("; "));
    Some(said).filter(|said| !said.is_empty())
}

/// `message (extra)`, or whichever of the two there is.
pub(crate) fn with_extra(message: Option<&str>, extra: String) -> String {
    match message {
        Some(message) if extra.is_empty() => message.to_owned(),
        Some(message) => format!("{message} ({extra})"),
        None => extra,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> (ErrorKind, String) {
        parse(body.as_bytes(), "application/json", &SentSecrets::default())
    }

    #[test]
    fn the_shapes_of_the_api() {
        for (body, code, said) in [
            (r#"{"detail":"Token x not found"}"#, None, "Token x not found"),
            (
                r#"{"detail":"Workspace x not found"}"#,
                Some("WORKSPACE_NOT_FOUND"),
                "Workspace x not found",
            ),
            (
                r#"{"detail":[{"loc":["body","expires_in",0],"msg":"too small","type":"x"},{"msg":"odd"}]}"#,
                None,
                "body.expires_in.0: too small; odd",
            ),
            (
                r#"{"error":{"code":"INVALID_REQUEST","message":"Bad name","details":{"field":"name","reason":"long","error_id":"e1"}}}"#,
                Some("INVALID_REQUEST"),
                "Bad name (INVALID_REQUEST; field: name; reason: long; error id: e1)",
            ),
            (r#"{"error":{"code":"X"}}"#, Some("X"), "X"),
            (r#"{"error":{"message":"m"}}"#, None, "m"),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                Some("invalid_grant"),
                "expired (invalid_grant)",
            ),
            (r#"{"error":"invalid_grant"}"#, Some("invalid_grant"), "invalid_grant"),
            (r#"{"detail":{"code":"C","message":"m"}}"#, Some("C"), "m (C)"),
        ] {
            let code = code.map(str::to_owned);
            assert_eq!(json(body), (ErrorKind::Api { code }, said.into()), "{body}");
        }
    }

    #[test]
    fn a_route_that_is_not_there() {
        for said in NO_ROUTE {
            let body = format!(r#"{{"detail":"{said}"}}"#);
            assert_eq!(json(&body), (ErrorKind::NoRoute, said.to_owned()));
        }
        let (kind, _) = json(r#"{"detail":"not found"}"#);
        assert_eq!(kind, ErrorKind::Api { code: None });
    }

    #[test]
    fn what_is_no_answer_of_the_api() {
        for (body, media_type, said) in [
            (r#"{"message":"Not Found"}"#, "application/json", "Not Found"),
            (
                r#"{"message":"no Route matched with those values"}"#,
                "application/json",
                "no Route matched with those values",
            ),
            (
                r#"{"timestamp":1,"status":404,"error":"Not Found"}"#,
                "application/json",
                "Not Found",
            ),
            (r#"{"title":"Not Found","detail":"gone"}"#, "application/problem+json", "gone"),
            ("<html>", "", "a page of HTML, not an answer of the API"),
            ("{", "text/html", "a page of HTML, not an answer of the API"),
            ("404 page not found\n", "text/plain", "404 page not found"),
            ("gibberish", "", ""),
            ("", "application/json", ""),
            ("[]", "application/json", ""),
            ("7", "application/json", ""),
            ("{}", "application/json", ""),
            (r#"{"detail":[]}"#, "application/json", ""),
            (r#"{"detail":{}}"#, "application/json", ""),
            (r#"{"error":{}}"#, "application/json", ""),
            (r#"{"errors":[]}"#, "application/json", ""),
        ] {
            let found = parse(body.as_bytes(), media_type, &SentSecrets::default());
            assert_eq!(found, (ErrorKind::Foreign, said.to_owned()), "{body}");
        }
    }
}
