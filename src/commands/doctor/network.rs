//! What the server says: its name, the way to it, its health and clock, the session, the tokens.

use std::net::ToSocketAddrs;

use super::Checks;
use crate::api::Api;
use crate::auth;
use crate::commands::app::{App, As};
use crate::config::Config;
use crate::endpoints;
use crate::error::{Error, Result};
use crate::http::{Route, is_localhost};
use crate::rotation::{Acceptance, ControlPlane};
use crate::text::{counted, shell_word};
use crate::time::Timestamp;

/// More would make recent tokens look old, and sessions ended.
const SKEW_S: i64 = 120;
/// More would be noticed at every run.
const SLOW_MS: i64 = 3_000;

pub(super) fn look(checks: &mut Checks, app: &App, config: &Config) {
    if let Err(error) = of_server(checks, app, config) {
        checks.error("server", &error);
    }
}

fn of_server(checks: &mut Checks, app: &App, config: &Config) -> Result<()> {
    let server = endpoints::management(&app.ctx.env, config)?;
    let route = app.http()?.route(&server).map_err(Error::invalid_value)?;
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| app.ctx.env.text(name));
    let named: Vec<String> = named.into_iter().flatten().collect();
    let roots = if named.is_empty() {
        "the built-in roots of Mozilla and the system's".to_owned()
    } else {
        named.join(" and ")
    };
    if !look_up(checks, &route, &roots) {
        return Ok(());
    }
    let api = app.api(config, As::Anonymous)?;
    let began = app.now();
    let fix = format!("curl -v {}", shell_word(&server));
    match api.health() {
        Ok(health) => {
            let took_ms = app.now().millis() - began.millis();
            let text = format!("{server} says '{}' after {took_ms} ms", health.status);
            if took_ms > SLOW_MS {
                checks.warn("server", text, fix);
            } else {
                checks.ok("server", text);
            }
        }
        // Some servers ask to sign in even for this.
        Err(failure) if matches!(failure.status(), Some(401 | 403)) => {}
        Err(failure) => {
            checks.fail("server", format!("{server}: {failure}"), fix);
            return Ok(());
        }
    }
    clock(checks, api.skew_s());
    session(checks, app, config);
    tokens(checks, &api, config, app.now());
    Ok(())
}

/// Whether the first host on the way has an address.
fn look_up(checks: &mut Checks, route: &Route, roots: &str) -> bool {
    let (host, port) = (route.host.as_str(), route.port);
    let through =
        route.proxy.map_or(String::new(), |variable| format!(", through the proxy of {variable}"));
    let asked = if is_localhost(host) { "localhost" } else { host };
    let found = (asked, port).to_socket_addrs().map(|found| counted(found.count(), "address"));
    match &found {
        Ok(count) if route.is_secure => {
            let text = format!("{host} has {count}{through}, encrypted, trusting {roots}");
            checks.ok("network", text);
        }
        Ok(count) => checks.ok("network", format!("{host} has {count}{through}, not encrypted")),
        Err(error) => {
            let text = format!("the name {host} cannot be looked up{through}: {error}");
            checks.fail("network", text, format!("getent hosts {}", shell_word(host)));
        }
    }
    found.is_ok()
}

fn clock(checks: &mut Checks, skew_s: Option<i64>) {
    match skew_s {
        Some(skew_s) if skew_s.abs() > SKEW_S => {
            let which = if skew_s > 0 { "behind" } else { "ahead of" };
            let text = format!("this clock is {} s {which} the server's", skew_s.abs());
            checks.fail("clock", text, "timedatectl set-ntp true");
        }
        Some(_) => checks.ok("clock", "as the server's"),
        None => checks.warn("clock", "the server does not send its time", ""),
    }
}

fn session(checks: &mut Checks, app: &App, config: &Config) {
    if app.check_session(config).is_err() {
        return; // that there is none is told already
    }
    match app.api(config, As::User).map(|api| api.workspaces()) {
        Ok(Ok(all)) => {
            let count = counted(all.len(), "workspace");
            checks.ok("session", format!("the server accepts it and lists {count}"));
        }
        Ok(Err(failure)) if matches!(failure.status(), Some(401 | 403)) => {
            let given = auth::from_env(&app.ctx.env, config).ok().flatten();
            let fix = given.map_or("ntcli auth login --force".to_owned(), |given| given.fix());
            checks.fail("session", format!("the server does not accept it: {failure}"), fix);
        }
        Ok(Err(failure)) => {
            let text = format!("asked for the workspaces: {failure}");
            checks.fail("server", text, "ntcli workspace list");
        }
        Err(error) => checks.error("session", &error),
    }
}

fn tokens(checks: &mut Checks, api: &Api, config: &Config, now: Timestamp) {
    for workspace in config.holders() {
        let Some(token) = workspace.token.filter(|token| !token.has_ended(now)) else {
            continue;
        };
        let name = &workspace.name;
        match api.check(&token.access_token) {
            Ok(Acceptance::Accepted) => {
                checks.ok("token", format!("the server accepts that of '{name}'"));
            }
            Ok(Acceptance::Denied) => {
                let fix = format!("ntcli token show --check -w {}", shell_word(name));
                checks.fail("token", format!("the server does not accept that of '{name}'"), fix);
            }
            Ok(Acceptance::Unclear) => {
                let text = format!("the server does not say whether it accepts that of '{name}'");
                checks.warn("token", text, "");
            }
            // The others would get no answer either.
            Err(failure) => {
                return checks.warn(
                    "token",
                    format!("asked about that of '{name}': {failure}"),
                    "",
                );
            }
        }
    }
}
