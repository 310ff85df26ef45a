//! Messages for people about the events of the modules below.

use crate::auth;
use crate::config::Notice;
use crate::context::Console;
use crate::http::HttpEvent;
use crate::rotation::{Event, Origin, Orphan, WorkspaceRef};
use crate::text::{printable, shell_word};

/// What happens to the files of the config folder.
pub(super) fn print_notice(console: &Console, notice: &Notice) {
    match notice {
        Notice::Shared { path, made_private } => {
            let what = match made_private {
                Ok(()) => "it is private now (mode 0600)".to_owned(),
                Err(error) => format!("its mode stays as it is: {error}"),
            };
            console.warn(&format!("{} could be read by others; {what}", path.display()));
        }
        Notice::Closed { path } => console.warn(&format!(
            "Others could write to {}; it is closed now (mode 0700, its files 0600)",
            path.display()
        )),
        Notice::Waiting => console.progress("Waiting for another ntcli to finish"),
        Notice::Unfinished { reason } => console.warn(reason),
        Notice::HistoryLineLost { reason } => {
            console.warn(&format!("{reason}; a line is missing from the history"));
        }
        Notice::StateBehind { reason } => console.warn_of_work(reason),
    }
}

/// What the HTTP client does.
pub(super) fn print_http(console: &Console, event: &HttpEvent) {
    match event {
        HttpEvent::Trace(line) => console.say(line),
        // Unless something better is shown already.
        HttpEvent::Asking { host } if !console.shows_progress() => {
            console.progress(&format!("Waiting for {host}…"));
        }
        HttpEvent::Asking { .. } => {}
        HttpEvent::Waiting { pause } => {
            console.progress(&format!("Waiting {} s: the server is busy…", pause.as_secs()));
        }
    }
}

/// What happens to the session.
pub(super) fn print_session(console: &Console, event: &auth::Event) {
    match event {
        auth::Event::File(event) => print_notice(console, event),
        auth::Event::VariableIgnored => console.note(
            "NTCLI_TOKEN holds a workspace token, not a session: the stored session is used instead.",
        ),
        auth::Event::NotRenewed { reason } => {
            console.warn(&format!("{reason}; the present session is used until it ends"));
        }
        auth::Event::NotStored { reason } => {
            console.warn(&format!("The session was renewed for this run only: {reason}"));
        }
    }
}

/// What a rotation does: a line for each event, whatever its names and ids hold.
pub(super) fn print_rotation(console: &Console, event: &Event) {
    let say = |text: String| console.say(&printable(&text));
    let warn = |text: String| console.warn(&printable(&text));
    match event {
        Event::Progress(what) => console.progress(&format!("{}…", printable(what))),
        Event::Finished { workspace: WorkspaceRef { name, .. }, jti } => say(format!(
            "An interrupted refresh of '{name}' was finished: its token ({}) is the current one.",
            jti.as_deref().unwrap_or("no id")
        )),
        Event::Discarded { workspace: WorkspaceRef { name, .. }, jti } => say(format!(
            "An interrupted refresh of '{name}' was undone: its token ({}) is not used.",
            jti.as_deref().unwrap_or("no id")
        )),
        // The result tells.
        Event::Delivery { .. } => {}
        Event::Revoked { workspace: WorkspaceRef { name, .. }, jti } => say(format!(
            "Token {jti} of '{name}', which an earlier run left live, has been revoked."
        )),
        Event::StillLive { workspace: WorkspaceRef { name, .. }, jti, reason } => warn(format!(
            "Token {jti} of '{name}' may still be live: {reason}. Every later run tries again."
        )),
        Event::KeptLive { workspace, jti } => say(format!(
            "Token {jti} of '{}', the previous one, is still live: {}",
            workspace.name,
            revoke(jti, workspace)
        )),
        Event::Restored { workspace: WorkspaceRef { name, .. }, jti } => warn(format!(
            "Token {jti} of '{name}' was to be revoked, but is current again, as after a restored backup. It is \
             kept; ntcli token refresh replaces it."
        )),
        Event::Orphan { orphan, revoked } => print_orphan(console, orphan, *revoked),
        Event::Unsettled { workspace: WorkspaceRef { name, .. }, reason } => warn(format!(
            "Work of an earlier run on '{name}' could not be finished: {reason}. Every later run tries again."
        )),
        Event::WorkspaceFound { workspace: WorkspaceRef { name, id, .. } } => say(format!(
            "Workspace '{name}' ({id}) was created, although the answer was lost: ntcli workspace select {}",
            shell_word(name)
        )),
        Event::OtherServer { workspace: WorkspaceRef { name, server, .. } } => warn(format!(
            "Work is pending for '{name}' at {server}, and is left alone here. Finish it there: \
             NTCLI_API_URL={} ntcli token revoke --pending",
            shell_word(server)
        )),
    }
}

/// The live tokens that nothing here holds: one line for each workspace.
pub(super) fn print_orphans(console: &Console, orphans: &[Orphan]) {
    let mut left: Vec<&Orphan> = orphans.iter().collect();
    while let Some(first) = left.first().copied() {
        let those: Vec<&Orphan>;
        (those, left) = left.iter().partition(|other| other.workspace.is(&first.workspace));
        if those.len() == 1 {
            print_orphan(console, first, false);
            continue;
        }
        let (count, WorkspaceRef { name, id, .. }) = (those.len(), &first.workspace);
        let ids = those.iter().map(|one| one.jti.as_str()).collect::<Vec<_>>().join(", ");
        console.warn(&printable(&format!(
            "{count} live tokens of '{name}' may be ours, and nothing here holds them: {ids}. Revoke each: \
             ntcli token revoke JTI -w {}; or keep them: ntcli token revoke --pending --forget",
            shell_word(id)
        )));
    }
}

fn print_orphan(console: &Console, orphan: &Orphan, revoked: bool) {
    let (jti, name, what) = (&orphan.jti, &orphan.workspace.name, origin(orphan.origin));
    let text = if revoked {
        format!("Token {jti} of '{name}', whose answer was lost, has been revoked.")
    } else if jti.is_empty() {
        format!("A token of '{name}' {what}, and has no id by which to revoke it.")
    } else {
        let revoke = revoke(jti, &orphan.workspace);
        format!("Token {jti} of '{name}' {what}. Revoke it: {revoke} (with --forget: keep it)")
    };
    let text = printable(&text);
    if revoked { console.say(&text) } else { console.warn(&text) }
}

fn revoke(jti: &str, workspace: &WorkspaceRef) -> String {
    format!("ntcli token revoke {} -w {}", shell_word(jti), shell_word(&workspace.id))
}

/// What is known of a live token that nothing here holds.
pub(super) fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Match => "is live, and nothing here holds it: the answer to its request was lost",
        Origin::Maybe => "is live and may be ours: it is as old as a request without an answer",
        Origin::HandedOut => "is live, and ntcli token create may never have printed it",
        Origin::Superseded => "is live, and nothing here holds it: another program replaced it",
    }
}
