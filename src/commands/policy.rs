//! `ntcli policy`: what is wanted of a workspace's token.

use crate::cli;
use crate::commands::prelude::*;
use crate::config::Workspace;
use crate::policy::{Policies, Policy};
use crate::time::Expiry;

/// Shows the policy of a workspace, or changes it.
pub(super) fn run(app: &App, args: &cli::Policy) -> Result<Report> {
    let workspace = app.workspace(&app.config()?, args.workspace.as_deref())?;
    let wishes = [args.expires_in, args.renew_before, args.revoke_after];
    if wishes == [None; 3] && !args.default && !args.accept_scope {
        let policy = Policies::load(&app.paths.policies)?.of(&workspace.id);
        return Ok(report(&workspace, &policy).that_changed(false));
    }
    if let Some(secs) = args.expires_in {
        warn_if_short(app.ctx, Expiry::In(secs), true);
    }
    let mut dir = app.lock()?;
    let mut all = Policies::load(&app.paths.policies)?;
    let before = all.of(&workspace.id);
    let mut policy = if args.default { Policy::default() } else { before.clone() };
    policy.expires_in_s = args.expires_in.or(policy.expires_in_s);
    policy.renew_before_s = args.renew_before.or(policy.renew_before_s);
    policy.revoke_after_s = args.revoke_after.or(policy.revoke_after_s);
    policy.accept_scope |= args.accept_scope;
    if let Some(contradiction) = policy.contradiction() {
        return Err(Error::invalid_value(contradiction));
    }
    all.set(&workspace.id, policy.clone());
    all.save(&app.paths.policies)?;
    dir.push_change()?;
    Ok(report(&workspace, &policy).that_changed(policy != before))
}

/// Says of a lifetime of less than an hour that no timer keeps up with it.
pub(super) fn warn_if_short(ctx: &Context, expiry: Expiry, is_renewed: bool) {
    let secs = match expiry {
        Expiry::In(secs) => secs,
        Expiry::At(at) => at.secs().abs_diff(ctx.clock.now().secs()),
        Expiry::Never => return,
    };
    if secs < 3600 {
        let then = if is_renewed { "every run replaces it" } else { "nothing replaces it" };
        ctx.console.warn(&format!("A token of {} ends within the hour: {then}.", duration(secs)));
    }
}

fn report(workspace: &Workspace, policy: &Policy) -> Report {
    let said = |wish: Option<u64>, otherwise: &str| {
        wish.map_or_else(|| format!("{otherwise} (default)"), duration)
    };
    let expires_in = said(policy.expires_in_s, "365d");
    let renew_before = said(policy.renew_before_s, "30d, or a third of what was granted");
    let revoked = policy.revoke_after_s.map(|secs| format!("after {}", duration(secs)));
    let revoked = revoked.unwrap_or_else(|| "at once (default)".to_owned());
    let accepts = if policy.accept_scope { ", lost rights accepted" } else { "" };
    let text = format!(
        "{}: expires in {expires_in}, renewed before {renew_before}, old token revoked {revoked}{accepts}\n",
        printable(&workspace.name)
    );
    let json = Json::of([
        ("workspace", app::json_workspace(&app::workspace_ref(workspace, ""))),
        ("expires_in_s", policy.expires_in_s.into()),
        ("renew_before_s", policy.renew_before_s.into()),
        ("revoke_after_s", policy.revoke_after_s.into()),
        ("accept_scope", policy.accept_scope.into()),
        ("is_default", (*policy == Policy::default()).into()),
    ]);
    Report::new(text, json)
}

/// In the largest unit that is whole.
pub(super) fn duration(secs: u64) -> String {
    let units = [(86_400, 'd'), (3600, 'h'), (60, 'm')];
    let fits = units.into_iter().find(|(unit, _)| secs > 0 && secs % unit == 0);
    let (unit, name) = fits.unwrap_or((1, 's'));
    format!("{}{name}", secs / unit)
}
