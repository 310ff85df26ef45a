//! The `ntcli` program: passes the real streams, environment and clock to the library.

use std::cell::RefCell;
use std::io::{self, BufReader, IsTerminal, Read};
use std::rc::Rc;

use ntcli::context::{Console, Context, Env, SystemClock};

#[allow(clippy::disallowed_methods)] // the one place that ends the program
fn main() -> ! {
    let args = std::env::args_os().skip(1).collect();
    let env = Env::Process;
    let color = env.os("NO_COLOR").is_none() && env.text("TERM").as_deref() != Some("dumb");
    let mut ctx = Context {
        console: Console::new(
            Box::new(io::stdout()),
            Box::new(io::stderr()),
            (|| io::stdout().is_terminal(), io::stderr().is_terminal()),
            color,
        ),
        stdin: RefCell::new(Box::new(BufReader::with_capacity(512, Stdin))),
        stdin_is_terminal: || rustix::stdio::stdin().is_terminal(),
        env,
        clock: Rc::new(SystemClock),
        debug: false,
        json: false,
        lock_wait: None,
        out_goes_nowhere,
        out_is_closed,
        other_workspace: RefCell::default(),
        meant_workspace: RefCell::default(),
    };
    // What the program still holds is not taken apart: the system does that in one go.
    std::process::exit(ntcli::run(args, &mut ctx).into())
}

/// Standard input without a buffer of the standard library's, in which a line that was typed could wait unseen.
struct Stdin;

impl Read for Stdin {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), bytes)?)
    }
}

/// The standard library opens `/dev/null` for reading and writing where a stream is closed; who wants
/// it to take the output opens it for writing.
fn out_is_closed() -> bool {
    let flags = rustix::fs::fcntl_getfl(io::stdout());
    out_goes_nowhere() && flags.is_ok_and(|flags| flags.contains(rustix::fs::OFlags::RDWR))
}

fn out_goes_nowhere() -> bool {
    let (out, null) = (rustix::fs::fstat(io::stdout()), rustix::fs::stat("/dev/null"));
    out.is_ok_and(|out| null.is_ok_and(|null| out.st_rdev == null.st_rdev))
}
