//! What this machine alone can tell: the program, its variables, the folder and what is in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::{Checks, Status};
use crate::auth;
use crate::commands::app::App;
use crate::commands::check::findings::{self, Level, Limits, SPACE};
use crate::commands::survey;
use crate::commands::workspace::revoke_unused;
use crate::config::Config;
use crate::config_dir::history as log;
use crate::http::Settings;
use crate::store;
use crate::targets::{Mounts, SavedTargets};
use crate::text::{counted, shell_word};

/// Variables of other clients and versions, which are not read here.
const UNUSED: [&str; 4] = [
    "NTCLI_MANAGEMENT_API_URL",
    "NTCLI_MCP_API_URL",
    "CLERK_DOMAIN",
    "NODE_TLS_REJECT_UNAUTHORIZED",
];
/// Variables that take the place of what is stored.
const SHADOWING: [&str; 5] = [
    "NTCLI_SESSION_TOKEN",
    "NTCLI_SESSION_TOKEN_FILE",
    "NTCLI_TOKEN",
    "NTCLI_API_URL",
    "NTCLI_WORKSPACE",
];

pub(super) fn shown(path: &Path) -> String {
    shell_word(&path.display().to_string())
}

pub(super) fn program(checks: &mut Checks, app: &App) {
    // Without /proc it cannot be told where we are.
    let me = std::env::current_exe().and_then(fs::canonicalize).unwrap_or_default();
    checks.ok("program", format!("ntcli {}, {}", env!("CARGO_PKG_VERSION"), me.display()));
    let path = app.ctx.env.os("PATH").unwrap_or_default();
    let found = std::env::split_paths(path).map(|dir| dir.join("ntcli"));
    match found.filter_map(|path| fs::canonicalize(path).ok()).find(|path| path.is_file()) {
        Some(first) if first != me => {
            let text = format!("the ntcli that PATH finds is another one: {}", first.display());
            checks.warn("program", text, format!("{} --version", shown(&first)));
        }
        Some(_) => {}
        None => {
            checks.warn("program", "PATH finds no ntcli: cron and scripts need its full path", "");
        }
    }
}

pub(super) fn variables(checks: &mut Checks, app: &App) {
    if let Err(reason) = Settings::from_env(&app.ctx.env) {
        checks.fail("variables", reason, "unset it, or set it to an accepted value");
    }
    let is_set = |name: &&str| app.ctx.env.os(name).is_some();
    for name in UNUSED.into_iter().filter(is_set) {
        let text = format!("{name} is set but has no effect");
        checks.warn("variables", text, format!("unset {name}"));
    }
    let shadowing = SHADOWING.into_iter().filter(is_set).collect::<Vec<_>>().join(", ");
    if !shadowing.is_empty() {
        checks.ok("variables", format!("override what is stored: {shadowing}"));
    }
}

/// Whether the folder can be used, and nobody else can.
pub(super) fn folder(checks: &mut Checks, app: &App) {
    let dir = &app.paths.dir;
    let Ok(found) = fs::metadata(dir) else {
        let text = format!("{} does not exist", dir.display());
        return checks.fail("folder", text, "ntcli auth login");
    };
    let before = checks.0.len();
    let mode = found.mode() & 0o7777;
    if let Err(error) = store::check_folder(&app.paths.lock) {
        checks.error("folder", &error);
    } else if mode & 0o077 != 0 {
        let text = format!("other users can look into {} (mode {mode:o})", dir.display());
        checks.warn("folder", text, format!("chmod 700 {}", shown(dir)));
    }
    for path in app.paths.files() {
        let Ok(file) = fs::symlink_metadata(path) else {
            continue;
        };
        let (name, mode) = (path.display(), file.mode() & 0o7777);
        if file.is_symlink() {
            let text = format!("{name} is a link: the file it points to is replaced");
            checks.warn("folder", text, "");
        } else if mode & 0o077 != 0 {
            let text = format!("others can read {name} (mode {mode:o})");
            checks.warn("folder", text, format!("chmod 600 {}", shown(path)));
        } else if file.uid() != found.uid() {
            let text = format!("{name} belongs to another user than its folder");
            let fix = format!("chown {}:{} {}", found.uid(), found.gid(), shown(path));
            checks.fail("folder", text, fix);
        }
    }
    // Where there is no lock file yet, no run is at work, and none is made.
    let lock = || store::lock(&app.paths.lock, Duration::ZERO, app.clock(), &mut || {});
    // What a run needs: a file beside the config file with some contents.
    let lock = app.paths.lock.exists().then(lock).transpose();
    let probed = lock.and_then(|_lock| {
        store::probe_replace(&app.paths.config)?;
        store::probe_space(&app.paths.config, SPACE)
    });
    match probed {
        Err(error) if error.is_locked() => {
            checks.warn("folder", "another ntcli is running, or hangs", "pgrep -a ntcli");
        }
        Err(error) => checks.error("folder", &error),
        Ok(()) if checks.0.len() == before => {
            let text = format!("{} is private, can be locked and written", dir.display());
            checks.ok("folder", text);
        }
        Ok(()) => {}
    }
}

