//! `ntcli token create`

use crate::api::Api;
use crate::auth;
use crate::cli::TokenCreate;
use crate::commands::{self, app};
use crate::config::{Config, Paths};
use crate::config_dir::State;
use crate::context::Context;
use crate::endpoints;
use crate::error::Result;
use crate::json::Json;
use crate::output::Report;
use crate::rotation::{RefreshOptions, Rotator};
use crate::text::printable;

/// Makes a token to be handed out.
pub(in crate::commands) fn run(ctx: &mut Context, args: &TokenCreate) -> Result<Report> {
    let now = ctx.clock.now();
    let order = RefreshOptions {
        expiry: app::expiry(args.expires_in.as_deref(), args.expires_at.as_deref(), now)?,
        verify: false,
        revoke_orphans: false,
        due_within_s: None,
        grace_s: None,
    };
    let lock_wait = app::lock_wait(args.lock_wait.as_deref())?;
    let http = app::http(ctx)?;
    let paths = Paths::find(&ctx.env)?;
    let before = Config::load(&paths.config, &ctx.console)?;
    auth::check(&ctx.env, &before, now)?;
    let seen = app::workspace(ctx, &before, args.workspace.as_deref())?;

    let (mut state, _) = State::lock(&paths, lock_wait, &*ctx.clock, &ctx.console)?;
    let config = state.config()?;
    let keeper = commands::auth::keeper(ctx)?;
    let bearer = keeper.bearer(&http, &config)?;
    let workspace = config.find(&seen.key)?;
    let api = Api::new(
        &http,
        &*ctx.clock,
        endpoints::management(&ctx.env, &config)?,
        Some(bearer),
    )
    .renewing(&keeper);
    let place = app::place(&workspace);
    // A workspace without a token takes its first one; a token that was handed out must not
    // become current unasked, or a later refresh would revoke it.
    let keep = args.save || (workspace.token.is_none() && !args.no_save);
    let mut tell = |event| app::tell(&ctx.console, &event);
    let mut rotator = Rotator::new(&api, &mut state, &*ctx.clock, &mut tell)?;
    let token = rotator.issue(&place, &order, keep)?;

    if keep {
        let name = printable(&place.name);
        ctx.console.say(&format!(
            "It is stored as the current token of '{name}': a refresh will revoke it."
        ));
        if let Some(old) = &workspace.token {
            let jti = printable(old.jti_for_people());
            ctx.console.say(&format!(
                "The one before it ({jti}) is still live: ntcli token revoke {jti}"
            ));
        }
    }
    let mut text = format!("New token created: {}\n", token.access_token.expose());
    text += &format!("Token JTI: {}\n", printable(token.jti_for_people()));
    text += &app::expires_line("Expires", token.expiry);
    let json = Json::of([
        ("token", token.access_token.expose().into()),
        ("jti", token.jti.into()),
        ("expires_at", token.expiry.at().into()),
        ("saved", keep.into()),
        ("workspace", app::json_place(&place)),
    ]);
    Ok(Report::new(text, json))
}
