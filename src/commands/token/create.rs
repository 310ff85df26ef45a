//! `ntcli token create`

use super::refresh::{expiry, warn_of_lost};
use crate::cli::TokenCreate;
use crate::commands::granted;
use crate::commands::policy::warn_if_short;
use crate::commands::prelude::*;
use crate::config::Workspace;
use crate::error::renew_of;
use crate::output;
use crate::rotation::{RefreshOptions, Rotator};
use crate::token::Token;

/// Creates a token to be handed out. It is printed inside the transaction: one that did not arrive
/// is revoked.
pub(crate) fn run(app: &App, args: &TokenCreate) -> Result<Report> {
    let given = [&args.expires_in, &args.expires_at, &args.workspace];
    let expiry = expiry(app.ctx, "ntcli token create", given)?.unwrap_or_default();
    let options = RefreshOptions { expiry, ..RefreshOptions::default() };
    let before = app.config()?;
    app.check_session(&before)?;
    let named = args.workspace.as_deref();
    let seen = if args.no_save {
        app.workspace_or_id(&before, named)?
    } else {
        app.workspace(&before, named)?
    };
    let is_kept = |seen: &Workspace| args.save || (seen.token.is_none() && !args.no_save);
    warn_if_short(app.ctx, expiry, is_kept(&seen));

    let (mut dir, aside) = if args.no_save { app.lock_anywhere()? } else { (app.lock()?, None) };
    let config = if aside.is_some() { before } else { dir.config()? };
    let api = app.api(&config, As::User)?;
    let found = match config.find(&seen.key) {
        Err(_) if args.no_save => seen,
        found => found?,
    };
    let workspace = app::workspace_ref(&found, &app.server(&config)?);
    // A workspace without a token takes its first one; a token that was handed out must not
    // become current unasked, or a later refresh would revoke it.
    let save = is_kept(&found);
    if !save && (app.ctx.out_goes_nowhere)() {
        let what = "Standard output is closed or /dev/null, so the token would reach no one; nothing was sent";
        return Err(Error::usage(what, "ntcli token create --save"));
    }
    let mut consumers = app.remembered(&mut dir)?;
    if save {
        warn_of_lost(app, &consumers.probe(&workspace, found.token.as_ref())?);
    }
    let mut on_event = |event| app.on_event(&event);
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    rotator.deliver_to(&mut consumers);
    let issued = rotator.issue(&workspace, &options, save, &mut |token| {
        let mut json = Json::of([
            ("token", token.access_token.expose().into()),
            ("jti", token.jti.clone().into()),
            ("expires_at", token.expiry.at().into()),
            ("saved", save.into()),
            ("workspace", app::json_workspace(&workspace)),
        ]);
        if let Some((text, granted)) = granted::difference(&options, token, None, app.now()) {
            app.console().warn(&text);
            json.set("granted", granted);
        }
        output::deliver(app.console(), app.ctx.json, &text(token), &json)
    });
    let undelivered = issued.map_err(Error::of_hand_out)?;
    let name = printable(&workspace.name);
    if save {
        app.console().note(&format!(
            "The new token is now the current one of '{name}': the next refresh replaces and revokes it."
        ));
    }
    let again = renew_of([workspace.name.as_str()]);
    let problem = undelivered.map(|reason| Error::not_delivered(vec![reason], &again));
    Ok(Report::delivered().with_problem(problem))
}

fn text(token: &Token) -> String {
    let jti = printable(token.jti_for_people());
    let (text, expires) = (token.access_token.expose(), token.expiry.for_people());
    format!("New token created: {text}\nToken JTI: {jti}\nExpires: {expires}\n")
}
