//! Another process, known by its id and the moment of its start: an id alone is given again.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Clock;

/// Tells a command of ours which process holds which lock, and waits for it.
pub(crate) const LOCK_HOLDER: &str = "NTCLI_LOCK_HOLDER";
/// How often a process is looked at that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Process {
    #[serde(rename = "pid")]
    pub(crate) id: u32,
    /// In the kernel's ticks since the boot.
    pub(crate) started: i64,
}

impl Process {
    /// The running process with that id.
    pub(crate) fn of(id: u32) -> Option<Self> {
        let stat = of_kernel(&format!("/proc/{id}/stat"))?;
        // proc_pid_stat(5): field 3 is the first one after the name in brackets, field 22 the start.
        let mut fields = stat.rsplit(')').next()?.split_whitespace();
        let is_dead = matches!(fields.next(), Some("Z" | "X"));
        let started = fields.nth(18)?.parse().ok()?;
        (!is_dead).then_some(Self { id, started })
    }

    /// Waits for its end; `false` if it goes on after that time, or a signal asks for the end of the run.
    pub(crate) fn has_ended_within(self, limit: Duration, clock: &dyn Clock) -> bool {
        let mut waited = Duration::ZERO;
        while Self::of(self.id) == Some(self) {
            if waited >= limit || clock.interrupted().is_some() {
                return false;
            }
            clock.sleep(LOOK_EVERY);
            waited += LOOK_EVERY;
        }
        true
    }
}

/// A short file of `/proc`, which the kernel gives in one piece.
pub(super) fn of_kernel(path: &str) -> Option<String> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = [0; 1024];
    let length = rustix::io::read(file, &mut text[..]).ok()?;
    Some(String::from_utf8_lossy(&text[..length]).into_owned())
}

/// The value of [`LOCK_HOLDER`] for the commands of this process, which holds this lock.
pub(crate) fn lock_holder(lock: &Path) -> Option<String> {
    holder(std::process::id(), lock)
}

fn holder(id: u32, lock: &Path) -> Option<String> {
    let (process, file) = (Process::of(id)?, fs::metadata(lock).ok()?);
    Some(format!("{id}:{}:{}:{}", process.started, file.dev(), file.ino()))
}

/// Whether the process that waits for this one holds this lock.
pub(crate) fn is_held_for_us(named: &str, lock: &Path) -> bool {
    let id = named.split(':').next().and_then(|id| id.parse().ok());
    id.and_then(|id| holder(id, lock)).as_deref() == Some(named)
}

/// A descriptor that is readable once the process has ended.
pub(crate) fn handle(id: u32) -> Option<OwnedFd> {
    let id = Pid::from_raw(i32::try_from(id).ok()?)?;
    pidfd_open(id, PidfdFlags::empty()).ok()
}
