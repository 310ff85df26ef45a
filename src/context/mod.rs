//! The outside world as the program sees it: streams, environment, clock. `main` passes the real
//! one.

mod console;
mod process;
mod signals;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::BufRead;
use std::process::Command;
use std::rc::Rc;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::system::sysinfo;

use crate::time::Timestamp;
pub use console::Console;
pub(crate) use process::{LOCK_HOLDER, Process, handle, is_held_for_us, lock_holder};
pub(crate) use signals::{ready, uninterrupted};

/// Everything a command may know about its environment.
pub struct Context {
    /// Where results and messages go.
    pub console: Console,
    /// Standard input.
    pub stdin: RefCell<Box<dyn BufRead>>,
    /// Tells whether standard input is a terminal: only then may a command ask.
    pub stdin_is_terminal: fn() -> bool,
    /// The environment variables.
    pub env: Env,
    /// The time, and waiting.
    pub clock: Rc<dyn Clock>,
    /// Whether `--debug` was given.
    pub debug: bool,
    /// Whether the result must be JSON.
    pub json: bool,
    /// How long to wait for another `ntcli`, if not as long as usual.
    pub lock_wait: Option<Duration>,
    /// Tells whether standard output is `/dev/null`, which also replaces a closed one.
    pub out_goes_nowhere: fn() -> bool,
    /// Tells whether standard output was closed when the program began.
    pub out_is_closed: fn() -> bool,
    /// The workspace that the command is about, where hints must name it: it is not the active one.
    pub other_workspace: RefCell<Option<String>>,
    /// The workspace that the command is about, active or not.
    pub meant_workspace: RefCell<Option<String>>,
}

/// The time, and waiting. A trait so that tests need not wait.
pub trait Clock {
    /// The time of day by this machine.
    fn now(&self) -> Timestamp;
    /// Waits, at most until a signal asks for the end of the run.
    fn sleep(&self, duration: Duration);
    /// From here on TERM, INT and HUP ask for the end of the run, and do not kill it.
    fn watch_signals(&self) {}
    /// The signal that asks for the end of the run. Whoever asks this heeds it.
    fn interrupted(&self) -> Option<u8> {
        None
    }
    /// The signal that was heeded: the run was cut short.
    fn heeded(&self) -> Option<u8> {
        None
    }
    /// How long the machine has been up, independent of changes to its clock. `None` if unknown.
    fn boot_time(&self) -> Option<BootTime> {
        None
    }
}

/// A moment counted from the start of the machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BootTime {
    /// Which boot.
    pub id: String,
    /// Seconds since then, including sleep.
    pub secs: i64,
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that asks the machine
    fn now(&self) -> Timestamp {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, duration: Duration) {
        signals::ready(&mut [], Some(duration));
    }

    fn watch_signals(&self) {
        signals::watch();
    }

    fn interrupted(&self) -> Option<u8> {
        signals::interrupted()
    }

    fn heeded(&self) -> Option<u8> {
        signals::heeded()
    }

    fn boot_time(&self) -> Option<BootTime> {
        static ID: OnceLock<Option<String>> = OnceLock::new();
        static LAST: Mutex<Option<(Instant, i64)>> = Mutex::new(None);
        let read = || process::of_kernel("/proc/sys/kernel/random/boot_id");
        let id = ID.get_or_init(|| read().map(|id| id.trim().to_owned())).clone()?;
        // A system call, where the clock of that name is read from a page that valgrind does not show.
        // It is asked for once a second, as fine as it is.
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = last.filter(|(at, _)| at.elapsed() < Duration::from_secs(1));
        #[allow(clippy::useless_conversion)] // a C long is no i64 everywhere
        let (at, secs) = fresh.unwrap_or_else(|| (Instant::now(), sysinfo().uptime.into()));
        *last = Some((at, secs));
        Some(BootTime { id, secs })
    }
}

/// The variables that hold a session, or lead to one: no other program gets them. That of systemd's
/// credentials is not among them; what it leads to may be meant for that program.
const SESSION_VARIABLES: [&str; 3] =
    ["NTCLI_SESSION_TOKEN", "NTCLI_SESSION_TOKEN_FILE", "NTCLI_TOKEN"];

/// Takes the session out of what another program is given.
pub(crate) fn without_session(command: &mut Command) -> &mut Command {
    SESSION_VARIABLES.iter().fold(command, |command, variable| command.env_remove(variable))
}

/// The environment. An empty variable counts as unset.
#[derive(Clone)]
pub enum Env {
    /// That of the process, read when it is asked for: nobody changes it.
    Process,
    /// Another one.
    Of(BTreeMap<OsString, OsString>),
}

impl Env {
    /// One of these variables; the last of several with the same name counts.
    pub fn new(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut env = BTreeMap::new();
        // To collect them would sort them first, by ten kilobytes of code.
        env.extend(vars);
        Self::Of(env)
    }

    /// The variable as the system gave it, for paths.
    #[must_use]
    #[allow(clippy::disallowed_methods)] // the one place that reads the environment
    pub fn os(&self, name: &str) -> Option<OsString> {
        let value = match self {
            Self::Process => std::env::var_os(name),
            Self::Of(vars) => vars.get(OsStr::new(name)).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The variable as text; invalid UTF-8 is read with replacement characters, which no setting of
    /// ours accepts.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.os(name).map(|v| v.to_string_lossy().into_owned())
    }
}
