//! TERM, INT and HUP as a flag: a run ends at its next safe point.

use std::cell::Cell;
use std::mem::take;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, Timespec, poll};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::low_level::unregister;

use super::process::of_kernel;

/// The last signal that asked for the end of the run, and whether one more ends it at once.
static RECEIVED: AtomicUsize = AtomicUsize::new(0);
static AT_ONCE: AtomicBool = AtomicBool::new(false);
/// Whether a part of the run asked, and was told to stop.
static OBSERVED: AtomicBool = AtomicBool::new(false);
static TOO_LARGE: AtomicBool = AtomicBool::new(false);
/// The signals that are watched, once they are.
static WATCHED: OnceLock<Vec<i32>> = OnceLock::new();
static ARMED: Mutex<Vec<SigId>> = Mutex::new(Vec::new());
/// A signal that comes between a look at the flag and a wait is seen after at most this.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// From here on a first signal sets the flag, and a second one ends the run at once. Signals that were
/// ignored when the program was started stay so. A file that grows beyond a limit is an error of the
/// write and no end of the run.
pub(super) fn watch() {
    if WATCHED.get().is_none() && WATCHED.set(not_ignored()).is_ok() {
        for signal in watched() {
            let number = usize::try_from(signal).unwrap_or_default();
            let _ = flag::register_conditional_default(signal, &AT_ONCE);
            let _ = flag::register_usize(signal, &RECEIVED, number);
        }
        arm();
        // Nobody reads this flag: with a handler, the signal does not kill.
        let _ = flag::register(SIGXFSZ, &TOO_LARGE);
    }
}

fn watched() -> impl Iterator<Item = i32> {
    WATCHED.get().into_iter().flatten().copied()
}

fn arm() {
    let ids = watched().filter_map(|signal| flag::register(signal, &AT_ONCE).ok());
    ARMED.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
}

fn not_ignored() -> Vec<i32> {
    let stat = of_kernel("/proc/self/stat").unwrap_or_default();
    // proc_pid_stat(5): field 33, of which the first two end with the name in brackets.
    let field = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(30));
    let ignored: u64 = field.and_then(|field| field.parse().ok()).unwrap_or(0);
    let signals = [SIGTERM, SIGINT, SIGHUP].into_iter();
    signals.filter(|signal| ignored & (1 << (signal - 1)) == 0).collect()
}

/// The signal that asks for the end of the run, which the caller heeds.
pub(super) fn interrupted() -> Option<u8> {
    if HELD.get() {
        return None;
    }
    let received = u8::try_from(RECEIVED.load(SeqCst)).ok().filter(|signal| *signal > 0);
    OBSERVED.fetch_or(received.is_some(), SeqCst);
    received
}

/// The signal that has cut the run short.
pub(super) fn heeded() -> Option<u8> {
    OBSERVED.load(SeqCst).then(interrupted).flatten()
}

/// Does what must not be interrupted: what works once, and the storing of what it gave.
pub(crate) fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    if HELD.get() {
        return work();
    }
    let armed = take(&mut *ARMED.lock().unwrap_or_else(PoisonError::into_inner));
    for id in armed {
        unregister(id);
    }
    HELD.set(true);
    AT_ONCE.store(false, SeqCst);
    let done = work();
    HELD.set(false);
    AT_ONCE.store(RECEIVED.load(SeqCst) > 0, SeqCst);
    arm();
    done
}

/// Waits until one of these is ready. `false` if the time is over, or a signal asks for the end of the run.
pub(crate) fn ready(fds: &mut [PollFd], limit: Option<Duration>) -> bool {
    let since = Instant::now();
    while interrupted().is_none() {
        let left = limit.map_or(LONGEST_WAIT, |limit| limit.saturating_sub(since.elapsed()));
        let wait = Timespec::try_from(left.min(LONGEST_WAIT)).ok();
        // An error is a signal, which ends the wait early.
        if poll(fds, wait.as_ref()).unwrap_or(0) > 0 {
            return true;
        }
        if left.is_zero() {
            break;
        }
    }
    false
}
