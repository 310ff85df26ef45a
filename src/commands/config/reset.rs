//! `ntcli config reset`

use crate::cli::ConfigReset;
use crate::commands::app::{self, App};
use crate::commands::prompt::{self, Question};
use crate::config::Config;
use crate::context::Context;
use crate::error::Result;
use crate::json::Json;
use crate::output::Report;
use crate::rotation::{self, Pending, Store, WorkspaceRef};
use crate::text::{printable, shell_word};
use crate::time::Timestamp;
use crate::token::Token;

/// A token that would stay live although nothing here holds it any more.
struct Live {
    workspace: WorkspaceRef,
    jti: Option<String>,
}

/// Resets the config file to the default. Nothing is revoked, so the tokens that stay live are
/// named.
pub(in crate::commands) fn run(ctx: &Context, args: &ConfigReset) -> Result<Report> {
    let app = App::open(ctx)?;
    let config = app.config()?;
    let now = ctx.clock.now();
    if !args.force {
        let live = live(&config, &app.pending()?, now);
        let question = Question {
            what: format!(
                "Session, workspaces, tokens, targets and domain would be forgotten.{}",
                named(&live)
            ),
            ask: "Type reset to go on:".to_owned(),
            yes: &["reset"],
            forced: "ntcli config reset --force".to_owned(),
        };
        prompt::consent(ctx, &question)?;
    }

    let mut dir = app.lock()?;
    let config = dir.config()?;
    let live = live(&config, &Store::pending(&mut dir)?, now);
    // The journal first: its records would bring workspaces back.
    rotation::forget_workspaces(&mut dir)?;
    dir.change_targets(|targets| {
        targets.clear();
        Ok(())
    })?;
    dir.update(|config| {
        config.reset();
        Ok(())
    })?;
    let old = app.paths.config.with_file_name("workspaces.json");
    if old.exists() {
        let path = shell_word(&printable(&old.display().to_string()));
        app.console().warn(&format!("A file of tokens of an older client is left: rm {path}"));
    }
    Ok(report(&live))
}

/// The tokens that are live on the server, as far as is known here, and would be known nowhere.
fn live(config: &Config, pending: &Pending, now: Timestamp) -> Vec<Live> {
    let mut live: Vec<Live> = Vec::new();
    let mut add = |workspace: WorkspaceRef, jti: Option<String>| {
        let seen = |l: &Live| jti.is_some() && l.workspace.id == workspace.id && l.jti == jti;
        if !live.iter().any(seen) {
            live.push(Live { workspace, jti });
        }
    };
    for entry in config.holders() {
        let workspace = app::workspace_ref(&entry, "");
        let lives = |token: &Token| token.expiry.at().is_none_or(|end| end > now);
        if let Some(token) = entry.token.filter(lives) {
            add(workspace, token.jti);
        }
    }
    for rotation in &pending.rotations {
        add(rotation.workspace.clone(), rotation.token.jti.clone());
        if let Some(old) = &rotation.old {
            add(rotation.workspace.clone(), old.jti.clone());
        }
    }
    for revocation in &pending.revocations {
        add(revocation.workspace.clone(), Some(revocation.jti.clone()));
    }
    for orphan in &pending.orphans {
        add(orphan.workspace.clone(), Some(orphan.jti.clone()));
    }
    live
}

fn named(live: &[Live]) -> String {
    if live.is_empty() {
        return String::new();
    }
    let mut text = " These tokens stay live on the server:\n".to_owned();
    for Live { workspace, jti } in live {
        let jti = printable(jti.as_deref().unwrap_or("no id"));
        text += &format!(
            "  {jti} of '{}' ({})\n",
            printable(&workspace.name),
            printable(&workspace.id)
        );
    }
    text + "First revoke what nothing needs: ntcli token revoke JTI -w WORKSPACE\n"
}

fn report(live: &[Live]) -> Report {
    let mut text =
        "Session, workspaces, tokens, targets and domain are forgotten; nothing was revoked."
            .to_owned();
    text += &named(live)
        .replace("First revoke what nothing needs", "To revoke one, sign in again, then");
    let rows = live.iter().map(|Live { workspace, jti }| {
        Json::of([("jti", jti.clone().into()), ("workspace", app::json_workspace(workspace))])
    });
    let json = Json::of([
        ("still_live", Json::Array(rows.collect())),
        ("message", "The config file is back to its default".into()),
    ]);
    Report::new(format!("{}\n", text.trim_end()), json)
}
