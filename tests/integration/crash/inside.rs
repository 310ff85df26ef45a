//! The program run inside the test: with a terminal that answers, or a clock on which waiting
//! takes no time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::rc::Rc;
use std::time::Duration;

use ntcli::context::{Clock, Console, Context, Env, SystemClock};
use ntcli::time::Timestamp;

use crate::harness::world::World;

/// A run in an environment that a test defines. By default: pipes, no input.
pub(crate) struct Inside {
    env: BTreeMap<String, String>,
    typed: Option<String>,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Inside {
    pub(crate) fn new(world: &World) -> Self {
        let dir = world.dir.display().to_string();
        let env = [("NTCLI_CONFIG_DIR", dir), ("NTCLI_API_URL", world.plane.base_url())];
        Inside { env: env.map(|(name, value)| (name.to_owned(), value)).into(), typed: None }
    }

    /// At a terminal, somebody who types this.
    pub(crate) fn typing(mut self, text: &str) -> Self {
        self.typed = Some(text.to_owned());
        self
    }

    pub(crate) fn run(self, args: &[&str]) -> Done {
        let (out, err) = (Kept::default(), Kept::default());
        let terminal = self.typed.is_some();
        let is_terminal: fn() -> bool = if terminal { || true } else { || false };
        let env = self.env.into_iter();
        let mut ctx = Context {
            console: Console::new(
                Box::new(out.clone()),
                Box::new(err.clone()),
                (is_terminal, terminal),
                terminal,
            ),
            stdin: std::cell::RefCell::new(Box::new(Cursor::new(self.typed.unwrap_or_default()))),
            json: false,
            lock_wait: None,
            out_goes_nowhere: || false,
            out_is_closed: || false,
            other_workspace: std::cell::RefCell::default(),
            meant_workspace: RefCell::default(),
            stdin_is_terminal: is_terminal,
            env: Env::new(env.map(|(name, value)| (name.into(), value.into()))),
            clock: Rc::new(Impatient),
            debug: false,
        };
        let code = ntcli::run(args.iter().map(Into::into).collect(), &mut ctx);
        Done { code, stdout: out.text(), stderr: err.text() }
    }
}

/// The machine's clock, with short waits. No wait at all would not do: a program that another test
/// starts has every open file of this process, the lock too, for a moment.
struct Impatient;

impl Clock for Impatient {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration.min(Duration::from_millis(10)));
    }
}

/// The output.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
