//! `ntcli token revoke`

use super::pending::{self, Work};
use crate::cli::TokenRevoke;
use crate::commands::app::{self, App, As};
use crate::commands::prompt;
use crate::config::{Config, Workspace};
use crate::error::{Error, Result, renew_of};
use crate::json::Json;
use crate::jwt;
use crate::output::Report;
use crate::rotation::{ByHand, ControlPlane, Event, Rotator, WorkspaceRef};
use crate::secret::redact;
use crate::text::{printable, shell_word};

/// What makes the workspace usable again once its current token is gone.
const NEXT: &str = "ntcli token create --save";

/// Revokes a token by its name, or those whose revocation is pending; with `--forget`, drops them.
pub(crate) fn run(app: &App, args: &TokenRevoke) -> Result<Report> {
    let jti = args.jti.as_deref();
    jti.map_or(Ok(()), |jti| check_jti(jti, args.workspace.as_deref()))?;
    match jti {
        _ if args.forget => forget(app, args),
        None => all_pending(app, args),
        Some(jti) => by_name(app, args, jti),
    }
}

/// What stands in place of a JTI and is none.
fn check_jti(jti: &str, workspace: Option<&str>) -> Result<()> {
    if jti.trim().is_empty() {
        return Err(Error::invalid_value("The JTI is empty; nothing was sent"));
    }
    let claims = jwt::claims(jti);
    let is_token = redact(jti, &[]).split_whitespace().any(|word| word == "[redacted]");
    if is_token || claims.is_some() {
        // It would stand in the path, which everything on the way keeps in its logs.
        let jti = claims.and_then(|claims| claims.jti);
        return Err(Error::token_for_jti(jti.as_deref()).of_workspace(workspace));
    }
    Ok(())
}

fn by_name(app: &App, args: &TokenRevoke, jti: &str) -> Result<Report> {
    let config = app.config()?;
    let api = app.api(&config, As::User)?;
    let server = app.server(&config)?;
    let named = args.workspace.as_deref();
    let seen = meant(app, &config, named, &server);
    let seen = seen.or_else(|_| app.workspace_or_id(&config, named))?;
    if !args.force {
        agree(app, &seen, jti)?;
    }
    let workspace = app::workspace_ref(&seen, &server);
    let (mut dir, _aside) = app.lock_anywhere()?;
    let mut on_event = |event: Event| match &event {
        // That is what this command is for: it is told with the result.
        Event::Revoked { jti: revoked, .. } if revoked == jti => {}
        event => app.on_event(event),
    };
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    let done = rotator.revoke_by_hand(&workspace, jti)?;
    Ok(revoked(&workspace, jti, done))
}

fn revoked(workspace: &WorkspaceRef, jti: &str, done: ByHand) -> Report {
    let mut text = format!("Token {} has been revoked.\n", printable(jti));
    let is_bare = done.was_current && done.not_forgotten.is_none();
    if is_bare {
        let name = printable(&workspace.name);
        text += &format!("It was the current token of '{name}', which has none now.\n");
    }
    let json = Json::of([
        ("jti", jti.into()),
        ("revoked_at", done.revoked_at.into()),
        ("status", "revoked".into()),
        ("was_current", done.was_current.into()),
        ("workspace", app::json_workspace(workspace)),
    ]);
    let problem =
        done.not_forgotten.map(|error| Error::stored_behind("The token was revoked", NEXT, &error));
    Report::new(text, json)
        .with_problem(problem)
        .with_next_step(is_bare.then(|| format!("Next: {NEXT}")))
}

/// The workspace that is meant. One that the config file has no more may have work pending at that
/// server.
fn meant(app: &App, config: &Config, named: Option<&str>, server: &str) -> Result<Workspace> {
    let found = app.workspace(config, named);
    let Some(name) = found.as_ref().err().and_then(Error::unknown_name) else {
        return found;
    };
    let pending = app.pending()?;
    let is_meant = |w: &&WorkspaceRef| {
        w.is_on(server) && [&w.id, &w.name, &w.key].iter().any(|called| *called == name)
    };
    pending.workspaces().find(is_meant).cloned().map_or(found, |known| {
        let WorkspaceRef { key, id, name, .. } = known;
        Ok(Workspace { key, id, name, token: None })
    })
}

