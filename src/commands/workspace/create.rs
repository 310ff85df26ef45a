//! `ntcli workspace create`

use super::{called, json};
use crate::cli::WorkspaceCreate;
use crate::commands::app::WITHOUT_TOKENS;
use crate::commands::prelude::*;
use crate::commands::results::token_json;
use crate::rotation::{CreatedWorkspace, Rotator};
use crate::text::shell_word;

const LONGEST_NAME: usize = 20;

/// Creates a workspace, and makes it the active one if that is asked for or none is.
pub(crate) fn run(app: &App, args: &WorkspaceCreate) -> Result<Report> {
    check_name(&args.name)?;
    let before = app.config()?;
    let api = app.api(&before, As::Anybody)?;
    let mut dir = app.lock()?;
    // Fails before anything is requested if it cannot be used.
    let is_active = args.select || dir.config()?.active_key().is_none();
    let mut on_event = |event| app.on_event(&event);
    let mut rotator = Rotator::new(&api, &mut dir, app.clock(), &mut on_event)?;
    let created = rotator.create_workspace(&args.name, args.description.as_deref(), is_active)?;
    let signed_in = app.check_session(&before).is_ok();
    Ok(report(app, &created, is_active, signed_in))
}

fn check_name(name: &str) -> Result<()> {
    let fits = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
    if fits {
        return Ok(());
    }
    Err(Error::usage(
        "A workspace name has 1 to 20 characters: lower-case letters, digits, - and _; \
                  nothing was sent",
        "ntcli workspace create --help",
    ))
}

fn report(app: &App, created: &CreatedWorkspace, is_active: bool, signed_in: bool) -> Report {
    let CreatedWorkspace { workspace, token, found } = created;
    if *found {
        app.console().note(&format!(
            "The answer to the request was lost, but the server has workspace {} now.",
            called(workspace)
        ));
    }
    let mut text = format!("Workspace created: {}\n", printable(&workspace.name));
    text += &format!("ID: {}\n", printable(&workspace.id));
    if is_active {
        text += "It is the active workspace now.\n";
    }
    let there = if is_active { String::new() } else { format!(" {}", shell_word(&workspace.name)) };
    let next = match token {
        Some(token) => {
            let jti = printable(token.jti_for_people());
            text += &format!("Its first token ({jti}) is stored as the current one.\n");
            None
        }
        None if signed_in => Some(format!("It has no token here yet: ntcli token create{there}")),
        None => Some(format!(
            "It has no token here yet: ntcli auth login, then ntcli token create{there} ({WITHOUT_TOKENS})"
        )),
    };
    let json = Json::of([
        ("workspace", json(workspace)),
        ("active", is_active.into()),
        ("token", token.as_ref().map(|token| token_json(token, false)).into()),
    ]);
    Report::new(text, json).with_next_step(next)
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
