//! `ntcli config show`

use crate::commands::prelude::*;
use crate::output::laid_out;
use crate::secret::redact;

/// Shows the config file without its secrets.
pub(crate) fn run(app: &App) -> Result<Report> {
    let config = app.config()?;
    if !app.paths.config.exists() {
        app.console().note("There is no config file yet; everything is at its default.");
    }
    let shown = redacted(config.document());
    Ok(Report::new(laid_out(&shown), shown))
}

/// The document with every secret replaced. Unknown fields are judged by their names, and by
/// whether they look like JWTs.
fn redacted(json: &Json) -> Json {
    match json {
        Json::Object(fields) => {
            let shown =
                |(name, value): &(String, Json)| (redact(name, &[]), redacted_field(name, value));
            Json::Object(fields.iter().map(shown).collect())
        }
        Json::Array(values) => Json::Array(values.iter().map(redacted).collect()),
        Json::Text(text) => Json::Text(redact(text, &[])),
        other => other.clone(),
    }
}

fn redacted_field(name: &str, value: &Json) -> Json {
    match value {
        // Not secret, and useful to know.
        Json::Text(text) if text.is_empty() || text == "no-token" => value.clone(),
        Json::Object(_) | Json::Null | Json::Bool(_) => redacted(value),
        _ if is_secret(name) => Json::from("[redacted]"),
        _ => redacted(value),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['_', '-'], "");
    let telling = "token secret password passwd bearer apikey privatekey credential cookie verifier authorization";
    name != "tokentype" && telling.split(' ').any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_out_and_the_rest_is_as_it_was() {
        let doc: Json = serde_json::from_str(
            r#"{"auth":{"bearerToken":"s1","refreshToken":"s2","expiresAt":1},"x":{"api_key":"s3","tokens":["s4"],
            "note":"see eyJs5.e30.s5","token_type":"Bearer","access_token":"no-token","idToken":7}}"#,
        )
        .unwrap();
        let shown = serde_json::to_string(&redacted(&doc)).unwrap();
        assert_eq!(
            shown,
            r#"{"auth":{"bearerToken":"[redacted]","refreshToken":"[redacted]","expiresAt":1},"x":{"api_key":"[redacted]","tokens":"[redacted]","note":"see [redacted]","token_type":"Bearer","access_token":"no-token","idToken":"[redacted]"}}"#
        );
    }
}
