//! `ntcli workspace create`

use super::{called, fetch, json};
use crate::api::{CreatedWorkspace, RemoteWorkspace};
use crate::cli::WorkspaceCreate;
use crate::commands::app;
use crate::commands::server::Server;
use crate::config::{Config, Paths, bare_id};
use crate::config_dir::State;
use crate::context::Context;
use crate::error::{Error, Failure, ManageError, NewTokenFate, Result, chain, exit};
use crate::json::Json;
use crate::output::Report;
use crate::rotation::journal::{Record, WorkspaceRef};
use crate::rotation::{ControlPlane, HistoryEvent, Rotator, Store};
use crate::store::ReplaceError;
use crate::text::printable;
use crate::time::Timestamp;
use crate::token::Token;

const LONGEST_NAME: usize = 20;

/// Creates a workspace and makes it the active one.
pub(in crate::commands) fn run(ctx: &mut Context, args: &WorkspaceCreate) -> Result<Report> {
    check_name(&args.name)?;
    let paths = Paths::find(&ctx.env)?;
    let before = Config::load(&paths.config, &ctx.console)?;
    let server = Server::for_anybody(ctx, &before)?;
    let (mut state, _) = State::lock(&paths, app::lock_wait(None)?, &*ctx.clock, &ctx.console)?;
    // Whatever cannot be written is found out before the server is asked for anything.
    state.config()?;
    state.probe()?;

    let api = server.api();
    let at = ctx.clock.now();
    let made = api.create_workspace(&args.name, args.description.as_deref());
    let (made, lost) = match made {
        Ok(made) => (made, false),
        Err(failure) => (find_lost(&server, &args.name, failure)?, true),
    };
    let place = store(ctx, &mut state, &api, &made)?;
    if lost {
        ctx.console.say(&format!(
            "The answer to the request was lost, but the server has workspace {} now.",
            called(&place)
        ));
        if let Err(error) = look_for_tokens(ctx, &mut state, &api, &place, at) {
            ctx.console.warn(&format!(
                "{error}; whether a token came with it is not known: ntcli token list"
            ));
        }
    }
    Ok(report(ctx, &place, made.token.as_ref()))
}

fn check_name(name: &str) -> Result<()> {
    let fits = (1..=LONGEST_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
    if fits {
        return Ok(());
    }
    Err(Error::Usage {
        message: "A workspace name has 1 to 20 characters: lower-case letters, digits, - and _; \
                  nothing was sent"
            .to_owned(),
        hint: "ntcli workspace create --help".to_owned(),
        exit_code: exit::USAGE,
    })
}

/// No answer that can be used. A name is borne once, so the list tells whether it was made.
fn find_lost(server: &Server, name: &str, failure: Failure) -> Result<CreatedWorkspace> {
    match failure {
        Failure::Rejected { status: 409, .. } => Err(ManageError::WorkspaceExists {
            name: name.to_owned(),
        }
        .into()),
        failure @ Failure::Unknown { in_flight, .. } => {
            let listed = fetch(server);
            let found = |w: &RemoteWorkspace| w.name == name;
            match listed.map(|all| all.into_iter().find(found)) {
                Ok(Some(workspace)) => Ok(CreatedWorkspace {
                    workspace,
                    token: None,
                }),
                Ok(None) if !in_flight => Err(Error::call(CREATE, failure)),
                _ => Err(ManageError::Unconfirmed {
                    action: CREATE,
                    failure,
                    then: "ntcli workspace list",
                }
                .into()),
            }
        }
        failure => Err(Error::call(CREATE, failure)),
    }
}

const CREATE: &str = "create the workspace";

/// Puts the workspace and the token that came with it into the config file, in one step.
fn store(
    ctx: &Context,
    state: &mut State,
    api: &dyn ControlPlane,
    made: &CreatedWorkspace,
) -> Result<WorkspaceRef> {
    let CreatedWorkspace { workspace, token } = made;
    let mut place = WorkspaceRef {
        key: workspace.id.clone(),
        id: bare_id(&workspace.id).to_owned(),
        name: workspace.name.clone(),
    };
    let as_it_was = |error| ReplaceError {
        in_place: false,
        error,
    };
    let mut kept = false;
    let stored = state.config().map_err(as_it_was).and_then(|mut config| {
        if let Some(known) = config.workspace_by_id(&workspace.id) {
            place.key = known.key;
        }
        if let Some(token) = token {
            // From here on a kill does not lose the token: the next run stores it.
            let created = Record::Created {
                place: place.clone(),
                at: ctx.clock.now(),
                token: token.clone(),
                old: None,
                hand_over: false,
                grace_s: None,
            };
            let appended = state.append(&[created], true);
            appended.map_err(|failed| as_it_was(failed.error))?;
            kept = true;
        }
        config.put_workspace(&place.key, &place.name);
        if let Some(token) = token {
            config.set_token(&place.key, &place.name, token);
        }
        config.set_active(Some(&place.key));
        config.save(&*ctx.clock)
    });
    let done = Record::Done {
        workspace: place.id.clone(),
    };
    if let Err(failed) = stored {
        let fate = token.as_ref().map(|token| match &token.jti {
            _ if failed.in_place => NewTokenFate::Kept,
            Some(jti) if api.revoke(&place.id, jti).is_ok() => {
                // Were it to stay in the journal, the next run would find it dead and let it go.
                let _ = state.strike(&[done]);
                NewTokenFate::Revoked
            }
            _ if kept => NewTokenFate::Kept,
            _ => NewTokenFate::Live,
        });
        return Err(ManageError::StoreWorkspace {
            name: place.name,
            token: fate,
            causes: chain(&failed.error),
        }
        .into());
    }
    if let Some(token) = token {
        // Were it to stay, the next run would store the token once more.
        let _ = state.strike(&[done]);
        let deed = HistoryEvent::HandedOut {
            jti: token.jti.clone(),
            expires_at: token.expiry.at(),
        };
        state.note(&place, &deed);
    }
    Ok(place)
}

/// A token may have been in the answer that was lost: to be looked for as after a lost answer to
/// a refresh.
fn look_for_tokens(
    ctx: &Context,
    state: &mut State,
    api: &dyn ControlPlane,
    place: &WorkspaceRef,
    at: Timestamp,
) -> Result<()> {
    let mut tell = |event| app::tell(&ctx.console, &event);
    state.append(
        &[Record::Creating {
            place: place.clone(),
            at,
            until: ctx.clock.now(),
        }],
        true,
    )?;
    Rotator::new(api, state, &*ctx.clock, &mut tell)?.recover_only(&[], false);
    Ok(())
}

fn report(ctx: &Context, place: &WorkspaceRef, token: Option<&Token>) -> Report {
    let mut text = format!("Workspace created: {}\n", printable(&place.name));
    text += &format!("ID: {}\n", printable(&place.id));
    text += "It is the active workspace now.\n";
    match token {
        Some(token) => {
            let jti = printable(token.jti_for_people());
            text += &format!("Its first token ({jti}) is stored as the current one.\n");
        }
        None => ctx
            .console
            .say("It has no token here yet: ntcli token create"),
    }
    let json = Json::of([
        ("workspace", json(place)),
        ("active", true.into()),
        (
            "token",
            token
                .map(|t| {
                    Json::of([
                        ("jti", t.jti.clone().into()),
                        ("expires_at", t.expiry.at().into()),
                    ])
                })
                .into(),
        ),
        ("message", "Workspace created".into()),
    ]);
    Report::new(text, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "prod-1_x", "-", &"a".repeat(20)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a b", "a.b", "é", "a/b", "a\n", &"a".repeat(21)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
