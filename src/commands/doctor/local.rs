//! What this machine alone can tell: the program, its variables, the folder and what is in it.

use std::fs;
use std::iter::once;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::auth;
use crate::cli::Check;
use crate::commands::check::findings::{self, Findings, Level};
use crate::commands::prelude::*;
use crate::commands::survey;
use crate::commands::workspace::two_tokens;
use crate::config::Config;
use crate::config_dir::history as log;
use crate::config_dir::last_run::LastRun;
use crate::store;
use crate::targets::{Mounts, SavedTargets};
use crate::text::{counted, shell_word};

/// Variables of other clients and versions, which are not read here.
const UNUSED: &str =
    "NTCLI_MANAGEMENT_API_URL NTCLI_MCP_API_URL CLERK_DOMAIN NODE_TLS_REJECT_UNAUTHORIZED";
/// Variables that take the place of what is stored.
const SHADOWING: &str =
    "NTCLI_SESSION_TOKEN NTCLI_SESSION_TOKEN_FILE NTCLI_TOKEN NTCLI_API_URL NTCLI_WORKSPACE";
const SILENT_S: i64 = 3 * 86_400;

fn shown(path: &Path) -> String {
    shell_word(&path.display().to_string())
}

pub(super) fn program(found: &mut Findings, app: &App) {
    // Without /proc it cannot be told where we are.
    let me = std::env::current_exe().and_then(fs::canonicalize).unwrap_or_default();
    let text = format!("ntcli {}, {}", env!("CARGO_PKG_VERSION"), me.display());
    found.add("program", Level::Ok, text, "");
    let path = app.ctx.env.os("PATH").unwrap_or_default();
    let files =
        std::env::split_paths(&path).filter_map(|dir| dir.join("ntcli").canonicalize().ok());
    let (text, fix) = match files.into_iter().find(|path| path.is_file()) {
        Some(first) if first == me => return,
        Some(first) => (
            format!("the ntcli that PATH finds is another one: {}", first.display()),
            format!("{} --version", shown(&first)),
        ),
        None => {
            ("PATH finds no ntcli: cron and scripts need its full path".to_owned(), String::new())
        }
    };
    found.add("program", Level::Warning, text, fix);
}

pub(super) fn variables(found: &mut Findings, app: &App) {
    let is_set = |name: &&str| app.ctx.env.os(name).is_some();
    for name in UNUSED.split(' ').filter(is_set) {
        let text = format!("{name} is set but has no effect");
        found.add("variables", Level::Warning, text, format!("unset {name}"));
    }
    let shadowing = SHADOWING.split(' ').filter(is_set).collect::<Vec<_>>().join(", ");
    if !shadowing.is_empty() {
        let text = format!("override what is stored: {shadowing}");
        found.add("variables", Level::Ok, text, "");
    }
}

/// Whether the folder can be used, and nobody else can.
pub(super) fn folder(found: &mut Findings, app: &App) {
    let dir = &*app.paths.dir;
    let Ok(owner) = fs::metadata(dir).map(|dir| dir.uid()) else {
        let text = format!("{} does not exist", dir.display());
        return found.add("folder", Level::Critical, text, "ntcli auth login");
    };
    // Where there is no lock file yet, none is made.
    let lock = if app.paths.lock.exists() {
        store::lock(&app.paths.lock, Duration::ZERO, app.clock(), &mut || {}).map(drop)
    } else {
        store::check_folder(&app.paths.lock)
    };
    if let Some(error) = lock.err().filter(|error| !error.is_locked()) {
        found.error("folder", &error);
    }
    for path in once(dir.to_owned()).chain(app.paths.files()) {
        let Ok(file) = fs::symlink_metadata(&path) else {
            continue;
        };
        let (name, mode) = (path.display(), file.mode() & 0o777);
        if file.is_symlink() {
            let text = format!("{name} is a link, and what it points to is used");
            found.add("folder", Level::Warning, text, "");
        } else if mode & 0o077 != 0 {
            let text = format!("others can read {name} (mode {mode:o})");
            found.add("folder", Level::Warning, text, format!("chmod go= {}", shown(&path)));
        } else if file.uid() != owner {
            let text = format!("{name} belongs to another user than its folder");
            let fix = format!("chown --reference={} {}", shown(dir), shown(&path));
            found.add("folder", Level::Critical, text, fix);
        }
    }
    if let Some(reason) = store::local_locks(dir) {
        found.add("folder", Level::Warning, reason, format!("findmnt -T {}", shown(dir)));
    }
}

