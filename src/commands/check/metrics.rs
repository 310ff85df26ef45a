//! What monitoring looks at, in the text format of Prometheus.

use std::path::Path;

use crate::commands::prelude::*;
use crate::commands::survey::{self, Survey, WorkspaceState};
use crate::config::Config;
use crate::store;
use crate::time::Timestamp;

/// Writing a file takes milliseconds.
const FOLDER_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Refuses to write over what is not metrics: a target, a file of ours, or anybody else's.
///
/// # Errors
/// [`Error::invalid_value`].
pub(crate) fn check_path(app: &App, path: &Path) -> Result<()> {
    let refused = |message: String| Err(Error::invalid_value(message));
    if path == Path::new("-") {
        return refused(
            "--metrics takes a file; to print them: ntcli check --format prometheus".to_owned(),
        );
    }
    if store::identify(path).is_ok_and(|file| app.paths.lock.is_beside(&file)) {
        return refused("--metrics names one of ntcli's own files".to_owned());
    }
    let is_ours = |bytes: &[u8]| bytes.is_empty() || bytes.starts_with(b"# HELP ntcli_");
    match store::read_path(path) {
        Ok(Some(contents)) if !is_ours(&contents.bytes) => {
            refused(format!("--metrics: {} exists and holds something else", path.display()))
        }
        // Nothing is lost in a folder, and the writing warns of it.
        Err(_) if path.is_dir() => Ok(()),
        // What cannot be read may be anybody's.
        read => read.map(drop),
    }
}

/// Writes the metrics after a run, with what is known now. What cannot be written is only warned of.
pub(crate) fn write(ctx: &Context, path: &str, exit_code: u8) {
    let written = || {
        let app = App::open(ctx)?;
        let mut text = run(app.now(), exit_code);
        // A config file that cannot be used says so by the exit code of the run.
        if let Ok(survey) = survey(&app) {
            text += &of_survey(&survey);
        }
        let path = Path::new(path);
        let place = store::Place::find(path).map_err(|e| Error::write_file("replace", path, &e))?;
        let _lock = store::lock_folder(&place, FOLDER_WAIT, app.clock());
        // The run may have delivered the token to it.
        check_path(&app, path)?;
        store::replace_unsynced(&place, text.as_bytes(), store::PUBLIC)
    };
    let written: Result<()> = written();
    if let Err(error) = written {
        ctx.console.warn(&format!("The metrics were not written: {}", error.in_one_line()));
    }
}

fn survey(app: &App) -> Result<Survey> {
    let config = Config::load(&app.paths.config, &|_| {})?;
    let workspaces = app.selected(&config, true, None).unwrap_or_default();
    survey::look(app, &config, workspaces)
}

/// The metrics of everything that was looked at.
pub(super) fn whole(survey: &Survey) -> String {
    let last = survey.last_run.as_ref().map(|last| run(last.at, last.exit_code));
    last.unwrap_or_default() + &of_survey(survey)
}

fn run(at: Timestamp, exit_code: u8) -> String {
    let mut text = String::new();
    let help = "When a token refresh last ended.";
    single(&mut text, "last_run_timestamp_seconds", help, Some(at.secs()));
    let help = "The exit code of that run.";
    single(&mut text, "last_run_exit_code", help, Some(exit_code.into()));
    text
}

fn of_survey(survey: &Survey) -> String {
    let mut text = String::new();
    let seconds = |time: Option<Timestamp>| time.map(Timestamp::secs);
    let count = |n: usize| i64::try_from(n).ok();
    let mut of_each = |name, help, value: &dyn Fn(&WorkspaceState) -> Option<i64>| {
        gauge(&mut text, name, help, survey.workspaces.iter().map(|w| (labels(w), value(w))));
    };
    let help = "When the current token expires; absent if it never does, or does not say.";
    of_each("token_expiry_timestamp_seconds", help, &|w| seconds(w.token.expiry.at()));
    of_each("token_usable", "Whether the current token has not expired.", &|w| {
        Some((w.token.access_token.is_header_safe() && !w.token.has_ended(survey.now)).into())
    });
    let help = "When a token refresh last left nothing to do for the workspace.";
    of_each("last_success_timestamp_seconds", help, &|w| seconds(w.succeeded_at));
    if !survey.at_work {
        let help = "How many operations of earlier runs are pending and due.";
        of_each("pending_operations", help, &|w| count(w.pending.len()));
        let help = "Since when the oldest of them is pending.";
        of_each("pending_since_timestamp_seconds", help, &|w| seconds(w.pending_since()));
        let help = "How many targets must get the token.";
        of_each("targets", help, &|w| count(w.targets.len()));
        let help = "How many of them do not hold it.";
        of_each("targets_drifted", help, &|w| count(w.drifted()));
    }
    let session = &survey.session;
    let (usable, renews) = (session.is_usable().into(), session.renews().into());
    let help = "Whether the next run has a session.";
    single(&mut text, "session_usable", help, Some(usable));
    let help = "Whether the session can renew itself.";
    single(&mut text, "session_renews", help, Some(renews));
    let help = "When the session ends, or is renewed; absent if it does not say.";
    single(&mut text, "session_expiry_timestamp_seconds", help, seconds(session.ends()));
    text
}

/// A metric without labels.
fn single(text: &mut String, name: &str, help: &str, value: Option<i64>) {
    gauge(text, name, help, [(String::new(), value)]);
}

/// One metric, with a line for each value that is known.
fn gauge(
    text: &mut String,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (String, Option<i64>)>,
) {
    let mut head = Some(format!("# HELP ntcli_{name} {help}\n# TYPE ntcli_{name} gauge\n"));
    for (labels, value) in values {
        if let Some(value) = value {
            text.push_str(&head.take().unwrap_or_default());
            text.push_str(&format!("ntcli_{name}{labels} {value}\n"));
        }
    }
}

fn labels(workspace: &WorkspaceState) -> String {
    let escaped = |text: &str| printable(text).replace('\\', "\\\\").replace('"', "\\\"");
    let (name, id) = (escaped(&workspace.workspace.name), escaped(&workspace.workspace.id));
    format!("{{workspace=\"{name}\",workspace_id=\"{id}\"}}")
}
