//! The program, with a clock that is ahead.

use std::cell::RefCell;
use std::fs::File;
use std::rc::Rc;
use std::time::Duration;

use ntcli::context::{BootTime, Clock, Console, Context, Env, SystemClock};
use ntcli::time::Timestamp;

/// The variable that says by how much.
pub(super) const AHEAD: &str = "NTCLI_YEAR_AHEAD_S";

/// ntcli itself, years ahead of the machine; its standard output is descriptor 3.
#[expect(clippy::disallowed_methods, reason = "it is the program")]
pub(super) fn run(args: &str) -> ! {
    let ahead_s = std::env::var(AHEAD).unwrap().parse().unwrap();
    let out = File::options().write(true).open("/proc/self/fd/3").unwrap();
    let mut ctx = Context {
        console: Console::new(Box::new(out), Box::new(std::io::stderr()), (|| false, false), false),
        stdin: RefCell::new(Box::new(std::io::empty())),
        json: false,
        lock_wait: None,
        out_goes_nowhere: || false,
        out_is_closed: || false,
        other_workspace: RefCell::default(),
        meant_workspace: RefCell::default(),
        stdin_is_terminal: || false,
        env: Env::new(std::env::vars_os()),
        clock: Rc::new(Later(ahead_s)),
        debug: false,
    };
    let code = ntcli::run(args.split(' ').map(Into::into).collect(), &mut ctx);
    std::process::exit(code.into())
}

/// The machine's clock, so many seconds on; waits are short.
struct Later(i64);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().millis() + self.0 * 1000)
    }

    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration.min(Duration::from_millis(5)));
    }

    fn boot_time(&self) -> Option<BootTime> {
        let boot = SystemClock.boot_time()?;
        Some(BootTime { secs: boot.secs + self.0, ..boot })
    }
}
