//! Whether something runs the refresh again and again.

use std::fs;
use std::path::{Path, PathBuf};

use super::Checks;
use super::local::shown;
use crate::commands::app::App;
use crate::config_dir::last_run::LastRun;

/// Where cron and systemd look, as Debian and its kin have it.
const FOLDERS: [&str; 7] = [
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/var/spool/cron/crontabs",
    "/var/spool/cron",
    "/etc/systemd/system/timers.target.wants",
    "/usr/lib/systemd/system/timers.target.wants",
];
/// More is no file of cron or systemd.
const LIMIT: u64 = 1 << 20;
const SILENT_S: i64 = 3 * 86_400;

pub(super) fn look(checks: &mut Checks, app: &App) {
    let home = app.ctx.env.os("HOME").map(Path::new);
    let of_user = home.map(|home| home.join(".config/systemd/user/timers.target.wants"));
    let folders = FOLDERS.iter().map(PathBuf::from).chain(of_user);
    let files = folders.filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
    let files = files.map(|file| file.path()).chain([PathBuf::from("/etc/crontab")]);
    let found = files.into_iter().find(|file| names_ntcli(file));
    let last = LastRun::load(&app.paths.last_run);
    let ran = last.as_ref().map_or_else(
        || "no refresh has run yet".to_owned(),
        |last| format!("the last refresh ended {} with exit code {}", last.at, last.exit_code),
    );
    let has_failed = last.as_ref().is_some_and(|last| last.exit_code != 0);
    let is_silent = last.is_none_or(|last| app.now().secs() - last.at.secs() > SILENT_S);
    match found {
        _ if has_failed => checks.warn("timer", ran, "ntcli renew"),
        Some(found) if is_silent => {
            let text = format!("{} is there, but {ran}", found.display());
            checks.warn("timer", text, "systemctl list-timers; systemctl status cron");
        }
        Some(found) => checks.ok("timer", format!("{}; {ran}", found.display())),
        None if is_silent => {
            let text = format!("no timer or cron line that this user can read names ntcli; {ran}");
            // Cron's PATH has neither /usr/local/bin nor what a shell has.
            let me = std::env::current_exe().unwrap_or_else(|_| "ntcli".into());
            let line = format!("17 3 * * *  {} -q renew", shown(&me));
            checks.warn("timer", text, format!("crontab -e, with the line: {line}"));
        }
        None => checks.ok("timer", format!("none was found, but {ran}")),
    }
}

/// Whether its name says so, or a line of it that is no comment.
fn names_ntcli(file: &Path) -> bool {
    if file.file_name().is_some_and(|name| name.to_string_lossy().contains("ntcli")) {
        return true;
    }
    if fs::metadata(file).map_or(true, |found| !found.is_file() || found.len() > LIMIT) {
        return false;
    }
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains("ntcli"))
}
