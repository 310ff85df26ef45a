//! What the server says: its name, the way to it, its health and clock, the session, the tokens.

use super::{Findings, Level};
use crate::api::Api;
use crate::commands::prelude::*;
use crate::commands::workspace::fetch;
use crate::config::Config;
use crate::endpoints;
use crate::error::exit;
use crate::rotation::{Acceptance, ControlPlane};
use crate::text::{counted, shell_word};

/// More would make recent tokens look old, and sessions ended.
const SKEW_S: i64 = 120;

pub(super) fn look(found: &mut Findings, app: &App, config: &Config) -> Result<()> {
    let server = endpoints::management(&app.ctx.env, config)?;
    way(found, app, &server)?;
    let api = app.api(config, As::Anonymous)?;
    let began = app.now();
    match api.health() {
        Ok(health) => {
            let status = health["status"].as_str().unwrap_or_default();
            let took_ms = app.now().millis() - began.millis();
            let text = format!("{server} says '{status}' after {took_ms} ms");
            found.add("server", Level::Ok, text, "");
        }
        // Some servers ask to sign in even for this.
        Err(failure) if matches!(failure.status(), Some(401 | 403)) => {}
        Err(failure) => {
            let fix = format!("curl -v {}", shell_word(&server));
            found.add("server", Level::Critical, format!("{server}: {failure}"), fix);
            return Ok(());
        }
    }
    match api.skew_s() {
        Some(skew_s) if skew_s.abs() > SKEW_S => {
            let which = if skew_s > 0 { "behind" } else { "ahead of" };
            let text = format!("this clock is {} s {which} the server's", skew_s.abs());
            found.add("clock", Level::Critical, text, "timedatectl set-ntp true");
        }
        Some(_) => found.add("clock", Level::Ok, "as the server's", ""),
        None => found.add("clock", Level::Warning, "the server does not send its time", ""),
    }
    session(found, app, config);
    tokens(found, app, &api, config);
    Ok(())
}

/// The first host on the way to the server, and what protects it.
fn way(found: &mut Findings, app: &App, server: &str) -> Result<()> {
    let route = app.http()?.route(server).map_err(Error::invalid_value)?;
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| app.ctx.env.text(name));
    let roots = named.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    let through = route.proxy.as_ref().map(|p| format!(", through the proxy of {}", p.variable));
    let host = &route.first().host;
    let security = match (route.target.secure, roots.as_str()) {
        (false, _) => "not encrypted",
        (true, "") => "encrypted, trusting the built-in roots of Mozilla and the system's",
        (true, roots) => &format!("encrypted, trusting {roots}"),
    };
    let text = format!("{host}{}, {security}", through.unwrap_or_default());
    found.add("network", Level::Ok, text, "");
    Ok(())
}

fn session(found: &mut Findings, app: &App, config: &Config) {
    if app.check_session(config).is_err() {
        return; // that there is none is told already
    }
    match app.api(config, As::User).and_then(|api| fetch(&api)) {
        Ok(all) => {
            let count = counted(all.len(), "workspace");
            let text = format!("the server accepts it and lists {count}");
            found.add("session", Level::Ok, text, "");
        }
        Err(error) => {
            let is_refused = error.exit_code() == exit::AUTH;
            found.error(if is_refused { "session" } else { "server" }, &error);
        }
    }
}

fn tokens(found: &mut Findings, app: &App, api: &Api, config: &Config) {
    for workspace in config.holders() {
        let Some(token) = workspace.token.filter(|token| !token.has_ended(app.now())) else {
            continue;
        };
        let name = &workspace.name;
        let (level, says, fix) = match app.check_token(api, &token) {
            Ok(Acceptance::Accepted) => (Level::Ok, "accepts", String::new()),
            Ok(Acceptance::Denied) => {
                let fix = format!("ntcli token show --check -w {}", shell_word(name));
                (Level::Critical, "does not accept", fix)
            }
            Ok(Acceptance::Unclear) => {
                (Level::Warning, "does not say whether it accepts", String::new())
            }
            // The others would get no answer either.
            Err(failure) => {
                let text = format!("asked about that of '{name}': {failure}");
                return found.add("token", Level::Warning, text, "");
            }
        };
        found.add("token", level, format!("the server {says} that of '{name}'"), fix);
    }
}