/// The config file, if it can be used.
pub(super) fn config(checks: &mut Checks, app: &App) -> Option<Config> {
    let looked = Config::look(&app.paths.config).map_err(|error| checks.error("config", &error));
    let config = looked.ok()?;
    for (used, other) in config.unused_tokens() {
        let (name, used_key, other_key) = (&used.name, &used.key, &other.key);
        let text = format!(
            "'{name}' has two tokens: that of {used_key} is used, that of {other_key} is not"
        );
        let fix = revoke_unused(&used, &other);
        checks.warn("config", text, fix.as_deref().unwrap_or("ntcli workspace sync"));
    }
    for workspace in config.workspaces() {
        // The claims of the token win, but the other client goes by the field.
        let field = config.field_of(&workspace.key, "jti");
        if workspace.token.is_some_and(|token| field.is_some() && token.jti != field) {
            let name = workspace.name;
            let text = format!("the fields beside the token of '{name}' belong to another token");
            checks.warn("config", text, "ntcli token refresh");
        }
    }
    if !app.paths.config.exists() {
        checks.fail("config", "there is no config file", "ntcli auth login");
        return Some(config);
    }
    let count = counted(config.workspaces().len(), "workspace");
    let active = config.active_key().and_then(|key| config.workspace(key));
    let active = active.map_or("none".to_owned(), |active| active.name);
    checks.ok("config", format!("{count}, active: {active}"));
    if let Err(error) = app.workspace(&config, None) {
        checks.warn("config", error.in_one_line(), error.hint().unwrap_or_default());
    }
    Some(config)
}

pub(super) fn history(checks: &mut Checks, app: &App) {
    match log::read_whole(&app.paths.history) {
        Ok((lines, 0)) => checks.ok("history", counted(lines, "line")),
        Ok((lines, lost)) => {
            let text = format!("{}, and {lost} that cannot be read", counted(lines, "line"));
            checks.warn("history", text, "");
        }
        Err(error) => checks.error("history", &error),
    }
}

/// A session in a file of its own is for nobody else.
pub(super) fn session_file(checks: &mut Checks, app: &App, config: &Config) {
    let given = auth::from_env(&app.ctx.env, config).ok().flatten();
    let file = given.and_then(|given| given.file).unwrap_or_default();
    if fs::metadata(&file).is_ok_and(|found| found.mode() & 0o077 != 0) {
        let text = format!("other users can read the session in {}", file.display());
        checks.warn("session", text, format!("chmod 600 {}", shown(&file)));
    }
}

/// What does not get the token that is written for it.
pub(super) fn mounts(checks: &mut Checks, app: &App) {
    let targets = SavedTargets::load(&app.paths.targets);
    let targets = targets.as_ref().map_or(&[][..], SavedTargets::all);
    let mounts = if targets.is_empty() { return } else { Mounts::look() };
    for target in targets {
        if let Some((place, fix)) = mounts.of_target(target) {
            checks.warn("token", format!("target {}: {place}", target.id), &fix);
        }
    }
}

/// Tokens, pending work, session and targets: what monitoring looks at.
pub(super) fn tokens(checks: &mut Checks, app: &App, config: &Config) {
    let mut workspaces = config.workspaces();
    workspaces.retain(|workspace| workspace.token.is_some());
    if workspaces.is_empty() {
        checks.fail("token", "no workspace has a token here", "ntcli token create");
    }
    let survey = match survey::look(app, config, workspaces, false) {
        Ok(survey) => survey,
        Err(error) => return checks.error("journal", &error),
    };
    if let Some(fault) = survey.clock_fault() {
        checks.fail("clock", fault, "timedatectl set-ntp true");
    }
    let found = findings::judge(app, &survey, &Limits::default());
    for looked in survey.workspaces.iter().filter(|w| !found.of(&w.workspace)) {
        let (name, end) = (&looked.workspace.name, looked.token.expiry.for_people());
        let targets = counted(looked.targets.len(), "target");
        checks.ok("token", format!("'{name}' expires {end}, {targets}, nothing is pending"));
    }
    for (workspace, finding) in found.of_each().chain(found.session.iter().map(|f| (None, f))) {
        let is_critical = finding.level == Level::Critical;
        let status = if is_critical { Status::Failed } else { Status::Warning };
        let name = workspace.map_or(String::new(), |w| format!("'{}': ", w.name));
        let area = if workspace.is_some() { "token" } else { "session" };
        checks.add(area, status, &format!("{name}{}", finding.text), &finding.fix);
    }
    if found.session.is_none() {
        let session = &survey.session;
        let end = session.ends().map_or("at an unknown time".to_owned(), |at| at.to_string());
        let renews = if session.renews() { "renews itself" } else { "cannot renew itself" };
        checks.ok("session", format!("ends {end}, {renews}"));
    }
}
