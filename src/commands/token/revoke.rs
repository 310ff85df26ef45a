//! `ntcli token revoke`

use crate::api::Api;
use crate::cli::TokenRevoke;
use crate::commands::app;
use crate::commands::prompt::{self, Question};
use crate::commands::server::Server;
use crate::commands::token::show;
use crate::config::{Config, Paths, Workspace};
use crate::config_dir::{self, State};
use crate::context::Context;
use crate::error::{Error, Failure, ManageError, Result, chain, exit, moment};
use crate::json::Json;
use crate::jwt;
use crate::output::Report;
use crate::rotation::journal::{Pending, Record, Rotation, WorkspaceRef};
use crate::rotation::{Event, HistoryEvent, Rotator, Store};
use crate::text::{printable, shell_word};

const REVOKE: &str = "revoke the token";
/// What makes the workspace usable again once its current token is gone.
const NEXT: &str = "ntcli token create --save";

/// Revokes one token, or those that earlier runs still owe.
pub(in crate::commands) fn run(ctx: &mut Context, args: &TokenRevoke) -> Result<Report> {
    match args.jti.as_deref() {
        Some(jti) => one(ctx, args, jti),
        None => pending(ctx, args),
    }
}

fn one(ctx: &mut Context, args: &TokenRevoke, jti: &str) -> Result<Report> {
    if jti.trim().is_empty() {
        return Err(Error::InvalidValue {
            message: "The JTI is empty; nothing was sent".to_owned(),
        });
    }
    if let Some(claims) = jwt::claims(jti) {
        // It would stand in the path, which everything on the way keeps in its logs.
        return Err(Error::Usage {
            message: "That is a token, not its JTI; nothing was sent".to_owned(),
            hint: claims.jti.map_or("ntcli token list".to_owned(), |jti| {
                format!("ntcli token revoke {}", shell_word(&jti))
            }),
            exit_code: exit::USAGE,
        });
    }
    let lock_wait = app::lock_wait(args.lock_wait.as_deref())?;
    let paths = Paths::find(&ctx.env)?;
    let config = Config::load(&paths.config, &ctx.console)?;
    let server = Server::for_session(ctx, &config)?;
    let seen = app::workspace(ctx, &config, args.workspace.as_deref())?;
    if !args.force {
        agree(ctx, &seen, jti)?;
    }

    let (mut state, _) = State::lock(&paths, lock_wait, &*ctx.clock, &ctx.console)?;
    let api = server.api();
    let place = app::place(&seen);
    // Pending work first: an interrupted refresh may be about to make this token the current one.
    let mut settled = Vec::new();
    recover(ctx, &mut state, &api, &mut settled)?;
    let is_it = |(p, j): &(WorkspaceRef, String)| p.id == place.id && j == jti;
    let done_before = settled.iter().any(is_it);
    for (place, jti) in settled.into_iter().filter(|done| !is_it(done)) {
        app::tell(&ctx.console, &Event::Revoked { place, jti });
    }
    let revoked_at = if done_before {
        None
    } else {
        match api.revoke_present(&place.id, jti) {
            Ok(at) => {
                state.note(
                    &place,
                    &HistoryEvent::Revoked {
                        jti: jti.to_owned(),
                    },
                );
                at
            }
            Err(failure) => return Err(not_revoked(ctx, &mut state, &api, &place, jti, failure)),
        }
    };
    // Only now: until the server has revoked it, nothing here may forget it.
    let forgotten = forget(&mut state, &place, jti);
    let was_current = *forgotten.as_ref().unwrap_or(&is_current(Some(&seen), jti));
    let mut text = format!("Token {} has been revoked.\n", printable(jti));
    if was_current {
        let name = printable(&place.name);
        text += &format!("It was the current token of '{name}', which has none now.\n");
        ctx.console.say(&format!("Next: {NEXT}"));
    }
    let json = Json::of([
        ("jti", jti.into()),
        (
            "revoked_at",
            revoked_at.unwrap_or_else(|| ctx.clock.now()).into(),
        ),
        ("status", "revoked".into()),
        ("was_current", was_current.into()),
        ("workspace", app::json_place(&place)),
    ]);
    let problem = forgotten.err().map(|error| {
        let (done, causes) = ("The token was revoked", chain(&error));
        ManageError::StoredBehind {
            done,
            then: NEXT,
            causes,
        }
        .into()
    });
    Ok(Report::new(text, json).with_problem(problem))
}

fn agree(ctx: &mut Context, workspace: &Workspace, jti: &str) -> Result<()> {
    let (name, shown) = (printable(&workspace.name), printable(jti));
    let what = if is_current(Some(workspace), jti) {
        format!(
            "Token {shown} is the current token of '{name}': without it, nothing here works on '{name}'."
        )
    } else {
        format!("Token {shown} of '{name}' would be revoked: whoever uses it is locked out.")
    };
    let question = Question {
        what,
        ask: "Revoke it? [y/N]".to_owned(),
        yes: &["y", "Y", "yes", jti],
        forced: format!(
            "ntcli token revoke {} -w {} --force",
            shell_word(&shown),
            shell_word(&printable(&workspace.id))
        ),
    };
    prompt::consent(ctx, &question)
}

fn is_current(workspace: Option<&Workspace>, jti: &str) -> bool {
    let current = workspace.and_then(|w| w.token.as_ref());
    current.is_some_and(|t| t.jti.as_deref() == Some(jti))
}

