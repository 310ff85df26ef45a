//! What an error answer says, fit to be shown.

use crate::json::Json;
use crate::secret::{Secret, redact};

use super::encode::encode_segment;
use crate::text::printable;

/// The longest message, characters.
const LONGEST: usize = 300;

/// The message of an error answer; empty when it says nothing that a person could use.
///
/// Knows the shapes of the management API (`detail`, `error`), of OAuth (`error_description`) and of
/// Clerk (`errors`).
pub(super) fn message(body: &[u8], media_type: &str, secrets: &[Secret]) -> String {
    let said = match serde_json::from_slice::<Json>(body) {
        Ok(value) => said_in(&value).unwrap_or_default(),
        Err(_) if is_html(body, media_type) => {
            "a page of HTML, not an answer of the API".to_owned()
        }
        Err(_) if media_type.starts_with("text/plain") => {
            String::from_utf8_lossy(body).trim().to_owned()
        }
        Err(_) => String::new(),
    };
    clean(&said, secrets)
}

/// Takes out secrets, then what a terminal would act on, then what is too long.
pub(super) fn clean(text: &str, secrets: &[Secret]) -> String {
    // What was sent encoded may come back encoded.
    let encoded: Vec<Secret> = secrets
        .iter()
        .map(|secret| Secret::new(encode_segment(secret.expose())))
        .collect();
    let known: Vec<&Secret> = secrets.iter().chain(&encoded).collect();
    let text = printable(redact(text, &known).trim());
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn is_html(body: &[u8], media_type: &str) -> bool {
    let start = body.trim_ascii_start();
    media_type.starts_with("text/html") || start.starts_with(b"<")
}

fn said_in(answer: &Json) -> Option<String> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    match (&answer["detail"], &answer["error"], &answer["errors"]) {
        (Json::Text(detail), ..) => Some(detail.clone()),
        (Json::Array(faults), ..) => {
            let faults: Vec<String> = faults.iter().filter_map(invalid_field).collect();
            Some(faults.join("; "))
        }
        (detail @ Json::Object(_), ..) => text(&detail["message"]),
        (_, error @ Json::Object(_), _) => with_details(error),
        (_, Json::Text(error), _) => Some(match text(&answer["error_description"]) {
            Some(description) => format!("{description} ({error})"),
            None => error.clone(),
        }),
        (_, _, Json::Array(errors)) => {
            let first = errors.first()?;
            text(&first["long_message"]).or_else(|| text(&first["message"]))
        }
        _ => text(&answer["message"]),
    }
}

/// An entry of a 422: where, and what is wrong there.
fn invalid_field(fault: &Json) -> Option<String> {
    let what = fault["msg"].as_str()?;
    let place: Vec<String> = fault["loc"]
        .items()
        .iter()
        .map(|part| {
            part.as_str().map_or_else(
                || serde_json::to_string(part).unwrap_or_default(),
                str::to_owned,
            )
        })
        .collect();
    if place.is_empty() {
        return Some(what.to_owned());
    }
    Some(format!("{}: {what}", place.join(".")))
}

/// `message (CODE; field: …; reason: …; error id: …)`, as much of it as there is.
fn with_details(error: &Json) -> Option<String> {
    let details = &error["details"];
    let mut extra: Vec<String> = error["code"]
        .as_str()
        .map(str::to_owned)
        .into_iter()
        .collect();
    for (name, value) in [
        ("field", &details["field"]),
        ("reason", &details["reason"]),
        ("error id", &details["error_id"]),
    ] {
        if let Some(text) = value.as_str() {
            extra.push(format!("{name}: {text}"));
        }
    }
    let extra = extra.join("; ");
    match (error["message"].as_str(), extra.as_str()) {
        (Some(message), "") => Some(message.to_owned()),
        (Some(message), extra) => Some(format!("{message} ({extra})")),
        (None, "") => None,
        (None, extra) => Some(extra.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> String {
        message(body.as_bytes(), "application/json", &[])
    }

    #[test]
    fn the_shapes() {
        for (body, said) in [
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (
                r#"{"detail":[{"loc":["body","expires_in",0],"msg":"too small","type":"x"},{"msg":"odd"}]}"#,
                "body.expires_in.0: too small; odd",
            ),
            (
                r#"{"error":{"code":"INVALID_REQUEST","message":"Bad name","details":{"field":"name","reason":"long","error_id":"e1"}}}"#,
                "Bad name (INVALID_REQUEST; field: name; reason: long; error id: e1)",
            ),
            (r#"{"error":{"code":"X"}}"#, "X"),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                "expired (invalid_grant)",
            ),
            (r#"{"errors":[{"message":"m","long_message":"l"}]}"#, "l"),
            (r#"{"message":"busy"}"#, "busy"),
            (r#"{"detail":{"message":"m"}}"#, "m"),
            ("<html>", "a page of HTML, not an answer of the API"),
            ("[]", ""),
            ("7", ""),
            ("", ""),
            ("gibberish", ""),
            (r#"{"detail":[]}"#, ""),
        ] {
            assert_eq!(json(body), said, "{body}");
        }
        assert_eq!(message(b"no upstream\n", "text/plain", &[]), "no upstream");
    }

    #[test]
    fn clean_of_secrets_and_control_characters() {
        let secrets = [Secret::new("hush/hush")];
        let body = br#"{"detail":"hush/hush hush%2Fhush eyJa.b.c \u001b[31m\r\n\u202ex"}"#;
        assert_eq!(
            message(body, "application/json", &secrets),
            r"[redacted] [redacted] [redacted] \u{1b}[31m\r\n\u{202e}x"
        );
    }

    #[test]
    fn shortened_after_the_secrets_are_out() {
        let secret = Secret::new("s".repeat(50));
        let text = format!("{}{}", "é".repeat(280), secret.expose());
        let said = clean(&text, std::slice::from_ref(&secret));
        assert_eq!(said.chars().count(), 290);
        assert!(said.ends_with("[redacted]"));
        assert_eq!(clean(&"é".repeat(400), &[]).chars().count(), 300);
    }
}
