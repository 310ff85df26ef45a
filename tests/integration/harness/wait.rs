//! Waiting for what another thread tells, and holding a lock as another process would.

use std::fs::File;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// What is put into `cell`, as soon as it is there.
pub(crate) fn wait_for<T>(cell: &OnceLock<T>) -> &T {
    loop {
        match cell.get() {
            Some(value) => return value,
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Takes the lock of an open file, until that is closed.
pub(crate) fn hold(file: &File) {
    flock(file, FlockOperation::LockExclusive).unwrap();
}
