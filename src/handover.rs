//! Handing a new token to whoever uses it: into files, and to a command.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use crate::context::Clock;
use crate::error::{Error, Result};
use crate::rotation::HandOver;
use crate::rotation::journal::Place;
use crate::store;
use crate::token::Token;

/// How long a command that was told to end may take for it.
const GRACE: Duration = Duration::from_secs(5);
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A file that is to hold the token.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TokenFile {
    /// `{name}` and `{id}` stand for the workspace's.
    path: String,
    /// The variable whose line it is in an env file; `None`: the file holds the bare token.
    variable: Option<String>,
}

/// Everybody a new token is handed to, in their order.
pub struct Hooks {
    files: Vec<TokenFile>,
    command: Option<String>,
    timeout: Duration,
    clock: Rc<dyn Clock>,
}

impl Hooks {
    /// From `--token-file`, `--exec` and `--exec-timeout`; `None` when there is nobody.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for a file that cannot be meant.
    pub fn new(
        files: &[String],
        command: Option<&str>,
        timeout: Duration,
        clock: Rc<dyn Clock>,
    ) -> Result<Option<Self>> {
        if files.is_empty() && command.is_none() {
            return Ok(None);
        }
        let files = files
            .iter()
            .map(|text| token_file(text))
            .collect::<Result<_>>()?;
        let command = command.map(str::to_owned);
        Ok(Some(Self {
            files,
            command,
            timeout,
            clock,
        }))
    }

    /// Whether several workspaces would be written over each other.
    #[must_use]
    pub fn mixes_workspaces(&self) -> bool {
        self.files
            .iter()
            .any(|file| !file.path.contains("{name}") && !file.path.contains("{id}"))
    }

    /// Finds out whether every file could be written.
    ///
    /// # Errors
    /// [`Error::WriteFile`], and as the hand-over itself.
    pub fn probe(&self, place: &Place) -> std::result::Result<(), String> {
        for file in &self.files {
            let path = file.path_for(place)?;
            if file.variable.is_some() {
                store::read(&path).map_err(|e| e.in_one_line())?;
            }
            store::probe_replace(&path).map_err(|e| e.in_one_line())?;
        }
        Ok(())
    }
}

fn token_file(text: &str) -> Result<TokenFile> {
    let wrong = || Error::InvalidValue {
        message: "--token-file takes a PATH, or env:NAME=PATH for a line in an env file".to_owned(),
    };
    let (path, variable) = match text.strip_prefix("env:") {
        None => (text, None),
        Some(rest) => {
            let (name, path) = rest.split_once('=').ok_or_else(wrong)?;
            let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !(starts_well && fits) {
                return Err(wrong());
            }
            (path, Some(name.to_owned()))
        }
    };
    if path.is_empty() || path.ends_with('/') || path.contains('\0') {
        return Err(wrong());
    }
    Ok(TokenFile {
        path: path.to_owned(),
        variable,
    })
}

impl TokenFile {
    /// Where it is for that workspace. A name from the server must not lead elsewhere.
    fn path_for(&self, place: &Place) -> std::result::Result<PathBuf, String> {
        let mut path = self.path.clone();
        for (mark, text) in [("{name}", &place.name), ("{id}", &place.id)] {
            if !path.contains(mark) {
                continue;
            }
            let tame = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if text.is_empty() || text.starts_with('.') || !text.bytes().all(tame) {
                return Err(format!("'{text}' cannot stand for {mark} in a path"));
            }
            path = path.replace(mark, text);
        }
        Ok(PathBuf::from(path))
    }

    fn write(&self, place: &Place, token: &Token) -> std::result::Result<(), String> {
        let path = self.path_for(place)?;
        let text = token.access_token.expose();
        let contents = match &self.variable {
            None => format!("{text}\n").into_bytes(),
            Some(variable) => {
                let old = store::read(&path).map_err(|e| e.in_one_line())?;
                let old = old.map_or_else(Vec::new, |contents| contents.bytes);
                env_file(&old, variable, text)?
            }
        };
        store::replace_foreign(&path, &contents).map_err(|failed| failed.error.in_one_line())
    }
}

