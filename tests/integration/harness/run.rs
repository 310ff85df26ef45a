//! One run of the built program: a bare environment, no input, a time limit, and a search for every
//! secret in every output.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::world::{World, program};
use crate::harness::{hints, schema};

/// Longer than any run that is not stuck.
const LIMIT: Duration = Duration::from_secs(60);
/// The folders of `strace` and of the commands that a hook may call.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
/// Enough of a secret's end to be sure that it is the secret; shorter texts are placeholders.
const TELLTALE: usize = 16;

/// A command with its environment. By default: no input, pipes, a minute.
pub(crate) struct Run<'a> {
    world: &'a World,
    root: &'a Path,
    words: Vec<OsString>,
    envs: Vec<(String, OsString)>,
    stdin: Option<Vec<u8>>,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
    limit: Duration,
    may_print: bool,
}

impl<'a> Run<'a> {
    /// `root` is the working directory, and first in the `PATH`.
    pub(crate) fn new(world: &'a World, root: &'a Path, args: &[impl AsRef<OsStr>]) -> Self {
        let mut words = vec![world.program.clone().into_os_string()];
        words.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        let path = format!("{}:{SYSTEM_PATH}", root.display());
        let mut envs = vec![("PATH".to_owned(), path.into())];
        // A command of a target runs in `/`.
        envs.push(("HERE".to_owned(), root.into()));
        envs.push(("NTCLI_CONFIG_DIR".to_owned(), world.dir.clone().into()));
        for name in ["NTCLI_API_URL", "CLERK_OAUTH_DOMAIN", "NIMBLEBRAIN_API_URL"] {
            envs.push((name.to_owned(), world.plane.base_url().into()));
        }
        Run {
            world,
            root,
            words,
            envs,
            stdin: None,
            stdout: None,
            stderr: None,
            limit: LIMIT,
            may_print: false,
        }
    }

    pub(crate) fn env(self, name: &str, value: impl Into<OsString>) -> Self {
        let mut run = self.without_env(name);
        run.envs.push((name.to_owned(), value.into()));
        run
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.envs.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(bytes.as_ref().to_owned());
        self
    }

    /// Somewhere else than into [`Output::stdout`].
    pub(crate) fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.stdout = Some(to.into());
        self
    }

    pub(crate) fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.stderr = Some(to.into());
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// A token was asked for by name: stdout may hold it. stderr still may not.
    pub(crate) fn prints_secrets(mut self) -> Self {
        self.may_print = true;
        self
    }

    /// Runs `words` with the program and its arguments after them.
    pub(crate) fn under(mut self, words: &[&str]) -> Self {
        let program = std::mem::take(&mut self.words);
        self.words = words.iter().map(OsString::from).collect();
        self.words.extend(program);
        self
    }

    /// Under strace with these options; what it has to say goes to `log`.
    pub(crate) fn strace(self, log: &Path, options: &[&str]) -> Self {
        let log = log.to_str().expect("a plain path");
        let words = [&["strace", "-o", log], options, &["--"]].concat();
        self.under(&words)
    }

    /// To its end. What one that was killed had sent has been carried out by then.
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        let world = self.world;
        let output = self.spawn().finish();
        if output.signal() == Some(9) {
            world.plane.settle();
        }
        output
    }

    #[track_caller]
    pub(crate) fn spawn(self) -> Running<'a> {
        let secrets = self.world.secrets();
        let words: Vec<_> = self.words.iter().map(|w| w.to_string_lossy()).collect();
        let shown = words.join(" ");
        let program = self.world.program.as_os_str();
        let args = self.words.iter().skip_while(|word| *word != program).skip(1);
        let args: Vec<String> = args.map(|word| word.to_string_lossy().into_owned()).collect();
        let schema = schema::of(&args).filter(|_| self.stdout.is_none());
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(self.root);
        // A group of its own, so that the time limit ends what it has started too.
        command.env_clear().envs(self.envs).process_group(0);
        let input = self.stdin.as_ref().map_or_else(Stdio::null, |_| Stdio::piped());
        command.stdin(input);
        command.stdout(self.stdout.unwrap_or_else(Stdio::piped));
        command.stderr(self.stderr.unwrap_or_else(Stdio::piped));
        let spawned = command.spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot run {shown}: {error}"));
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), self.stdin) {
            // A program that does not read all of its input may be right.
            pipe.write_all(&bytes).ok();
        }
        Running {
            watchdog: watch(child.id(), self.limit),
            world: self.world,
            may_print: self.may_print,
            secrets,
            child,
            shown,
            schema,
        }
    }
}

