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
        HttpEvent::Waiting { host, pause } => {
            console.progress(&format!("Waiting {} s: {host} is busy…", pause.as_secs()));
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
        auth::Event::Renewing => console.progress("Renewing the session…"),
        auth::Event::RenewalEnded => console.clear_progress(),
        auth::Event::NotRenewed { reason } => {
            console.warn(&format!("{reason}; the present session is used until it ends"));
        }
        auth::Event::NotStored { reason } => {
            console.warn(&format!("The session was renewed for this run only: {reason}"));
        }
    }
}

/// What a rotation does.
pub(super) fn print_rotation(console: &Console, event: &Event) {
    let name = |workspace: &WorkspaceRef| printable(&workspace.name);
    let id = |jti: &Option<String>| printable(jti.as_deref().unwrap_or("no id"));
    match event {
        Event::Progress(what) => console.progress(&format!("{}…", printable(what))),
        Event::Finished { workspace, jti } => console.say(&format!(
            "An interrupted refresh of '{}' was finished: its token ({}) is the current one.",
            name(workspace),
            id(jti)
        )),
        Event::Discarded { workspace, jti } => console.say(&format!(
            "An interrupted refresh of '{}' was undone: its token ({}) is not used.",
            name(workspace),
            id(jti)
        )),
        // The result tells.
        Event::Delivery { .. } => {}
        Event::Revoked { workspace, jti } => console.say(&format!(
            "Token {} of '{}', which an earlier run left live, has been revoked.",
            printable(jti),
            name(workspace)
        )),
        Event::StillLive { workspace, jti, reason } => console.warn(&format!(
            "Token {} of '{}' may still be live: {}. Every later run tries again.",
            printable(jti),
            name(workspace),
            printable(reason)
        )),
        Event::KeptLive { workspace, jti } => console.say(&format!(
            "Token {} of '{}', the previous one, is still live: ntcli token revoke {} -w {}",
            printable(jti),
            name(workspace),
            shell_word(&printable(jti)),
            shell_word(&printable(&workspace.id))
        )),
        Event::Restored { workspace, jti } => console.warn(&format!(
            "Token {} of '{}' was to be revoked, but is current again, as after a restored backup. It is \
             kept; ntcli token refresh replaces it.",
            printable(jti),
            name(workspace)
        )),
        Event::Orphan { orphan, revoked } => print_orphan(console, orphan, *revoked),
        Event::Unsettled { workspace, reason } => console.warn(&format!(
            "Work of an earlier run on '{}' could not be finished: {}. Every later run tries again.",
            name(workspace),
            printable(reason)
        )),
        Event::WorkspaceFound { workspace } => console.say(&format!(
            "Workspace '{}' ({}) was created, although the answer was lost: ntcli workspace select {}",
            name(workspace),
            printable(&workspace.id),
            shell_word(&name(workspace))
        )),
        Event::OtherServer { workspace } => console.warn(&format!(
            "Work is pending for '{}' at {}, and is left alone here. Finish it there: \
             NTCLI_API_URL={} ntcli token revoke --pending",
            name(workspace),
            printable(&workspace.server),
            shell_word(&workspace.server)
        )),
    }
}

/// The live tokens that nothing here holds: one line for each workspace.
pub(super) fn print_orphans(console: &Console, orphans: &[Orphan]) {
    let mut left: Vec<&Orphan> = orphans.iter().collect();
    while let Some(first) = left.first().copied() {
        let (those, others) = left.iter().partition(|other| other.workspace.is(&first.workspace));
        left = others;
        let those: Vec<&Orphan> = those;
        if those.len() == 1 {
            print_orphan(console, first, false);
            continue;
        }
        let ids = those.iter().map(|one| printable(&one.jti)).collect::<Vec<_>>().join(", ");
        console.warn(&format!(
            "{} live tokens of '{}' may be ours, and nothing here holds them: {ids}. Revoke each: \
             ntcli token revoke JTI -w {}; or keep them: ntcli token revoke --pending --forget",
            those.len(),
            printable(&first.workspace.name),
            shell_word(&first.workspace.id)
        ));
    }
}

fn print_orphan(console: &Console, orphan: &Orphan, revoked: bool) {
    let (jti, name) = (printable(&orphan.jti), printable(&orphan.workspace.name));
    if revoked {
        console.say(&format!("Token {jti} of '{name}', whose answer was lost, has been revoked."));
        return;
    }
    if orphan.jti.is_empty() {
        console.warn(&format!(
            "A token of '{name}' from ntcli token create may never have been printed, and has no id by \
             which to revoke it."
        ));
        return;
    }
    let revoke =
        format!("ntcli token revoke {} -w {}", shell_word(&jti), shell_word(&orphan.workspace.id));
    let what = origin(orphan.origin);
    console.warn(&format!(
        "Token {jti} of '{name}' {what}. Revoke it: {revoke} (with --forget: keep it)"
    ));
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