/// The config file, if it can be used.
pub(super) fn config(found: &mut Findings, app: &App) -> Option<Config> {
    let looked = Config::look(&app.paths.config).map_err(|error| found.error("config", &error));
    let config = looked.ok()?;
    for (text, fix) in two_tokens(&config) {
        found.add("config", Level::Warning, text, fix);
    }
    let old = app.paths.config.with_file_name("workspaces.json");
    if old.exists() {
        let text = "an older client left workspaces.json, with tokens that may live";
        let fix = format!("revoke what nothing uses, then: rm {}", shown(&old));
        found.add("config", Level::Warning, text, fix);
    }
    if !app.paths.config.exists() {
        found.add("config", Level::Critical, "there is no config file", "ntcli auth login");
        return Some(config);
    }
    let count = counted(config.workspaces().len(), "workspace");
    match app.workspace(&config, None) {
        Ok(used) => found.add("config", Level::Ok, format!("{count}, used: {}", used.name), ""),
        Err(error) => {
            let fix = error.hint().unwrap_or_default();
            found.add("config", Level::Warning, format!("{count}; {}", error.in_one_line()), fix);
        }
    }
    Some(config)
}

pub(super) fn history(found: &mut Findings, app: &App) {
    match log::read(&app.paths.history) {
        Ok(lines) => found.add("history", Level::Ok, counted(lines.len(), "line"), ""),
        Err(error) => found.error("history", &error),
    }
}

/// A session in a file of its own is for nobody else.
pub(super) fn session_file(found: &mut Findings, app: &App, config: &Config) {
    let given = auth::from_env(&app.ctx.env, config).ok().flatten();
    let file = given.and_then(|given| given.file).unwrap_or_default();
    if fs::metadata(&file).is_ok_and(|found| found.mode() & 0o077 != 0) {
        let text = format!("other users can read the session in {}", file.display());
        found.add("session", Level::Warning, text, format!("chmod 600 {}", shown(&file)));
    }
}

/// What does not get the token that is written for it.
pub(super) fn mounts(found: &mut Findings, app: &App) {
    let targets = SavedTargets::load(&app.paths.targets);
    let targets = targets.as_ref().map_or(&[][..], SavedTargets::all);
    let mounts = if targets.is_empty() { return } else { Mounts::look() };
    for target in targets {
        if let Some((place, fix)) = mounts.of_target(target) {
            found.add("token", Level::Warning, format!("target {}: {place}", target.id), &fix);
        }
    }
}

/// Tokens, pending work, session, targets, runs: what monitoring looks at.
pub(super) fn state(found: &mut Findings, app: &App, config: &Config) {
    let mut workspaces = config.workspaces();
    workspaces.retain(|workspace| workspace.token.is_some());
    if workspaces.is_empty() {
        found.add("token", Level::Critical, "no workspace has a token here", "ntcli token create");
    }
    let survey = match survey::look(app, config, workspaces) {
        Ok(survey) => survey,
        Err(error) => return found.error("journal", &error),
    };
    found.0.extend(findings::judge(app, &survey, &Check::default()).0);
    let last = survey.last_run.as_ref();
    if last.is_none_or(|last| survey.now.secs() - last.at.secs() > SILENT_S) {
        let said = last.map_or("no refresh has run yet".to_owned(), LastRun::said);
        // Cron's PATH has neither /usr/local/bin nor what a shell has.
        let me = std::env::current_exe().unwrap_or_else(|_| "ntcli".into());
        let line = format!("17 3 * * *  {} -q renew", shown(&me));
        found.add("timer", Level::Warning, said, format!("crontab -e, with the line: {line}"));
    }
}
