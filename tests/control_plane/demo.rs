//! A new user's path from the sign-in to a refresh, and one refresh that is killed half-way: real
//! commands, real sockets, and a real config folder that is removed afterwards.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use super::SESSION;
use super::server::{ControlPlane, Fault, Route, Times};

/// Runs `ntcli` commands one by one and shows them.
struct Tour {
    ntcli: PathBuf,
    home: PathBuf,
    server: ControlPlane,
    /// The running process, to be killed.
    running: Arc<Mutex<u32>>,
}

impl Drop for Tour {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Runs the whole demo with the program at `ntcli`.
///
/// # Errors
/// What went wrong, in words.
pub(crate) fn run(ntcli: &Path, server: ControlPlane) -> Result<(), String> {
    let home = std::env::temp_dir().join(format!("ntcli-demo-{}", std::process::id()));
    fs::create_dir(&home).map_err(|e| format!("cannot make {}: {e}", home.display()))?;
    let workspace = server.add_workspace("prod");
    let ntcli = fs::canonicalize(ntcli).map_err(|e| format!("no {}: {e}", ntcli.display()))?;
    let tour = Tour { ntcli, home, server, running: Arc::default() };

    say("A local control plane listens on loopback; everything below is real.");
    tour.works("printf %s \"$SESSION\" | ", "auth login --token-stdin", SESSION)?;
    tour.works("", "workspace select prod", "")?;
    tour.works("", "token create", "")?;
    say("Who uses the token is said once: here an env file.");
    tour.works("", "target add --env API_TOKEN=app.env", "")?;
    say("Refresh: ask for a new token, store it, deliver it, revoke the old one, confirm.");
    tour.works("", "token refresh --expires-in 86400", "")?;
    tour.works("", "token refresh --format json", "")?;
    tour.works("", "token show", "")?;
    tour.show_target()?;
    say(
        "What a timer runs every night: whatever it finds, it puts right. Somebody empties the file:",
    );
    fs::write(tour.home.join("app.env"), "").map_err(|e| e.to_string())?;
    tour.works("", "renew --dry-run", "")?;
    tour.works("", "renew", "")?;
    tour.show_target()?;

    say(
        "Now a refresh that is killed (SIGKILL) when the new token is stored and the old one is not revoked yet.",
    );
    let running = Arc::clone(&tour.running);
    let kill = Fault::Call { after: false, f: Arc::new(move || kill(&running)) };
    tour.server.fault(Route::TokenRevoke, Times::Once, kill);
    let killed = tour.show("", "token refresh", "")?;
    if killed.status.code().is_some() {
        return Err("the refresh was not killed".to_owned());
    }
    println!("Killed");
    tour.works("", "token show", "")?;
    say("The next run finishes what was left, then does its own work.");
    tour.works("", "token refresh", "")?;

    tour.show_target()?;

    let live = tour.server.live_tokens(&workspace);
    let config = fs::read_to_string(tour.home.join("config.json")).map_err(|e| e.to_string())?;
    match live.as_slice() {
        [jti] if config.contains(jti.as_str()) => {
            say(&format!("On the server one token is live, {jti}: the one in the config file."));
            Ok(())
        }
        _ => Err(format!("these tokens are live on the server: {live:?}")),
    }
}

fn say(text: &str) {
    println!("\n# {text}");
}

fn kill(running: &Mutex<u32>) {
    let pid = running.lock().map_or(0, |pid| *pid);
    let _ = Command::new("/bin/sh").arg("-c").arg(format!("kill -9 {pid}")).status();
}

impl Tour {
    /// That the target has the current token.
    fn show_target(&self) -> Result<(), String> {
        let read = |name| fs::read_to_string(self.home.join(name)).map_err(|e| e.to_string());
        let (line, config) = (read("app.env")?, read("config.json")?);
        let token = line.trim_end().strip_prefix("API_TOKEN=").unwrap_or_default();
        if token.len() < 20 || !config.contains(&format!("\"{token}\"")) {
            return Err(format!("app.env does not hold the current token: {line:?}"));
        }
        let end = &token[token.len() - 12..];
        say(&format!("app.env holds the current token: API_TOKEN=eyJ...{end}"));
        Ok(())
    }

    /// Shows a command that must succeed.
    fn works(&self, before: &str, args: &str, stdin: &str) -> Result<(), String> {
        let output = self.show(before, args, stdin)?;
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("`ntcli {args}` ended with {}", output.status))
        }
    }

    /// Runs a command, and prints it and what it prints.
    fn show(&self, before: &str, args: &str, stdin: &str) -> Result<Output, String> {
        let failed = |e: std::io::Error| format!("cannot run {}: {e}", self.ntcli.display());
        println!("\n$ {before}ntcli {args}");
        let mut child = Command::new(&self.ntcli)
            .args(args.split(' '))
            .current_dir(&self.home)
            .env_clear()
            .env("NTCLI_CONFIG_DIR", &self.home)
            .env("NTCLI_API_URL", self.server.base_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Ok(mut running) = self.running.lock() {
            *running = child.id();
        }
        if let Some(mut pipe) = child.stdin.take() {
            // A command that reads nothing may have ended already.
            let _ = pipe.write_all(stdin.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        print!("{}", String::from_utf8_lossy(&output.stderr));
        print!("{}", String::from_utf8_lossy(&output.stdout));
        Ok(output)
    }
}