/// The env file with `variable` set to `text`: its line replaced where it stands, or added last.
fn env_file(old: &[u8], variable: &str, text: &str) -> std::result::Result<Vec<u8>, String> {
    // Whatever reads the file, a shell or systemd, takes these as they stand.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~+/=".contains(&b);
    if !text.bytes().all(plain) {
        return Err("the token holds characters that an env file would need quoted".to_owned());
    }
    let mut new = Vec::with_capacity(old.len() + variable.len() + text.len() + 2);
    let mut found = false;
    let end_of = |text: &[u8]| {
        if text.ends_with(b"\r\n") {
            "\r\n"
        } else {
            "\n"
        }
    };
    for line in old.split_inclusive(|b| *b == b'\n') {
        match before_value(line, variable) {
            Some(start) => {
                found = true;
                new.extend_from_slice(&line[..start]);
                new.extend_from_slice(text.as_bytes());
                new.extend_from_slice(end_of(line).as_bytes());
            }
            None => new.extend_from_slice(line),
        }
    }
    if !found {
        if !new.is_empty() && !new.ends_with(b"\n") {
            new.push(b'\n');
        }
        new.extend_from_slice(format!("{variable}={text}{}", end_of(old)).as_bytes());
    }
    Ok(new)
}

/// Where the value begins in a line that sets `variable`, with or without `export`.
fn before_value(line: &[u8], variable: &str) -> Option<usize> {
    let rest = line.trim_ascii_start();
    let rest = match rest.strip_prefix(b"export") {
        Some(after) if after.starts_with(b" ") || after.starts_with(b"\t") => {
            after.trim_ascii_start()
        }
        _ => rest,
    };
    let value = rest.strip_prefix(variable.as_bytes())?.strip_prefix(b"=")?;
    Some(line.len() - value.len())
}

impl HandOver for Hooks {
    fn hand_over(
        &mut self,
        place: &Place,
        new: &Token,
        old: Option<&Token>,
    ) -> std::result::Result<(), String> {
        for file in &self.files {
            file.write(place, new)?;
        }
        match &self.command {
            None => Ok(()),
            Some(command) => self.exec(command, place, new, old),
        }
    }
}

