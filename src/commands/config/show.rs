//! `ntcli config show`

use crate::commands::prelude::*;
use crate::config::{Config, Session};
use crate::endpoints;
use crate::output::table::Table;
use crate::secret::redact;

const REDACTED: &str = "[redacted]";

/// Shows the config file without its secrets.
pub(crate) fn run(app: &App) -> Result<Report> {
    let config = app.config()?;
    if !app.paths.config.exists() {
        app.console().note("There is no config file yet; everything is at its default.");
    }
    let text = text(app, &config)?;
    Ok(Report::new(text, redacted(config.document())))
}

fn text(app: &App, config: &Config) -> Result<String> {
    let active = config.active_key().and_then(|key| config.workspace(key));
    let text = format!(
        "File:      {}\nDomain:    {}\nAPI:       {}\nSession:   {}\nWorkspace: {}\n",
        printable(&config.path().display().to_string()),
        printable(config.domain()),
        endpoints::management(&app.ctx.env, config)?,
        session(config.session().as_ref()),
        active.map_or_else(|| "-".to_owned(), |active| printable(&active.name)),
    );
    let mut table = Table::new(&["Name", "ID", "Token", "JTI", "Expires"]);
    for workspace in config.holders() {
        let token = workspace.token.as_ref();
        let jti = token.and_then(|token| token.jti.as_deref()).unwrap_or_default();
        let expires = token.map(|token| token.expiry.for_people()).unwrap_or_default();
        let shown = token.map_or("", |_| REDACTED);
        table.row(&[&workspace.name, &workspace.id, shown, &redact(jti, &[]), &expires]);
    }
    let table = table.render();
    Ok(if table.is_empty() { text } else { text + "\n" + &table })
}

fn session(session: Option<&Session>) -> String {
    let Some(session) = session else {
        return "-".to_owned();
    };
    let email = session.user.email.as_deref().map(|email| format!(", {}", printable(email)));
    let end = session.expires_at.map(|end| format!(", until {end}"));
    format!("{REDACTED}{}{}", email.unwrap_or_default(), end.unwrap_or_default())
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
        _ if is_secret(name) => Json::text(REDACTED),
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
