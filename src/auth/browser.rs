//! Opens a web browser.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::context::{Env, handle, ready, without_session};

const FAILS_WITHIN: Duration = Duration::from_millis(300);

/// Opens `url` in a browser, without the session variables. Returns `None` if there is no browser,
/// display or terminal (`BROWSER` says that there is one), or if it fails at once.
///
/// The browser stays open when the `Child` is dropped.
pub(crate) fn open(env: &Env, at_terminal: bool, url: &str) -> Option<Child> {
    let has_display = at_terminal && (env.os("DISPLAY").or(env.os("WAYLAND_DISPLAY"))).is_some();
    let usual = has_display.then(|| "xdg-open".to_owned());
    let wish = env.text("BROWSER").or(usual)?;
    // The first of a list.
    let mut words = wish.split(':').next()?.split_whitespace();
    let mut command = Command::new(words.next()?);
    command
        .args(words)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C ends the sign-in, not the browser.
        .process_group(0);
    without_session(&mut command);
    command.env_remove("NTCLI_WORKSPACE_TOKEN");
    let mut opener = command.spawn().ok()?;
    // One that fails does so at once.
    if let Some(handle) = handle(opener.id()) {
        ready(&mut [PollFd::new(&handle, PollFlags::IN)], Some(FAILS_WITHIN));
    }
    let failed = opener.try_wait().ok().flatten().is_some_and(|status| !status.success());
    (!failed).then_some(opener)
}