/// Kills the process group of `pid` unless the sender is dropped in time; then the receiver is
/// gone.
fn watch(pid: u32, limit: Duration) -> Sender<()> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        if receiver.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            signal("KILL", &format!("-{pid}"));
        }
    });
    sender
}

/// Waits for what will come if nothing is broken.
#[track_caller]
pub(crate) fn wait_until(what: &str, met: impl Fn() -> bool) {
    let started = Instant::now();
    while !met() {
        assert!(started.elapsed() < LIMIT, "waited too long until {what}");
        thread::yield_now();
    }
}

/// To a process, or with a minus to a group; std has that for a process's own parent only.
pub(crate) fn signal(name: &str, target: &str) {
    let script = ["-c", "kill -s \"$1\" -- \"$2\"", "sh", name, target];
    let sent = Command::new("/bin/sh").args(script).stderr(Stdio::null()).status();
    // A receiver that is gone is what was wanted.
    sent.expect("a shell");
}

/// A program that has been started.
pub(crate) struct Running<'a> {
    world: &'a World,
    child: Child,
    watchdog: Sender<()>,
    secrets: BTreeSet<String>,
    shown: String,
    may_print: bool,
    /// Of what it prints, if that is JSON.
    schema: Option<&'static str>,
}

impl Running<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    #[track_caller]
    pub(crate) fn finish(mut self) -> Output {
        let ended = self.child.wait_with_output().expect("output that can be read");
        let output = Output {
            command: self.shown,
            status: ended.status,
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        };
        let in_time = self.watchdog.send(()).is_ok();
        assert!(in_time, "not done in time, and killed: {output}");
        self.secrets.append(&mut self.world.secrets());
        self.secrets.retain(|secret| secret.len() >= TELLTALE);
        for secret in &self.secrets {
            let end = &secret[secret.len() - TELLTALE..];
            let shown =
                output.stderr.contains(end) || (!self.may_print && output.stdout.contains(end));
            assert!(!shown, "the secret {secret} is shown: {output}");
        }
        if let Some(schema) = self.schema.filter(|_| output.code().is_some()) {
            let fault = schema::fault(schema, &output.json());
            assert!(fault.is_none(), "{}: {output}", fault.unwrap_or_default());
        }
        if self.world.program == program() {
            hints::are_known(&output);
        }
        output
    }
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Output {
    command: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn is_killed(&self) -> &Self {
        assert_eq!(self.signal(), Some(9), "{self}");
        self
    }

    /// As the user sees it.
    pub(crate) fn transcript(&self) -> String {
        let code = self.code().unwrap_or(-1);
        let mut text = format!("$ {}\n", self.command);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text += &format!("--- {name}\n{stream}");
            }
        }
        text + &format!("--- exit {code}\n\n")
    }

    /// Exactly stdout.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> &Self {
        assert_eq!(self.stdout, text, "{self}");
        self
    }

    /// Exactly stderr.
    #[track_caller]
    pub(crate) fn says_only(&self, text: &str) -> &Self {
        assert_eq!(self.stderr, text, "{self}");
        self
    }

    /// Somewhere on stderr.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "{text:?} is not said: {self}");
        self
    }

    /// Nowhere on stderr.
    #[track_caller]
    pub(crate) fn does_not_say(&self, text: &str) -> &Self {
        assert!(!self.stderr.contains(text), "{text:?} is said: {self}");
        self
    }

    /// A failure of a text-mode run: what it says and what to do, and nothing on stdout.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, message: &str, hint: &str) -> &Self {
        let error = format!("Error: {message}\n");
        let hint = format!("Hint: {hint}\n");
        self.exits(code).prints("").says(&error).says(&hint)
    }

    /// The one JSON value on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("not one JSON value ({error}): {self}"))
    }
}

impl Display for Output {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Output { command, status, .. } = self;
        writeln!(f, "{command}\n{status}")?;
        writeln!(f, "--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr)
    }
}
