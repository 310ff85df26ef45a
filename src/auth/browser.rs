//! Opens a web browser.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::context::{Env, SESSION_VARIABLES, handle, ready};

const FAILS_WITHIN: Duration = Duration::from_millis(300);

/// Opens `url` in a browser, without the session variables. Returns `None` if there is no browser,
/// display or terminal (`BROWSER` says that there is one), or if it fails at once.
///
/// The browser stays open when the `Child` is dropped.
pub(crate) fn open(env: &Env, at_terminal: bool, url: &str) -> Option<Child> {
    let mut command = match env.text("BROWSER") {
        Some(wish) => chosen(&wish, url)?,
        None => usual(env, at_terminal, url)?,
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C ends the sign-in, not the browser.
        .process_group(0);
    for variable in SESSION_VARIABLES {
        command.env_remove(variable);
    }
    command.env_remove("NTCLI_WORKSPACE_TOKEN");
    let mut opener = command.spawn().ok()?;
    // One that fails does so at once.
    if let Some(handle) = handle(opener.id()) {
        ready(&mut [PollFd::new(&handle, PollFlags::IN)], Some(FAILS_WITHIN));
    }
    let failed = opener.try_wait().ok().flatten().is_some_and(|status| !status.success());
    (!failed).then_some(opener)
}

fn usual(env: &Env, at_terminal: bool, url: &str) -> Option<Command> {
    let macos = cfg!(target_os = "macos");
    let display = env.os("DISPLAY").or(env.os("WAYLAND_DISPLAY"));
    if !at_terminal || !(macos || display.is_some()) {
        return None;
    }
    let mut command = Command::new(if macos { "open" } else { "xdg-open" });
    command.arg(url);
    Some(command)
}

/// The first command of a `BROWSER` list; `%s` stands for the URL, which is appended otherwise.
fn chosen(wish: &str, url: &str) -> Option<Command> {
    let mut words = wish.split(':').next()?.split_whitespace();
    let mut command = Command::new(words.next()?);
    let mut placed = false;
    for word in words {
        placed |= word.contains("%s");
        command.arg(word.replace("%s", url));
    }
    if !placed {
        command.arg(url);
    }
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_becomes_a_command() {
        let words = |wish| {
            let command = chosen(wish, "http://u")?;
            let args = command.get_args().map(|a| a.to_string_lossy().into_owned());
            Some((command.get_program().to_string_lossy().into_owned(), args.collect::<Vec<_>>()))
        };
        let is = |wish, program: &str, args: &[&str]| {
            let args = args.iter().map(ToString::to_string).collect();
            assert_eq!(words(wish), Some((program.to_owned(), args)), "{wish}");
        };
        is("firefox", "firefox", &["http://u"]);
        is("firefox:w3m", "firefox", &["http://u"]);
        is("x --open=%s --new", "x", &["--open=http://u", "--new"]);
        is("/usr/bin/x -n", "/usr/bin/x", &["-n", "http://u"]);
        assert_eq!(words(" "), None);
    }
}