fn agree(app: &App, workspace: &Workspace, jti: &str) -> Result<()> {
    let (name, shown) = (printable(&workspace.name), printable(jti));
    let current = workspace.token.as_ref().and_then(|token| token.jti.as_deref());
    let is_current = if current == Some(jti) { " It is the current token." } else { "" };
    let what = format!(
        "Revoking token {shown} of '{name}' locks out everything that uses it.{is_current}"
    );
    let (jti, id) = (shell_word(&shown), shell_word(&printable(&workspace.id)));
    let forced = format!("ntcli token revoke {jti} -w {id} --force");
    prompt::consent(app.ctx, &what, "yes", &forced)
}

/// Does the revocations that are pending and due.
fn all_pending(app: &App, args: &TokenRevoke) -> Result<Report> {
    let config = app.config()?;
    if let Some(name) = args.workspace.as_deref() {
        config.find(name)?;
    }
    if !app.pending()?.has_work() {
        return Ok(settled(&[], "Nothing is pending.\n", "nothing_pending"));
    }
    let api = app.api(&config, As::User)?;
    let mut dir = app.lock()?;
    let mut consumers = app.remembered(&mut dir)?;
    let mut revoked: Vec<(WorkspaceRef, String)> = Vec::new();
    let mut on_event = |event: Event| match event {
        Event::Revoked { workspace, jti } => revoked.push((workspace, jti)),
        other => app.on_event(&other),
    };
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    rotator.deliver_to(&mut consumers);
    rotator.refresh(&[]);
    let is_overdue = rotator.overdue().is_some();
    drop(rotator);
    let left = app.pending()?;
    let overdue = is_overdue || left.rotations.iter().any(|r| r.awaits_delivery);

    let mut text = String::new();
    for (workspace, jti) in &revoked {
        let (jti, name) = (printable(jti), printable(&workspace.name));
        text += &format!("Token {jti} of '{name}' has been revoked.\n");
    }
    let works = pending::of(&left, |_| true).into_iter();
    let line = |work: Work| format!("'{}': {}", printable(&work.workspace), work.text);
    let lines: Vec<String> = works.map(line).collect();
    if overdue {
        let waiting = left.rotations.iter().filter(|r| r.awaits_delivery);
        let mut waiting = waiting.map(|r| r.workspace.name.as_str()).peekable();
        let delivery = waiting.peek().is_some().then(|| renew_of(waiting));
        let problem = Error::work_pending(lines, delivery, left.other_server(api.server()));
        return Ok(settled(&revoked, &text, "still_pending").with_problem(Some(problem)));
    }
    text += &lines.iter().map(|line| line.to_owned() + "\n").collect::<String>();
    text += if lines.is_empty() { "Nothing is pending any more.\n" } else { "Nothing is due.\n" };
    Ok(settled(&revoked, &text, "done"))
}

fn settled(revoked: &[(WorkspaceRef, String)], text: &str, status: &str) -> Report {
    let json = Json::of([("revoked", app::json_tokens(revoked)), ("status", status.into())]);
    let brief = text.lines().take(revoked.len()).collect::<Vec<_>>().join("\n");
    Report::new(text, json).that_changed(!revoked.is_empty()).in_brief(brief)
}

/// Drops what is pending about tokens, or with `--pending` about all. Nothing is sent: what is
/// live stays live.
fn forget(app: &App, args: &TokenRevoke) -> Result<Report> {
    let config = app.config()?;
    // Pending work of another server is forgotten here too.
    let named = args.workspace.as_deref().map(|name| meant(app, &config, Some(name), ""));
    let workspace = named.transpose()?.map(|found| app::workspace_ref(&found, ""));
    let mut dir = app.lock()?;
    let dropped = crate::rotation::forget(&mut dir, workspace.as_ref(), args.jti.as_deref())?;
    let tokens = dropped.tokens().map(|(w, jti)| (w, Some(jti.clone()), format!("Token {jti}")));
    let requests = dropped.creates.iter().map(|create| {
        let (workspace, at) = (&create.workspace, create.at);
        (workspace, None, format!("The request of '{}' at {at}", workspace.name))
    });
    let (mut text, mut all) = (String::new(), Vec::new());
    for (workspace, jti, what) in tokens.chain(requests) {
        let what = printable(&what);
        text += &format!("{what} is forgotten. What is live stays live: nothing was sent.\n");
        let workspace = app::json_workspace(workspace);
        all.push(Json::of([("jti", jti.into()), ("workspace", workspace)]));
    }
    let changed = !text.is_empty();
    if !changed {
        text += "There was nothing to forget.\n";
    }
    let json = Json::of([("forgotten", Json::Array(all)), ("status", "forgotten".into())]);
    Ok(Report::new(text, json).that_changed(changed))
}
