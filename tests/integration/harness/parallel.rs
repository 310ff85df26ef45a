//! Many small cases in one test, several at a time.

use std::any::Any;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs `check` on every case, `width` at a time, and fails with all failures. Wide is for cases
/// that wait, narrow for those that work.
#[track_caller]
pub(crate) fn for_each<T: Sync + Debug>(width: usize, cases: &[T], check: impl Fn(&T) + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(case))) {
                        let failure = format!("=== {case:?}\n{}", message(panic.as_ref()));
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let (failed, all) = (failures.len(), cases.len());
    assert!(failed == 0, "{failed} of {all} cases failed:\n{}", failures.join("\n"));
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

/// Shown with `--nocapture`.
#[expect(clippy::print_stdout, reason = "for the user who runs the tests")]
pub(crate) fn say(what: &str) {
    println!("{what}");
}