impl Hooks {
    /// Runs the command with the token in its environment, never in its arguments, which every
    /// user of the machine can read.
    fn exec(
        &self,
        command: &str,
        place: &Place,
        new: &Token,
        old: Option<&Token>,
    ) -> std::result::Result<(), String> {
        let expires_at = new.expiry.at().map_or_else(String::new, |t| t.to_string());
        let old_jti = old.and_then(|old| old.jti.as_deref());
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .env("NTCLI_NEW_TOKEN", new.access_token.expose())
            .env("NTCLI_NEW_JTI", new.jti.as_deref().unwrap_or_default())
            .env("NTCLI_OLD_JTI", old_jti.unwrap_or_default())
            .env("NTCLI_EXPIRES_AT", expires_at)
            .env("NTCLI_WORKSPACE_NAME", &place.name)
            .env("NTCLI_WORKSPACE_ID", &place.id)
            .stdin(Stdio::null())
            // Its output goes straight to our stderr: no pipe that a child of its could keep open.
            .stdout(io::stderr())
            .process_group(0)
            .spawn()
            .map_err(|e| format!("the --exec command could not be started: {e}"))?;
        match self.wait(&mut child, self.timeout) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(format!("the --exec command {}", ending(status))),
            Ok(None) => {
                self.end(&mut child);
                let secs = self.timeout.as_secs();
                Err(format!(
                    "the --exec command did not end within {secs} s and was killed"
                ))
            }
            Err(error) => Err(format!(
                "the --exec command could not be waited for: {error}"
            )),
        }
    }

    /// Waits for the end of the command itself, not of what it left in the background.
    fn wait(&self, child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let mut waited = Duration::ZERO;
        let mut pause = FIRST_LOOK;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if waited >= limit {
                return Ok(None);
            }
            self.clock.sleep(pause);
            waited += pause;
            pause = (pause * 2).min(LOOK_EVERY);
        }
    }

    /// Ends the command and its children: asks first, then kills.
    fn end(&self, child: &mut Child) {
        signal(child, "TERM");
        if !matches!(self.wait(child, GRACE), Ok(Some(_))) {
            signal(child, "KILL");
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Signals the command's process group. The shell does it: the standard library can only kill.
fn signal(child: &Child, name: &str) {
    let _ = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("kill -{name} -{}", child.id()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(127), _) => "ended with 127: command not found".to_owned(),
        (Some(126), _) => "ended with 126: it cannot be executed".to_owned(),
        (Some(code), _) => format!("ended with {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_can_be_meant() {
        let file = token_file("env:API_TOKEN=/etc/app.env").unwrap();
        assert_eq!(file.variable.as_deref(), Some("API_TOKEN"));
        assert_eq!(file.path, "/etc/app.env");
        assert_eq!(token_file("/run/token").unwrap().variable, None);
        for bad in [
            "",
            "env:X",
            "env:=x",
            "env:1X=p",
            "env:A B=p",
            "env:A=",
            "dir/",
        ] {
            assert!(token_file(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_env_file_keeps_its_other_lines() {
        let set =
            |old: &str| String::from_utf8(env_file(old.as_bytes(), "T", "new").unwrap()).unwrap();
        assert_eq!(set(""), "T=new\n");
        assert_eq!(set("A=1"), "A=1\nT=new\n");
        assert_eq!(
            set("A=1\nT=old\n# T=x\nTT=2\n"),
            "A=1\nT=new\n# T=x\nTT=2\n"
        );
        assert_eq!(
            set("  export T=old\r\nB=2\r\n"),
            "  export T=new\r\nB=2\r\n"
        );
        assert_eq!(set("T=a\nT=b"), "T=new\nT=new\n");
        assert_eq!(set("A=1\r\n"), "A=1\r\nT=new\r\n");
        assert!(env_file(b"", "T", "a b").is_err());
        assert!(env_file(b"", "T", "$(x)").is_err());
    }

    #[test]
    fn fuzz_env_files() {
        let seeds: [&[u8]; 3] = [
            b"# Comment\nA=1\nexport TOKEN=old\r\nTOKEN_2=x\n",
            b"TOKEN=\n TOKEN = spaced\nexport\tTOKEN=1",
            b"\xff\xfe\nXTOKEN=1\n\n",
        ];
        crate::fuzz::bytes(&seeds, |old| {
            let new = env_file(old, "TOKEN", "wst_new").unwrap();
            let sets = |text: &[u8]| -> Vec<Vec<u8>> {
                let lines = text.split(|b| *b == b'\n');
                let lines = lines.filter(|line| before_value(line, "TOKEN").is_some());
                lines.map(<[u8]>::to_vec).collect()
            };
            assert!(!sets(&new).is_empty());
            assert!(
                sets(&new)
                    .iter()
                    .all(|line| line.trim_ascii().ends_with(b"TOKEN=wst_new"))
            );
            // Nothing else is touched, and a second time changes nothing.
            let rest = |text: &[u8]| -> Vec<Vec<u8>> {
                let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
                let lines = lines.filter(|line| before_value(line, "TOKEN").is_none());
                lines.map(<[u8]>::to_vec).collect()
            };
            assert_eq!(rest(&new), rest(old));
            assert_eq!(env_file(&new, "TOKEN", "wst_new").unwrap(), new);
        });
    }

    #[test]
    fn a_name_from_the_server_stays_in_its_folder() {
        let file = token_file("/run/{name}/{id}").unwrap();
        let place = |name: &str| Place {
            key: "k".into(),
            id: "u-1".into(),
            name: name.into(),
        };
        assert_eq!(
            file.path_for(&place("prod")).unwrap(),
            PathBuf::from("/run/prod/u-1")
        );
        for bad in ["", "..", "a/b", ".x", "a\nb", "é"] {
            assert!(file.path_for(&place(bad)).is_err(), "{bad}");
        }
    }
}
