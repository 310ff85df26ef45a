//! `--dry-run` of `token refresh` and of `renew`: what a run would do, as `rotation::plan` says it.

use super::results::not_due_before;
use super::survey::{Survey, WorkspaceState};
use crate::commands::prelude::*;
use crate::config::Config;
use crate::rotation::{
    Certainty, Deliver, Outlook, Planned, RefreshOptions, Step, WhyDeliver, plan,
};
use crate::store;
use crate::targets::Targets;

/// What is wanted of a workspace.
pub(super) struct Wish {
    pub(super) options: RefreshOptions,
    /// The targets that must get its token.
    pub(super) lacking: Vec<String>,
    /// The server is asked whether it still knows the token, which is refreshed if not.
    pub(super) asks: bool,
}

/// Keeps other runs away: one that is at work would be seen half-way, and must not lose the file that it is
/// writing to our trial. Tries that the files of a run can be written.
///
/// # Errors
/// One of them cannot; [`Error::locked`].
pub(super) fn begin(app: &App) -> Result<Option<store::Lock>> {
    let lock = app.keep_others_away()?;
    store::probe_replace(&app.paths.config, 0)?;
    store::probe_replace(&app.paths.journal, 0)?;
    Ok(lock)
}

/// Tells, for each workspace, what would be done and why.
pub(super) fn report(
    app: &App,
    config: &Config,
    survey: &Survey,
    consumers: &Targets,
    wish: impl Fn(&WorkspaceState) -> Wish,
) -> Report {
    app.note_ignored(config);
    let (mut text, mut results) = (String::new(), Vec::new());
    for state in &survey.workspaces {
        let Wish { options, lacking, asks } = wish(state);
        let outlook = Outlook {
            pending: &survey.pending,
            current: Some(&state.token),
            targets: &consumers.targets(&state.workspace),
            lacking: &lacking,
            now: &app.moment(),
        };
        let steps = plan(&state.workspace, &outlook, &options);
        let (lines, json) = of_one(state, &steps, asks);
        text += &lines;
        results.push(json);
    }
    let (words, code) = if !survey.session.is_usable() {
        // A renewal without one does what needs none.
        ("No session can be used", "none")
    } else if survey.session.has_ended {
        ("The session has ended and would be renewed", "to_be_renewed")
    } else {
        ("The session is good", "good")
    };
    text += &format!("{words}. Nothing was changed.\n");
    let json = Json::of([
        ("results", Json::Array(results)),
        ("dry_run", true.into()),
        ("session", code.into()),
    ]);
    Report::new(text, json).that_changed(false)
}

/// The plan for one workspace: a line for each step, and its actions.
fn of_one(state: &WorkspaceState, steps: &[Planned], asks: bool) -> (String, Json) {
    let name = printable(&state.workspace.name);
    let (mut text, mut actions) = (String::new(), Vec::new());
    for Planned { step, certainty } in steps {
        // That a refresh ends the token before it goes without saying.
        if matches!(step, Step::Revoke { jti } if replaces(steps, jti)) {
            continue;
        }
        let (action, about, why) = told(step);
        if about.is_empty() {
            text += &format!("{name}: {why}\n");
            continue;
        }
        let is_open = *certainty == Certainty::Open;
        let perhaps = if is_open { "perhaps " } else { "" };
        let (field, to) = if action == "deliver" { ("target", " to") } else { ("jti", "") };
        let of: Vec<String> = about.iter().flatten().map(|name| state.shown(name)).collect();
        let (of, words) = (printable(&of.join(", ")), why.replace('_', " "));
        text += &format!("{name}: would {perhaps}{action}{to} {of} ({words})\n");
        for value in about {
            let mut json = app::json_action(action, (field, value), &why);
            if is_open {
                json.set("depends_on_server", true.into());
            }
            actions.push(json);
        }
    }
    let mut json = Json::of([("workspace", app::json_workspace(&state.workspace))]);
    state.tell(&mut json, actions);
    let is_certain =
        |p: &Planned| matches!(p.step, Step::Refresh { .. }) && p.certainty == Certainty::Certain;
    if asks && !steps.iter().any(is_certain) {
        text += &format!("{name}: would refresh it if the server no longer knew its token\n");
        json.set("asks_server", true.into());
    }
    (text, json)
}

fn replaces(steps: &[Planned], jti: &str) -> bool {
    steps.iter().any(|p| matches!(&p.step, Step::Refresh { replaces: Some(old), .. } if old == jti))
}

/// What a step does, the tokens or targets that it is about, and why. One that does nothing is about none.
fn told(step: &Step) -> (&'static str, Vec<Option<String>>, String) {
    let (action, about, why) = match step {
        Step::Search { requested_at } => {
            return ("finish", vec![None], format!("a request of {requested_at} got no answer"));
        }
        Step::Finish { jti } => ("finish", vec![jti.clone()], "an earlier run was interrupted"),
        Step::Deliver { targets, why } => {
            let why = match why {
                WhyDeliver::New => "the token is new",
                WhyDeliver::LeftOver => "an earlier run could not deliver it",
                WhyDeliver::Lacking => "does not hold the current token",
            };
            ("deliver", targets.iter().cloned().map(Some).collect(), why)
        }
        Step::Refresh { replaces, why } => ("refresh", vec![replaces.clone()], why.code()),
        Step::Revoke { jti } => ("revoke", vec![Some(jti.clone())], "an earlier run left it live"),
        Step::NotDue { until, .. } => {
            return ("none", Vec::new(), not_due_before(*until));
        }
        Step::Keep { jti, until, .. } => {
            let jti = printable(jti);
            let until = until.map(|until| format!("will be revoked after {until}"));
            let why = until.unwrap_or_else(|| "stays live".to_owned());
            return ("none", Vec::new(), format!("{jti} {why}"));
        }
    };
    (action, about, why.to_owned())
}
