//! `ntcli domain …`

use crate::cli::DomainSet;
use crate::commands::app;
use crate::config::{Config, Paths};
use crate::config_dir::State;
use crate::context::Context;
use crate::endpoints;
use crate::error::Result;
use crate::json::Json;
use crate::output::Report;

/// Sets the domain whose API is used.
pub(super) fn set(ctx: &mut Context, args: &DomainSet) -> Result<Report> {
    endpoints::check_domain(&args.domain)?;
    let paths = Paths::find(&ctx.env)?;
    let (mut state, _) = State::lock(&paths, app::lock_wait(None)?, &*ctx.clock, &ctx.console)?;
    let config = state.update(|config| {
        config.set_domain(&args.domain, args.insecure);
        Ok(())
    })?;
    report(ctx, &config)
}

/// Shows it.
pub(super) fn show(ctx: &mut Context) -> Result<Report> {
    let paths = Paths::find(&ctx.env)?;
    let config = Config::load(&paths.config, &ctx.console)?;
    report(ctx, &config)
}

fn report(ctx: &Context, config: &Config) -> Result<Report> {
    let api = endpoints::management(&ctx.env, config)?;
    let text = format!("Domain: {}\nAPI:    {api}\n", config.domain());
    let json = Json::of([
        ("domain", config.domain().into()),
        ("insecure", config.insecure().into()),
        ("api", api.into()),
    ]);
    Ok(Report::new(text, json))
}
