//! `ntcli domain …`

use crate::cli::DomainSet;
use crate::commands::prelude::*;
use crate::config::Config;
use crate::endpoints;
use crate::text::shell_word;

/// Sets the domain whose API is used. The session of the previous server is not sent to the new
/// one, and pending work is named.
pub(super) fn set(app: &App, args: &DomainSet) -> Result<Report> {
    // As it may be pasted; whether the link is encrypted is for --insecure alone to say.
    let domain = args.domain.trim_start_matches("https://").trim_start_matches("http://");
    let domain = domain.strip_suffix('/').unwrap_or(domain);
    endpoints::check_domain(domain)?;
    let mut dir = app.lock()?;
    let server = app.server(&dir.config()?)?;
    let mut is_left = false;
    let config = dir.update(|config| {
        let before = own_server(config);
        config.set_domain(domain, args.insecure);
        is_left = own_server(config) != before;
        if is_left {
            config.bind_session(&server);
        }
    })?;
    let next = is_left.then(|| tell_what_stays(app, &config, &server)).flatten();
    let report = report(app, &config)?.that_changed(is_left);
    Ok(report.with_next_step(next))
}

fn own_server(config: &Config) -> String {
    endpoints::of_domain(config.domain(), config.insecure())
}

/// What the new server does not get. The session is left to the caller.
fn tell_what_stays(app: &App, config: &Config, server: &str) -> Option<String> {
    let here = own_server(config);
    // The next refresh reports a journal that cannot be read.
    if let Some(other) = app.pending().unwrap_or_default().other_server(&here) {
        let finish = format!("NTCLI_API_URL={} ntcli token revoke --pending", shell_word(other));
        app.console().warn(&format!("Pending work belongs to {other}. Finish it there: {finish}"));
    }
    let session = config.session().filter(|session| !session.is_for(&here))?;
    let owner = session.server.as_deref().unwrap_or(server);
    Some(format!("The stored session is for {owner} and is not sent to {here}: ntcli auth login"))
}

/// Shows the domain.
pub(super) fn show(app: &App) -> Result<Report> {
    let config = app.config()?;
    report(app, &config)
}

fn report(app: &App, config: &Config) -> Result<Report> {
    let api = app.server(config)?;
    let variable = app.ctx.env.os("NTCLI_API_URL").map(|_| "NTCLI_API_URL");
    let wins = variable.map(|name| format!(" ({name})")).unwrap_or_default();
    let text = format!("Domain: {}\nAPI:    {api}{wins}\n", config.domain());
    let json = Json::of([
        ("domain", config.domain().into()),
        ("insecure", config.insecure().into()),
        ("api", api.into()),
        ("variable", variable.into()),
    ]);
    Ok(Report::new(text, json))
}