/// Why it was not revoked. A 404 may come from another server than the one that was meant, so the
/// list tells whether the token is gone; what is gone is forgotten here too.
fn not_revoked(
    ctx: &Context,
    state: &mut State,
    api: &Api,
    place: &WorkspaceRef,
    jti: &str,
    failure: Failure,
) -> Error {
    match failure {
        Failure::Rejected {
            status: 404 | 410, ..
        } => {}
        Failure::Unknown { .. } => {
            return ManageError::Unconfirmed {
                action: REVOKE,
                failure,
                then: "ntcli token list",
            }
            .into();
        }
        failure => return Error::call(REVOKE, failure),
    }
    match api.tokens(&place.id) {
        Ok(tokens) if tokens.iter().all(|t| t.jti != jti || t.revoked) => {}
        _ => return Error::call(REVOKE, failure),
    }
    match forget(state, place, jti) {
        Ok(true) => ctx.console.warn(&format!(
            "It was the current token of '{}' here, and is forgotten. Next: {NEXT}",
            printable(&place.name)
        )),
        Ok(false) => {}
        Err(error) => ctx.console.warn(&error.to_string()),
    }
    ManageError::UnknownToken {
        jti: jti.to_owned(),
    }
    .into()
}

/// Forgets a token that is gone; answers whether it was the current one.
fn forget(state: &mut State, place: &WorkspaceRef, jti: &str) -> Result<bool> {
    let current = is_current(state.config()?.workspace(&place.key).as_ref(), jti);
    if current {
        state.update(|config| {
            config.clear_token(&place.key);
            Ok(())
        })?;
    }
    let ledger = state.ledger()?;
    let mut records = vec![Record::Gone {
        workspace: place.id.clone(),
        jti: jti.to_owned(),
    }];
    // A refresh that was to hand this token on has nothing to hand on any more; that it still has
    // an old token to revoke stays true.
    if let Some(rotation) = ledger.rotation(&place.id)
        && rotation.token.jti.as_deref() == Some(jti)
    {
        let old = rotation.old.as_ref().and_then(|old| old.jti.clone());
        records.extend(old.map(|jti| Record::Owed {
            place: place.clone(),
            jti,
            not_before: None,
        }));
        records.push(Record::Done {
            workspace: place.id.clone(),
        });
    }
    state.strike(&records)?;
    Ok(current)
}

/// Does the pending work, tells of it, and keeps what was revoked: that is told with the result.
///
/// Answers what is left, and whether any of it is due.
fn recover(
    ctx: &Context,
    state: &mut State,
    api: &Api,
    revoked: &mut Vec<(WorkspaceRef, String)>,
) -> Result<(Pending, bool)> {
    let mut tell = |event: Event| match event {
        Event::Revoked { place, jti } => revoked.push((place, jti)),
        other => app::tell(&ctx.console, &other),
    };
    let mut rotator = Rotator::new(api, state, &*ctx.clock, &mut tell)?;
    rotator.recover_only(&[], false);
    let ledger = rotator.ledger().clone();
    let waiting = ledger.rotations.iter().any(Rotation::waits_for_hooks);
    Ok((ledger, waiting || rotator.is_overdue()))
}

/// Does what the journal owes and is due.
fn pending(ctx: &mut Context, args: &TokenRevoke) -> Result<Report> {
    let lock_wait = app::lock_wait(args.lock_wait.as_deref())?;
    let paths = Paths::find(&ctx.env)?;
    let config = Config::load(&paths.config, &ctx.console)?;
    if let Some(name) = args.workspace.as_deref() {
        config.find(name)?;
    }
    if !config_dir::peek_ledger(&paths)?.owes_anything() {
        return Ok(settled(&[], "Nothing is owed.\n", "nothing_owed"));
    }
    let server = Server::for_session(ctx, &config)?;
    let (mut state, _) = State::lock(&paths, lock_wait, &*ctx.clock, &ctx.console)?;
    let mut revoked = Vec::new();
    let (ledger, overdue) = recover(ctx, &mut state, &server.api(), &mut revoked)?;
    let mut text = String::new();
    for (place, jti) in &revoked {
        let (jti, name) = (printable(jti), printable(&place.name));
        text += &format!("Token {jti} of '{name}' has been revoked.\n");
    }
    if overdue {
        let report = settled(&revoked, &text, "still_owed");
        return Ok(report.with_problem(Some(still_owed(&ledger).into())));
    }
    for owed in &ledger.owed {
        let (jti, name) = (printable(&owed.jti), printable(&owed.place.name));
        let until = moment(owed.not_before);
        text += &format!("Token {jti} of '{name}' is to be revoked after {until}.\n");
    }
    text += if ledger.owed.is_empty() {
        "Nothing is owed any more.\n"
    } else {
        "Nothing is due.\n"
    };
    Ok(settled(&revoked, &text, "done"))
}

fn still_owed(ledger: &Pending) -> ManageError {
    let windows = ledger.windows.iter().map(|w| &w.place);
    let rotations = ledger.rotations.iter().map(|r| &r.place);
    let owed = ledger.owed.iter().map(|o| &o.place);
    let mut left: Vec<String> = Vec::new();
    for place in windows.chain(rotations).chain(owed) {
        for words in show::pending(ledger, &place.id) {
            let line = printable(&format!("'{}': {words}", place.name));
            if !left.contains(&line) {
                left.push(line);
            }
        }
    }
    let handing_on = ledger.rotations.iter().any(Rotation::waits_for_hooks);
    ManageError::StillOwed { left, handing_on }
}

fn settled(revoked: &[(WorkspaceRef, String)], text: &str, status: &str) -> Report {
    let revoked = revoked.iter().map(|(place, jti)| {
        Json::of([
            ("jti", jti.as_str().into()),
            ("workspace", app::json_place(place)),
        ])
    });
    let json = Json::of([
        ("revoked", Json::Array(revoked.collect())),
        ("status", status.into()),
    ]);
    Report::new(text, json)
}
